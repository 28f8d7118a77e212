use circuits_bench::CanLink;
use circuits_can::{Config, ErrorKind, ErrorMask, Filter, Socket};
use socketcan::{CanSocket, Socket as _, SocketOptions};

use crate::{LONG, assert_silent, frame, id, open, open_with, send_raw};

fn reads(socket: &Socket) -> Vec<u32> {
    let mut ids = Vec::new();
    while let Ok(frame) = socket.read_frame(crate::SHORT) {
        ids.push(frame.id().raw());
    }
    ids
}

/// The kernel is read back: what it has is what was asked for.
#[test]
#[ignore = "needs vcan"]
fn filters_are_there_from_the_beginning() {
    let _link = CanLink::new("vcan30");
    let there = open("vcan30");
    // Not 0x10x, and not 0x105.
    let filters = [
        Filter::masked(id(0x100), 0x7f0).inverted(),
        Filter::exact(id(0x205)).inverted(),
    ];
    let config = Config::new().filters(filters);
    let (any, all) = (config.clone(), config.join_filters(true));
    let (any, all) = (open_with("vcan30", &any), open_with("vcan30", &all));
    for number in [0x101, 0x205, 0x300] {
        there.write(&frame(number, &[]), LONG).unwrap();
    }
    assert_eq!(reads(&any), [0x101, 0x205, 0x300]);
    assert_eq!(reads(&all), [0x300]);

    let many = |count: u16| Config::new().filters((0..count).map(|n| Filter::exact(id(n))));
    let most = open_with("vcan30", &many(512));
    for number in [511, 512] {
        there.write(&frame(number, &[]), LONG).unwrap();
    }
    assert_eq!(reads(&most), [511]);
    let error = most.configure(&many(513)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    there.write(&frame(0, &[]), LONG).unwrap();
    assert_eq!(reads(&most), [0]);
}

/// An error frame as a driver makes it.
fn report(interface: &str) {
    send_raw(interface, 0x2000_0040, 8, 16);
}

#[test]
#[ignore = "needs vcan"]
fn error_frames_come_to_who_asks() {
    let _link = CanLink::new("vcan31");
    let config = Config::new().filters([]).errors(ErrorMask::BUS_OFF);
    let asked = open_with("vcan31", &config);
    let unasked = open("vcan31");
    let other = open_with("vcan31", &Config::new().errors(ErrorMask::CONTROLLER));
    report("vcan31");
    let received = asked.read(LONG).unwrap();
    assert_eq!(received.error().unwrap().class(), ErrorMask::BUS_OFF);
    assert_silent(&unasked);
    assert_silent(&other);
}

/// With several filters that must all let through, no error frame comes, so they are not to be asked for.
#[test]
#[ignore = "needs vcan"]
fn joined_filters_let_no_error_frame_through() {
    let _link = CanLink::new("vcan32");
    let joined = |count| {
        let filters = (0..count).map(|_| Filter::all());
        Config::new().filters(filters).join_filters(true)
    };
    let errors = |config: Config| config.errors(ErrorMask::ALL);
    let one = open_with("vcan32", &errors(joined(1)));
    report("vcan32");
    assert!(one.read(LONG).unwrap().error().is_some());
    let error = one.configure(&errors(joined(2))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");

    // That it is the kernel's doing.
    let raw = CanSocket::open("vcan32").unwrap();
    raw.set_nonblocking(true).unwrap();
    raw.set_filters(&[(0, 0), (0, 0)]).unwrap();
    raw.set_join_filters(true).unwrap();
    raw.set_error_filter_accept_all().unwrap();
    report("vcan32");
    assert!(raw.read_raw_frame().is_err());
    open("vcan32").write(&frame(1, &[]), LONG).unwrap();
    assert!(raw.read_raw_frame().is_ok());
}
