//! What the public types do not let through: handles by themselves.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::{Bench, drive, sleep};
use crate::{Config, Drive, Edge, EdgeDetection, Event, Handle, LineSpec, Request};

// include/uapi/asm-generic/errno-base.h
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;
/// `ENOENT`, `ENXIO`, `ENODEV`.
const ABSENT: [Option<i32>; 3] = [Some(2), Some(6), Some(19)];

pub(super) fn a_handle_refuses_what_makes_no_sense(bench: Arc<dyn Bench>) {
    let input = open(&*bench, bench.inputs()[0].clone(), &Config::new());
    assert_eq!(
        input.set(1, 1).unwrap_err().kind(),
        io::ErrorKind::PermissionDenied
    );
    assert_eq!(input.get(1).unwrap(), 0);
    assert_eq!(read(&*input), []);
    input.configure(&[]).unwrap_err();
    let nonsense = Config::output().edge_detection(EdgeDetection::Both);
    for nonsense in [nonsense, Config::input().drive(Drive::OpenDrain)] {
        assert_eq!(
            input.configure(&[nonsense]).unwrap_err().raw_os_error(),
            Some(EINVAL)
        );
        let info = &input.line_infos().unwrap()[0];
        assert_eq!(info.config(), &Config::new());
    }
    for error in [input.get(0).map(drop), input.set(0, 0)] {
        assert_eq!(error.unwrap_err().raw_os_error(), Some(EINVAL));
    }
    let output = open(&*bench, bench.output(), &Config::output());
    output
        .configure(&[Config::new(), Config::new()])
        .unwrap_err();
    output.set(1, 1).unwrap();
    assert!(bench.level());
}

pub(super) fn a_backend_refuses_what_makes_no_sense(bench: Arc<dyn Bench>) {
    let (chip, offset) = bench.inputs()[0].find_on(bench.backend()).unwrap();
    let lines = bench.backend().chip_info(&chip).unwrap().lines();
    let refused = |chip: &str, offsets: &[u32]| {
        let lines = offsets.iter().map(|offset| (*offset, Config::new()));
        let request = Request::new(chip, lines.collect());
        bench.backend().open(&request).unwrap_err().raw_os_error()
    };
    assert_eq!(refused(&chip, &[]), Some(EINVAL));
    assert_eq!(refused(&chip, &[0; 65]), Some(EINVAL));
    assert_eq!(refused(&chip, &[offset, lines]), Some(EINVAL));
    assert_eq!(refused(&chip, &[offset, offset]), Some(EBUSY));
    assert!(ABSENT.contains(&refused("gpiochip987", &[0])));
    let error = bench.backend().line_info(&chip, lines).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(EINVAL));
    let error = bench.backend().line_infos("gpiochip987").unwrap_err();
    assert!(ABSENT.contains(&error.raw_os_error()));
    open(&*bench, bench.inputs()[0].clone(), &Config::new());
}

pub(super) fn detection_keeps_the_queue_and_the_count(bench: Arc<dyn Bench>) {
    let input = open(&*bench, bench.inputs()[0].clone(), &Config::new());
    let detect = |edges| {
        let config = Config::new().edge_detection(edges);
        input.configure(&[config]).unwrap();
    };
    detect(EdgeDetection::Both);
    drive(&*bench, 0, true);
    detect(EdgeDetection::Off);
    drive(&*bench, 0, false);
    detect(EdgeDetection::Rising);
    drive(&*bench, 0, true);
    assert_eq!(read(&*input), [(Edge::Rising, 1), (Edge::Rising, 2)]);
}

pub(super) fn a_line_that_is_opened_anew_has_no_past(bench: Arc<dyn Bench>) {
    let config = Config::new().edge_detection(EdgeDetection::Both);
    for level in [true, false] {
        let input = open(&*bench, bench.inputs()[0].clone(), &config);
        assert_eq!(read(&*input), []);
        drive(&*bench, 0, level);
        let edge = if level { Edge::Rising } else { Edge::Falling };
        assert_eq!(read(&*input), [(edge, 1)]);
        for again in [!level, level] {
            drive(&*bench, 0, again);
        }
    }
}

pub(super) fn the_last_waker_counts_until_it_is_cancelled(bench: Arc<dyn Bench>) {
    struct Counts(AtomicU32);
    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let config = Config::new().edge_detection(EdgeDetection::Both);
    let input = open(&*bench, bench.inputs()[0].clone(), &config);
    let inner = bench.clone();
    let future = async move {
        let counts = [(); 2].map(|()| Arc::new(Counts(AtomicU32::new(0))));
        let count = |number: usize| counts[number].0.load(Ordering::SeqCst);
        let poll = |number: usize| {
            let waker = Waker::from(counts[number].clone());
            let read = &mut || input.read(&mut [Event::empty()]).map(drop);
            let poll = input.ready().poll(&mut Context::from_waker(&waker), read);
            assert!(poll.is_pending());
        };
        // A task in virtual time lets others come in between.
        poll_fn(|_| {
            poll(0);
            poll(1);
            Poll::Ready(())
        })
        .await;
        drive(&*inner, 0, true);
        sleep(&*inner, Duration::from_millis(50));
        assert_eq!((count(0), count(1)), (0, 1));
        assert_eq!(read(&*input), [(Edge::Rising, 1)]);
        poll(1);
        input.ready().cancel();
        drive(&*inner, 0, false);
        sleep(&*inner, Duration::from_millis(50));
        assert_eq!((count(0), count(1)), (0, 1));
        assert_eq!(read(&*input), [(Edge::Falling, 2)]);
    };
    let runner = bench.clone();
    bench.run(vec![(
        "runner",
        Box::new(move || runner.block_on(Box::pin(future))),
    )]);
}

fn open(bench: &dyn Bench, line: LineSpec, config: &Config) -> Box<dyn Handle> {
    let (chip, offset) = line.find_on(bench.backend()).unwrap();
    let request = Request::new(chip, vec![(offset, config.clone())]);
    bench.backend().open(&request).unwrap()
}

/// What is queued.
fn read(handle: &dyn Handle) -> Vec<(Edge, u32)> {
    let mut all = Vec::new();
    let mut events = [Event::empty(); 2];
    loop {
        match handle.read(&mut events) {
            Ok(count) => all.extend(
                events[..count]
                    .iter()
                    .map(|event| (event.edge(), event.sequence())),
            ),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return all,
            Err(error) => panic!("{error}"),
        }
    }
}
