use std::io::{self, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use circuits_bench::signal_this_thread;
use circuits_uart::{Config, Error, ErrorKind, Linux, Port};
use circuits_wait::{Interrupt, Monotonic};

use crate::{LONG, ports, ports_on, until_waiting};

const MOMENT: Duration = Duration::from_millis(20);

#[test]
fn a_read_waits_no_longer_than_it_may() {
    let (mut here, mut there) = ports(&Config::new().timeout(MOMENT));
    let mut buffer = [0; 10];
    let start = Instant::now();
    let error = there.read_within(&mut buffer, MOMENT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= MOMENT);
    let start = Instant::now();
    assert_eq!(
        there.read(&mut buffer).unwrap_err().kind(),
        io::ErrorKind::TimedOut
    );
    assert!(start.elapsed() >= MOMENT && start.elapsed() < LONG);
    // Without time there is one try.
    assert!(there.read_within(&mut buffer, Duration::ZERO).is_err());
    here.write_all(b"in time").unwrap();
    until_waiting(&there, 7);
    assert_eq!(there.read_within(&mut buffer, Duration::ZERO).unwrap(), 7);
    // No room, no wait.
    assert_eq!(there.read(&mut []).unwrap(), 0);
}

/// Writes until nobody takes any more, and returns how much that was.
fn fill(port: &Port) -> usize {
    let error = port.write_within(&vec![b'x'; 1 << 20], MOMENT).unwrap_err();
    let Error::TimedOut { written, .. } = error else {
        panic!("{error}");
    };
    written
}

#[test]
fn a_write_says_how_much_it_wrote_in_time() {
    let (mut here, mut there) = ports(&Config::new().timeout(MOMENT));
    let written = fill(&there);
    assert!(written > 4096, "{written}");
    assert_eq!(
        there.write(b"!").unwrap_err().kind(),
        io::ErrorKind::TimedOut
    );
    let mut received = vec![0; written];
    here.read_exact(&mut received).unwrap();
    assert!(received.iter().all(|byte| *byte == b'x'));
    there.write_all(b"!").unwrap();
    here.read_exact(&mut received[..1]).unwrap();
    assert_eq!(received[0], b'!');
}

/// A board that can be interrupted.
fn interruptible() -> (Interrupt, Linux) {
    let interrupt = Interrupt::new().unwrap();
    let clock = Monotonic::interrupted_by(interrupt.clone());
    (interrupt, Linux::with_clock(clock))
}

#[test]
fn an_interrupt_ends_what_waits() {
    let (interrupt, linux) = interruptible();
    let (_here, there) = ports_on(&linux, &Config::new());
    fill(&there);
    thread::scope(|scope| {
        let (begin, begun) = mpsc::channel();
        let begins = begin.clone();
        let mut there = &there;
        let reads = scope.spawn(move || {
            begin.send(()).unwrap();
            there.read(&mut [0; 10]).unwrap_err()
        });
        let writes = scope.spawn(move || {
            begins.send(()).unwrap();
            there.write_within(b"more", LONG).unwrap_err()
        });
        begun.recv().unwrap();
        begun.recv().unwrap();
        thread::sleep(MOMENT);
        interrupt.raise();
        let error = writes.join().unwrap();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        // Not as `Interrupted`: std's loops would try again, for ever.
        let error = reads.join().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::Other);
        assert!(error.to_string().contains("interrupted"), "{error}");
    });
    // It is interrupted still, with something to read or without.
    assert_eq!(
        (&there).read_exact(&mut [0; 10]).unwrap_err().kind(),
        io::ErrorKind::Other
    );
    assert_eq!(
        there.drain(Some(LONG)).unwrap_err().kind(),
        ErrorKind::Interrupted
    );
    interrupt.clear();
    there.drain(Some(LONG)).unwrap();
}

#[test]
fn what_came_is_not_lost_by_an_interrupt() {
    let (interrupt, linux) = interruptible();
    let (mut here, mut there) = ports_on(&linux, &Config::new());
    interrupt.raise();
    // That of this end has no interrupt to wait for: `fill` is not blocked.
    let error = here.write_all(b"hello").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Other);
    interrupt.clear();
    here.write_all(b"hello").unwrap();
    until_waiting(&there, 5);
    interrupt.raise();
    let mut greeting = [0; 5];
    assert!(there.read_exact(&mut greeting).is_err());
    interrupt.clear();
    there.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"hello");
}

#[test]
fn a_signal_ends_no_wait() {
    let (here, mut there) = ports(&Config::new());
    let written = fill(&there);
    thread::scope(|scope| {
        let (send, signal) = mpsc::channel();
        let waits = scope.spawn(move || {
            send.send(signal_this_thread()).unwrap();
            there.write_all(&[b'y'; 100_000]).unwrap();
            let mut word = [0; 4];
            there.read_exact(&mut word).unwrap();
            word
        });
        let signal = signal.recv().unwrap();
        let disturb = || {
            for _ in 0..20 {
                signal();
                thread::sleep(Duration::from_millis(1));
            }
        };
        disturb();
        (&here).read_exact(&mut vec![0; written + 100_000]).unwrap();
        disturb();
        (&here).write_all(b"done").unwrap();
        assert_eq!(&waits.join().unwrap(), b"done");
    });
}

#[test]
fn a_flush_is_at_once() {
    let (mut here, mut there) = ports(&Config::new());
    there.write_all(b"hello").unwrap();
    there.flush().unwrap();
    here.flush().unwrap();
}

/// To count what came, marks are taken out of the kernel, which then has nothing to tell of.
#[test]
fn who_counts_what_came_leaves_it_to_who_waits_for_it() {
    use circuits_uart::Queue;
    let (mut here, there) = ports(&Config::new().report_errors(true));
    thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let there = &there;
        let reads = scope.spawn(move || {
            for _ in 0..300 {
                let read = there.read_within(&mut [0; 8], Duration::from_secs(2));
                let is_over = read.is_err();
                tell.send(read).unwrap();
                if is_over {
                    break;
                }
            }
        });
        scope.spawn(move || {
            while !reads.is_finished() {
                there.waiting(Queue::Input).unwrap();
            }
        });
        for _ in 0..300 {
            here.write_all(b"x").unwrap();
            assert_eq!(told.recv().unwrap().unwrap(), 1);
        }
    });
}

#[test]
fn who_counts_what_came_wakes_a_future_that_waits_for_it() {
    use circuits_uart::Queue;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    #[derive(Default)]
    struct Wakes(AtomicUsize);
    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    let (mut here, there) = ports(&Config::new().report_errors(true));
    let (mut reader, writer) = there.split();
    let (wakes, mut byte) = (Arc::new(Wakes::default()), [0]);
    let waker = wakes.clone().into();
    let mut reads = Box::pin(embedded_io_async_07::Read::read(&mut reader, &mut byte));
    let mut poll = || reads.as_mut().poll(&mut Context::from_waker(&waker));
    for _ in 0..2 {
        assert!(poll().is_pending());
    }
    here.write_all(b"x").unwrap();
    crate::until_waiting(writer.port(), 1);
    assert_eq!(writer.port().waiting(Queue::Input).unwrap(), 1);
    crate::until(|| wakes.0.load(Ordering::SeqCst) > 0);
    assert!(poll().is_ready());
}
