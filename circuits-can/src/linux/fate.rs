use std::io;

use circuits_wait::Time;

use crate::error::{ENETDOWN, ENODEV};

/// What has become of an interface, as who reads is to be told of it.
///
/// The kernel says it once, to whoever calls next, before it hands out what it has still in the buffer
/// (`sk_err`). Who writes may be the one, so what is said there is kept for who reads.
#[derive(Debug, Default)]
pub(super) struct Fate {
    is_gone: bool,
    down: Option<Down>,
}

#[derive(Clone, Copy, Debug)]
struct Down {
    since: Time,
    is_told: bool,
}

impl Fate {
    /// Notes that the kernel has told who reads that the interface went down.
    pub(super) fn goes_down(&mut self, now: Time) {
        let is_told = false;
        self.down = Some(Down {
            since: now,
            is_told,
        });
    }

    /// Notes that who writes was told that it is down, and returns whether that is new.
    pub(super) fn is_down(&mut self, now: Time) -> bool {
        let is_new = self.down.is_none();
        if is_new {
            self.goes_down(now);
        }
        is_new
    }

    /// Notes that it is gone.
    pub(super) fn goes(&mut self) {
        self.is_gone = true;
    }

    /// Notes that a frame came or was sent at this time.
    pub(super) fn lives(&mut self, time: Time) {
        if self
            .down
            .is_some_and(|down| down.is_told && time > down.since)
        {
            self.down = None;
        }
    }

    /// Returns what to tell before frames that came after `last` are handed out.
    pub(super) fn due(&mut self, last: Time) -> Option<io::Error> {
        match self.down {
            Some(down) if !down.is_told && last > down.since => Some(self.end()),
            _ => None,
        }
    }

    /// Returns what to tell when all frames were handed out.
    pub(super) fn end(&mut self) -> io::Error {
        if self.is_gone {
            return io::Error::from_raw_os_error(ENODEV);
        }
        match &mut self.down {
            Some(down) if !down.is_told => {
                down.is_told = true;
                io::Error::from_raw_os_error(ENETDOWN)
            }
            _ => io::ErrorKind::WouldBlock.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[track_caller]
    fn assert_says(error: io::Error, number: i32) {
        assert_eq!(error.raw_os_error(), Some(number), "{error}");
    }

    #[track_caller]
    fn assert_waits(error: io::Error) {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
    }

    #[test]
    fn who_reads_is_told_once() {
        let mut fate = Fate::default();
        assert_waits(fate.end());
        fate.goes_down(at(10));
        assert_says(fate.end(), ENETDOWN);
        assert_waits(fate.end());
        // It is the same for who writes, as long as nothing is sent.
        assert!(!fate.is_down(at(11)));
        assert_waits(fate.end());
        fate.lives(at(12));
        assert!(fate.is_down(at(13)) && !fate.is_down(at(14)));
        assert_says(fate.end(), ENETDOWN);
        assert_waits(fate.end());
        // The kernel says it to who reads only if it is so.
        fate.goes_down(at(15));
        assert_says(fate.end(), ENETDOWN);
    }

    #[test]
    fn it_is_told_before_what_came_later() {
        let mut fate = Fate::default();
        fate.goes_down(at(10));
        assert!(fate.due(at(9)).is_none());
        fate.lives(at(12));
        assert_says(fate.due(at(12)).unwrap(), ENETDOWN);
        assert!(fate.due(at(13)).is_none());
        assert_waits(fate.end());
    }

    #[test]
    fn what_is_gone_is_gone() {
        let mut fate = Fate::default();
        fate.goes_down(at(10));
        fate.goes();
        fate.lives(at(11));
        for _ in 0..3 {
            assert_says(fate.end(), ENODEV);
        }
    }
}
