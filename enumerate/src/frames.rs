use std::io::{self, Read};

use crate::{ParseError, Uevent};

/// The longest datagram that a stream may have. The kernel's are at most some 4 kB.
const LONGEST: u32 = 65536;

/// What a feeder tells, one at a time.
#[doc = include_str!("../FEED.md")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Datagram {
    /// What follows is all that there is.
    ColdPlug,
    /// That was all that there is; from here on it is what happens.
    Live,
    /// This happened, or this is there.
    Uevent(Uevent),
}

impl Datagram {
    /// Reads one.
    ///
    /// # Errors
    /// It is neither a mark nor a uevent.
    pub fn parse(bytes: &[u8]) -> Result<Datagram, ParseError> {
        match bytes {
            b"cold-plug" => Ok(Datagram::ColdPlug),
            b"live" => Ok(Datagram::Live),
            _ => Uevent::parse(bytes).map(Datagram::Uevent),
        }
    }
}

/// The bytes of datagrams in a stream, each with its length before it; see [`Datagram`].
#[derive(Debug)]
pub struct Frames<R>(R);

impl<R: Read> Frames<R> {
    /// Takes them from a pipe, a socket or a file.
    pub fn new(from: R) -> Frames<R> {
        Frames(from)
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut length = [0; 4];
        let first = loop {
            match self.0.read(&mut length) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        if first == 0 {
            return Ok(None);
        }
        self.0.read_exact(&mut length[first..])?;
        let length = u32::from_le_bytes(length);
        if length > LONGEST {
            let text = format!("a datagram of {length} bytes in a feed: at most {LONGEST}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let mut datagram = vec![0; length as usize];
        self.0.read_exact(&mut datagram)?;
        Ok(Some(datagram))
    }
}

/// Blocks for each; ends with the stream. After an error there is no going on: where the next one
/// begins is not known.
impl<R: Read> Iterator for Frames<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<Result<Vec<u8>, io::ErrorKind>> {
        let frames = Frames::new(bytes).take(3);
        frames
            .map(|frame| frame.map_err(|error| error.kind()))
            .collect()
    }

    #[test]
    fn a_stream_is_lengths_and_datagrams() {
        let bytes = b"\x02\0\0\0hi\0\0\0\0";
        assert_eq!(all(bytes), [Ok(b"hi".to_vec()), Ok(Vec::new())]);
        assert_eq!(all(b""), []);
    }

    #[test]
    fn a_stream_that_is_cut_says_so() {
        for cut in [1, 3, 4, 5] {
            let frames = all(&b"\x02\0\0\0hi"[..cut]);
            assert_eq!(frames[0], Err(io::ErrorKind::UnexpectedEof), "{cut}");
        }
    }

    #[test]
    fn what_is_too_long_is_no_feed() {
        let frame = &all(b"\x01\0\x01\0hello")[0];
        assert_eq!(*frame, Err(io::ErrorKind::InvalidData));
    }
}
