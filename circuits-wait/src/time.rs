use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on a board's clock, in nanoseconds.
///
/// On Linux it counts from the start of the machine (`CLOCK_MONOTONIC`, the clock that the kernel
/// stamps GPIO edges with); on a virtual board in virtual time, from the making of the board. Times
/// of two clocks do not compare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Time(u64);

impl Time {
    /// The moment the clock started.
    pub const ZERO: Time = Time(0);

    /// The last moment that can be told: 584 years.
    pub const MAX: Time = Time(u64::MAX);

    /// Makes a time from nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// Returns the nanoseconds since the clock started.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns how long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns what `CLOCK_MONOTONIC` says now.
    #[cfg(unix)]
    pub fn monotonic() -> Time {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        Time(now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64)
    }
}

/// Stops at [`Time::MAX`].
impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        Time(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// The same as [`Time::since`].
impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

/// Seconds to the microsecond: `12.000350 s`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:06} s",
            self.0 / 1_000_000_000,
            self.0 % 1_000_000_000 / 1000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stop_at_the_ends() {
        assert_eq!(Time::MAX + Duration::MAX, Time::MAX);
        assert_eq!(
            Time::from_nanos(5) + Duration::from_nanos(2),
            Time::from_nanos(7)
        );
        assert_eq!(Time::from_nanos(5) - Time::from_nanos(7), Duration::ZERO);
    }

    #[test]
    fn reads_as_seconds() {
        assert_eq!(Time::from_nanos(12_000_350_999).to_string(), "12.000350 s");
    }
}
