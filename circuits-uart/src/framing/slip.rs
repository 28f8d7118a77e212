use super::{FrameError, Framing, MAX_LENGTH, find, incomplete, take};

/// SLIP (RFC 1055): frames of any bytes, each with a byte END (0xc0) before and after it; two bytes stand
/// for an END or ESC (0xdb) inside.
///
/// What is damaged ends at the next END at the latest. Nothing between two of them is no frame.
///
/// ```
/// use circuits_uart::framing::{Framing, Slip};
///
/// let mut wire = Vec::new();
/// Slip::new().encode(&[0x01, 0xc0, 0xdb], &mut wire)?;
/// assert_eq!(wire, [0xc0, 0x01, 0xdb, 0xdc, 0xdb, 0xdd, 0xc0]);
/// # Ok::<(), circuits_uart::framing::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Slip {
    max_length: usize,
    state: State,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Bytes as they are.
    Plain,
    /// What stands for an END or ESC.
    Escaped,
    /// The rest of a frame that is wrong.
    Skipped,
}

const END: u8 = 0xc0;
const ESC: u8 = 0xdb;
const ESC_END: u8 = 0xdc;
const ESC_ESC: u8 = 0xdd;

/// 4096 bytes at most.
impl Default for Slip {
    fn default() -> Slip {
        Slip {
            max_length: MAX_LENGTH,
            state: State::Plain,
        }
    }
}

impl Slip {
    /// Makes the default: 4096 bytes at most. (RFC 1055 has 1006, which was Berkeley's.)
    pub fn new() -> Slip {
        Slip::default()
    }

    /// Sets how many bytes a frame has at most, before it is encoded. Default: 4096.
    pub fn max_length(mut self, max_length: usize) -> Slip {
        self.max_length = max_length;
        self
    }

    /// Appends what a part of a frame says, which has no END.
    fn unescape(&mut self, mut part: &[u8], frame: &mut Vec<u8>) -> Result<(), FrameError> {
        while !part.is_empty() {
            if let State::Escaped = self.state {
                let byte = match take(&mut part, 1) {
                    [ESC_END] => END,
                    [ESC_ESC] => ESC,
                    _ => return Err(BAD_ESCAPE),
                };
                self.append(&[byte], frame)?;
                self.state = State::Plain;
            }
            let escape = find(ESC, part);
            let plain = take(&mut part, escape.unwrap_or(usize::MAX));
            self.append(plain, frame)?;
            if escape.is_some() {
                take(&mut part, 1);
                self.state = State::Escaped;
            }
        }
        Ok(())
    }

    fn append(&self, data: &[u8], frame: &mut Vec<u8>) -> Result<(), FrameError> {
        if frame.len() + data.len() > self.max_length {
            return Err(FrameError::TooLong {
                limit: self.max_length,
            });
        }
        frame.extend_from_slice(data);
        Ok(())
    }
}

const BAD_ESCAPE: FrameError = FrameError::Corrupt {
    what: "it has an escape that stands for nothing",
};

impl Framing for Slip {
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        while !bytes.is_empty() {
            let end = find(END, bytes);
            let part = take(bytes, end.unwrap_or(usize::MAX));
            take(bytes, 1);
            let taken = match self.state {
                State::Skipped => Ok(()),
                _ => self.unescape(part, frame),
            };
            if end.is_none() {
                if taken.is_err() {
                    self.state = State::Skipped;
                }
                return taken.map(|()| false);
            }
            let state = std::mem::replace(&mut self.state, State::Plain);
            taken?;
            match state {
                State::Plain if !frame.is_empty() => return Ok(true),
                // There was none, or it was reported.
                State::Plain | State::Skipped => {}
                State::Escaped => return Err(BAD_ESCAPE),
            }
        }
        Ok(false)
    }

    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        if frame.is_empty() {
            return Err(FrameError::NotEncodable {
                what: "SLIP has no empty frames",
            });
        }
        if frame.len() > self.max_length {
            return Err(FrameError::TooLong {
                limit: self.max_length,
            });
        }
        bytes.push(END);
        for part in frame.split_inclusive(|byte| matches!(*byte, END | ESC)) {
            let (escaped, plain) = match part.split_last() {
                Some((&END, plain)) => (Some(ESC_END), plain),
                Some((&ESC, plain)) => (Some(ESC_ESC), plain),
                _ => (None, part),
            };
            bytes.extend_from_slice(plain);
            if let Some(byte) = escaped {
                bytes.extend_from_slice(&[ESC, byte]);
            }
        }
        bytes.push(END);
        Ok(())
    }

    fn finish(&mut self, frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        let has_begun = matches!(self.state, State::Escaped) || !frame.is_empty();
        self.reset();
        incomplete(has_begun, frame.len())
    }

    fn reset(&mut self) {
        self.state = State::Plain;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{decoded, encoded, frame};
    use super::*;

    #[test]
    fn what_is_special_is_escaped() {
        let known: [(&[u8], &[u8]); 4] = [
            (b"abc", b"\xc0abc\xc0"),
            (b"\xc0", b"\xc0\xdb\xdc\xc0"),
            (b"\xdb\xdb", b"\xc0\xdb\xdd\xdb\xdd\xc0"),
            (b"\xdca\xdb\xdd\xc0b", b"\xc0\xdca\xdb\xdd\xdd\xdb\xdcb\xc0"),
        ];
        for (data, wire) in known {
            assert_eq!(encoded(&mut Slip::new(), data), frame(wire));
            assert_eq!(decoded(&Slip::new(), wire), [frame(data)]);
        }
    }

    #[test]
    fn nothing_between_ends_is_no_frame() {
        let seen = decoded(&Slip::new(), b"\xc0\xc0a\xc0\xc0\xc0b\xc0c\xc0");
        assert_eq!(seen, ["a", "b", "c"].map(frame));
        let refused = encoded(&mut Slip::new(), b"");
        assert!(matches!(refused, Err(FrameError::NotEncodable { .. })));
    }

    #[test]
    fn what_is_damaged_ends_at_the_next_end() {
        // Text where an escape should be, END there, and an escape at the end.
        let seen = decoded(&Slip::new(), b"a\xdbb\xdbcd\xc0e\xc0f\xdb\xc0g\xc0\xdb");
        let escape = Err(BAD_ESCAPE);
        let rest = Err(FrameError::Incomplete { length: 0 });
        assert_eq!(seen, [escape.clone(), frame("e"), escape, frame("g"), rest]);
    }

    #[test]
    fn what_is_too_long_is_reported_once() {
        let too_long = || Err(FrameError::TooLong { limit: 3 });
        let mut framing = Slip::new().max_length(3);
        let next = encoded(&mut framing, b"a\xc0c").unwrap();
        for long in [
            &b"abcd"[..],
            b"abc\xc0",
            b"ab\xdb\xdb",
            &[0xdb; 10],
            &[0x61; 10],
        ] {
            let wire = encoded(&mut Slip::new(), long).unwrap();
            let seen = decoded(&framing, &[wire, next.clone()].concat());
            assert_eq!(seen, [too_long(), frame(b"a\xc0c")], "{long:?}");
        }
        assert_eq!(decoded(&framing, &[0x61; 1000]), [too_long()]);
        assert_eq!(encoded(&mut framing, b"abcd"), too_long());
    }
}
