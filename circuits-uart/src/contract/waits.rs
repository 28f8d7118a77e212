use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use super::{Bench, LONG, alone, both, config, open, open_with, pause, read, sleep};
use crate::{Error, ErrorKind};

const SHORT: Duration = Duration::from_millis(30);

pub(super) fn a_read_waits_for_bytes(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let (runner, clock) = (bench.clone(), bench.backend().clock());
    both(
        &runner,
        move || {
            let start = clock.now();
            assert_eq!(read(&port, 5), b"hello");
            let waited = clock.now() - start;
            assert!(waited >= SHORT, "{waited:?}");
        },
        move || {
            pause(&*bench);
            sleep(&*bench, SHORT);
            bench.send(b"hello");
        },
    );
}

pub(super) fn a_read_times_out_and_loses_nothing(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let (runner, clock) = (bench.clone(), bench.backend().clock());
    alone(&runner, move || {
        let mut bytes = [0; 8];
        for timeout in [Duration::ZERO, Duration::from_micros(100), SHORT] {
            let start = clock.now();
            let error = port.read_within(&mut bytes, timeout).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            let waited = clock.now() - start;
            assert!(waited >= timeout, "{waited:?} of {timeout:?}");
        }
        bench.send(b"there");
        pause(&*bench);
        // What is there already is read, whatever the time.
        assert_eq!(port.read_within(&mut bytes, Duration::ZERO).unwrap(), 5);
        assert_eq!(&bytes[..5], b"there");
    });
}

pub(super) fn a_port_has_a_timeout(bench: Arc<dyn Bench>) {
    let mut port = open_with(&*bench, &config().timeout(SHORT));
    let runner = bench.clone();
    alone(&runner, move || {
        assert_eq!(port.timeout(), Some(SHORT));
        let error = port.read_exact(&mut [0; 2]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        port.set_timeout(Some(LONG));
        bench.send(b"ok");
        let mut bytes = [0; 2];
        port.read_exact(&mut bytes).unwrap();
        port.configure(&config().timeout(None)).unwrap();
        assert_eq!(port.timeout(), None);
    });
}

pub(super) fn a_write_times_out_and_counts(bench: Arc<dyn Bench>) {
    // Nobody reads at the other end; on a slow wire it takes its time.
    let port = open_with(&*bench, &config().baud(9600));
    let runner = bench.clone();
    alone(&runner, move || {
        let much = vec![0x55; 1 << 20];
        let written = match port.write_within(&much, SHORT) {
            Err(Error::TimedOut { written, .. }) => written,
            other => panic!("a mebibyte was written in {SHORT:?}: {other:?}"),
        };
        assert!(written > 0 && written < much.len(), "{written}");
        // So many are on their way, and no more.
        assert_eq!(bench.receive(written), much[..written]);
        (&port).write_all(b"!").unwrap();
        assert_eq!(bench.receive(1), b"!");
    });
}

pub(super) fn a_wait_is_interrupted_and_loses_nothing(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let (runner, interrupt) = (bench.clone(), bench.interrupt());
    let raise = {
        let (bench, interrupt) = (bench.clone(), interrupt.clone());
        move || {
            pause(&*bench);
            interrupt.raise();
        }
    };
    both(
        &runner,
        move || {
            let error = port.read_within(&mut [0; 8], LONG).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            let error = port.write_within(b"x", LONG).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            let error = port.drain(None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            interrupt.clear();
            bench.send(b"kept");
            pause(&*bench);
            interrupt.raise();
            let error = port.read_within(&mut [0; 8], LONG).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            interrupt.clear();
            assert_eq!(read(&port, 4), b"kept");
        },
        raise,
    );
}

/// `read_exact` and `write_all` try again what is `Interrupted`.
pub(super) fn loops_of_std_end_when_interrupted(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let (runner, interrupt) = (bench.clone(), bench.interrupt());
    alone(&runner, move || {
        interrupt.raise();
        let error = port.read_exact(&mut [0; 8]).unwrap_err();
        let inner = Error::of(&error);
        assert_eq!(inner.map(Error::kind), Some(ErrorKind::Interrupted));
        assert!(port.write_all(b"x").is_err());
        assert!(port.flush().is_err());
        interrupt.clear();
    });
}

pub(super) fn a_signal_does_not_end_a_wait(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let sender = bench.clone();
    both(
        &runner,
        move || {
            tell.send(bench.signals()).unwrap();
            assert_eq!(read(&port, 4), b"late");
        },
        move || {
            // It is there by the time that the other one waits.
            pause(&*sender);
            let signal = told.try_recv().unwrap();
            for _ in 0..5 {
                signal();
                sleep(&*sender, Duration::from_millis(2));
            }
            sender.send(b"late");
        },
    );
}
