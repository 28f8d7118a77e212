use std::time::Duration;

use circuits_wait::Time;
use rustix::time::{ClockId, clock_gettime};

/// The board's clock and the clock of the day, which the kernel stamps frames by, at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    now: Time,
    /// What the clock of the day is ahead, in nanoseconds.
    ahead: i128,
}

/// Two looks at one clock are closer than this, unless something else ran in between.
const CLOSE: Duration = Duration::from_micros(10);

impl Clocks {
    /// Looks at both, without anything in between if that is to be had.
    pub(super) fn now() -> Clocks {
        let (mut best, mut clocks) = Clocks::look();
        for _ in 0..3 {
            if best <= CLOSE {
                break;
            }
            let (apart, again) = Clocks::look();
            if apart < best {
                (best, clocks) = (apart, again);
            }
        }
        clocks
    }

    /// Returns as well how far apart the looks were.
    fn look() -> (Duration, Clocks) {
        let before = Time::monotonic();
        let day = clock_gettime(ClockId::Realtime);
        let now = Time::monotonic();
        let day = i128::from(day.tv_sec) * 1_000_000_000 + i128::from(day.tv_nsec);
        let ahead = day - i128::from(before.as_nanos());
        (now - before, Clocks { now, ahead })
    }

    /// Returns what the board's clock said when the clock of the day said this; without that it was now. If the
    /// clock of the day was set meanwhile, it was now at the latest.
    pub(super) fn at(&self, stamp: Option<Duration>) -> Time {
        let Some(stamp) = stamp else {
            return self.now;
        };
        let nanos = stamp.as_nanos() as i128 - self.ahead;
        Time::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)).min(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_one_of_the_board() {
        let clocks = Clocks {
            now: Time::from_nanos(5_000),
            ahead: 1_000_000,
        };
        let at = |nanos| clocks.at(Some(Duration::from_nanos(nanos)));
        assert_eq!(at(1_003_000), Time::from_nanos(3_000));
        assert_eq!(clocks.at(None), Time::from_nanos(5_000));
        // The clock of the day was put back, or forward by years.
        assert_eq!(at(1_005_001), Time::from_nanos(5_000));
        assert_eq!(clocks.at(Some(Duration::MAX)), Time::from_nanos(5_000));
        assert_eq!(at(999_999), Time::ZERO);
    }
}
