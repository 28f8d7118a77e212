//! Frames survive the wire, and any bytes that come are harmless: drawn, in any framing and any pieces.
//! `PROPTEST_CASES` says how many are drawn (default: 256 each); tests/fuzz goes on from here.

mod invariants;

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use circuits_uart::framing::Codec;
use futures_lite::{StreamExt, future};
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::bytes::BytesMut;
use tokio_util::codec::{Encoder, FramedRead};

use invariants::{CHOICE, Chosen, Outcome, Pieces, framed, framing};

proptest! {
    #![proptest_config(ProptestConfig {
        // What fails is printed, made small.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn frames_survive_the_wire(choice: [u8; CHOICE], frames in vec(vec(byte(), 0..40), 0..20)) {
        let chosen = Chosen::new(choice);
        let mut codec = Codec::new(chosen.framing());
        let (mut wire, mut sent) = (BytesMut::new(), Vec::new());
        for mut frame in frames {
            frame.resize(frame.len().min(chosen.max_length), 0);
            // What cannot be sent leaves nothing on the wire.
            if codec.encode(&frame, &mut wire).is_ok() {
                sent.push(Ok(frame));
            }
        }
        prop_assert_eq!(&framed(&chosen, &wire), &sent);
        prop_assert_eq!(&by_codec(&chosen, &wire), &sent);
    }

    #[test]
    fn frames_of_a_length_survive_the_wire(
        rest: [u8; 3],
        length in prop_oneof![0..5usize, 250..260usize, 500..600usize],
        fill in byte(),
        odd in vec((any::<prop::sample::Index>(), byte()), 0..4),
    ) {
        for kind in 0..6 {
            let [detail, _, pieces] = rest;
            let chosen = Chosen::new([kind, detail, 7, pieces]);
            let mut frame = vec![fill; length];
            for (at, byte) in odd.iter().filter(|_| length > 0) {
                frame[at.index(length)] = *byte;
            }
            let mut wire = Vec::new();
            if chosen.framing().encode(&frame, &mut wire).is_ok() {
                let sent = [Ok(frame)];
                prop_assert_eq!(&framed(&chosen, &wire), &sent);
                prop_assert_eq!(&by_codec(&chosen, &wire), &sent);
            }
        }
    }

    #[test]
    fn any_bytes_are_harmless(choice: [u8; CHOICE], bytes in vec(byte(), 0..200)) {
        harmless(choice, &bytes);
    }

    #[test]
    fn many_bytes_are_harmless(choice: [u8; CHOICE], bytes in vec(any::<u8>(), 5_000..6_000)) {
        harmless(choice, &bytes);
    }
}

fn harmless(choice: [u8; CHOICE], bytes: &[u8]) {
    framing(&[&choice, bytes].concat());
    let chosen = Chosen::new(choice);
    assert_eq!(by_codec(&chosen, bytes), framed(&chosen, bytes));
}

/// Any byte, and those that mean something more often.
fn byte() -> impl Strategy<Value = u8> {
    let special = b"\x00\x01\x02\x03\x04\r\n>abcd<\xc0\xdb\xdc\xdd\xff";
    prop_oneof![4 => prop::sample::select(&special[..]), 1 => any::<u8>()]
}

/// Pieces that come one by one, each after a while.
struct Slow(Pieces, bool);

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1 = !self.1;
        if self.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = self.0.read(buffer.initialize_unfilled())?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

fn by_codec(chosen: &Chosen, bytes: &[u8]) -> Vec<Outcome> {
    let slow = Slow(chosen.pieces(bytes), false);
    let frames = FramedRead::new(slow, Codec::new(chosen.framing()));
    let outcome = |outcome: io::Result<Result<BytesMut, _>>| {
        let outcome = outcome.expect("reading does not fail");
        outcome.map(|frame| frame.to_vec())
    };
    // There are no more than that: an endless stream is no endless test.
    let most = bytes.len() + 2;
    future::block_on(frames.map(outcome).take(most).collect())
}
