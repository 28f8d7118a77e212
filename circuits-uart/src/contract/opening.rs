use std::io::Write;
use std::sync::Arc;

use super::{Bench, alone, config, open, open_with, read};
use crate::{Error, ErrorKind, Port, list_on};

pub(super) fn a_port_is_exclusive(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        for exclusive in [true, false] {
            let other = config().baud(1200).exclusive(exclusive);
            let error = Port::open_on(bench.backend(), bench.port(), &other).unwrap_err();
            let Error::InUse { holder, .. } = &error else {
                panic!("{error:?}");
            };
            let holder = holder.as_deref().unwrap_or_default();
            let me = std::process::id().to_string();
            assert!(holder.contains(&me), "{holder:?} is not {me}");
        }
        // Nobody was disturbed.
        port.write_all(b"mine").unwrap();
        assert_eq!(bench.receive(4), b"mine");
        assert_eq!(port.config().baud_rate(), config().baud_rate());
    });
}

pub(super) fn shared_ports_are_shared(bench: Arc<dyn Bench>) {
    let shared = config().exclusive(false);
    let mut one = open_with(&*bench, &shared);
    let runner = bench.clone();
    alone(&runner, move || {
        let mut other = open_with(&*bench, &shared);
        let error = Port::open_on(bench.backend(), bench.port(), &config()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InUse);
        one.write_all(b"one").unwrap();
        assert_eq!(bench.receive(3), b"one");
        other.write_all(b"other").unwrap();
        assert_eq!(bench.receive(5), b"other");
        drop(one);
        bench.send(b"left");
        assert_eq!(read(&other, 4), b"left");
    });
}

pub(super) fn a_port_is_opened_again(bench: Arc<dyn Bench>) {
    let runner = bench.clone();
    alone(&runner, move || {
        for round in 0..3 {
            let mut port = open(&*bench);
            port.write_all(&[round]).unwrap();
            assert_eq!(bench.receive(1), [round]);
            bench.send(&[round, 1]);
            assert_eq!(read(&port, 2), [round, 1]);
            port.drain(None).unwrap();
        }
    });
}

pub(super) fn a_port_is_opened_by_its_path(bench: Arc<dyn Bench>) {
    let runner = bench.clone();
    alone(&runner, move || {
        let path = bench.path();
        let mut port = Port::open_on(bench.backend(), &path, &config()).unwrap();
        bench.set_other(&port.config());
        assert_eq!(port.name(), path);
        port.write_all(b"by path").unwrap();
        assert_eq!(bench.receive(7), b"by path");
    });
}

pub(super) fn what_is_not_there_is_not_found(bench: Arc<dyn Bench>) {
    for name in ["ttyNOBODY7", "/dev/ttyNOBODY7", ""] {
        let error = Port::open_on(bench.backend(), name, &config()).unwrap_err();
        let expected = match name {
            // The folder, on a kernel.
            "" => [ErrorKind::NotFound, ErrorKind::Io, ErrorKind::Unsupported].as_slice(),
            _ => &[ErrorKind::NotFound],
        };
        assert!(expected.contains(&error.kind()), "{name:?}: {error:?}");
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
    }
}

pub(super) fn ports_are_listed(bench: Arc<dyn Bench>) {
    let ports = list_on(bench.backend()).unwrap();
    assert!(ports.iter().any(|port| port == bench.port()), "{ports:?}");
}
