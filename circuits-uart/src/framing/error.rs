use std::io;

/// What is wrong with a frame. The next one may be read or written nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It has more bytes than a frame can have. What comes is dropped up to its end, and reported once.
    #[error(
        "a frame is longer than {limit} bytes: its end was lost, or frames may be longer (max_length)"
    )]
    TooLong {
        /// How many bytes it can have.
        limit: usize,
    },

    /// What came is no frame: bytes were lost or damaged, or the sender has another framing.
    #[error("a frame is corrupt: {what}")]
    Corrupt {
        /// What is wrong with it.
        what: &'static str,
    },

    /// The input ended in the middle of it, or was silent for too long.
    #[error("a frame ends after {length} bytes, before its end")]
    Incomplete {
        /// How many bytes of it had come.
        length: usize,
    },

    /// It would not be the same frame at the other end. Nothing was written.
    #[error("this cannot be sent as a frame: {what}")]
    NotEncodable {
        /// What is wrong with it.
        what: &'static str,
    },

    /// There is no such framing.
    #[error("there is no such framing: {what}")]
    Invalid {
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Why no frame was read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The port failed, or a time was over. Nothing that was read is lost.
    #[error(transparent)]
    Io(#[from] io::Error),

    /// A frame was wrong. The next one may be right.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl Error {
    /// Returns what a port said, if it was one that failed.
    pub fn port_error(&self) -> Option<&crate::Error> {
        match self {
            Error::Io(error) => crate::Error::of(error),
            Error::Frame(_) => None,
        }
    }
}

/// [`InvalidData`](io::ErrorKind::InvalidData) for what was read, and
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for what cannot be written.
impl From<FrameError> for io::Error {
    fn from(error: FrameError) -> io::Error {
        let kind = match error {
            FrameError::NotEncodable { .. } | FrameError::Invalid { .. } => {
                io::ErrorKind::InvalidInput
            }
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        match error {
            Error::Io(error) => error,
            Error::Frame(error) => error.into(),
        }
    }
}
