use super::{FrameError, Framing, MAX_LENGTH, find, take};

/// Lines: a frame ends with a line feed, or with a carriage return and a line feed, neither of which is
/// part of it.
///
/// An empty line is an empty frame. What comes at the end of the input without a line feed is no line, but
/// [`Incomplete`](FrameError::Incomplete): it may be the half of a number.
///
/// ```
/// use circuits_uart::framing::{Ending, Framed, Lines};
///
/// let framing = Lines::new().ending(Ending::CrLf).max_length(80);
/// let mut printer = Framed::new(Vec::new(), framing);
/// printer.write_frame("M104 S200")?;
/// assert_eq!(printer.into_inner(), b"M104 S200\r\n");
/// # Ok::<(), circuits_uart::framing::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lines {
    ending: Ending,
    max_length: usize,
    /// A line was too long: up to the next line feed there is nothing.
    is_skipping: bool,
}

/// What is written at the end of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// A line feed.
    #[default]
    Lf,
    /// A carriage return and a line feed.
    CrLf,
    /// A carriage return, as modems have it at the end of commands. [`Lines`] does not read such lines.
    Cr,
}

/// Written with a line feed at the end, 4096 bytes at most.
impl Default for Lines {
    fn default() -> Lines {
        Lines {
            ending: Ending::Lf,
            max_length: MAX_LENGTH,
            is_skipping: false,
        }
    }
}

impl Lines {
    /// Makes the default: written with a line feed at the end, 4096 bytes at most.
    pub fn new() -> Lines {
        Lines::default()
    }

    /// Sets what is written at the end of a line. Default: a line feed.
    pub fn ending(mut self, ending: Ending) -> Lines {
        self.ending = ending;
        self
    }

    /// Sets how many bytes a line has at most, without its end. Default: 4096.
    pub fn max_length(mut self, max_length: usize) -> Lines {
        self.max_length = max_length;
        self
    }

    fn too_long(&self) -> FrameError {
        FrameError::TooLong {
            limit: self.max_length,
        }
    }
}

impl Framing for Lines {
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        if self.is_skipping {
            let end = find(b'\n', bytes);
            take(bytes, end.map_or(usize::MAX, |end| end + 1));
            self.is_skipping = end.is_none();
        }
        // The longest line, and its end.
        let room = self
            .max_length
            .saturating_add(2)
            .saturating_sub(frame.len());
        let near = &bytes[..room.min(bytes.len())];
        let end = find(b'\n', near);
        frame.extend_from_slice(take(bytes, end.unwrap_or(near.len())));
        let has_return = frame.last() == Some(&b'\r');
        // The last byte may be the beginning of the end.
        if frame.len() - usize::from(has_return) > self.max_length {
            self.is_skipping = true;
            return Err(self.too_long());
        }
        if end.is_none() {
            return Ok(false);
        }
        take(bytes, 1);
        if has_return {
            frame.pop();
        }
        Ok(true)
    }

    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        let what = match self.ending {
            _ if find(b'\n', frame).is_some() => "a line with a line feed inside",
            Ending::Lf if frame.last() == Some(&b'\r') => {
                "a line with a carriage return at its end"
            }
            Ending::Cr if find(b'\r', frame).is_some() => "a line with a carriage return inside",
            _ if frame.len() > self.max_length => return Err(self.too_long()),
            ending => {
                bytes.extend_from_slice(frame);
                bytes.extend_from_slice(match ending {
                    Ending::Lf => b"\n",
                    Ending::CrLf => b"\r\n",
                    Ending::Cr => b"\r",
                });
                return Ok(());
            }
        };
        Err(FrameError::NotEncodable { what })
    }

    fn reset(&mut self) {
        self.is_skipping = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{decoded, encoded, frame};
    use super::*;

    const TOO_LONG: Result<Vec<u8>, FrameError> = Err(FrameError::TooLong { limit: 3 });

    #[test]
    fn both_ends_of_lines_are_none_of_them() {
        let seen = decoded(&Lines::new(), b"a\nb\r\n\n\r\nc\rd\r\r\n");
        assert_eq!(seen, ["a", "b", "", "", "c\rd\r"].map(frame));
    }

    #[test]
    fn half_a_line_is_none() {
        let seen = decoded(&Lines::new(), b"12.5\n12.");
        assert_eq!(
            seen,
            [frame("12.5"), Err(FrameError::Incomplete { length: 3 })]
        );
    }

    #[test]
    fn what_is_too_long_is_reported_once() {
        let lines = Lines::new().max_length(3);
        assert_eq!(decoded(&lines, b"abc\nabc\r\n"), ["abc"; 2].map(frame));
        for long in [
            "abcd\n",
            "abcd\r\n",
            "abc\r\r\n",
            "abc\rd\n",
            "abcdefghijklmn\n",
            "abc\r\r\r\r\r\r\n",
        ] {
            let seen = decoded(&lines, format!("a\n{long}b\n").as_bytes());
            assert_eq!(seen, [frame("a"), TOO_LONG, frame("b")], "{long:?}");
        }
        // Its end is missing, which is nothing new.
        assert_eq!(decoded(&lines, b"abcdefg"), [TOO_LONG]);
    }

    #[test]
    fn lines_are_written_as_set() {
        let ends = [
            (Ending::Lf, "a\n"),
            (Ending::CrLf, "a\r\n"),
            (Ending::Cr, "a\r"),
        ];
        for (ending, wire) in ends {
            let mut lines = Lines::new().ending(ending);
            assert_eq!(encoded(&mut lines, b"a"), frame(wire));
        }
    }

    #[test]
    fn what_would_be_another_line_is_not_written() {
        let refused = [
            (Ending::Lf, "a\nb"),
            (Ending::Lf, "a\r"),
            (Ending::CrLf, "a\n"),
            (Ending::Cr, "a\rb"),
        ];
        for (ending, line) in refused {
            let refused = encoded(&mut Lines::new().ending(ending), line.as_bytes());
            assert!(
                matches!(refused, Err(FrameError::NotEncodable { .. })),
                "{line:?}"
            );
        }
        // Of two carriage returns at the end one is left.
        let mut lines = Lines::new().ending(Ending::CrLf).max_length(3);
        assert_eq!(encoded(&mut lines, b"a\r"), frame("a\r\r\n"));
        assert_eq!(encoded(&mut lines, b"abcd"), TOO_LONG);
    }
}
