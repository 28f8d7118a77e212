//! What must hold for any bytes that come. Whoever has bytes can call it: `framings.rs` draws them,
//! tests/fuzz lets libFuzzer find them.

mod prescribed;

use std::collections::VecDeque;
use std::io::{self, Read};

use circuits_uart::framing::{
    Cobs, Delimiter, Ending, Error, Fixed, FrameError, Framed, Framing, LengthPrefix, Lines, Slip,
};

/// A frame, or what was wrong with one.
pub(crate) type Outcome = Result<Vec<u8>, FrameError>;

/// How many bytes choose a framing.
pub(crate) const CHOICE: usize = 4;

/// Some delimiters; the first four do not end as they begin.
const DELIMITERS: [&str; 7] = ["\r\n>", "\0", "aab", "\r\n", "abcabd", "><>", "aa"];
const UNAMBIGUOUS: usize = 4;

/// In which sizes bytes come.
const SIZES: [usize; 16] = [
    1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 64, 100, 255, 1000, 4096, 5000,
];

const LONGEST: [usize; 8] = [0, 1, 2, 3, 8, 20, 253, 600];

/// What was chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Lines(Ending),
    Delimiter(usize),
    Fixed,
    LengthPrefix {
        width: usize,
        is_big_endian: bool,
        before: usize,
        counts_all: bool,
    },
    Cobs,
    Slip,
}

/// A framing, how long its frames can be, and in which pieces bytes come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) kind: Kind,
    pub(crate) max_length: usize,
    pieces: u8,
}

impl Chosen {
    pub(crate) fn new([kind, detail, longest, pieces]: [u8; CHOICE]) -> Chosen {
        let kind = match kind % 6 {
            0 if detail % 2 == 0 => Kind::Lines(Ending::Lf),
            0 => Kind::Lines(Ending::CrLf),
            1 => Kind::Delimiter(usize::from(detail) % DELIMITERS.len()),
            2 => Kind::Fixed,
            3 => Kind::LengthPrefix {
                width: [1, 2, 4][usize::from(detail) % 3],
                is_big_endian: detail & 0x80 == 0,
                before: usize::from(detail >> 4) % 4,
                counts_all: detail & 0x40 == 0,
            },
            4 => Kind::Cobs,
            _ => Kind::Slip,
        };
        let max_length = LONGEST[usize::from(longest) % LONGEST.len()];
        let max_length = match kind {
            Kind::Fixed => max_length.max(1),
            _ => max_length,
        };
        Chosen {
            kind,
            max_length,
            pieces,
        }
    }

    /// The framing, at its beginning.
    pub(crate) fn framing(&self) -> Box<dyn Framing> {
        let max_length = self.max_length;
        match self.kind {
            Kind::Lines(ending) => Box::new(Lines::new().ending(ending).max_length(max_length)),
            Kind::Delimiter(number) => {
                let framing = Delimiter::new(DELIMITERS[number]).expect("it has bytes");
                Box::new(framing.max_length(max_length))
            }
            Kind::Fixed => Box::new(Fixed::new(max_length).expect("not 0")),
            Kind::LengthPrefix {
                width,
                is_big_endian,
                before,
                counts_all,
            } => {
                let framing = match (width, is_big_endian) {
                    (1, _) => LengthPrefix::u8(),
                    (2, true) => LengthPrefix::u16_be(),
                    (2, false) => LengthPrefix::u16_le(),
                    (_, true) => LengthPrefix::u32_be(),
                    (_, false) => LengthPrefix::u32_le(),
                };
                let framing = framing.after(before).counts_all(counts_all);
                Box::new(framing.max_length(max_length))
            }
            Kind::Cobs => Box::new(Cobs::new().max_length(max_length)),
            Kind::Slip => Box::new(Slip::new().max_length(max_length)),
        }
    }

    /// What ends any garbage, if there is such a thing.
    fn end(&self) -> Option<&'static [u8]> {
        match self.kind {
            Kind::Lines(_) => Some(b"\n"),
            Kind::Delimiter(number) if number < UNAMBIGUOUS => Some(DELIMITERS[number].as_bytes()),
            Kind::Cobs => Some(&[0]),
            Kind::Slip => Some(&[0xc0]),
            _ => None,
        }
    }

    /// A frame that can be sent, if there is any.
    fn good(&self) -> Option<Vec<u8>> {
        let length = match self.kind {
            Kind::Fixed => self.max_length,
            Kind::LengthPrefix { before, .. } => before,
            _ => self.max_length.min(1),
        };
        let frame = vec![b'g'; length];
        let mut framing = self.framing();
        framing.encode(&frame, &mut Vec::new()).ok().map(|()| frame)
    }

    /// Cuts bytes into pieces.
    pub(crate) fn pieces(&self, bytes: &[u8]) -> Pieces {
        let sizes = [self.pieces & 15, self.pieces >> 4];
        Pieces {
            bytes: bytes.iter().copied().collect(),
            sizes: sizes.map(|size| SIZES[usize::from(size)]),
        }
    }

    /// What comes of bytes that come in pieces, and end.
    fn decoded<'a>(&self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Outcome> {
        let (mut framing, mut frame, mut seen) = (self.framing(), Vec::new(), Vec::new());
        for mut bytes in pieces {
            while !bytes.is_empty() {
                let ended = framing.decode(&mut bytes, &mut frame);
                self.assert_bounded(&frame);
                match ended {
                    Ok(true) => seen.push(Ok(frame.clone())),
                    Ok(false) => assert!(bytes.is_empty(), "bytes are left: {bytes:?}"),
                    Err(error) => seen.push(Err(error)),
                }
                if ended != Ok(false) {
                    frame.clear();
                }
            }
        }
        match framing.finish(&mut frame) {
            Ok(true) => seen.push(Ok(frame.clone())),
            Ok(false) => {}
            Err(error) => seen.push(Err(error)),
        }

        // Whatever came, it begins anew.
        if let Some(good) = self.good() {
            let mut wire = Vec::new();
            framing.encode(&good, &mut wire).expect("it is good");
            let mut bytes = &wire[..];
            frame.clear();
            assert_eq!(framing.decode(&mut bytes, &mut frame), Ok(true));
            assert_eq!(frame, good);
        }
        seen
    }

    fn assert_bounded(&self, frame: &Vec<u8>) {
        // What may be the end of the frame, or is before its length.
        let beside = DELIMITERS.map(str::len).into_iter().max().unwrap_or(0);
        assert!(frame.len() <= self.max_length + beside);
        assert!(frame.capacity() <= 2 * (self.max_length + beside));
    }
}

/// Bytes that come in pieces, from wherever.
pub(crate) struct Pieces {
    bytes: VecDeque<u8>,
    sizes: [usize; 2],
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.sizes.reverse();
        let size = self.sizes[0].min(buffer.len());
        self.bytes.read(&mut buffer[..size])
    }
}

/// What comes of bytes by [`Framed`].
pub(crate) fn framed(chosen: &Chosen, bytes: &[u8]) -> Vec<Outcome> {
    let mut framed = Framed::new(chosen.pieces(bytes), chosen.framing());
    let mut seen = Vec::new();
    loop {
        // A byte ends one at most, and the end one more.
        assert!(seen.len() <= bytes.len() + 1);
        match framed.read_frame() {
            Ok(Some(frame)) => seen.push(Ok(frame.to_vec())),
            Ok(None) => return seen,
            Err(Error::Frame(error)) => seen.push(Err(error)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Any bytes, the first of which choose a framing.
pub(crate) fn framing(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let chosen = Chosen::new(*choice);
    let at_once = chosen.decoded([bytes]);
    assert_eq!(at_once, prescribed::outcomes(&chosen, bytes));
    assert_eq!(at_once, chosen.decoded(bytes.chunks(1)));
    assert_eq!(at_once, framed(&chosen, bytes));

    for frame in at_once.into_iter().flatten() {
        let mut wire = Vec::new();
        match chosen.framing().encode(&frame, &mut wire) {
            Ok(()) => assert_eq!(chosen.decoded([&wire[..]]), [Ok(frame)]),
            // It came before the two bytes of another end.
            Err(FrameError::NotEncodable { .. }) => {
                assert!(matches!(chosen.kind, Kind::Lines(Ending::Lf)) && frame.ends_with(b"\r"));
            }
            Err(error) => panic!("{frame:?} came and cannot be sent: {error}"),
        }
    }

    if let (Some(end), Some(good)) = (chosen.end(), chosen.good()) {
        let mut bytes = [bytes, end].concat();
        let mut framing = chosen.framing();
        framing.encode(&good, &mut bytes).expect("it is good");
        assert_eq!(chosen.decoded([&bytes[..]]).last(), Some(&Ok(good)));
    }
}
