use std::sync::Arc;

use embedded_can_04::{Frame as _, Id, StandardId, blocking, nb};

use super::{Bench, SHORT, alone, open, open_other, open_with, pause};
use crate::{Config, ErrorKind};

/// An application that knows of no socket.
fn ask<C: blocking::Can>(
    can: &mut C,
    id: impl Into<Id>,
    question: &[u8],
) -> Result<C::Frame, C::Error> {
    can.transmit(&C::Frame::new(id, question).unwrap())?;
    can.receive()
}

pub(super) fn blocking_calls_of_embedded_can_do_the_same(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let mut here = open(bench);
        let there = open_other(bench);
        let id = StandardId::new(0x123).unwrap();
        there
            .write(&super::frame(0x124, b"answer"), super::LONG)
            .unwrap();
        let answer = ask(&mut here, id, b"question").unwrap();
        assert_eq!(answer, super::frame(0x124, b"answer"));
        assert_eq!(super::read_frame(&there), super::frame(0x123, b"question"));
        // For as long as the socket waits.
        here.configure(&Config::new().timeout(SHORT)).unwrap();
        assert_eq!(here.timeout(), Some(SHORT));
        let clock = bench.backend().clock();
        let start = clock.now();
        let error = blocking::Can::receive(&mut &here).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
        let waited = clock.now() - start;
        assert!(SHORT <= waited && waited < super::LONG / 2, "{waited:?}");
    });
}

pub(super) fn nb_calls_of_embedded_can_do_not_wait(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let mut here = open_with(bench, &Config::new());
        let mut there = open_other(bench);
        assert!(matches!(
            nb::Can::receive(&mut here),
            Err(::nb::Error::WouldBlock)
        ));
        let frame = super::frame(0x125, b"nb");
        assert_eq!(
            ::nb::block!(nb::Can::transmit(&mut there, &frame)).unwrap(),
            None
        );
        pause(bench);
        assert_eq!(nb::Can::receive(&mut here).unwrap(), frame);
        bench.remove();
        let error = loop {
            match nb::Can::receive(&mut here) {
                Err(::nb::Error::Other(error)) if error.kind() == ErrorKind::Down => {}
                Err(::nb::Error::Other(error)) => break error,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
    });
}

/// A driver takes so many bytes of the data.
pub(super) fn lengths_of_embedded_can_are_those_of_the_data(bench: Arc<dyn Bench>) {
    alone(&bench, |bench| {
        let (mut here, there) = (open(bench), open_other(bench));
        let id = super::id(0x126);
        let code = super::frame(0x126, &[7; 8]).len8_dlc(15).unwrap();
        let remote = crate::Frame::remote(id, 5).unwrap();
        for (sent, length) in [(code, 8), (remote, 5), (super::frame(0x126, &[7; 3]), 3)] {
            super::write(&there, &sent);
            let came = blocking::Can::receive(&mut here).unwrap();
            assert_eq!(embedded_can_04::Frame::dlc(&came), length);
        }
        let fd = crate::Frame::fd(id, &[7; 48]).unwrap();
        assert_eq!(
            embedded_can_04::Frame::dlc(&fd),
            embedded_can_04::Frame::data(&fd).len()
        );
    });
}
