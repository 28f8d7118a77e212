use super::{FrameError, Framing, MAX_LENGTH, find, incomplete, take};

/// Consistent overhead byte stuffing (Cheshire and Baker, 1999): frames of any bytes, of which none is 0 on
/// the wire, each with a 0 at its end. It takes one byte more than the frame, and one for each 254.
///
/// What is damaged ends at the next 0 at the latest. Zeros in a row are one: a sender may write some to end
/// what was noise.
///
/// ```
/// use circuits_uart::framing::{Cobs, Framing};
///
/// let mut wire = Vec::new();
/// Cobs::new().encode(&[0x11, 0x00, 0x22, 0x33], &mut wire)?;
/// assert_eq!(wire, [0x02, 0x11, 0x03, 0x22, 0x33, 0x00]);
/// # Ok::<(), circuits_uart::framing::FrameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cobs {
    max_length: usize,
    state: State,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The first block of a frame.
    Begin,
    /// In a block, of which so many bytes are left, or at its end. Does a zero follow, if another block does?
    Block { left: usize, zero: bool },
    /// The rest of a frame that is too long.
    Skipped,
}

/// The longest block, without the code before it; no zero follows it.
const LONGEST: usize = 254;

/// 4096 bytes at most.
impl Default for Cobs {
    fn default() -> Cobs {
        Cobs {
            max_length: MAX_LENGTH,
            state: State::Begin,
        }
    }
}

impl Cobs {
    /// Makes the default: 4096 bytes at most.
    pub fn new() -> Cobs {
        Cobs::default()
    }

    /// Sets how many bytes a frame has at most, before it is encoded. Default: 4096.
    pub fn max_length(mut self, max_length: usize) -> Cobs {
        self.max_length = max_length;
        self
    }

    /// Appends what a part of a frame says, which has no 0.
    fn unstuff(&mut self, mut part: &[u8], frame: &mut Vec<u8>) -> Result<(), FrameError> {
        while !part.is_empty() {
            let (left, zero) = match self.state {
                State::Block { left, zero } if left > 0 => (left, zero),
                state => {
                    if matches!(state, State::Block { zero: true, .. }) {
                        self.append(&[0], frame)?;
                    }
                    let code = usize::from(part[0]);
                    part = &part[1..];
                    (code - 1, code <= LONGEST)
                }
            };
            let data = take(&mut part, left);
            self.append(data, frame)?;
            let left = left - data.len();
            self.state = State::Block { left, zero };
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

impl Framing for Cobs {
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        while !bytes.is_empty() {
            let end = find(0, bytes);
            let part = take(bytes, end.unwrap_or(usize::MAX));
            take(bytes, 1);
            let taken = match self.state {
                State::Skipped => Ok(()),
                _ => self.unstuff(part, frame),
            };
            if end.is_none() {
                if taken.is_err() {
                    self.state = State::Skipped;
                }
                return taken.map(|()| false);
            }
            let state = std::mem::replace(&mut self.state, State::Begin);
            taken?;
            match state {
                // There was none, or it was reported.
                State::Begin | State::Skipped => {}
                State::Block { left: 0, .. } => return Ok(true),
                State::Block { .. } => {
                    return Err(FrameError::Corrupt {
                        what: "it ends in the middle of a block",
                    });
                }
            }
        }
        Ok(false)
    }

    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        if frame.len() > self.max_length {
            return Err(FrameError::TooLong {
                limit: self.max_length,
            });
        }
        let mut rest = Some(frame);
        while let Some(data) = rest {
            let near = &data[..data.len().min(LONGEST)];
            let length = find(0, near).unwrap_or(near.len());
            bytes.push(length as u8 + 1);
            bytes.extend_from_slice(&near[..length]);
            rest = match (length, &data[length..]) {
                // Neither a zero nor anything else follows.
                (_, []) => None,
                (LONGEST, more) => Some(more),
                (_, more) => Some(&more[1..]),
            };
        }
        bytes.push(0);
        Ok(())
    }

    fn finish(&mut self, frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        let has_begun = matches!(self.state, State::Block { .. });
        self.reset();
        incomplete(has_begun, frame.len())
    }

    fn reset(&mut self) {
        self.state = State::Begin;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{decoded, encoded, frame};
    use super::*;

    fn bytes(range: std::ops::RangeInclusive<u8>) -> Vec<u8> {
        range.collect()
    }

    /// From the paper, and what lies around a block of 254 bytes.
    #[test]
    fn known_frames() {
        let known: [(Vec<u8>, Vec<u8>); 12] = [
            (vec![], vec![1]),
            (vec![0], vec![1, 1]),
            (vec![0, 0], vec![1, 1, 1]),
            (vec![0, 0x11, 0], vec![1, 2, 0x11, 1]),
            (vec![0x11, 0x22, 0, 0x33], vec![3, 0x11, 0x22, 2, 0x33]),
            (vec![0x11, 0x22, 0x33], vec![4, 0x11, 0x22, 0x33]),
            (vec![0x11, 0, 0, 0], vec![2, 0x11, 1, 1, 1]),
            (bytes(1..=254), [vec![255], bytes(1..=254)].concat()),
            (bytes(0..=254), [vec![1, 255], bytes(1..=254)].concat()),
            (
                bytes(1..=255),
                [vec![255], bytes(1..=254), vec![2, 255]].concat(),
            ),
            (
                [bytes(2..=255), vec![0]].concat(),
                [vec![255], bytes(2..=255), vec![1, 1]].concat(),
            ),
            (
                [bytes(3..=255), vec![0, 1]].concat(),
                [vec![254], bytes(3..=255), vec![2, 1]].concat(),
            ),
        ];
        for (data, mut wire) in known {
            wire.push(0);
            assert_eq!(encoded(&mut Cobs::new(), &data), Ok(wire.clone()));
            assert_eq!(decoded(&Cobs::new(), &wire), [Ok(data)]);
        }
    }

    #[test]
    fn zeros_alone_are_no_frames() {
        assert_eq!(
            decoded(&Cobs::new(), b"\0\0\x02a\0\0\0\x01\0"),
            [frame("a"), frame("")]
        );
    }

    #[test]
    fn what_is_damaged_ends_at_the_next_zero() {
        let seen = decoded(&Cobs::new(), b"\x05ab\0\x02a\0\x03a");
        assert!(matches!(seen[0], Err(FrameError::Corrupt { .. })));
        let rest = Err(FrameError::Incomplete { length: 1 });
        assert_eq!(seen[1..], [frame("a"), rest]);
        let code = decoded(&Cobs::new(), b"\x05");
        assert_eq!(code, [Err(FrameError::Incomplete { length: 0 })]);
    }

    #[test]
    fn what_is_too_long_is_reported_once() {
        let too_long = || Err(FrameError::TooLong { limit: 3 });
        let mut framing = Cobs::new().max_length(3);
        let next = encoded(&mut framing, b"a\0c").unwrap();
        for long in ["abcd", "abc\0", "ab\0d", "\0\0\0\0\0\0", "abcdefgh\0ij"] {
            let wire = encoded(&mut Cobs::new(), long.as_bytes()).unwrap();
            let seen = decoded(&framing, &[wire, next.clone()].concat());
            assert_eq!(seen, [too_long(), frame("a\0c")], "{long:?}");
        }
        assert_eq!(decoded(&framing, &[0xff; 1000]), [too_long()]);
        assert_eq!(encoded(&mut framing, b"abcd"), too_long());
    }
}
