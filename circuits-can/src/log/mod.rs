//! Logs of frames, as `candump -l` writes them and `canplayer` reads them: one frame a line.
//!
//! ```
//! use circuits_can::log::{Direction, Entry, Reader};
//! use circuits_can::{AnyFrame, Received};
//! use circuits_wait::Time;
//! use std::fmt::Write;
//!
//! // Written: a line for each.
//! let received = Received::new(AnyFrame::Frame("044#2A366C2BBA".parse()?), Time::from_nanos(1_500_000));
//! let mut file = String::new();
//! writeln!(file, "{}", Entry::of(&received, "can0"))?;
//! assert_eq!(file, "(0000000000.001500) can0 044#2A366C2BBA R\n");
//!
//! // Read: from a file, a pipe, or whatever else has lines.
//! for entry in Reader::new(file.as_bytes()) {
//!     let entry = entry?;
//!     assert_eq!((entry.interface(), entry.direction()), ("can0", Some(Direction::Received)));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod reader;

use std::io;

pub use entry::{Direction, Entry};
pub use reader::Reader;

use crate::FrameError;

/// Why a line of a log could not be read. The next one may be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no line of a log.
    #[error("line {line}: {source}")]
    Line {
        /// Which line, from 1 on.
        line: u64,
        /// What is wrong with it.
        source: FrameError,
    },

    /// It is longer than any line of a log. It was left out.
    #[error("line {line} has more than {limit} bytes: this is no log")]
    TooLong {
        /// Which line, from 1 on.
        line: u64,
        /// How long a line may be.
        limit: usize,
    },

    /// The log could not be read on: nothing more comes of it.
    #[error("the log could not be read after line {line}")]
    Io {
        /// How many lines were read before.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
}
