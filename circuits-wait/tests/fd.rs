//! Descriptors as something to wait on: what futures are woken for, and what not.
#![cfg(target_os = "linux")]

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use circuits_bench::block_on;
use circuits_wait::{Delay, Fd, Monotonic, Ready, Time};

/// Longer than it takes to wake somebody.
const SHORT: Duration = Duration::from_millis(20);

fn pair() -> (Fd<UnixStream>, UnixStream) {
    let (here, there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    (Fd::new(here, &Monotonic::new()), there)
}

fn byte(mut stream: &UnixStream) -> io::Result<Option<u8>> {
    let mut byte = [0];
    Ok((stream.read(&mut byte)? > 0).then_some(byte[0]))
}

/// The next byte; `None` at the end.
async fn next(fd: &Fd<UnixStream>) -> io::Result<Option<u8>> {
    let mut got = None;
    poll_fn(|cx| {
        fd.poll(cx, &mut || {
            got = byte(fd.get_ref())?;
            Ok(())
        })
    })
    .await?;
    Ok(got)
}

fn poll_once(fd: &Fd<UnixStream>, waker: &Waker) -> Poll<io::Result<()>> {
    fd.poll(&mut Context::from_waker(waker), &mut || {
        byte(fd.get_ref()).map(drop)
    })
}

#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn new() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (count.clone(), count.into())
    }

    #[track_caller]
    fn becomes(&self, count: u32) {
        let end = Time::monotonic() + Duration::from_secs(10);
        while self.0.load(Ordering::SeqCst) < count && Time::monotonic() < end {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(SHORT);
        assert_eq!(self.0.load(Ordering::SeqCst), count);
    }
}

/// Each byte is sent when the one before it has come, so that one that wakes nobody ends it all.
#[test]
fn no_wake_up_is_lost() {
    const ROUNDS: u32 = 20_000;
    let ((here, other), (there, another)) = (pair(), pair());
    let echo = |mut from: &UnixStream, mut to: &UnixStream| {
        let mut byte = [0];
        for _ in 0..ROUNDS {
            from.read_exact(&mut byte).unwrap();
            to.write_all(&byte).unwrap();
        }
    };
    thread::scope(|scope| {
        // Two of them, so that the thread that wakes has more than one to see to.
        for (fd, stream) in [(&here, &other), (&there, &another)] {
            scope.spawn(move || echo(stream, stream));
            scope.spawn(move || {
                block_on(async {
                    for round in 0..ROUNDS {
                        let sent = round as u8;
                        fd.get_ref().write_all(&[sent]).unwrap();
                        assert_eq!(next(fd).await.unwrap(), Some(sent));
                    }
                });
            });
        }
    });
}

#[test]
fn what_comes_while_nobody_waits_is_there_for_the_next_one() {
    let (here, mut there) = pair();
    let (count, waker) = Count::new();
    assert!(poll_once(&here, &waker).is_pending());
    here.cancel();
    // Nor is the waker kept.
    assert_eq!(Arc::strong_count(&count), 2);
    there.write_all(&[1, 2]).unwrap();
    count.becomes(0);
    // The event that the one before had asked for is over: it is told of what is there all the same.
    assert!(poll_once(&here, &waker).is_ready());
    assert_eq!(block_on(next(&here)).unwrap(), Some(2));
    assert!(poll_once(&here, &waker).is_pending());
    there.write_all(&[3]).unwrap();
    count.becomes(1);
    assert_eq!(block_on(next(&here)).unwrap(), Some(3));
    assert_eq!(Arc::strong_count(&count), 2);
}

#[test]
fn each_wait_is_woken_once_and_the_last_one_only() {
    let (here, mut there) = pair();
    let ((first, its), (last, waker)) = (Count::new(), Count::new());
    assert!(poll_once(&here, &its).is_pending());
    assert!(poll_once(&here, &waker).is_pending());
    assert!(poll_once(&here, &waker).is_pending());
    there.write_all(&[1]).unwrap();
    there.write_all(&[2]).unwrap();
    last.becomes(1);
    first.becomes(0);
    assert_eq!(Arc::strong_count(&first), 2);
}

/// It is what poll(2) says that counts, and not that something new has come.
#[test]
fn who_leaves_something_behind_is_woken_for_it() {
    let (here, mut there) = pair();
    there.write_all(&[1]).unwrap();
    let (count, waker) = Count::new();
    let mut vain = || Err(io::ErrorKind::WouldBlock.into());
    for woken in 1..=3 {
        let poll = here.poll(&mut Context::from_waker(&waker), &mut vain);
        assert!(poll.is_pending());
        let end = Time::monotonic() + Duration::from_secs(10);
        while count.0.load(Ordering::SeqCst) < woken && Time::monotonic() < end {
            thread::yield_now();
        }
        assert!(count.0.load(Ordering::SeqCst) >= woken);
    }
}

/// A descriptor that says that it is ready, and an operation that never is: that is no reason to keep others from
/// running, a timeout least of all.
#[test]
fn who_is_woken_in_vain_can_be_timed_out() {
    let (here, mut there) = pair();
    there.write_all(&[1]).unwrap();
    let clock = Arc::new(Monotonic::new());
    for _ in 0..20 {
        let never = poll_fn(|cx| {
            here.poll(cx, &mut || {
                // Long enough for the thread that wakes to be through.
                thread::sleep(Duration::from_micros(50));
                Err(io::ErrorKind::WouldBlock.into())
            })
        });
        let start = Time::monotonic();
        let timed_out = block_on(Delay::new(clock.clone()).timeout(SHORT, never));
        assert_eq!(timed_out.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(Time::monotonic() - start < 50 * SHORT);
        here.cancel();
    }
}

#[test]
fn a_hang_up_ends_a_wait() {
    let (here, there) = pair();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(SHORT);
            drop(there);
        });
        assert_eq!(block_on(next(&here)).unwrap(), None);
    });
    // For ever, registered already or not.
    assert_eq!(block_on(next(&here)).unwrap(), None);
    let (here, there) = pair();
    drop(there);
    assert_eq!(block_on(next(&here)).unwrap(), None);
}

#[test]
fn who_reads_and_who_writes_wait_for_themselves() {
    let (here, mut there) = pair();
    let output = here.get_ref().try_clone().unwrap();
    let output = Fd::to_write(output, &Monotonic::new());
    let block = [7; 4096];
    let write = |waker: &Waker| {
        output.poll(&mut Context::from_waker(waker), &mut || loop {
            (&mut output.get_ref()).write_all(&block[..1])?;
        })
    };
    let ((read, reader), (written, writer)) = (Count::new(), Count::new());
    assert!(poll_once(&here, &reader).is_pending());
    assert!(write(&writer).is_pending());
    there.write_all(&[1]).unwrap();
    read.becomes(1);
    written.becomes(0);
    let mut room = vec![0; 1 << 20];
    assert!(there.read(&mut room).unwrap() > 0);
    written.becomes(1);
    read.becomes(1);
    // Both end with the other side.
    assert!(poll_once(&here, &reader).is_ready());
    assert!(poll_once(&here, &reader).is_pending());
    assert!(write(&writer).is_pending());
    drop(there);
    let end = Time::monotonic() + Duration::from_secs(10);
    let woken = |count: &Count| count.0.load(Ordering::SeqCst) >= 2;
    while !(woken(&read) && woken(&written)) && Time::monotonic() < end {
        thread::sleep(Duration::from_millis(1));
    }
    assert!(woken(&read) && woken(&written));
    assert!(matches!(write(&writer), Poll::Ready(Err(_))));
}

/// Numbers of descriptors are given again at once: what was on its way to one that is gone is for nobody.
#[test]
fn the_next_descriptor_of_a_number_is_another_one() {
    for round in 0..2000 {
        let (old, mut there) = pair();
        let (count, waker) = Count::new();
        assert!(poll_once(&old, &waker).is_pending());
        there.write_all(&[1]).unwrap();
        drop((old, there));
        let (new, mut there) = pair();
        assert!(poll_once(&new, Waker::noop()).is_pending());
        there.write_all(&[round as u8]).unwrap();
        assert_eq!(block_on(next(&new)).unwrap(), Some(round as u8));
        // At most it was just being woken.
        let end = Time::monotonic() + Duration::from_secs(10);
        drop(waker);
        while Arc::strong_count(&count) > 1 && Time::monotonic() < end {
            thread::yield_now();
        }
        assert_eq!(Arc::strong_count(&count), 1);
    }
}

/// A waker may do anything, when it is woken and when it is dropped.
#[test]
fn a_waker_that_panics_harms_nobody_else() {
    struct Bad;
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("this is what the test is about");
        }
    }
    let ((bad, mut one), (good, mut other)) = (pair(), pair());
    assert!(poll_once(&bad, &Arc::new(Bad).into()).is_pending());
    one.write_all(&[1]).unwrap();
    let (count, waker) = Count::new();
    assert!(poll_once(&good, &waker).is_pending());
    thread::sleep(SHORT);
    other.write_all(&[2]).unwrap();
    count.becomes(1);
    assert_eq!(block_on(next(&bad)).unwrap(), Some(1));
}

#[test]
fn what_is_kept_for_a_future_is_told_to_it() {
    let (here, _there) = pair();
    let (count, waker) = Count::new();
    here.wake();
    assert!(poll_once(&here, &waker).is_pending());
    here.wake();
    count.becomes(1);
    // While it tries, too: nothing is noted too early.
    let mut tries = 0;
    let mut op = || {
        tries += 1;
        here.wake();
        match tries {
            1 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    };
    let poll = here.poll(&mut Context::from_waker(&waker), &mut op);
    assert!(poll.is_ready() || count.0.load(Ordering::SeqCst) == 2);
}

/// What it waits for came to somebody else, who keeps it: the kernel has nothing to say.
#[test]
fn who_blocks_is_woken_by_a_bell() {
    let (here, _there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    for clock in [
        Monotonic::new(),
        Monotonic::interrupted_by(circuits_wait::Interrupt::new().unwrap()),
    ] {
        let here = Fd::new(here.try_clone().unwrap(), &clock)
            .with_bell()
            .unwrap();
        let kept = AtomicU32::new(0);
        let mut op = || match kept.load(Ordering::SeqCst) {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(SHORT);
                kept.store(1, Ordering::SeqCst);
                here.wake();
            });
            let deadline = Time::monotonic() + Duration::from_secs(10);
            assert!(here.block(Some(deadline), &mut op).unwrap());
            assert!(Time::monotonic() < deadline);
        });
        // It is heard once.
        kept.store(0, Ordering::SeqCst);
        let mut tries = 0;
        let deadline = Time::monotonic() + SHORT;
        let done = here.block(Some(deadline), &mut || {
            tries += 1;
            Err(io::ErrorKind::WouldBlock.into())
        });
        assert!(!done.unwrap() && tries <= 3, "{tries}");
    }
}
