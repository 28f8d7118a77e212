use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::{
    Bench, LONG, alone, assert_silent, both, config, open, open_with, pause, read, stream,
};
use crate::{Error, FlowControl, Parity, Port};

/// What reading gave: bytes, and what was wrong between them.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Bytes(Vec<u8>),
    Damaged(u8),
    Break,
}

/// Reads until there is nothing more.
fn all(port: &Port) -> Vec<Came> {
    let mut came = Vec::new();
    loop {
        let mut bytes = [0; 16];
        let next = match port.read_within(&mut bytes, Duration::from_millis(100)) {
            Ok(count) => Came::Bytes(bytes[..count].to_vec()),
            Err(Error::Damaged { byte, .. }) => Came::Damaged(byte),
            Err(Error::Break { .. }) => Came::Break,
            Err(Error::TimedOut { .. }) => return came,
            Err(error) => panic!("{error:?}"),
        };
        match (came.last_mut(), next) {
            (Some(Came::Bytes(before)), Came::Bytes(more)) => before.extend(more),
            (_, next) => came.push(next),
        }
    }
}

pub(super) fn breaks_are_reported_in_place(bench: Arc<dyn Bench>) {
    let port = open_with(&*bench, &config().report_errors(true));
    let runner = bench.clone();
    alone(&runner, move || {
        bench.send(b"before");
        bench.send_break();
        bench.send(b"after");
        let bytes = |bytes: &[u8]| Came::Bytes(bytes.into());
        let expected = [bytes(b"before"), Came::Break, bytes(b"after")];
        assert_eq!(all(&port), expected);
        assert_eq!(port.counters().unwrap().breaks, 1);
    });
}

pub(super) fn damaged_bytes_are_reported_in_place(bench: Arc<dyn Bench>) {
    let parity = config().parity(Parity::Even).report_errors(true);
    let port = open_with(&*bench, &parity);
    let runner = bench.clone();
    alone(&runner, move || {
        bench.send(b"before");
        bench.send_damaged(b'x');
        bench.send(b"after");
        let bytes = |bytes: &[u8]| Came::Bytes(bytes.into());
        let expected = [bytes(b"before"), Came::Damaged(b'x'), bytes(b"after")];
        assert_eq!(all(&port), expected);
        assert_eq!(port.counters().unwrap().parity_errors, 1);
    });
}

/// 0xff is how the kernel marks errors.
pub(super) fn every_byte_survives_the_report_of_errors(bench: Arc<dyn Bench>) {
    let port = open_with(&*bench, &config().report_errors(true));
    let runner = bench.clone();
    alone(&runner, move || {
        let mut bytes: Vec<u8> = (0..=255).collect();
        bytes.extend([0xff, 0xff, 0x00, 0xff, 0x00, 0x00, 0xff]);
        bench.send(&bytes);
        assert_eq!(read(&port, bytes.len()), bytes);
        assert_silent(&port);
    });
}

pub(super) fn a_break_is_sent_or_named(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        match port.send_break(Duration::from_millis(2)) {
            Ok(()) => {}
            Err(Error::Unsupported { what, .. }) => assert_eq!(what, "breaks"),
            Err(error) => panic!("{error:?}"),
        }
        // It has ended.
        bench.send(b"on");
        assert_eq!(read(&port, 2), b"on");
    });
}

pub(super) fn what_is_counted_counts_from_the_opening(bench: Arc<dyn Bench>) {
    let runner = bench.clone();
    alone(&runner, move || {
        for _ in 0..2 {
            let mut port = open(&*bench);
            let counters = port.counters().unwrap();
            assert_eq!((counters.received, counters.sent), (0, 0));
            bench.send(&[1; 7]);
            read(&port, 7);
            port.write_all(&[2; 5]).unwrap();
            port.drain(None).unwrap();
            bench.receive(5);
            let counters = port.counters().unwrap();
            assert_eq!((counters.received, counters.sent), (7, 5));
            assert_eq!(counters.lost(), 0);
        }
    });
}

pub(super) fn modem_lines_are_set_and_read(bench: Arc<dyn Bench>) {
    let port = open_with(&*bench, &config().dtr(true).rts(false));
    let runner = bench.clone();
    alone(&runner, move || {
        assert_eq!(bench.lines(), (false, true));
        for (rts, dtr) in [(true, true), (true, false), (false, false), (false, true)] {
            port.set_rts(rts).unwrap();
            port.set_dtr(dtr).unwrap();
            bench.set_lines(!rts, !dtr);
            pause(&*bench);
            assert_eq!(bench.lines(), (rts, dtr));
            let lines = port.modem_lines().unwrap();
            assert_eq!((lines.rts, lines.dtr), (rts, dtr));
            assert_eq!((lines.cts, lines.dsr), (!rts, !dtr));
        }
    });
}

pub(super) fn changes_of_modem_lines_are_told(bench: Arc<dyn Bench>) {
    bench.set_lines(false, false);
    let port = open(&*bench);
    let runner = bench.clone();
    let other = bench.clone();
    both(
        &runner,
        move || {
            assert!(
                port.wait_modem_change(Some(Duration::ZERO))
                    .unwrap()
                    .is_none()
            );
            let change = port.wait_modem_change(Some(LONG)).unwrap().unwrap();
            assert_eq!(change.changes.cts, 1);
            assert!(change.lines.cts && !change.lines.dsr);
            // A pulse that is over is told as well.
            bench.set_lines(true, true);
            bench.set_lines(true, false);
            pause(&*bench);
            let change = port.wait_modem_change(Some(LONG)).unwrap().unwrap();
            assert_eq!((change.changes.cts, change.changes.dsr), (0, 2));
            assert!(change.lines.cts && !change.lines.dsr);
            assert!(
                port.wait_modem_change(Some(Duration::ZERO))
                    .unwrap()
                    .is_none()
            );
        },
        move || {
            pause(&*other);
            other.set_lines(true, false);
        },
    );
}

pub(super) fn hardware_flow_control_stops_who_sends(bench: Arc<dyn Bench>) {
    bench.set_lines(false, true);
    let mut port = open_with(&*bench, &config().flow_control(FlowControl::Hardware));
    let runner = bench.clone();
    alone(&runner, move || {
        port.write_all(b"held").unwrap();
        let error = port.drain(Some(Duration::from_millis(50))).unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
        bench.set_lines(true, true);
        assert_eq!(bench.receive(4), b"held");
        port.drain(Some(LONG)).unwrap();
    });
}

pub(super) fn software_flow_control_stops_who_sends(bench: Arc<dyn Bench>) {
    const XON: u8 = 0x11;
    const XOFF: u8 = 0x13;
    let mut port = open_with(&*bench, &config().flow_control(FlowControl::Software));
    let runner = bench.clone();
    alone(&runner, move || {
        bench.send(&[b'a', XOFF, b'b']);
        // They are no data.
        assert_eq!(read(&port, 2), b"ab");
        let bytes = stream(100)
            .iter()
            .map(|byte| byte | 0x80)
            .collect::<Vec<_>>();
        let sent = match port.write_within(&bytes, Duration::from_millis(50)) {
            Ok(()) => bytes.len(),
            Err(Error::TimedOut { written, .. }) => written,
            Err(error) => panic!("{error:?}"),
        };
        let drained = port.drain(Some(Duration::from_millis(50)));
        assert!(
            matches!(drained, Err(Error::TimedOut { .. })) || sent == 0,
            "{drained:?}"
        );
        bench.send(&[XON, b'c']);
        assert_eq!(read(&port, 1), b"c");
        assert_eq!(bench.receive(sent), bytes[..sent]);
        port.set_timeout(Some(LONG));
        port.write_all(b"!").unwrap();
        assert_eq!(bench.receive(1), b"!");
    });
}
