//! What came to a port and was not read yet.

use std::collections::VecDeque;
use std::io;

use circuits_uart::Received;
use circuits_wait::Time;

/// How many bytes a program may leave unread (N_TTY_BUF_SIZE, drivers/tty/n_tty.c).
const LINE_DISCIPLINE: usize = 4095;

/// How many bytes wait behind these (TTYB_DEFAULT_MEM_LIMIT, drivers/tty/tty_buffer.c: more of late).
const FLIP_BUFFER: usize = 64 << 10;

/// How much room or how little is left when who sends is stopped, and goes on (TTY_THRESHOLD_THROTTLE,
/// TTY_THRESHOLD_UNTHROTTLE, drivers/tty/n_tty.c).
const THRESHOLD: usize = 128;

/// How many bytes a USB adapter hands on at once, at most: a packet of 64 has two of its own.
const LUMP: usize = 62;

/// The buffer, of 69631 bytes: one, where the kernel has two, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: VecDeque<u8>,
    /// Which of them are none, by their number.
    marks: VecDeque<(u64, Mark)>,
    /// The number of the first that is there.
    first: u64,
    /// How many of the last an adapter has not handed on yet, and when it will.
    held: usize,
    pub(super) due: Option<Time>,
    /// What comes now is lost, since there is no room; nothing was read since then.
    pub(super) is_losing: bool,
}

/// What is instead of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Damaged,
    Break,
}

impl Input {
    pub(super) fn reserve(&mut self) {
        self.bytes
            .reserve(LINE_DISCIPLINE + FLIP_BUFFER - self.bytes.len());
        self.marks.reserve(16);
    }

    /// Says whether there is room for a byte, which comes in.
    pub(super) fn push(&mut self, byte: u8, mark: Option<Mark>) -> bool {
        if self.bytes.len() >= LINE_DISCIPLINE + FLIP_BUFFER {
            return false;
        }
        if let Some(mark) = mark {
            let number = self.first + self.bytes.len() as u64;
            self.marks.push_back((number, mark));
        }
        self.bytes.push_back(byte);
        true
    }

    /// Keeps the last byte until a time, unless it has been waited for; says whether it is kept.
    pub(super) fn hold(&mut self, due: Time) -> bool {
        self.held += 1;
        if self.held >= LUMP {
            self.release();
            return false;
        }
        self.due.get_or_insert(due);
        true
    }

    /// Hands on what was kept.
    pub(super) fn release(&mut self) {
        self.held = 0;
        self.due = None;
    }

    /// Forgets what was kept.
    pub(super) fn lose_held(&mut self) {
        self.bytes.truncate(self.waiting());
        let end = self.first + self.bytes.len() as u64;
        self.marks.retain(|(number, _)| *number < end);
        self.release();
    }

    pub(super) fn clear(&mut self) {
        self.first += self.bytes.len() as u64;
        self.bytes.clear();
        self.marks.clear();
        self.is_losing = false;
        self.release();
    }

    /// How many can be read.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len() - self.held
    }

    /// How many of them the kernel tells of, and hands out at once: those in the first of its buffers.
    pub(super) fn told(&self) -> usize {
        self.waiting().min(LINE_DISCIPLINE)
    }

    pub(super) fn is_nearly_full(&self) -> bool {
        self.bytes.len() > LINE_DISCIPLINE - THRESHOLD
    }

    pub(super) fn is_nearly_empty(&self) -> bool {
        self.bytes.len() <= THRESHOLD
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let waiting = self.told();
        if waiting == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.is_losing = false;
        let to_mark = match self.marks.front() {
            Some((number, _)) => (*number - self.first) as usize,
            None => usize::MAX,
        };
        if to_mark == 0 {
            let mark = self.marks.pop_front().map(|(_, mark)| mark);
            let byte = self.bytes.pop_front().unwrap_or_default();
            self.first += 1;
            return Ok(match mark {
                Some(Mark::Break) => Received::Break,
                _ => Received::Damaged(byte),
            });
        }
        let count = buffer.len().min(waiting).min(to_mark);
        let (front, back) = self.bytes.as_slices();
        let first = front.len().min(count);
        buffer[..first].copy_from_slice(&front[..first]);
        buffer[first..count].copy_from_slice(&back[..count - first]);
        self.bytes.drain(..count);
        self.first += count as u64;
        Ok(Received::Bytes(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_in_their_places() {
        let mut input = Input::default();
        for (byte, mark) in [
            (1, None),
            (2, Some(Mark::Damaged)),
            (0, Some(Mark::Break)),
            (3, None),
        ] {
            assert!(input.push(byte, mark));
        }
        let mut buffer = [0; 8];
        assert_eq!(input.read(&mut buffer).unwrap(), Received::Bytes(1));
        assert_eq!(input.read(&mut buffer).unwrap(), Received::Damaged(2));
        assert_eq!(input.read(&mut buffer).unwrap(), Received::Break);
        assert_eq!(input.read(&mut buffer).unwrap(), Received::Bytes(1));
        assert_eq!(buffer[0], 3);
        assert!(input.read(&mut buffer).is_err());
    }

    #[test]
    fn it_has_an_end() {
        let mut input = Input::default();
        let taken = (0..100_000).filter(|_| input.push(0, None)).count();
        assert_eq!(taken, 69_631);
        assert!(input.is_nearly_full());
        // As the kernel has it, of which there is no more to be seen than one of two buffers.
        assert_eq!(input.told(), 4095);
        let read = input.read(&mut [0; 8192]).unwrap();
        assert_eq!(read, Received::Bytes(4095));
        assert_eq!(input.waiting(), 65_536);
    }

    #[test]
    fn a_lump_is_62_bytes_or_what_came_in_time() {
        let mut input = Input::default();
        for number in 1..=62 {
            input.push(0, None);
            let is_held = input.hold(Time::from_nanos(number));
            assert_eq!(is_held, number < 62);
            assert_eq!(input.waiting(), if number < 62 { 0 } else { 62 });
        }
        input.push(0, None);
        input.hold(Time::from_nanos(100));
        assert_eq!(input.due, Some(Time::from_nanos(100)));
        input.lose_held();
        assert_eq!((input.waiting(), input.due), (62, None));
    }
}
