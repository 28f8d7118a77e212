//! The guest's console: what programs print, and between it the lines that are meant for us.
//!
//! Such a line begins with a byte that programs do not print, and may stand in the middle of one of
//! theirs.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Begins a line of ours.
const OURS: u8 = 1;

/// How many lines are kept for a report.
const KEPT: usize = 20;

pub(crate) struct Console {
    stream: UnixStream,
    /// The line of ours that has begun.
    ours: Option<Vec<u8>>,
    last: VecDeque<String>,
    line: Vec<u8>,
}

/// A part of what has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Printed(Vec<u8>),
    Ours(String),
}

impl Console {
    pub(crate) fn new(stream: UnixStream) -> Console {
        Console {
            stream,
            ours: None,
            last: VecDeque::new(),
            line: Vec::new(),
        }
    }

    /// Forgets what has been printed.
    pub(crate) fn forget(&mut self) {
        self.last.clear();
        self.line.clear();
    }

    /// Writes a line to whoever reads in the guest.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.write_all(format!("{line}\n").as_bytes())
    }

    /// Returns what has come after at most this time; `None` at the end.
    pub(crate) fn read(&mut self, timeout: Duration) -> io::Result<Option<Vec<Part>>> {
        self.stream.set_read_timeout(Some(timeout))?;
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => Ok(None),
            Ok(length) => Ok(Some(self.divide(&bytes[..length]))),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(Some(Vec::new())),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(Some(Vec::new())),
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Returns the last lines that were printed.
    pub(crate) fn last(&self) -> String {
        let mut last: Vec<_> = self.last.iter().cloned().collect();
        last.push(String::from_utf8_lossy(&self.line).into_owned());
        last.join("\n").trim_end().to_owned()
    }

    fn divide(&mut self, bytes: &[u8]) -> Vec<Part> {
        let (mut parts, mut printed) = (Vec::new(), Vec::new());
        for &byte in bytes {
            match &mut self.ours {
                Some(line) if byte == b'\n' => {
                    let line = String::from_utf8_lossy(line).trim_end().to_owned();
                    parts.push(Part::Ours(line));
                    self.ours = None;
                }
                Some(line) => line.push(byte),
                None if byte == OURS => {
                    if !printed.is_empty() {
                        parts.push(Part::Printed(std::mem::take(&mut printed)));
                    }
                    self.ours = Some(Vec::new());
                }
                None => {
                    printed.push(byte);
                    self.keep(byte);
                }
            }
        }
        if !printed.is_empty() {
            parts.push(Part::Printed(printed));
        }
        parts
    }

    fn keep(&mut self, byte: u8) {
        if byte != b'\n' {
            self.line.push(byte);
            return;
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_lines_may_come_in_pieces_and_in_the_middle_of_others() {
        let mut console = Console::new(UnixStream::pair().unwrap().0);
        let mut parts = console.divide(b"test one ... \x01exi");
        parts.extend(console.divide(b"t 0\nok\n"));
        let expected = [
            Part::Printed(b"test one ... ".into()),
            Part::Ours("exit 0".into()),
            Part::Printed(b"ok\n".into()),
        ];
        assert_eq!(parts, expected);
        assert_eq!(console.last(), "test one ... ok");
    }
}
