//! The thread that wakes futures sleeps while nobody waits, whatever comes meanwhile. It is alone in this process.
#![cfg(target_os = "linux")]

use std::fs;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use circuits_bench::block_on;
use circuits_wait::{Fd, Monotonic, Ready};

/// How often the thread went to sleep.
fn sleeps() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let status = tasks
        .filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok())
        .find(|status| status.starts_with("Name:\tcircuits-wait"))
        .expect("there is a thread of that name");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn nobody_is_woken_for_what_nobody_waits_for() {
    let (here, mut there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let here = Fd::new(here, &Monotonic::new());
    let mut read = || here.get_ref().read_exact(&mut [0]);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(here.poll(&mut cx, &mut read).is_pending());
    there.write_all(&[1]).unwrap();
    block_on(poll_fn(|cx| here.poll(cx, &mut read))).unwrap();
    thread::sleep(Duration::from_millis(50));
    let before = sleeps();
    for _ in 0..100 {
        there.write_all(&[1]).unwrap();
        // Time enough for the thread to be woken.
        thread::sleep(Duration::from_millis(1));
        // It is there: that is no wait.
        assert!(here.poll(&mut cx, &mut read).is_ready());
    }
    thread::sleep(Duration::from_millis(50));
    let more = sleeps() - before;
    assert!(more <= 2, "{more}");
}
