//! Identifiers and frames as text, as candump has it (`parse_canframe`, `snprintf_canframe` in lib.c of can-utils).

use std::fmt;
use std::str::FromStr;

use crate::{AnyFrame, ErrorFrame, ErrorMask, Frame, FrameError, Id};

const ERROR: u32 = 0x2000_0000;

// The flags of a CAN FD frame (include/uapi/linux/can.h).
const BRS: u8 = 1;
const ESI: u8 = 2;
const FDF: u8 = 4;

/// A text that is read from its beginning.
pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Cursor<'a> {
        Cursor {
            text: text.as_bytes(),
            position: 0,
        }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    /// Takes one of these characters, if it is the next one.
    pub(crate) fn take(&mut self, any: &[u8]) -> Option<u8> {
        let next = self.peek().filter(|next| any.contains(next))?;
        self.position += 1;
        Some(next)
    }

    /// Takes a hexadecimal digit, if it is the next one.
    fn take_digit(&mut self) -> Option<u8> {
        let digit = char::from(self.peek()?).to_digit(16)?;
        self.position += 1;
        Some(digit as u8)
    }

    /// Takes a decimal digit, if it is the next one.
    pub(crate) fn take_decimal(&mut self) -> Option<u8> {
        let digit = self.take(b"0123456789")?;
        Some(digit - b'0')
    }

    /// Takes so many bytes, which the caller has looked at.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// Takes the hexadecimal digits that come next: the number, if it has no more than 32 bits, and how many
    /// they are.
    pub(crate) fn take_number(&mut self) -> (Option<u32>, usize) {
        let begin = self.position;
        let mut number = Some(0u32);
        while let Some(digit) = self.take_digit() {
            number = number
                .filter(|number| number >> 28 == 0)
                .map(|number| (number << 4) | u32::from(digit));
        }
        (number, self.position - begin)
    }

    pub(crate) fn end(&self) -> Result<(), FrameError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end")),
        }
    }

    /// The error that something else should come next.
    pub(crate) fn expected(&self, expected: &'static str) -> FrameError {
        expected_at(self.position, expected)
    }
}

pub(crate) fn expected_at(position: usize, expected: &'static str) -> FrameError {
    FrameError::Text { position, expected }
}

/// What comes before `#`.
enum Head {
    Id(Id),
    Error(ErrorMask),
}

impl Head {
    fn take(cursor: &mut Cursor<'_>) -> Result<Head, FrameError> {
        match cursor.take_number() {
            (Some(id @ ..=0x7ff), 3) => Ok(Head::Id(Id::from_bits(id, false))),
            (_, 3) => Err(expected_at(0, "11 bits: 7FF at most")),
            (Some(id @ ..=0x1fff_ffff), 8) => Ok(Head::Id(Id::from_bits(id, true))),
            (Some(id @ ..=0x3fff_ffff), 8) => Ok(Head::Error(ErrorMask::from_bits(id))),
            (_, 8) => Err(expected_at(
                0,
                "29 bits: 1FFFFFFF at most, or 3FFFFFFF in an error frame",
            )),
            (_, 9..) => Err(expected_at(8, "an identifier's end: it has 3 or 8 digits")),
            _ => Err(cursor.expected("a hexadecimal digit: an identifier has 3 or 8")),
        }
    }
}

/// Data as it is read, with up to 64 bytes.
struct Data {
    bytes: [u8; 64],
    length: usize,
}

impl Data {
    /// Takes bytes up to what is no digit. Each may have a point before it.
    fn take(cursor: &mut Cursor<'_>, most: usize) -> Result<Data, FrameError> {
        let mut data = Data {
            bytes: [0; 64],
            length: 0,
        };
        loop {
            let point = cursor.take(b".").is_some();
            let begin = cursor.position;
            let Some(high) = cursor.take_digit() else {
                return match point {
                    true => Err(cursor.expected("two hexadecimal digits")),
                    false => Ok(data),
                };
            };
            if data.length == most {
                return Err(expected_at(
                    begin,
                    match most {
                        8 => "the end: a classic frame has 8 bytes of data at most",
                        _ => "the end: a CAN FD frame has 64 bytes of data at most",
                    },
                ));
            }
            let low = cursor
                .take_digit()
                .ok_or_else(|| cursor.expected("a byte's second hexadecimal digit"))?;
            data.bytes[data.length] = (high << 4) | low;
            data.length += 1;
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Takes the data length code of a frame of 8 bytes, if there is one.
fn take_dlc(cursor: &mut Cursor<'_>, frame: Frame) -> Result<Frame, FrameError> {
    if frame.length() != 8 || cursor.take(b"_").is_none() {
        return Ok(frame);
    }
    let begin = cursor.position;
    match cursor.take_digit() {
        Some(dlc @ 9..) => frame.len8_dlc(dlc),
        _ => Err(expected_at(begin, "a data length code from 9 to F")),
    }
}

/// What comes after `#`, but for an error frame.
fn take_body(cursor: &mut Cursor<'_>, id: Id) -> Result<Frame, FrameError> {
    if cursor.take(b"Rr").is_some() {
        let begin = cursor.position;
        return match cursor.take_digit() {
            Some(9..) => Err(expected_at(begin, "a length from 0 to 8")),
            length => take_dlc(cursor, Frame::remote(id, length.unwrap_or(0).into())?),
        };
    }
    if cursor.take(b"#").is_none() {
        let data = Data::take(cursor, 8)?;
        return take_dlc(cursor, Frame::new(id, data.bytes())?);
    }
    let begin = cursor.position;
    match cursor.take_digit() {
        Some(flags @ ..=7) => {
            let data = Data::take(cursor, 64)?;
            Ok(Frame::fd(id, data.bytes())?
                .bit_rate_switch(flags & BRS != 0)
                .error_state_indicator(flags & ESI != 0))
        }
        _ => Err(expected_at(
            begin,
            "the flags of a CAN FD frame, a digit from 0 to 7",
        )),
    }
}

fn parse(text: &str) -> Result<AnyFrame, FrameError> {
    let mut cursor = Cursor::new(text);
    let head = Head::take(&mut cursor)?;
    if cursor.take(b"#").is_none() {
        return Err(cursor.expected("#"));
    }
    let frame = match head {
        Head::Id(id) => AnyFrame::Frame(take_body(&mut cursor, id)?),
        Head::Error(class) => {
            let data = Data::take(&mut cursor, 8)?;
            let mut all = [0; 8];
            all[..data.length].copy_from_slice(data.bytes());
            AnyFrame::Error(ErrorFrame::new(class, all))
        }
    };
    cursor.end()?;
    Ok(frame)
}

/// Three hexadecimal digits for a standard identifier, eight for an extended one.
impl FromStr for Id {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<Id, FrameError> {
        let mut cursor = Cursor::new(text);
        let head = Head::take(&mut cursor)?;
        cursor.end()?;
        match head {
            Head::Id(id) => Ok(id),
            Head::Error(_) => Err(expected_at(0, "29 bits: 1FFFFFFF at most")),
        }
    }
}

/// As candump and cansend have it: `123#DEADBEEF`, `12345678#11.22.33`, `123#R5`, `123#1122334455667788_B`,
/// `123##5DEADBEEF`.
impl FromStr for Frame {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<Frame, FrameError> {
        match parse(text)? {
            AnyFrame::Frame(frame) => Ok(frame),
            AnyFrame::Error(_) => Err(expected_at(
                0,
                "a frame of the bus: 1FFFFFFF at most (this is an error frame)",
            )),
        }
    }
}

/// As [`Frame`]; an error frame begins with its class and `CAN_ERR_FLAG`, `2000008C#0000…`. Data that it has less
/// than 8 bytes of is zero.
impl FromStr for AnyFrame {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<AnyFrame, FrameError> {
        parse(text)
    }
}

/// As candump logs it, without points. The flags of a CAN FD frame say once more that it is one (4).
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#", self.id())?;
        if self.is_fd() {
            let brs = if self.switches_bit_rate() { BRS } else { 0 };
            let esi = if self.is_from_error_passive() { ESI } else { 0 };
            write!(f, "#{}", FDF | brs | esi)?;
        }
        if self.is_remote() {
            match self.length() {
                0 => f.write_str("R")?,
                length => write!(f, "R{length}")?,
            }
        }
        write_bytes(f, self.data())?;
        match self.dlc() {
            dlc @ 9.. if !self.is_fd() => write!(f, "_{dlc:X}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for AnyFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnyFrame::Frame(frame) => frame.fmt(f),
            AnyFrame::Error(error) => {
                write!(f, "{:08X}#", error.class().bits() | ERROR)?;
                write_bytes(f, error.data())
            }
        }
    }
}

fn write_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
}
