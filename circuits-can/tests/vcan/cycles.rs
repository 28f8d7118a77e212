use std::time::Duration;

use circuits_bench::CanLink;
use circuits_can::{Cycle, CycleConfig, ErrorKind, Frame, Received, Socket};

use crate::{LONG, assert_silent, frame, id, ip, open};

const INTERVAL: Duration = Duration::from_millis(20);

fn reads(socket: &Socket, count: usize) -> Vec<Received> {
    (0..count).map(|_| socket.read(LONG).unwrap()).collect()
}

/// Exactly so many, the first of them at once: of one frame, and of several in turn.
#[test]
#[ignore = "needs vcan"]
fn exactly_so_many_are_sent() {
    let _link = CanLink::new("vcan40");
    let here = open("vcan40");
    let frames = [frame(1, b"a"), frame(2, b"b")];
    for (frames, count) in [(&frames[..1], 1), (&frames[..1], 2), (&frames[..], 5)] {
        let config = CycleConfig::every(INTERVAL).times(count as u32);
        let cycle = Cycle::start("vcan40", frames, &config).unwrap();
        let came = reads(&here, count);
        let expected = frames.iter().cycle().take(count);
        assert!(came.iter().filter_map(Received::frame).eq(expected));
        for pair in came.windows(2) {
            let interval = pair[1].time() - pair[0].time();
            assert!(
                interval > INTERVAL / 2 && interval < 10 * INTERVAL,
                "{interval:?}"
            );
        }
        assert_silent(&here);
        std::thread::sleep(3 * INTERVAL);
        assert_silent(&here);
        drop(cycle);
    }
}

/// The first one does not wait for the first interval to be over.
#[test]
#[ignore = "needs vcan"]
fn the_first_is_sent_at_once() {
    let _link = CanLink::new("vcan41");
    let here = open("vcan41");
    let hour = Duration::from_secs(3600);
    for config in [CycleConfig::every(hour), CycleConfig::every(hour).times(7)] {
        let _cycle = Cycle::start("vcan41", &[frame(1, b"at once")], &config).unwrap();
        assert_eq!(here.read_frame(LONG).unwrap(), frame(1, b"at once"));
        assert_silent(&here);
    }
    // The kernel takes 400 days, and no more.
    let ages = CycleConfig::every(Duration::MAX);
    let error = Cycle::start("vcan41", &[frame(1, &[])], &ages).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_silent(&here);
}

#[test]
#[ignore = "needs vcan"]
fn frames_are_replaced_between_two_intervals() {
    let _link = CanLink::new("vcan42");
    let here = open("vcan42");
    let old = [frame(1, b"old"), frame(2, b"old")];
    let new = [frame(3, b"new"), frame(4, b"new")];
    // Long enough for this to do something in between.
    let long = 10 * INTERVAL;
    let cycle = Cycle::start("vcan42", &old, &CycleConfig::every(long)).unwrap();
    let first = reads(&here, 3);
    cycle.set_frames(&new).unwrap();
    let then = reads(&here, 4);
    let frames: Vec<_> = first
        .iter()
        .chain(&then)
        .filter_map(Received::frame)
        .collect();
    // In turn, as if they had always been there: the other identifiers are no other cycle.
    let expected = [old[0], old[1], old[0], new[1], new[0], new[1], new[0]];
    assert_eq!(frames, expected.iter().collect::<Vec<_>>());
    let interval = then[0].time() - first[2].time();
    assert!(interval > long / 2 && interval < 3 * long, "{interval:?}");
    for wrong in [
        &new[..1],
        &[new[0], new[1], new[0]],
        &[Frame::fd(id(1), &[]).unwrap(); 2],
    ] {
        let error = cycle.set_frames(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    }
    reads(&here, 2);
    drop(cycle);
    // One may be on its way, and no more.
    let _ = here.read(2 * long);
    assert!(here.read(2 * long).is_err());
}

/// Two of one identifier do not disturb each other, nor do classic and CAN FD frames.
#[test]
#[ignore = "needs vcan"]
fn each_cycle_is_one_of_its_own() {
    let _link = CanLink::new("vcan43");
    let here = open("vcan43");
    let fd = Frame::fd(id(1), &[7; 64]).unwrap().bit_rate_switch(true);
    let once = CycleConfig::every(10 * INTERVAL).times(2);
    let _cycles = [frame(1, b"one"), frame(1, b"two"), fd].map(|frame| {
        let cycle = Cycle::start("vcan43", &[frame], &once).unwrap();
        assert_eq!(here.read_frame(LONG).unwrap(), frame);
        cycle
    });
    let mut again: Vec<_> = reads(&here, 3);
    again.sort_by_key(|received| received.frame().map(|frame| frame.data().to_vec()));
    let again: Vec<_> = again.iter().filter_map(Received::frame).copied().collect();
    assert_eq!(again, [fd, frame(1, b"one"), frame(1, b"two")]);
    assert_silent(&here);
}

#[test]
#[ignore = "needs vcan"]
fn what_an_interface_has_not_is_refused() {
    let link = CanLink::new("vcan44");
    let here = open("vcan44");
    let every = CycleConfig::every(INTERVAL);
    let fd = [Frame::fd(id(1), &[]).unwrap()];
    let cycle = Cycle::start("vcan44", &fd, &every).unwrap();
    drop(cycle);
    ip("link set vcan44 down");
    let error = Cycle::start("vcan44", &fd, &every).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Down, "{error}");
    ip("link set vcan44 mtu 16");
    ip("link set vcan44 up");
    let error = Cycle::start("vcan44", &fd, &every).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = Cycle::start("lo", &fd, &every).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let mut came = Vec::new();
    while let Ok(received) = here.read(crate::SHORT) {
        came.push(received);
    }
    assert_eq!(came.len(), 1, "{came:?}");

    // A cycle goes on when its interface is up again, and ends with it.
    let cycle = Cycle::start("vcan44", &[frame(1, &[])], &every).unwrap();
    ip("link set vcan44 down");
    ip("link set vcan44 up");
    let here = open("vcan44");
    reads(&here, 3);
    drop(link);
    let error = cycle.set_frames(&[frame(1, &[])]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Removed, "{error}");
}
