use std::io::{self, BufRead};
use std::iter::FusedIterator;
use std::sync::Arc;

use super::{Entry, Error};
use crate::text::expected_at;

/// How long a line may be. The longest that there is, a CAN FD frame, has less than 200 bytes.
const LIMIT: usize = 1024;

/// Reads a log, line by line: an iterator of entries, and of what is wrong with a line.
///
/// Blank lines, and those that begin with `#`, are left out; so are those in which candump says that it lost
/// frames, which are [counted](Reader::dropped). Any other line that is none of a log is an error,
/// and the next one is read nevertheless. (canplayer leaves out whatever does not begin with a parenthesis.)
///
/// A line takes no more than a kilobyte of memory, however long it is.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: u64,
    dropped: u64,
    buffer: Vec<u8>,
    /// The interface of the entry before.
    interface: Option<Arc<str>>,
    failed: bool,
}

impl<R: BufRead> Reader<R> {
    /// Makes a reader of a log. A file goes into a [`BufReader`](io::BufReader) first.
    pub fn new(input: R) -> Reader<R> {
        Reader {
            input,
            line: 0,
            dropped: 0,
            buffer: Vec::new(),
            interface: None,
            failed: false,
        }
    }

    /// Returns the number of the line that was read last, from 1 on.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Returns how many frames candump had lost, as the lines say that were read so far.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Returns what it reads from.
    pub fn into_inner(self) -> R {
        self.input
    }

    /// Reads a line into the buffer, without its end. `None`: there is no more; `false`: it does not fit.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.buffer.clear();
        let (mut any, mut fits) = (false, true);
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(any.then_some(fits));
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let line = &chunk[..end.unwrap_or(chunk.len())];
            fits &= self.buffer.len() + line.len() <= LIMIT;
            if fits {
                self.buffer.extend_from_slice(line);
            }
            let taken = line.len() + usize::from(end.is_some());
            self.input.consume(taken);
            if end.is_some() {
                return Ok(Some(fits));
            }
        }
    }

    /// Makes of the line in the buffer what it is; `None` if it is none of a frame.
    fn entry(&mut self) -> Option<Result<Entry, Error>> {
        let line = self.buffer.trim_ascii_end();
        if line.is_empty() || line.starts_with(b"#") {
            return None;
        }
        if let Some(count) = losses(line) {
            self.dropped = self.dropped.saturating_add(count);
            return None;
        }
        let parsed = match std::str::from_utf8(line) {
            Ok(line) => Entry::parse(line, self.interface.as_ref()),
            Err(error) => Err(expected_at(error.valid_up_to(), "UTF-8")),
        };
        if let Ok(entry) = &parsed {
            self.interface = Some(entry.shared_interface().clone());
        }
        let line = self.line;
        Some(parsed.map_err(|source| Error::Line { line, source }))
    }
}

/// How many frames were lost, if a line says so: `DROPCOUNT: dropped 5 CAN frames on 'can0' socket (total drops 7)`.
fn losses(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(b"DROPCOUNT: dropped ")?;
    let count = rest.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(count)
        .ok()?
        .parse::<u32>()
        .ok()
        .map(u64::from)
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Result<Entry, Error>> {
        while !self.failed {
            match self.read_line() {
                Ok(None) => return None,
                Ok(Some(fits)) => {
                    self.line += 1;
                    if !fits {
                        let line = self.line;
                        return Some(Err(Error::TooLong { line, limit: LIMIT }));
                    }
                    if let Some(entry) = self.entry() {
                        return Some(entry);
                    }
                }
                Err(source) => {
                    self.failed = true;
                    let line = self.line;
                    return Some(Err(Error::Io { line, source }));
                }
            }
        }
        None
    }
}

impl<R: BufRead> FusedIterator for Reader<R> {}
