use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use circuits_wait::Time;

use crate::text::{Cursor, expected_at};
use crate::{AnyFrame, Frame, FrameError, Received};

/// A line of a log: when a frame was where.
///
/// As text it is as candump logs it: `(1436509052.249713) vcan0 044#2A366C2BBA`, and ` R` or ` T` at the end if it is
/// known whether it was received or sent by this system (`candump -x`). Times are written in
/// microseconds; `{entry:.9}` writes nanoseconds (`candump -N`), which older tools do not understand. When read, any
/// number of digits up to nine says what it says.
///
/// ```
/// use circuits_can::log::{Direction, Entry};
/// use std::time::Duration;
///
/// let entry: Entry = "(1436509052.249713) vcan0 044#2A366C2BBA T".parse()?;
/// assert_eq!(entry.time(), Duration::from_micros(1_436_509_052_249_713));
/// assert_eq!(entry.direction(), Some(Direction::Sent));
/// assert_eq!(format!("{entry:.9}"), "(1436509052.249713000) vcan0 044#2A366C2BBA T");
/// # Ok::<(), circuits_can::FrameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    time: Duration,
    interface: Arc<str>,
    content: AnyFrame,
    direction: Option<Direction>,
}

/// Whether a frame was received or sent by the system that logged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It came from elsewhere.
    Received,
    /// This system sent it.
    Sent,
}

impl Entry {
    /// Makes an entry of the time, since 1970 or whatever the log begins with, the name of the interface, which
    /// has no blanks, and what was received.
    pub fn new(time: Duration, interface: impl Into<Arc<str>>, content: AnyFrame) -> Entry {
        Entry {
            time,
            interface: interface.into(),
            content,
            direction: None,
        }
    }

    /// Makes an entry of what came to a socket on `interface`, with its direction. The time is that of the day if
    /// there is one, and that of the board's clock otherwise.
    pub fn of(received: &Received, interface: impl Into<Arc<str>>) -> Entry {
        let day = received.system_time();
        let time = day
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .unwrap_or(received.time() - Time::ZERO);
        let direction = match received.is_local() {
            true => Direction::Sent,
            false => Direction::Received,
        };
        Entry::new(time, interface, *received.content()).in_direction(direction)
    }

    /// Sets the direction, if it is known. Default: it is not.
    pub fn in_direction(mut self, direction: impl Into<Option<Direction>>) -> Entry {
        self.direction = direction.into();
        self
    }

    /// Returns the time, since 1970 or whatever the log begins with.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Returns the name of the interface.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// Returns what was received: a frame of the bus, or an error frame.
    pub fn content(&self) -> &AnyFrame {
        &self.content
    }

    /// Returns the frame, if it is one of the bus.
    pub fn frame(&self) -> Option<&Frame> {
        match &self.content {
            AnyFrame::Frame(frame) => Some(frame),
            AnyFrame::Error(_) => None,
        }
    }

    /// Returns the direction, if the log has it.
    pub fn direction(&self) -> Option<Direction> {
        self.direction
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.time.as_secs(), self.time.subsec_nanos());
        // candump and canplayer know these two.
        match f.precision() {
            Some(7..) => write!(f, "({seconds:010}.{nanos:09})")?,
            _ => write!(f, "({seconds:010}.{:06})", nanos / 1000)?,
        }
        write!(f, " {} {}", self.interface, self.content)?;
        match self.direction {
            Some(Direction::Received) => f.write_str(" R"),
            Some(Direction::Sent) => f.write_str(" T"),
            None => Ok(()),
        }
    }
}

/// One blank or more may be between the parts.
impl FromStr for Entry {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<Entry, FrameError> {
        Entry::parse(text, None)
    }
}

impl Entry {
    /// Reads a line. The name of an interface that is as before takes no memory.
    pub(super) fn parse(text: &str, before: Option<&Arc<str>>) -> Result<Entry, FrameError> {
        let mut cursor = Cursor::new(text);
        if cursor.take(b"(").is_none() {
            return Err(cursor.expected("( and a time"));
        }
        let time = take_time(&mut cursor)?;
        if cursor.take(b")").is_none() {
            return Err(cursor.expected(") after the time"));
        }

        let mut words = Words { text, cursor };
        let (_, name) = words.next("the name of an interface")?;
        let (begin, frame) = words.next("a frame")?;
        let content = frame.parse().map_err(|error| match error {
            FrameError::Text { position, expected } => expected_at(begin + position, expected),
            error => error,
        })?;
        let direction = match words.next("") {
            Ok((_, "R")) => Some(Direction::Received),
            Ok((_, "T")) => Some(Direction::Sent),
            Ok((begin, _)) => return Err(expected_at(begin, "R, T or the end")),
            Err(_) => None,
        };
        if let Ok((begin, _)) = words.next("") {
            return Err(expected_at(begin, "the end"));
        }
        let interface = match before {
            Some(before) if **before == *name => before.clone(),
            _ => name.into(),
        };
        Ok(Entry {
            time,
            interface,
            content,
            direction,
        })
    }

    /// Returns the name of the interface, to be shared.
    pub(super) fn shared_interface(&self) -> &Arc<str> {
        &self.interface
    }
}

/// What is left of a line, word by word.
struct Words<'a> {
    text: &'a str,
    cursor: Cursor<'a>,
}

impl<'a> Words<'a> {
    /// Returns the next word, and where it begins. A blank is before it.
    fn next(&mut self, expected: &'static str) -> Result<(usize, &'a str), FrameError> {
        const BLANKS: &[u8] = b" \t";
        if self.cursor.take(BLANKS).is_none() {
            return Err(self.cursor.expected(match expected {
                "" => "the end",
                _ => "a blank",
            }));
        }
        while self.cursor.take(BLANKS).is_some() {}
        let begin = self.cursor.position();
        let rest = self.text.get(begin..).unwrap_or_default();
        let word = rest.split([' ', '\t']).next().unwrap_or_default();
        if word.is_empty() {
            return Err(self.cursor.expected(expected));
        }
        self.cursor.skip(word.len());
        Ok((begin, word))
    }
}

fn take_time(cursor: &mut Cursor<'_>) -> Result<Duration, FrameError> {
    let begin = cursor.position();
    let mut seconds = Some(0u64);
    while let Some(digit) = cursor.take_decimal() {
        seconds = seconds
            .and_then(|seconds| seconds.checked_mul(10))
            .and_then(|seconds| seconds.checked_add(digit.into()));
    }
    if cursor.position() == begin {
        return Err(cursor.expected("seconds in decimal digits"));
    }
    let seconds = seconds.ok_or_else(|| expected_at(begin, "seconds of no more than 64 bits"))?;
    if cursor.take(b".").is_none() {
        return Err(cursor.expected(". and the fraction of a second"));
    }
    let mut place = 1_000_000_000;
    let mut nanos = 0;
    while let Some(digit) = cursor.take_decimal() {
        place /= 10;
        if place == 0 {
            return Err(expected_at(
                cursor.position() - 1,
                "no more than nine digits of a second's fraction",
            ));
        }
        nanos += place * u32::from(digit);
    }
    match place {
        1_000_000_000 => Err(cursor.expected("the fraction of a second in decimal digits")),
        _ => Ok(Duration::new(seconds, nanos)),
    }
}
