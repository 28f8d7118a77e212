use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use circuits_wait::Delay;
use futures_core::Stream;

use super::{
    Bench, LONG, frame, in_task, numbered, open, open_other, pause, read_frame, sleep, task_and,
    write,
};
use crate::{Error, ErrorKind, Received, Result};

pub(super) fn async_does_the_same(bench: Arc<dyn Bench>) {
    let runner = bench.clone();
    in_task(&runner, async move {
        let (mut here, mut there) = (open(&*bench), open_other(&*bench));
        let sent: Vec<_> = (0..64).map(numbered).collect();
        there.send_many(&sent).await.unwrap();
        assert_eq!(here.next_frame().await.unwrap(), sent[0]);
        assert_eq!(here.next_received().await.unwrap().frame(), Some(&sent[1]));
        let mut came = vec![Received::empty(); 62];
        let mut count = 0;
        while count < 62 {
            count += here.next_many(&mut came[count..]).await.unwrap();
        }
        let came: Vec<_> = came.iter().filter_map(Received::frame).copied().collect();
        assert_eq!(came, sent[2..]);
        here.send(&sent[0]).await.unwrap();
        assert_eq!(there.next_frame().await.unwrap(), sent[0]);
        // Blocking calls on the same sockets.
        write(&here, &sent[1]);
        assert_eq!(read_frame(&there), sent[1]);
        assert_eq!(here.next_many(&mut []).await.unwrap(), 0);
    });
}

pub(super) fn a_future_waits_for_a_frame(bench: Arc<dyn Bench>) {
    let (mut here, there) = (open(&*bench), open_other(&*bench));
    let other = bench.clone();
    task_and(
        &bench,
        async move {
            for round in 0..5 {
                assert_eq!(here.next_frame().await.unwrap(), numbered(round));
            }
        },
        move || {
            for round in 0..5 {
                pause(&*other);
                write(&there, &numbered(round));
            }
        },
    );
}

pub(super) fn a_stream_is_what_comes(bench: Arc<dyn Bench>) {
    let (mut here, there) = (open(&*bench), open_other(&*bench));
    let other = bench.clone();
    task_and(
        &bench,
        async move {
            let mut incoming = here.incoming();
            let mut next = async || poll_fn(|cx| Pin::new(&mut incoming).poll_next(cx)).await;
            for round in 0..20 {
                let received: Result<Received> = next().await.unwrap();
                assert_eq!(received.unwrap().frame(), Some(&numbered(round)));
            }
            // It ends with the interface, and says why.
            let error = loop {
                match next().await.unwrap() {
                    Err(error) if error.kind() == ErrorKind::Down => {}
                    other => break other.unwrap_err(),
                }
            };
            assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
            assert!(next().await.is_none());
        },
        move || {
            let many: Vec<_> = (0..20).map(numbered).collect();
            there.write_many(&many, LONG).unwrap();
            pause(&*other);
            pause(&*other);
            other.remove();
        },
    );
}

pub(super) fn a_dropped_read_has_taken_nothing(bench: Arc<dyn Bench>) {
    let runner = bench.clone();
    in_task(&runner, async move {
        let (mut here, there) = (open(&*bench), open_other(&*bench));
        let mut delay = Delay::new(bench.backend().clock());
        for round in 0..10 {
            let read = here.next_frame();
            let lost = delay.timeout(Duration::from_millis(5), read).await;
            assert_eq!(lost.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
            let mut read = Box::pin(here.next_frame());
            let poll = read.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(poll.is_pending());
            write(&there, &numbered(round));
            sleep(&*bench, Duration::from_millis(20));
            drop(read);
            assert_eq!(here.next_frame().await.unwrap(), numbered(round));
        }
    });
}

pub(super) fn a_dropped_future_forgets_its_waker(bench: Arc<dyn Bench>) {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }

    let runner = bench.clone();
    in_task(&runner, async move {
        let (mut here, mut there) = (open(&*bench), open_other(&*bench));
        let nobody = Arc::new(Nobody);
        let waker = Waker::from(nobody.clone());
        let mut cx = Context::from_waker(&waker);
        let held = Arc::strong_count(&nobody);
        let mut read = Box::pin(here.next_received());
        assert!(read.as_mut().poll(&mut cx).is_pending());
        assert!(Arc::strong_count(&nobody) > held);
        drop(read);
        assert_eq!(Arc::strong_count(&nobody), held);
        let mut incoming = here.incoming();
        assert!(Pin::new(&mut incoming).poll_next(&mut cx).is_pending());
        assert!(Arc::strong_count(&nobody) > held);
        drop(incoming);
        assert_eq!(Arc::strong_count(&nobody), held);
        // Where there is a bus that takes its time this waits.
        let many: Vec<_> = (0..200).map(numbered).collect();
        let mut send = Box::pin(there.send_many(&many));
        let _ = send.as_mut().poll(&mut cx);
        drop(send);
        assert_eq!(Arc::strong_count(&nobody), held);
    });
}

pub(super) fn two_tasks_read_and_write_at_once(bench: Arc<dyn Bench>) {
    const COUNT: usize = 200;
    let (here, there) = (open(&*bench), open_other(&*bench));
    let (mut reader, mut writer) = here.split();
    task_and(
        &bench,
        async move {
            let write = async {
                for number in 0..COUNT {
                    writer.send(&numbered(number)).await.unwrap();
                }
            };
            let read = async {
                for number in 0..COUNT {
                    assert_eq!(reader.next_frame().await.unwrap(), numbered(number));
                }
            };
            join(write, read).await;
        },
        // Says what it hears.
        move || {
            for number in 0..COUNT {
                assert_eq!(read_frame(&there), numbered(number));
                write(&there, &numbered(number));
            }
        },
    );
}

pub(super) fn a_future_waits_for_room(bench: Arc<dyn Bench>) {
    let (here, mut there) = (open(&*bench), open_other(&*bench));
    let sent = super::waits::more_than_a_queue(&*bench);
    let expected = sent.clone();
    task_and(
        &bench,
        async move { there.send_many(&sent).await.unwrap() },
        move || {
            for frame in expected {
                assert_eq!(read_frame(&here), frame);
            }
        },
    );
}

pub(super) fn a_future_ends_with_the_interface(bench: Arc<dyn Bench>) {
    let mut here = open(&*bench);
    let other = bench.clone();
    task_and(
        &bench,
        async move {
            let error: Error = loop {
                match here.next_frame().await {
                    Err(error) if error.kind() == ErrorKind::Down => {}
                    other => break other.unwrap_err(),
                }
            };
            assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
            let error = here.send(&frame(1, &[])).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
        },
        move || {
            pause(&*other);
            other.remove();
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
