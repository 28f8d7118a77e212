//! The file in which the readings are: CSV, a reading a line, and none is lost.
//!
//! A reading counts as written when it is on the disk (`fdatasync`). Whenever the program ends, be it that the plug is
//! pulled, there is no more wrong with the file than a last line that is not whole; it is cut off before the next one
//! is written. While the disk is full, or gone, readings are kept in memory, as many as there is room for; if that is
//! not enough, the next line tells how many are missing.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use circuits::Failure;
use circuits::wait::Time;

use crate::clock::Moment;
use crate::part::words;
use crate::reading::Reading;
use crate::retry::Retry;

/// The first line. What is in no sensor is empty; `lost_before` are the readings between this line and the one
/// before that could not be written.
pub(crate) const HEADER: &str =
    "time,clock,temperature_celsius,humidity_percent,pressure_hpa,lost_before\n";

/// How many readings are kept while they cannot be written, in 50 KB: 12 minutes at one a second, half a day at one a
/// minute, five days at one in ten.
const ROOM: usize = 720;

/// How many are written at a time then: the button is looked after in between.
const AT_A_TIME: usize = 20;

/// Longer than any line.
const TAIL: u64 = 256;

/// Adds to a file, and returns when it is on the disk. Tests have one that fails.
pub(crate) type Append = Box<dyn FnMut(&mut File, &[u8]) -> io::Result<()> + Send>;

/// The log.
pub(crate) struct Log {
    path: PathBuf,
    append: Append,
    /// Lines without their last column, the oldest first.
    waiting: VecDeque<String>,
    /// How many are missing before the first of these, and altogether.
    missing: u64,
    lost: u64,
    written: u64,
    /// What was not written for certain, but perhaps; and how long the file was before.
    tried: Option<(u64, Vec<u8>)>,
    pub(crate) retry: Retry,
}

impl Log {
    pub(crate) fn new(path: &Path) -> Log {
        // One write a line: what others add to the file is not in the middle of it.
        Log::with_append(
            path,
            Box::new(|file, line| {
                file.write_all(line)?;
                file.sync_data()
            }),
        )
    }

    pub(crate) fn with_append(path: &Path, append: Append) -> Log {
        Log {
            path: path.into(),
            append,
            waiting: VecDeque::new(),
            missing: 0,
            lost: 0,
            written: 0,
            tried: None,
            retry: Retry::new("log"),
        }
    }

    /// Makes the file, or mends it, before there is anything to write.
    ///
    /// # Errors
    /// The file is another one. All else may pass: it is told, and tried again.
    pub(crate) fn begin(&mut self, now: Time, say: &mut dyn FnMut(&str)) -> Result<(), Failure> {
        match self.open(say) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(format!("{}: {error}", self.path.display()).into())
            }
            Err(error) => {
                self.tell(now, error, say);
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Takes a reading, which will be written.
    pub(crate) fn add(&mut self, moment: &Moment, reading: &Reading) {
        if self.waiting.len() == ROOM {
            self.waiting.pop_front();
            self.missing += 1;
            self.lost += 1;
        }
        let column =
            |value: Option<f32>| value.map_or(String::new(), |value| format!("{value:.1}"));
        self.waiting.push_back(format!(
            "{moment},{},{:.2},{},{}",
            moment.source,
            reading.celsius,
            column(reading.humidity),
            column(reading.pressure)
        ));
    }

    /// Writes what waits, if it is not too early to try again.
    pub(crate) fn write(&mut self, now: Time, say: &mut dyn FnMut(&str)) {
        if self.waiting.is_empty() || !self.retry.is_due(now) {
            return;
        }
        for _ in 0..AT_A_TIME {
            let Some(line) = self.waiting.front() else {
                return;
            };
            let line = format!("{line},{}\n", self.missing).into_bytes();
            if let Err(error) = self.write_line(&line, say) {
                return self.tell(now, error, say);
            }
            self.waiting.pop_front();
            self.written += 1;
            if let Some(text) = self.retry.worked(now) {
                say(&match self.missing {
                    0 => text,
                    lost => format!("{text}; {lost} readings are lost"),
                });
            }
            self.missing = 0;
        }
    }

    fn tell(&mut self, now: Time, error: io::Error, say: &mut dyn FnMut(&str)) {
        let error = format!("{}: {}", self.path.display(), words(error));
        if let Some(text) = self.retry.failed(now, &error) {
            say(&text);
        }
    }

    /// The file is opened for each line: so it may be renamed or removed meanwhile, or be on a disk that comes back.
    fn write_line(&mut self, line: &[u8], say: &mut dyn FnMut(&str)) -> io::Result<()> {
        let (mut file, last) = self.open(say)?;
        let mut length = file.metadata()?.len();
        // The last time it was written, and nobody could tell whether it is on the disk. To read it proves nothing, nor
        // does another sync: the kernel takes what it failed to write for written. It is written anew.
        if let Some((before, tried)) = &self.tried {
            if *tried == last && before + tried.len() as u64 == length {
                file.set_len(*before)?;
                length = *before;
            }
        }
        self.tried = None;
        let done = (self.append)(&mut file, line);
        if done.is_err() {
            self.tried = Some((length, line.into()));
        }
        done
    }

    /// Opens the file, with its header, and without a line that is not whole; and returns its last line.
    fn open(&mut self, say: &mut dyn FnMut(&str)) -> io::Result<(File, Vec<u8>)> {
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        let mut file = match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = options.create(true).open(&self.path)?;
                // So that the file itself is on the disk, and not only what is in it.
                sync_folder(&self.path)?;
                file
            }
            opened => opened?,
        };
        let mut first = Vec::new();
        (&file).take(HEADER.len() as u64).read_to_end(&mut first)?;
        if first != HEADER.as_bytes() {
            if !HEADER.as_bytes().starts_with(&first) && !is_empty(&mut file)? {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "this is no log of this program, and is left alone (--log names another)",
                ));
            }
            file.set_len(0)?;
            (self.append)(&mut file, HEADER.as_bytes())?;
        }
        let last = self.mend(&mut file, say)?;
        Ok((file, last))
    }

    /// Cuts off what is no whole line at the end, and returns the last line.
    ///
    /// # Errors
    /// There is more of it than the loss of power leaves: a person has been there, and what they wrote is theirs.
    fn mend(&mut self, file: &mut File, say: &mut dyn FnMut(&str)) -> io::Result<Vec<u8>> {
        let length = file.metadata()?.len();
        let (mut end, mut torn_line) = (length, None);
        let last = loop {
            let from = end.saturating_sub(TAIL).max(HEADER.len() as u64);
            file.seek(SeekFrom::Start(from))?;
            let mut tail = Vec::new();
            (&*file).take(end - from).read_to_end(&mut tail)?;
            let torn = tail.split_off(tail.len() - torn(&tail));
            if torn.is_empty() {
                let last = tail.split_inclusive(|byte| *byte == b'\n').next_back();
                break last.unwrap_or_default().to_vec();
            }
            end -= torn.len() as u64;
            let is_written = torn.iter().any(|byte| !matches!(byte, 0 | b'\n'));
            if is_written && torn_line.replace(torn).is_some() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its last lines are not this program's, and are left alone: was it edited? \
                     (take them away, or --log names another)",
                ));
            }
        };
        if end == length {
            return Ok(last);
        }
        file.set_len(end)?;
        let path = self.path.display();
        match (torn_line, &self.tried) {
            // What is waiting still is no loss.
            (Some(torn), Some((_, tried))) if tried.starts_with(&torn) => {}
            (Some(torn), _) => say(&format!(
                "log: {path}: the last line was not whole, and is cut off: {:?}",
                String::from_utf8_lossy(&torn)
            )),
            (None, _) => say(&format!(
                "log: {path}: the last {} bytes were never written, and are cut off",
                length - end
            )),
        }
        Ok(last)
    }

    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many readings the file knows nothing of.
    pub(crate) fn unwritten(&self) -> u64 {
        self.waiting.len() as u64 + self.missing
    }

    /// How many readings will never be in the file.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }
}

/// Returns how many bytes at the end of what follows the header are no whole line: a line without its end, or one that
/// is none. A disk that lost its power may also have made room for a line, and not written it.
fn torn(tail: &[u8]) -> usize {
    let Some((b'\n', lines)) = tail.split_last() else {
        let end = tail.iter().rposition(|byte| *byte == b'\n');
        return tail.len() - end.map_or(0, |end| end + 1);
    };
    let before = lines.iter().rposition(|byte| *byte == b'\n');
    let last = &lines[before.map_or(0, |before| before + 1)..];
    let commas = last.iter().filter(|byte| **byte == b',').count();
    match last.iter().all(u8::is_ascii_graphic) && commas == 5 {
        true => 0,
        false => last.len() + 1,
    }
}

/// Whether nothing of a file was written: room was made for its first line, or a little more, and the power was lost.
fn is_empty(file: &mut File) -> io::Result<bool> {
    // More than the largest page that a kernel writes at once.
    const MOST: u64 = 1 << 17;
    file.rewind()?;
    let mut bytes = Vec::new();
    (&*file).take(MOST).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64) < MOST && bytes.iter().all(|byte| *byte == 0))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
