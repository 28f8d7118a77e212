use std::sync::Arc;
use std::time::Duration;

use super::{
    Bench, LONG, SHORT, alone, both, frame, has_bus, numbered, open, open_other, pause, read_frame,
    sleep, write,
};
use crate::{Error, ErrorKind, Frame, Interface};

pub(super) fn a_read_waits_for_a_frame(bench: Arc<dyn Bench>) {
    let (here, there) = (open(&*bench), open_other(&*bench));
    let clock = bench.backend().clock();
    let sender = bench.clone();
    both(
        &bench,
        move || {
            let start = clock.now();
            assert_eq!(read_frame(&here), frame(1, b"late"));
            let waited = clock.now() - start;
            assert!(waited >= SHORT, "{waited:?}");
        },
        move || {
            pause(&*sender);
            sleep(&*sender, SHORT);
            write(&there, &frame(1, b"late"));
        },
    );
}

pub(super) fn a_read_times_out_and_loses_nothing(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let clock = bench.backend().clock();
        for timeout in [Duration::ZERO, Duration::from_micros(100), SHORT] {
            let start = clock.now();
            let error = here.read(timeout).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            let waited = clock.now() - start;
            assert!(waited >= timeout, "{waited:?} of {timeout:?}");
        }
        write(&there, &frame(1, b"there"));
        pause(bench);
        // What is there already is read, whatever the time.
        assert_eq!(here.read_frame(Duration::ZERO).unwrap(), frame(1, b"there"));
    });
}

/// More than a queue takes. Where there is no bus that takes its time, no more than a socket's buffer does.
pub(super) fn more_than_a_queue(bench: &dyn Bench) -> Vec<Frame> {
    let count = if has_bus(bench) { 500 } else { 200 };
    (0..count).map(numbered).collect()
}

pub(super) fn a_write_waits_for_room(bench: Arc<dyn Bench>) {
    let (here, there) = (open(&*bench), open_other(&*bench));
    let many = more_than_a_queue(&*bench);
    let expected = many.clone();
    both(
        &bench,
        // One by one, as fast as they can be written, which is faster than the bus is.
        move || {
            for frame in many {
                write(&there, &frame);
            }
        },
        move || {
            for frame in expected {
                assert_eq!(read_frame(&here), frame);
            }
        },
    );
}

pub(super) fn a_write_times_out_and_counts(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (here, there) = (open(bench), open_other(bench));
        let many: Vec<_> = (0..5000).map(numbered).collect();
        let written = match there.write_many(&many, Duration::from_millis(5)) {
            Err(Error::TimedOut { written, .. }) => written,
            other => panic!("{} frames were written at once: {other:?}", many.len()),
        };
        assert!(0 < written && written < many.len(), "{written}");
        // So many are on their way, and no more.
        for frame in &many[..written] {
            assert_eq!(read_frame(&here), *frame);
        }
        super::assert_silent(&here);
    });
}

pub(super) fn a_wait_is_interrupted_and_loses_nothing(bench: Arc<dyn Bench>) {
    let (here, there) = (open(&*bench), open_other(&*bench));
    let interrupt = bench.interrupt();
    let raise = {
        let (bench, interrupt) = (bench.clone(), interrupt.clone());
        move || {
            pause(&*bench);
            interrupt.raise();
        }
    };
    let runner = bench.clone();
    both(
        &runner,
        move || {
            let error = here.read(LONG).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            let error = here.write(&frame(1, &[]), LONG).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            interrupt.clear();
            write(&there, &frame(2, b"kept"));
            pause(&*bench);
            interrupt.raise();
            let error = here.read(LONG).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            interrupt.clear();
            assert_eq!(read_frame(&here), frame(2, b"kept"));
        },
        raise,
    );
}

pub(super) fn a_signal_does_not_end_a_wait(bench: Arc<dyn Bench>) {
    let (here, there) = (open(&*bench), open_other(&*bench));
    let (tell, told) = std::sync::mpsc::channel();
    let (waiter, sender) = (bench.clone(), bench.clone());
    both(
        &bench,
        move || {
            tell.send(waiter.signals()).unwrap();
            assert_eq!(read_frame(&here), frame(1, b"late"));
        },
        move || {
            // It is there by the time that the other one waits.
            pause(&*sender);
            let signal = told.try_recv().unwrap();
            for _ in 0..5 {
                signal();
                sleep(&*sender, Duration::from_millis(2));
            }
            write(&there, &frame(1, b"late"));
        },
    );
}

pub(super) fn a_wait_for_room_ends_with_the_interface(bench: Arc<dyn Bench>) {
    let here = open(&*bench);
    let (waiter, other) = (bench.clone(), bench.clone());
    both(
        &bench,
        move || {
            if has_bus(&*waiter) {
                // Nobody acknowledges, so there is no room at some time.
                Interface::open_on(waiter.backend(), waiter.other())
                    .unwrap()
                    .down()
                    .unwrap();
            }
            let error = loop {
                match here.write(&frame(1, &[]), LONG) {
                    Ok(()) => sleep(&*waiter, Duration::from_micros(100)),
                    Err(error) if error.kind() == ErrorKind::Down => sleep(&*waiter, SHORT / 10),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
        },
        move || {
            pause(&*other);
            pause(&*other);
            other.remove();
        },
    );
}
