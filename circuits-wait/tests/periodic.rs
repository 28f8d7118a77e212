//! Waits that try again and again, on the kernel's clock.
#![cfg(target_os = "linux")]

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use circuits_bench::{block_on, signal_this_thread};
use circuits_wait::{Interrupt, Monotonic, Periodic, Ready, Time};

const FIRST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(4);

fn periodic(clock: &Monotonic) -> Periodic {
    Periodic::new(clock, FIRST, LONGEST)
}

/// Succeeds at the last of so many tries, and notes when they were.
fn after(tries: usize, times: &mut Vec<Time>) -> impl FnMut() -> io::Result<()> {
    move || {
        times.push(Time::monotonic());
        match times.len() {
            count if count < tries => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }
}

fn never() -> io::Result<()> {
    Err(io::ErrorKind::WouldBlock.into())
}

#[track_caller]
fn intervals_double(times: &[Time]) {
    let shortest = [1, 2, 4, 4].map(Duration::from_millis);
    let pairs: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pairs.len(), shortest.len());
    for (interval, shortest) in pairs.iter().zip(shortest) {
        assert!(*interval >= shortest, "{pairs:?}");
    }
}

#[test]
fn it_is_tried_less_and_less_often() {
    let periodic = periodic(&Monotonic::new());
    for _ in 0..2 {
        let mut times = Vec::new();
        assert!(periodic.block(None, &mut after(5, &mut times)).unwrap());
        intervals_double(&times);
        let mut times = Vec::new();
        let mut op = after(5, &mut times);
        block_on(std::future::poll_fn(|cx| periodic.poll(cx, &mut op))).unwrap();
        drop(op);
        intervals_double(&times);
    }
}

#[test]
fn a_deadline_ends_it_after_a_last_try() {
    let periodic = periodic(&Monotonic::new());
    let deadline = Time::monotonic() + 10 * FIRST;
    let mut times = Vec::new();
    assert!(
        !periodic
            .block(Some(deadline), &mut after(1000, &mut times))
            .unwrap()
    );
    assert!(times.last() >= Some(&deadline));
    let mut times = Vec::new();
    assert!(
        !periodic
            .block(Some(deadline), &mut after(1000, &mut times))
            .unwrap()
    );
    assert_eq!(times.len(), 1);
}

#[test]
fn a_deadline_is_not_slept_over() {
    let hour = Duration::from_secs(3600);
    let periodic = Periodic::new(&Monotonic::new(), hour, hour);
    let deadline = Time::monotonic() + FIRST;
    assert!(!periodic.block(Some(deadline), &mut never).unwrap());
}

/// Nor is it added up beyond all times.
#[test]
fn the_longest_interval_is_one() {
    let periodic = Periodic::new(&Monotonic::new(), Duration::MAX, Duration::MAX);
    let deadline = Time::monotonic() + FIRST;
    assert!(!periodic.block(Some(deadline), &mut never).unwrap());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(periodic.poll(&mut cx, &mut never).is_pending());
    periodic.cancel();
}

#[test]
fn an_interrupt_ends_it_and_a_signal_does_not() {
    let interrupt = Interrupt::new().unwrap();
    let periodic = periodic(&Monotonic::interrupted_by(interrupt.clone()));
    let signal = signal_this_thread();
    let disturb = thread::spawn(move || {
        for _ in 0..20 {
            thread::sleep(FIRST);
            signal();
        }
        interrupt.raise();
    });
    let start = Time::monotonic();
    let error = periodic.block(None, &mut never).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    assert!(Time::monotonic() - start >= 20 * FIRST);
    let mut tries = Vec::new();
    assert!(periodic.block(None, &mut after(1, &mut tries)).is_err());
    assert_eq!(tries.len(), 0);
    disturb.join().unwrap();
}

#[test]
fn who_has_cancelled_is_not_woken() {
    #[derive(Default)]
    struct Count(AtomicU32);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (count, periodic) = (Arc::new(Count::default()), periodic(&Monotonic::new()));
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(periodic.poll(&mut cx, &mut never).is_pending());
    periodic.cancel();
    thread::sleep(5 * FIRST);
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
    // Nor is it forgotten.
    assert_eq!(Arc::strong_count(&count), 2);
    assert!(periodic.poll(&mut cx, &mut never).is_pending());
    thread::sleep(5 * FIRST);
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert!(matches!(
        periodic.poll(&mut cx, &mut || Ok(())),
        Poll::Ready(Ok(()))
    ));
}
