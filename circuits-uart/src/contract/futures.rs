use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use circuits_wait::Delay;
use embedded_io_async_07::{Read, Write};

use super::{Bench, config, in_task, open, open_with, pause, read, sleep, stream, task_and};
use crate::{Error, ErrorKind, Port, Queue};

pub(super) fn async_does_the_same(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    in_task(&runner, async move {
        let all: Vec<u8> = (0..=255).collect();
        bench.send(&all);
        let mut bytes = [0; 256];
        port.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes[..], all);
        port.write_all(&all).await.unwrap();
        Write::flush(&mut port).await.unwrap();
        assert_eq!(port.waiting(Queue::Output).unwrap(), 0);
        assert_eq!(bench.receive(256), all);
        assert_eq!(Read::read(&mut port, &mut []).await.unwrap(), 0);
        assert_eq!(Write::write(&mut port, &[]).await.unwrap(), 0);
        // Blocking calls on the same port.
        bench.send(b"both");
        assert_eq!(read(&port, 4), b"both");
    });
}

pub(super) fn a_future_waits_for_bytes(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let other = bench.clone();
    task_and(
        &bench,
        async move {
            for round in 0..5 {
                let mut byte = [0];
                port.read_exact(&mut byte).await.unwrap();
                assert_eq!(byte, [round]);
            }
        },
        move || {
            for round in 0..5 {
                pause(&*other);
                other.send(&[round]);
            }
        },
    );
}

pub(super) fn a_dropped_read_has_read_nothing(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    in_task(&runner, async move {
        let mut delay = Delay::new(bench.backend().clock());
        for round in 0..10 {
            let mut bytes = [0; 4];
            let read = Read::read(&mut port, &mut bytes);
            let lost = delay.timeout(Duration::from_millis(5), read).await;
            assert_eq!(lost.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            let mut read = Box::pin(Read::read(&mut port, &mut bytes));
            assert!(
                read.as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            bench.send(&[round; 4]);
            sleep(&*bench, Duration::from_millis(20));
            drop(read);
            port.read_exact(&mut bytes).await.unwrap();
            assert_eq!(bytes, [round; 4]);
        }
    });
}

pub(super) fn a_dropped_future_forgets_its_waker(bench: Arc<dyn Bench>) {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    let mut port = open_with(&*bench, &config().baud(9600));
    let runner = bench.clone();
    in_task(&runner, async move {
        let nobody = Arc::new(Nobody);
        let waker = Waker::from(nobody.clone());
        let held = Arc::strong_count(&nobody);
        let mut byte = [0];
        let mut read = Box::pin(Read::read(&mut port, &mut byte));
        assert!(
            read.as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert!(Arc::strong_count(&nobody) > held);
        drop(read);
        assert_eq!(Arc::strong_count(&nobody), held);
        // Where there is a wire these wait.
        port.write_all(&[0x55; 96]).await.unwrap();
        let mut flush = Box::pin(Write::flush(&mut port));
        let _ = flush.as_mut().poll(&mut Context::from_waker(&waker));
        drop(flush);
        assert_eq!(Arc::strong_count(&nobody), held);
        assert_eq!(bench.receive(96), [0x55; 96]);
    });
}

pub(super) fn two_tasks_read_and_write_at_once(bench: Arc<dyn Bench>) {
    let (mut reader, mut writer) = open(&*bench).split();
    let (runner, other) = (bench.clone(), bench.clone());
    let bytes = stream(bench.many() / 4);
    let sent = bytes.clone();
    task_and(
        &runner,
        async move {
            let mut back = vec![0; sent.len()];
            let write = async {
                writer.write_all(&sent).await.unwrap();
                writer.flush().await.unwrap();
            };
            join(write, async { reader.read_exact(&mut back).await.unwrap() }).await;
            assert!(back == sent, "what came back is not what was sent");
        },
        // Says what it hears.
        move || {
            for part in bytes.chunks(500) {
                let came = other.receive(part.len());
                assert!(came == part, "what came is not what was sent");
                other.send(&came);
            }
        },
    );
}

const TICK: Duration = Duration::from_millis(5);

pub(super) fn a_flush_does_not_block_the_executor(bench: Arc<dyn Bench>) {
    // Some 100 ms on a wire that takes its time.
    let mut port = open_with(&*bench, &config().baud(9600));
    let runner = bench.clone();
    in_task(&runner, async move {
        let ticks = AtomicU32::new(0);
        let over = AtomicBool::new(false);
        let clock = bench.backend().clock();
        let start = clock.now();
        let mut delay = Delay::new(clock.clone());
        let flush = async {
            port.write_all(&[0x55; 96]).await.unwrap();
            Write::flush(&mut port).await.unwrap();
            over.store(true, Ordering::SeqCst);
        };
        let tick = async {
            while !over.load(Ordering::SeqCst) {
                delay.until(clock.now() + TICK).await.unwrap();
                ticks.fetch_add(1, Ordering::SeqCst);
            }
        };
        join(flush, tick).await;
        // A target whose wire takes no time is not waited for.
        let (took, ticks) = (clock.now() - start, ticks.load(Ordering::SeqCst));
        assert!(8 * TICK * (ticks + 1) >= took, "{ticks} ticks in {took:?}");
        assert_eq!(bench.receive(96), [0x55; 96]);
    });
}

pub(super) fn what_came_before_the_end_is_read_by_futures(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    in_task(&runner, async move {
        bench.send(&[7; 3000]);
        while port.waiting(Queue::Input).unwrap() < 3000 {
            pause(&*bench);
        }
        let kind = bench.end();
        let (mut bytes, mut part) = (Vec::new(), [0; 256]);
        let error = loop {
            match Read::read(&mut port, &mut part).await {
                Ok(count) => bytes.extend_from_slice(&part[..count]),
                Err(error) => break error,
            }
        };
        assert_eq!(bytes, [7; 3000]);
        assert_eq!(error.kind(), kind);
        let error = Read::read(&mut port, &mut part).await.unwrap_err();
        assert_eq!(error.kind(), kind);
    });
}

pub(super) fn a_future_ends_with_the_port(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let other = bench.clone();
    task_and(
        &bench,
        async move {
            let error: Error = Read::read(&mut port, &mut [0; 8]).await.unwrap_err();
            let ended = [ErrorKind::HungUp, ErrorKind::Removed];
            assert!(ended.contains(&error.kind()), "{error:?}");
        },
        move || {
            pause(&*other);
            other.end();
        },
    );
}

pub(super) fn changes_of_modem_lines_are_awaited(bench: Arc<dyn Bench>) {
    bench.set_lines(false, false);
    let mut port: Port = open(&*bench);
    let other = bench.clone();
    task_and(
        &bench,
        async move {
            let change = port.next_modem_change().await.unwrap();
            assert_eq!(change.changes.dsr, 1);
            assert!(change.lines.dsr);
        },
        move || {
            pause(&*other);
            other.set_lines(false, true);
        },
    );
}

/// Both, in one task.
async fn join(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut one_is_done, mut other_is_done) = (false, false);
    poll_fn(|cx| {
        one_is_done = one_is_done || one.as_mut().poll(cx).is_ready();
        other_is_done = other_is_done || other.as_mut().poll(cx).is_ready();
        match one_is_done && other_is_done {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
