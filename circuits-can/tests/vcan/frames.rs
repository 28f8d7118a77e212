use std::time::{Duration, SystemTime};

use circuits_bench::{CanLink, Tracer};
use circuits_can::{Config, Error, ErrorKind, Frame, Received, list};
use circuits_wait::Time;

use crate::{LONG, assert_silent, frame, id, numbered, open, open_with, send_raw};

#[test]
#[ignore = "needs vcan"]
fn a_frame_is_stamped_by_two_clocks() {
    let _link = CanLink::new("vcan20");
    let (here, there) = (open("vcan20"), open("vcan20"));
    // The kernel begins to stamp what comes a moment after somebody asked for it (`net_enable_timestamp`), and until
    // then stamps what is read.
    std::thread::sleep(Duration::from_millis(50));
    let (before, day) = (Time::monotonic(), SystemTime::now());
    there.write(&frame(1, b"now"), LONG).unwrap();
    let (after, end) = (Time::monotonic(), SystemTime::now());
    std::thread::sleep(Duration::from_millis(50));
    let received = here.read(LONG).unwrap();
    assert_eq!(received.frame(), Some(&frame(1, b"now")));
    // What the two clocks say is asked for one after the other.
    let slack = Duration::from_millis(1);
    assert!(before <= received.time() + slack && received.time() <= after + slack);
    let stamp = received.system_time().unwrap();
    assert!(day <= stamp && stamp <= end, "{day:?} {stamp:?} {end:?}");
    assert!(received.is_local() && !received.is_own());
}

/// A burst is one call of the system, to write and to read.
#[test]
#[ignore = "needs vcan"]
fn a_burst_is_one_call() {
    let _link = CanLink::new("vcan21");
    let (here, there) = (open("vcan21"), open("vcan21"));
    let sent: Vec<_> = (0..64).map(numbered).collect();
    let mut tracer = Tracer::new();
    let calls = tracer.trace(|| there.write_many(&sent, None).unwrap());
    assert_eq!(calls, [libc::SYS_sendmmsg]);
    let mut came = vec![Received::empty(); 64];
    let calls = tracer.trace(|| assert_eq!(here.read_many(&mut came, None).unwrap(), 64));
    assert_eq!(calls, [libc::SYS_recvmmsg]);
    let came: Vec<_> = came.iter().filter_map(Received::frame).copied().collect();
    assert_eq!(came, sent);

    // One more, when they are taken one by one. The first time it makes room for them.
    there.write(&sent[0], None).unwrap();
    here.read_frame(None).unwrap();
    there.write_many(&sent, None).unwrap();
    let calls = tracer.trace(|| {
        for sent in &sent {
            assert_eq!(here.read_frame(None).unwrap(), *sent);
        }
    });
    assert_eq!(calls, [libc::SYS_recvmmsg; 2]);
    let calls = tracer.trace(|| there.write(&sent[0], None).unwrap());
    assert_eq!(calls, [libc::SYS_sendto]);
}

/// One who reads too slowly loses frames, and is told of each.
#[test]
#[ignore = "needs vcan"]
fn all_that_is_lost_is_told() {
    const SENT: u64 = 120_000;
    let _link = CanLink::new("vcan22");
    let (here, there) = (open("vcan22"), open("vcan22"));
    let mut some = vec![Received::empty(); 100];
    let (mut received, mut lost, mut next) = (0, 0, 0);
    let mut take = |count: usize, some: &[Received]| {
        for came in &some[..count] {
            lost += u64::from(came.lost());
            received += 1;
            // Those that are missing are those that are told of: here, and not somewhere.
            let number = u64::from_be_bytes(came.frame().unwrap().data().try_into().unwrap());
            next += u64::from(came.lost());
            assert_eq!(number, next);
            next += 1;
        }
        (received, lost)
    };
    for first in (0..SENT).step_by(1000) {
        let sent: Vec<_> = (first..first + 1000).map(numbered).collect();
        there.write_many(&sent, LONG).unwrap();
        let count = here.read_many(&mut some, LONG).unwrap();
        take(count, &some);
    }
    let told = here.lost().unwrap();
    loop {
        match here.read_many(&mut some, Duration::ZERO) {
            Ok(count) => take(count, &some),
            Err(error) if error.kind() == ErrorKind::TimedOut => break,
            Err(error) => panic!("{error}"),
        };
    }
    // The last ones are told of by what comes after them.
    there.write(&numbered(SENT), LONG).unwrap();
    let count = here.read_many(&mut some, LONG).unwrap();
    let (received, lost) = take(count, &some);
    println!("{received} received, {lost} lost");
    assert_eq!(received + lost, SENT + 1);
    assert!(lost >= 1000, "{lost}");
    assert_eq!((told, here.lost().unwrap()), (lost, lost));
    assert_eq!(there.lost().unwrap(), 0);
}

#[test]
#[ignore = "needs vcan"]
fn a_larger_buffer_is_granted_or_named() {
    let _link = CanLink::new("vcan23");
    let config = Config::new().receive_buffer(50_000);
    let (small, there) = (open_with("vcan23", &config), open("vcan23"));
    let burst: Vec<_> = (0..1000).map(numbered).collect();
    there.write_many(&burst, LONG).unwrap();
    let few = 1000 - small.lost().unwrap();
    small.configure(&Config::new()).unwrap();
    there.write_many(&burst, LONG).unwrap();
    let more = 2000 - small.lost().unwrap();
    // As large as it was made by itself again.
    println!("{few} frames in 50000 bytes, {more} in what the system gives");
    assert!(few < 150 && more > 3 * few / 2, "{few} {more}");
    // A byte more than the system allows is told, and how many it allows.
    let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap();
    let most: u32 = most.trim().parse().unwrap();
    let config = Config::new().receive_buffer(most + 1);
    match small.configure(&config).unwrap_err() {
        Error::Limit { limit, .. } => assert_eq!(limit, most as usize),
        error => panic!("{error}"),
    }
    small
        .configure(&Config::new().receive_buffer(most))
        .unwrap();
    small.configure(&Config::new()).unwrap();
    assert_eq!(small.config(), Config::new());
}

/// What programs send that no controller would is not lost, and not passed on as it is.
#[test]
#[ignore = "needs vcan"]
fn what_is_no_frame_becomes_one() {
    let _link = CanLink::new("vcan25");
    let here = open("vcan25");
    send_raw("vcan25", 0x801, 2, 16);
    assert_eq!(here.read_frame(LONG).unwrap(), frame(1, &[7; 2]));
    send_raw("vcan25", 0x4000_0801, 9, 72);
    let fd = Frame::fd(id(1), &[7; 12]).unwrap();
    assert_eq!(here.read_frame(LONG).unwrap(), fd);
    let code = frame(1, &[7; 8]).len8_dlc(9).unwrap();
    open("vcan25").write(&code, LONG).unwrap();
    assert_eq!(here.read_frame(LONG).unwrap(), code);
    assert_silent(&here);
}

#[test]
#[ignore = "needs vcan"]
fn names_are_those_of_can_interfaces() {
    let _link = CanLink::new("vcan24");
    let _other = CanLink::new("vcan24b");
    let names = list().unwrap();
    assert!(names.contains(&"vcan24".into()) && names.contains(&"vcan24b".into()));
    assert!(names.is_sorted() && !names.contains(&"lo".into()));
    for name in [
        "lo",
        "",
        "vcan24:1",
        "vcan",
        "a/b",
        "vcan24\0",
        &"v".repeat(100),
    ] {
        let error = circuits_can::Socket::open(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name:?}: {error:?}");
        let error = circuits_can::Interface::open(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name:?}: {error:?}");
    }
    assert_silent(&open("vcan24"));
}
