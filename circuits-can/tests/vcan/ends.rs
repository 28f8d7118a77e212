use std::thread;

use circuits_bench::{CanLink, block_on};
use circuits_can::{ErrorKind, Result, Socket};

use crate::{LONG, SHORT, assert_silent, frame, ip, open};

#[track_caller]
fn assert_kind<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
}

#[test]
#[ignore = "needs vcan"]
fn what_is_down_is_not_opened() {
    let _link = CanLink::new("vcan60");
    ip("link set vcan60 down");
    assert_kind(Socket::open("vcan60"), ErrorKind::Down);
    ip("link set vcan60 up");
    open("vcan60");
}

/// Who writes is told first, and takes it away from who reads, where the kernel is concerned.
#[test]
#[ignore = "needs vcan"]
fn who_reads_is_told_whoever_was_told_first() {
    let _link = CanLink::new("vcan61");
    let (here, there) = (open("vcan61"), open("vcan61"));
    for _ in 0..2 {
        there.write(&frame(1, b"before"), LONG).unwrap();
        ip("link set vcan61 down");
        assert_kind(here.write(&frame(2, &[]), LONG), ErrorKind::Down);
        assert_kind(here.write(&frame(2, &[]), LONG), ErrorKind::Down);
        assert_eq!(here.read_frame(LONG).unwrap(), frame(1, b"before"));
        assert_kind(here.read(LONG), ErrorKind::Down);
        assert_silent(&here);
        assert_kind(here.write(&frame(2, &[]), LONG), ErrorKind::Down);
        assert_silent(&here);
        ip("link set vcan61 up");
        here.write(&frame(3, b"after"), LONG).unwrap();
        // It did not ask meanwhile, and the kernel does not say when it was.
        assert_eq!(there.read_frame(LONG).unwrap(), frame(3, b"after"));
        assert_kind(there.read(LONG), ErrorKind::Down);
        assert_silent(&there);
    }
}

/// Each time anew, also where what came in between was all read.
#[test]
#[ignore = "needs vcan"]
fn who_reads_is_told_again_after_what_came_in_between() {
    let _link = CanLink::new("vcan65");
    let here = open("vcan65");
    for _ in 0..3 {
        ip("link set vcan65 down");
        assert_kind(here.write(&frame(1, &[]), LONG), ErrorKind::Down);
        assert_kind(here.read(LONG), ErrorKind::Down);
        ip("link set vcan65 up");
        open("vcan65").write(&frame(2, b"between"), LONG).unwrap();
        assert_eq!(here.read_frame(LONG).unwrap(), frame(2, b"between"));
    }
}

/// The same, of a thread that waits for the kernel, which wakes it and has nothing to say by then.
#[test]
#[ignore = "needs vcan"]
fn who_blocks_is_told_whoever_was_told_first() {
    let _link = CanLink::new("vcan64");
    for _ in 0..20 {
        let here = open("vcan64");
        thread::scope(|scope| {
            scope.spawn(|| assert_kind(here.read(LONG), ErrorKind::Down));
            scope.spawn(|| while here.write(&frame(1, &[]), LONG).is_ok() {});
            thread::sleep(SHORT);
            ip("link set vcan64 down");
        });
        ip("link set vcan64 up");
    }
}

/// Nothing was written and nothing came in between: it went down twice nevertheless.
#[test]
#[ignore = "needs vcan"]
fn each_time_is_told() {
    let _link = CanLink::new("vcan62");
    let here = open("vcan62");
    for _ in 0..3 {
        ip("link set vcan62 down");
        assert_kind(here.read(LONG), ErrorKind::Down);
        ip("link set vcan62 up");
        assert_silent(&here);
    }
}

#[test]
#[ignore = "needs vcan"]
fn the_end_reaches_all_who_wait() {
    let link = CanLink::new("vcan63");
    let (blocking, mut waiting) = (open("vcan63"), open("vcan63"));
    let is_removed = |error: circuits_can::Error| match error.kind() {
        ErrorKind::Down => false,
        ErrorKind::Removed => true,
        _ => panic!("{error}"),
    };
    thread::scope(|scope| {
        scope.spawn(|| while !is_removed(blocking.read(None).unwrap_err()) {});
        scope.spawn(|| {
            block_on(async { while !is_removed(waiting.next_frame().await.unwrap_err()) {} });
        });
        thread::sleep(SHORT);
        drop(link);
    });
    for socket in [&blocking, &waiting] {
        assert_kind(socket.read(LONG), ErrorKind::Removed);
        assert_kind(socket.write(&frame(1, &[]), LONG), ErrorKind::Removed);
        assert_kind(socket.lost(), ErrorKind::Removed);
        assert_kind(socket.configure(&socket.config()), ErrorKind::Removed);
    }
    // Another one of that name is another one.
    let _link = CanLink::new("vcan63");
    open("vcan63").write(&frame(1, &[]), LONG).unwrap();
    assert_kind(blocking.read(LONG), ErrorKind::Removed);
}
