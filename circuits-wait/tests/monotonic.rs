//! Waits on the kernel's clock, which need nothing that is not on every Linux.
#![cfg(target_os = "linux")]

use std::cell::Cell;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use circuits_bench::{block_on, signal_this_thread};
use circuits_wait::{Clock, Delay, Fd, Interrupt, Monotonic, Ready, Time};

fn pair() -> (Fd<OwnedFd>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Fd::new(OwnedFd::from(ours), &Monotonic::new()), theirs)
}

fn read(fd: &Fd<OwnedFd>) -> impl FnMut() -> io::Result<()> {
    let mut file = File::from(fd.get_ref().try_clone().unwrap());
    move || file.read_exact(&mut [0])
}

#[test]
fn delays_are_never_shorter_than_asked() {
    let clock = Arc::new(Monotonic::new());
    let mut delay = Delay::new(clock.clone());
    for nanos in [0, 1, 999, 10_000, 49_999, 50_001, 1_000_000, 3_000_000] {
        let wanted = Duration::from_nanos(u64::from(nanos));
        for _ in 0..20 {
            let start = clock.now();
            embedded_hal::delay::DelayNs::delay_ns(&mut delay, nanos);
            assert!(clock.now() - start >= wanted, "{nanos}");
            let start = clock.now();
            block_on(embedded_hal_async::delay::DelayNs::delay_ns(
                &mut delay, nanos,
            ));
            assert!(clock.now() - start >= wanted, "{nanos}, async");
            let start = clock.now();
            delay.sleep(wanted).unwrap();
            assert!(clock.now() - start >= wanted, "{nanos}, interruptible");
        }
    }
}

/// A sleep of the kernel's would take more than the 50 µs that it may be late by.
#[test]
fn microseconds_are_microseconds() {
    let clock = Arc::new(Monotonic::new());
    let mut delay = Delay::new(clock.clone());
    let mut taken: Vec<Duration> = (0..200)
        .map(|_| {
            let start = clock.now();
            embedded_hal::delay::DelayNs::delay_us(&mut delay, 10);
            clock.now() - start
        })
        .collect();
    taken.sort();
    assert!(taken[50] < Duration::from_micros(30), "{:?}", taken[50]);
}

#[test]
fn a_timer_is_used_again() {
    let clock = Monotonic::new();
    let mut timer = clock.timer().unwrap();
    for millis in [5, 1, 3] {
        let time = clock.now() + Duration::from_millis(millis);
        block_on(std::future::poll_fn(|cx| timer.poll_until(time, cx))).unwrap();
        assert!(clock.now() >= time);
    }
    // Set to a time that never comes, then to another.
    let far = clock.now() + Duration::from_secs(1000);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(timer.poll_until(far, &mut cx).is_pending());
    let near = clock.now() + Duration::from_millis(2);
    block_on(std::future::poll_fn(|cx| timer.poll_until(near, cx))).unwrap();
    timer.cancel();
}

#[test]
fn a_timeout_takes_the_future_or_the_time() {
    let mut delay = Delay::new(Arc::new(Monotonic::new()));
    let soon = delay.timeout(Duration::from_secs(600), async { 7 });
    assert_eq!(block_on(soon).unwrap(), 7);
    let never = delay.timeout(Duration::from_millis(2), std::future::pending::<()>());
    assert_eq!(block_on(never).unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_descriptor_is_waited_for_blocking_and_not() {
    let (fd, mut theirs) = pair();
    let mut op = read(&fd);
    let soon = Some(Time::monotonic() + Duration::from_millis(2));
    assert!(!fd.block(soon, &mut op).unwrap());
    let writer = thread::spawn(move || {
        for _ in 0..200 {
            theirs.write_all(&[0]).unwrap();
            thread::yield_now();
        }
        theirs
    });
    for round in 0..100 {
        assert!(fd.block(None, &mut op).unwrap());
        block_on(std::future::poll_fn(|cx| fd.poll(cx, &mut op))).unwrap();
        assert!(round < 100);
    }
    drop(writer.join().unwrap());
    // The other end is gone: an error of the operation's, and no wait for ever.
    assert_eq!(
        fd.block(None, &mut op).unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
    let end = block_on(std::future::poll_fn(|cx| fd.poll(cx, &mut op)));
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn waits_are_interrupted_until_it_is_cleared() {
    let interrupt = Interrupt::new().unwrap();
    let clock = Monotonic::interrupted_by(interrupt.clone());
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let fd = Fd::new(OwnedFd::from(ours), &clock);
    let mut op = read(&fd);
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| clock.sleep_until(clock.now() + Duration::from_secs(600)));
        let reader = scope.spawn(|| fd.block(None, &mut read(&fd)));
        thread::sleep(Duration::from_millis(20));
        interrupt.raise();
        assert_eq!(
            sleeper.join().unwrap().unwrap_err().kind(),
            io::ErrorKind::Interrupted
        );
        assert_eq!(
            reader.join().unwrap().unwrap_err().kind(),
            io::ErrorKind::Interrupted
        );
    });
    // What is there to read is not read, and not lost.
    theirs.write_all(&[0]).unwrap();
    assert_eq!(
        fd.block(None, &mut op).unwrap_err().kind(),
        io::ErrorKind::Interrupted
    );
    // A delay is not cut short.
    let start = clock.now();
    clock.delay_until(start + Duration::from_millis(2));
    assert!(clock.now() - start >= Duration::from_millis(2));
    interrupt.clear();
    assert!(fd.block(None, &mut op).unwrap());
    clock
        .sleep_until(clock.now() + Duration::from_millis(1))
        .unwrap();
}

#[test]
fn signals_end_no_wait() {
    let (fd, mut theirs) = pair();
    let clock = Monotonic::interrupted_by(Interrupt::new().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            tell.send(signal_this_thread()).unwrap();
            let start = clock.now();
            let until = |millis| start + Duration::from_millis(millis);
            assert!(!fd.block(Some(until(50)), &mut read(&fd)).unwrap());
            assert!(clock.now() >= until(50));
            clock.sleep_until(until(100)).unwrap();
            assert!(clock.now() >= until(100));
            clock.delay_until(until(150));
            assert!(clock.now() >= until(150));
            assert!(fd.block(None, &mut read(&fd)).unwrap());
        });
        let signal = told.recv().unwrap();
        for _ in 0..100 {
            signal();
            thread::sleep(Duration::from_millis(2));
        }
        theirs.write_all(&[0]).unwrap();
    });
}

#[test]
fn no_thread_waits_before_a_future_does() {
    // The epoll thread is the process's; other tests of this file may have started it. A process of
    // its own tells.
    if std::env::var_os("CIRCUITS_WAIT_THREADS").is_none() {
        let me = std::env::current_exe().unwrap();
        let test = "no_thread_waits_before_a_future_does";
        let mut child = std::process::Command::new(me);
        child
            .args([test, "--exact", "--test-threads=1"])
            .env("CIRCUITS_WAIT_THREADS", "1");
        assert!(child.output().unwrap().status.success());
        return;
    }
    let has_thread = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names =
            tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap());
        names.filter(|name| name.trim() == "circuits-wait").count()
    };
    let mut delay = Delay::new(Arc::new(Monotonic::new()));
    delay.sleep(Duration::from_millis(1)).unwrap();
    let (fd, _theirs) = pair();
    let soon = Some(Time::monotonic() + Duration::from_millis(1));
    assert!(!fd.block(soon, &mut read(&fd)).unwrap());
    assert_eq!(has_thread(), 0);
    for _ in 0..3 {
        block_on(embedded_hal_async::delay::DelayNs::delay_ms(&mut delay, 1));
    }
    assert_eq!(has_thread(), 1);
}

/// Both directions of one socket are waited for, by threads and by futures.
#[test]
fn room_to_write_is_waited_for() {
    let (here, there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let clock = Monotonic::new();
    let writer = Fd::to_write(here.try_clone().unwrap(), &clock);
    let reader = Fd::new(here, &clock);
    let mut write = || writer.get_ref().write(&[0; 4096]).map(drop);
    let mut read = || reader.get_ref().read(&mut [0]).map(drop);
    let later = |f: &(dyn Fn() + Sync)| {
        thread::sleep(Duration::from_millis(20));
        f();
    };
    let make_room = || assert!((&there).read(&mut vec![0; 1 << 20]).unwrap() > 4096);

    while write().is_ok() {}
    let soon = Some(clock.now() + Duration::from_millis(20));
    assert!(!writer.block(soon, &mut write).unwrap());
    thread::scope(|scope| {
        scope.spawn(|| later(&make_room));
        assert!(writer.block(None, &mut write).unwrap());
    });

    while write().is_ok() {}
    thread::scope(|scope| {
        scope.spawn(|| {
            later(&make_room);
            later(&|| (&there).write_all(b"x").unwrap());
        });
        block_on(async {
            poll_fn(|cx| writer.poll(cx, &mut write)).await.unwrap();
            poll_fn(|cx| reader.poll(cx, &mut read)).await.unwrap();
        });
    });
}

/// Who found no room lately looks before it tries.
#[test]
fn who_hesitates_does_not_try_in_vain() {
    let (here, there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let interrupt = Interrupt::new().unwrap();
    let clock = Monotonic::interrupted_by(interrupt.clone());
    let writer = Fd::to_write(here, &clock).hesitating();
    let tries = Cell::new(0);
    let mut write = || {
        tries.set(tries.get() + 1);
        writer.get_ref().write(&[0; 4096]).map(drop)
    };
    let make_room = || {
        thread::sleep(Duration::from_millis(20));
        assert!((&there).read(&mut vec![0; 1 << 20]).unwrap() > 4096);
    };
    while write().is_ok() {}
    let mut tries_to_write = || {
        while writer.get_ref().write(&[0; 4096]).is_ok() {}
        tries.set(0);
        thread::scope(|scope| {
            scope.spawn(make_room);
            assert!(writer.block(None, &mut write).unwrap());
        });
        tries.get()
    };
    assert_eq!(tries_to_write(), 2);
    assert_eq!(tries_to_write(), 1);
    assert_eq!(tries_to_write(), 1);

    // There is one try at least, and none after an interrupt.
    while writer.get_ref().write_all(&[0; 4096]).is_ok() {}
    tries.set(0);
    assert!(!writer.block(Some(clock.now()), &mut write).unwrap());
    assert_eq!(tries.get(), 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            interrupt.raise();
        });
        let error = writer.block(None, &mut write).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    });
    assert_eq!(tries.get(), 1);
}
