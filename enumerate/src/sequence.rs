use std::time::Duration;

use circuits_wait::Time;

/// How long a uevent with a lower number may still come: they are numbered before they are sent.
const LATE: Duration = Duration::from_millis(100);
/// How long after a look because of a gap there is none for the same reason.
const RATE: Duration = Duration::from_secs(1);

/// The numbers of uevents, and what becomes of it when one is missing.
///
/// A gap need not be a loss: network interfaces of another namespace have numbers, too, and their
/// uevents do not come here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    last: Option<u64>,
    missing: u64,
    gaps: u64,
    due: Option<Time>,
    looked: Option<Time>,
}

impl Sequence {
    /// Notes the number of a uevent that came.
    pub(crate) fn note(&mut self, number: u64, now: Time) {
        let Some(last) = self.last else {
            self.last = Some(number);
            return;
        };
        if number <= last {
            // It was late.
            self.missing = self.missing.saturating_sub(1);
            if self.missing == 0 {
                self.due = None;
            }
            return;
        }
        self.last = Some(number);
        let missing = number - last - 1;
        if missing > 0 {
            self.gaps += 1;
            self.missing = self.missing.saturating_add(missing);
            let soon = now + LATE;
            let not_yet = self.looked.map_or(soon, |looked| soon.max(looked + RATE));
            self.due.get_or_insert(not_yet);
        }
    }

    /// Returns when somebody should look what there is.
    pub(crate) fn due(&self) -> Option<Time> {
        self.due
    }

    /// Notes that somebody looked, and that what comes next need not follow what came last.
    pub(crate) fn looked(&mut self, now: Time) {
        *self = Sequence {
            gaps: self.gaps,
            looked: Some(now),
            ..Sequence::default()
        };
    }

    /// Returns how many gaps there were.
    pub(crate) fn gaps(&self) -> u64 {
        self.gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn a_gap_is_looked_at_once_and_not_more_than_once_a_second() {
        let mut sequence = Sequence::default();
        for number in [7, 8, 9] {
            sequence.note(number, at(0));
        }
        assert_eq!(sequence.due(), None);
        sequence.note(12, at(10));
        sequence.note(20, at(20));
        assert_eq!(sequence.due(), Some(at(110)));
        sequence.looked(at(110));
        assert_eq!((sequence.due(), sequence.gaps()), (None, 2));
        sequence.note(21, at(200));
        sequence.note(23, at(200));
        assert_eq!(sequence.due(), Some(at(1110)));
    }

    #[test]
    fn who_is_late_is_not_lost() {
        let mut sequence = Sequence::default();
        for number in [1, 4, 3] {
            sequence.note(number, at(0));
        }
        assert!(sequence.due().is_some());
        sequence.note(2, at(1));
        assert_eq!(sequence.due(), None);
    }
}
