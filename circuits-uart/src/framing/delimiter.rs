use super::{FrameError, Framing, MAX_LENGTH, find, take};

/// A frame ends with a sequence of bytes, which is not part of it.
///
/// An empty frame is a frame. A delimiter that ends as it begins, like `"><>"`, is found too early when the
/// bytes before it look like the beginning of it; others are always found.
///
/// ```
/// use circuits_uart::framing::{Delimiter, Framed};
///
/// let console: &[u8] = b"uptime\r\n 3 days\r\n> ";
/// let mut answers = Framed::new(console, Delimiter::new("\r\n> ")?);
/// assert_eq!(answers.read_frame()?, Some(&b"uptime\r\n 3 days"[..]));
/// # Ok::<(), circuits_uart::framing::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delimiter {
    search: Search,
    max_length: usize,
    /// A frame was too long: up to the next delimiter there is nothing.
    is_skipping: bool,
}

impl Delimiter {
    /// Makes the framing of a delimiter, of one byte at least; a frame has 4096 at most.
    ///
    /// # Errors
    /// [`FrameError::Invalid`] for a delimiter without bytes.
    pub fn new(delimiter: impl AsRef<[u8]>) -> Result<Delimiter, FrameError> {
        match delimiter.as_ref() {
            [] => Err(FrameError::Invalid {
                what: "a delimiter has one byte at least",
            }),
            delimiter => Ok(Delimiter {
                search: Search::new(delimiter),
                max_length: MAX_LENGTH,
                is_skipping: false,
            }),
        }
    }

    /// Sets how many bytes a frame has at most, without the delimiter. Default: 4096.
    pub fn max_length(mut self, max_length: usize) -> Delimiter {
        self.max_length = max_length;
        self
    }

    fn too_long(&self) -> FrameError {
        FrameError::TooLong {
            limit: self.max_length,
        }
    }
}

impl Framing for Delimiter {
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        if self.is_skipping {
            let end = self.search.run(bytes);
            take(bytes, end.unwrap_or(usize::MAX));
            self.is_skipping = end.is_none();
        }
        let delimiter = self.search.sought.len();
        let longest = self.max_length.saturating_add(delimiter);
        let near = &bytes[..longest.saturating_sub(frame.len()).min(bytes.len())];
        let end = self.search.run(near);
        frame.extend_from_slice(take(bytes, end.unwrap_or(near.len())));
        if end.is_some() {
            frame.truncate(frame.len().saturating_sub(delimiter));
            return Ok(true);
        }
        // The last bytes may be the beginning of the delimiter.
        if frame.len().saturating_sub(self.search.found) > self.max_length {
            self.is_skipping = true;
            return Err(self.too_long());
        }
        Ok(false)
    }

    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        if frame.len() > self.max_length {
            return Err(self.too_long());
        }
        let begin = bytes.len();
        bytes.extend_from_slice(frame);
        bytes.extend_from_slice(&self.search.sought);
        // Not this one: that is amid what comes.
        match self.search.anew(&bytes[begin..]) {
            Some(end) if end == bytes.len() - begin => Ok(()),
            _ => Err(FrameError::NotEncodable {
                what: "the delimiter is in it",
            }),
        }
    }

    fn reset(&mut self) {
        self.is_skipping = false;
        self.search.found = 0;
    }
}

/// A search that goes on where it was cut off (Knuth, Morris and Pratt, 1977).
#[derive(Clone, Debug)]
struct Search {
    sought: Box<[u8]>,
    /// By how many bytes of what is sought have been found, less one: how many of them are found still if
    /// the next one is another.
    fallback: Box<[usize]>,
    /// How many bytes of it the last ones were.
    found: usize,
}

impl Search {
    fn new(sought: &[u8]) -> Search {
        let mut fallback = vec![0; sought.len()];
        let mut found = 0;
        for at in 1..sought.len() {
            while found > 0 && sought[found] != sought[at] {
                found = fallback[found - 1];
            }
            found += usize::from(sought[found] == sought[at]);
            fallback[at] = found;
        }
        Search {
            sought: sought.into(),
            fallback: fallback.into(),
            found: 0,
        }
    }

    /// Returns up to where it is found, if it is; then the search begins anew.
    fn run(&mut self, bytes: &[u8]) -> Option<usize> {
        let (end, found) = self.from(self.found, bytes);
        self.found = found;
        end
    }

    /// As `run`, of bytes with nothing before them.
    fn anew(&self, bytes: &[u8]) -> Option<usize> {
        self.from(0, bytes).0
    }

    fn from(&self, mut found: usize, bytes: &[u8]) -> (Option<usize>, usize) {
        let mut at = 0;
        while at < bytes.len() {
            if found == 0 {
                match find(self.sought[0], &bytes[at..]) {
                    Some(skipped) => at += skipped,
                    None => return (None, 0),
                }
            }
            while found > 0 && self.sought[found] != bytes[at] {
                found = self.fallback[found - 1];
            }
            found += usize::from(self.sought[found] == bytes[at]);
            at += 1;
            if found == self.sought.len() {
                return (Some(at), 0);
            }
        }
        (None, found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{decoded, encoded, frame};
    use super::*;

    fn delimiter(bytes: &str) -> Delimiter {
        Delimiter::new(bytes).unwrap()
    }

    #[test]
    fn a_frame_ends_where_the_delimiter_is_first() {
        let seen = decoded(&delimiter("\r\n>"), b"a\r\n>\r\n>\r\r\n\r\n>b\r\nc");
        let rest = Err(FrameError::Incomplete { length: 4 });
        assert_eq!(seen, [frame("a"), frame(""), frame("\r\r\n"), rest]);
        assert_eq!(decoded(&delimiter("aab"), b"aaabaab"), ["a", ""].map(frame));
        let seen = decoded(&delimiter("abcabd"), b"abcabcabdabcababcabd");
        assert_eq!(seen, ["abc", "abcab"].map(frame));
        assert_eq!(decoded(&delimiter("aa"), b"aaaaaa"), [""; 3].map(frame));
    }

    #[test]
    fn what_is_too_long_is_reported_once() {
        let too_long = || Err(FrameError::TooLong { limit: 3 });
        let framing = delimiter("aab").max_length(3);
        assert_eq!(decoded(&framing, b"aaaaab"), [frame("aaa")]);
        for long in [
            "aaaaaab",
            "xaaxaab",
            "1234aab",
            "12345678aaaaaab",
            "123aaxaab",
        ] {
            let seen = decoded(&framing, format!("{long}123aab").as_bytes());
            assert_eq!(seen, [too_long(), frame("123")], "{long:?}");
        }
        assert_eq!(decoded(&framing, b"12345aa"), [too_long()]);
        assert_eq!(
            encoded(&mut delimiter("aab").max_length(3), b"1234"),
            too_long()
        );
    }

    #[test]
    fn what_would_end_early_is_not_written() {
        for (end, text) in [
            ("aab", "aab"),
            ("aab", "1aab2"),
            ("><>", "1><"),
            ("aa", "a"),
        ] {
            let refused = encoded(&mut delimiter(end), text.as_bytes());
            assert!(
                matches!(refused, Err(FrameError::NotEncodable { .. })),
                "{text:?}"
            );
        }
        assert_eq!(encoded(&mut delimiter("aab"), b"aa"), frame("aaaab"));
        // What comes meanwhile is not disturbed.
        let mut framing = delimiter("aab");
        let mut received = Vec::new();
        assert_eq!(framing.decode(&mut &b"1a"[..], &mut received), Ok(false));
        encoded(&mut framing, b"2").unwrap();
        assert_eq!(framing.decode(&mut &b"ab"[..], &mut received), Ok(true));
        assert_eq!(received, b"1");
    }

    #[test]
    fn nothing_is_no_delimiter() {
        assert!(matches!(
            Delimiter::new(""),
            Err(FrameError::Invalid { .. })
        ));
    }

    #[test]
    fn what_was_begun_is_forgotten() {
        let mut framing = delimiter("aab").max_length(3);
        let mut received = Vec::new();
        for begun in ["aa", "1234"] {
            framing.decode(&mut begun.as_bytes(), &mut received).ok();
            received.clear();
            framing.reset();
            assert_eq!(framing.decode(&mut &b"b1aab"[..], &mut received), Ok(true));
            assert_eq!(received, b"b1");
            received.clear();
        }
    }
}
