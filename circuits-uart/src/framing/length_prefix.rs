use super::{FrameError, Framing, MAX_LENGTH, incomplete, take};

/// A frame comes after its length, a number of one, two or four bytes.
///
/// Of a frame that is too long as many bytes are skipped as were announced. Nothing tells where a frame
/// begins: after a byte that was lost, any byte may be taken for a length, until
/// [`Framed::finish`](super::Framed::finish) is called in a silence, or
/// [`Framed::discard`](super::Framed::discard).
///
/// ```
/// use circuits_uart::framing::{Framed, LengthPrefix};
///
/// let device: &[u8] = &[0, 3, b'a', b'b', b'c', 0, 0];
/// let mut frames = Framed::new(device, LengthPrefix::u16_be());
/// assert_eq!(frames.read_frame()?, Some(&b"abc"[..]));
/// assert_eq!(frames.read_frame()?, Some(&b""[..]));
/// # Ok::<(), circuits_uart::framing::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LengthPrefix {
    /// How many bytes the length has.
    width: usize,
    is_big_endian: bool,
    /// How many bytes of the frame come before the length.
    before: usize,
    counts_all: bool,
    max_length: usize,
    state: State,
    /// The bytes of the length, as far as they have come; those that it does not have stay 0.
    length: [u8; 4],
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// What is before the length, then the length, of which so many bytes have come.
    Head(usize),
    /// So many bytes of the frame.
    Body(usize),
    /// So many bytes of a frame that is too long.
    Skipped(usize),
}

impl LengthPrefix {
    /// Makes the framing with a length of one byte.
    pub fn u8() -> LengthPrefix {
        LengthPrefix::new(1, false)
    }

    /// Makes the framing with a length of two bytes, the high one first.
    pub fn u16_be() -> LengthPrefix {
        LengthPrefix::new(2, true)
    }

    /// Makes the framing with a length of two bytes, the low one first.
    pub fn u16_le() -> LengthPrefix {
        LengthPrefix::new(2, false)
    }

    /// Makes the framing with a length of four bytes, the highest one first.
    pub fn u32_be() -> LengthPrefix {
        LengthPrefix::new(4, true)
    }

    /// Makes the framing with a length of four bytes, the lowest one first.
    pub fn u32_le() -> LengthPrefix {
        LengthPrefix::new(4, false)
    }

    fn new(width: usize, is_big_endian: bool) -> LengthPrefix {
        LengthPrefix {
            width,
            is_big_endian,
            before: 0,
            counts_all: false,
            max_length: MAX_LENGTH,
            state: State::Head(0),
            length: [0; 4],
        }
    }

    /// Sets after how many bytes of the frame its length comes: an address, a command. Default: 0.
    ///
    /// ```
    /// use circuits_uart::framing::{Framed, LengthPrefix};
    ///
    /// // An address, a function, the length, and so many bytes.
    /// let device: &[u8] = &[0x11, 0x03, 2, 0xab, 0xcd];
    /// let mut frames = Framed::new(device, LengthPrefix::u8().after(2));
    /// assert_eq!(frames.read_frame()?, Some(&[0x11, 0x03, 0xab, 0xcd][..]));
    /// # Ok::<(), circuits_uart::framing::Error>(())
    /// ```
    pub fn after(mut self, bytes: usize) -> LengthPrefix {
        self.before = bytes;
        self
    }

    /// Sets whether the length is that of all: itself and what comes before it, too. Default: it is that of
    /// what comes after it.
    pub fn counts_all(mut self, counts_all: bool) -> LengthPrefix {
        self.counts_all = counts_all;
        self
    }

    /// Sets how many bytes a frame has at most, without its length. Default: 4096.
    pub fn max_length(mut self, max_length: usize) -> LengthPrefix {
        self.max_length = max_length;
        self
    }

    /// How many bytes come before what a length of 0 would be.
    fn uncounted(&self) -> usize {
        match self.counts_all {
            true => self.before.saturating_add(self.width),
            false => 0,
        }
    }

    /// What the length says that comes after it.
    fn announced(&self) -> Result<usize, FrameError> {
        let length = match self.is_big_endian {
            true => u32::from_be_bytes(self.length) >> (32 - 8 * self.width),
            false => u32::from_le_bytes(self.length),
        };
        // Where there is std there are 32 bits.
        (length as usize)
            .checked_sub(self.uncounted())
            .ok_or(FrameError::Corrupt {
                what: "its length is less than what comes before it",
            })
    }
}

impl Framing for LengthPrefix {
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        if let State::Skipped(left) = self.state {
            let left = left - take(bytes, left).len();
            if left > 0 {
                self.state = State::Skipped(left);
                return Ok(false);
            }
            self.reset();
        }
        if let State::Head(come) = self.state {
            frame.extend_from_slice(take(bytes, self.before.saturating_sub(frame.len())));
            let part = take(bytes, self.width - come);
            let come = come + part.len();
            self.length[come - part.len()..come].copy_from_slice(part);
            if come < self.width {
                self.state = State::Head(come);
                return Ok(false);
            }
            let announced = self.announced();
            self.reset();
            let announced = announced?;
            if self.before.saturating_add(announced) > self.max_length {
                self.state = State::Skipped(announced);
                return Err(FrameError::TooLong {
                    limit: self.max_length,
                });
            }
            self.state = State::Body(announced);
        }
        if let State::Body(left) = self.state {
            let part = take(bytes, left);
            frame.extend_from_slice(part);
            if part.len() < left {
                self.state = State::Body(left - part.len());
                return Ok(false);
            }
        }
        self.reset();
        Ok(true)
    }

    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        let Some((before, after)) = frame.split_at_checked(self.before) else {
            return Err(FrameError::NotEncodable {
                what: "it is shorter than what comes before the length",
            });
        };
        // Above all: at most what the length can say.
        let most = u32::MAX >> (32 - 8 * self.width);
        let most = (most as usize).saturating_sub(self.uncounted());
        let limit = self.max_length.min(most.saturating_add(self.before));
        if frame.len() > limit {
            return Err(FrameError::TooLong { limit });
        }
        let length = (after.len() + self.uncounted()) as u32;
        bytes.extend_from_slice(before);
        match self.is_big_endian {
            true => bytes.extend_from_slice(&length.to_be_bytes()[4 - self.width..]),
            false => bytes.extend_from_slice(&length.to_le_bytes()[..self.width]),
        }
        bytes.extend_from_slice(after);
        Ok(())
    }

    fn finish(&mut self, frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        let (has_begun, head) = match self.state {
            State::Head(come) => (come > 0 || !frame.is_empty(), come),
            State::Body(_) => (true, self.width),
            // That was reported.
            State::Skipped(_) => (false, 0),
        };
        self.reset();
        incomplete(has_begun, head + frame.len())
    }

    fn reset(&mut self) {
        self.state = State::Head(0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{decoded, encoded, frame};
    use super::*;

    fn all() -> [(LengthPrefix, &'static [u8]); 5] {
        [
            (LengthPrefix::u8(), &[3]),
            (LengthPrefix::u16_be(), &[0, 3]),
            (LengthPrefix::u16_le(), &[3, 0]),
            (LengthPrefix::u32_be(), &[0, 0, 0, 3]),
            (LengthPrefix::u32_le(), &[3, 0, 0, 0]),
        ]
    }

    #[test]
    fn lengths_of_all_widths() {
        for (mut framing, prefix) in all() {
            let wire = [prefix, b"abc"].concat();
            assert_eq!(encoded(&mut framing, b"abc"), frame(&wire));
            let empty = encoded(&mut framing, b"").unwrap();
            let seen = decoded(&framing, &[&wire, &empty, &wire[..]].concat());
            assert_eq!(seen, ["abc", "", "abc"].map(frame));
        }
    }

    #[test]
    fn what_comes_before_the_length_may_count() {
        let mut framing = LengthPrefix::u16_le().after(1);
        assert_eq!(encoded(&mut framing, b"xabc"), frame(b"x\x03\0abc"));
        assert!(matches!(
            encoded(&mut framing, b""),
            Err(FrameError::NotEncodable { .. })
        ));
        let mut framing = framing.counts_all(true);
        assert_eq!(encoded(&mut framing, b"xabc"), frame(b"x\x06\0abc"));
        let seen = decoded(&framing, b"x\x06\0abcy\x03\0");
        assert_eq!(seen, ["xabc", "y"].map(frame));
        let short = decoded(&framing, b"x\x02\0y\x04\0a");
        assert!(matches!(short[0], Err(FrameError::Corrupt { .. })));
        assert_eq!(short[1..], [frame("ya")]);
    }

    #[test]
    fn what_is_too_long_is_skipped_to_its_end() {
        let too_long = || Err(FrameError::TooLong { limit: 3 });
        for (framing, _) in all() {
            let mut framing = framing.max_length(3);
            let long = encoded(&mut framing.clone().max_length(200), &[0; 200]).unwrap();
            let next = encoded(&mut framing, b"abc").unwrap();
            let seen = decoded(&framing, &[long, next].concat());
            assert_eq!(seen, [too_long(), frame("abc")]);
            assert_eq!(encoded(&mut framing, b"abcd"), too_long());
        }
        let framing = LengthPrefix::u32_be().max_length(3);
        assert_eq!(decoded(&framing, &[0xff; 1000]), [too_long()]);
        // Nothing is left of it, after what comes before the length.
        let framing = LengthPrefix::u8().after(4).max_length(3);
        assert_eq!(decoded(&framing, b"abcd\0abcd\0"), [too_long(), too_long()]);
    }

    #[test]
    fn a_length_says_no_more_than_it_can() {
        let limits = [
            (LengthPrefix::u8(), 255),
            (LengthPrefix::u8().after(2), 257),
            (LengthPrefix::u8().counts_all(true), 254),
            (LengthPrefix::u8().after(2).counts_all(true), 254),
            (LengthPrefix::u16_le(), 4096),
            (LengthPrefix::u16_le().max_length(70_000), 65_535),
            (LengthPrefix::u32_le().max_length(70_000), 70_000),
        ];
        for (mut framing, limit) in limits {
            let longest = vec![7; limit];
            let wire = encoded(&mut framing, &longest).unwrap();
            assert_eq!(decoded(&framing, &wire), [Ok(longest)]);
            let refused = encoded(&mut framing, &vec![7; limit + 1]);
            assert_eq!(refused, Err(FrameError::TooLong { limit }));
        }
    }

    #[test]
    fn all_that_came_of_a_frame_is_counted() {
        let framing = LengthPrefix::u16_be().after(1);
        for (length, bytes) in ["x", "x\0", "x\0\x02", "x\0\x02a"].iter().enumerate() {
            let seen = decoded(&framing, bytes.as_bytes());
            let length = length + 1;
            assert_eq!(seen, [Err(FrameError::Incomplete { length })]);
        }
        let seen = decoded(&LengthPrefix::u16_be(), &[0]);
        assert_eq!(seen, [Err(FrameError::Incomplete { length: 1 })]);
    }
}
