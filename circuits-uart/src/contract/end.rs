use std::io::{Read, Write};
use std::sync::Arc;

use super::{Bench, LONG, alone, both, open, pause};
use crate::{Error, Queue};

pub(super) fn what_came_before_the_end_is_read(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        bench.send(&[7; 3000]);
        pause(&*bench);
        // Until the wire is through with it.
        while port.waiting(Queue::Input).unwrap() < 3000 {
            pause(&*bench);
        }
        let kind = bench.end();
        let mut bytes = Vec::new();
        let error = port.read_to_end(&mut bytes).unwrap_err();
        assert_eq!(bytes, [7; 3000]);
        let inner = Error::of(&error);
        assert_eq!(inner.map(Error::kind), Some(kind));
        let error = port.read_within(&mut [0; 8], LONG).unwrap_err();
        assert_eq!(error.kind(), kind);
    });
}

pub(super) fn a_wait_ends_with_the_port(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    let kind = Arc::new(std::sync::OnceLock::new());
    let told = kind.clone();
    let other = bench.clone();
    both(
        &runner,
        move || {
            let error = port.read_within(&mut [0; 8], LONG).unwrap_err();
            for _ in 0..100 {
                match told.get() {
                    Some(kind) => return assert_eq!(error.kind(), *kind, "{error:?}"),
                    None => pause(&*bench),
                }
            }
            panic!("nobody ended it: {error:?}");
        },
        move || {
            pause(&*other);
            let _ = kind.set(other.end());
        },
    );
}

pub(super) fn all_calls_tell_of_the_end(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        let kind = bench.end();
        let error = port.read_within(&mut [0; 8], LONG).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        let error = port.write_within(b"x", LONG).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        let error = port.write_all(b"x").unwrap_err();
        let inner = Error::of(&error);
        assert_eq!(inner.map(Error::kind), Some(kind));
        for _ in 0..2 {
            let error = port.read_within(&mut [0; 8], LONG).unwrap_err();
            assert_eq!(error.kind(), kind, "{error:?}");
        }
    });
}
