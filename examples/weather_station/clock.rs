//! What time it is.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ds323x::ic::DS3231;
use ds323x::interface::I2cInterface;
use ds323x::{DateTimeAccess, Ds323x, NaiveDateTime};

use crate::bus::{Bus, Device, Heard};
use crate::part::Result;

/// The address of a DS3231, which has no other.
const ADDRESS: u8 = 0x68;

/// How much it may be fast by itself: 2 ppm are a minute a year.
const DRIFT: Duration = Duration::from_secs(60);

/// A clock with a battery, which is set to UTC.
pub(crate) struct Clock {
    driver: Ds323x<I2cInterface<Device>, DS3231>,
    heard: Heard,
}

impl Clock {
    pub(crate) fn open(bus: &Bus) -> Result<Clock> {
        let device = bus.device(ADDRESS)?;
        Ok(Clock {
            heard: device.heard(),
            driver: Ds323x::new_ds3231(device),
        })
    }

    /// Returns the time, if it is to be trusted.
    pub(crate) fn now(&mut self) -> Result<Moment> {
        let failed = |error| self.heard.instead_of(error);
        // The oscillator was stopped, as it is when there is neither power nor a good battery: the clock goes, and
        // nobody knows from when on.
        if self.driver.has_been_stopped().map_err(failed)? {
            return Err(
                "it has been without power, and its time is wrong: set it by --set-clock \
                        (is its battery empty?)"
                    .into(),
            );
        }
        Ok(Moment {
            utc: self.driver.datetime().map_err(failed)?,
            source: Source::Clock,
        })
    }

    /// Sets it by the system's time, takes note that its time is to be trusted from now on, and returns what to say.
    ///
    /// A clock that goes is not set back: a system that has been without power, and has not heard from the network
    /// yet, takes some time that has passed for now.
    pub(crate) fn set_by(&mut self, system: &Moment) -> Result<String> {
        let failed = |error| self.heard.instead_of(error);
        if !self.driver.has_been_stopped().map_err(failed)? {
            let utc = self.driver.datetime().map_err(failed)?;
            let own = Moment {
                utc,
                source: Source::Clock,
            };
            if utc > system.utc + DRIFT {
                return Ok(format!(
                    "not set: it is {own} by it, and {system} by the system: has that heard from the network? \
                     (timedatectl tells)"
                ));
            }
        }
        self.driver.set_datetime(&system.utc).map_err(failed)?;
        self.driver.clear_has_been_stopped_flag().map_err(failed)?;
        Ok(format!("set to {system}"))
    }
}

/// Who has told the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The clock on the bus.
    Clock,
    /// The system, which has it from a network, or from nowhere: a Raspberry Pi has no battery.
    System,
}

/// As it is in the log.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Clock => "ds3231",
            Source::System => "system",
        })
    }
}

/// When something was, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) utc: NaiveDateTime,
    pub(crate) source: Source,
}

impl Moment {
    /// What the system says.
    pub(crate) fn of_system(time: SystemTime) -> Moment {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment {
            // Its default is the beginning of 1970.
            utc: NaiveDateTime::default() + Duration::from_secs(since.as_secs()),
            source: Source::System,
        }
    }
}

/// As RFC 3339 has it: `2013-04-05T19:00:00Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its Debug is ISO 8601's form, as its documentation says.
        write!(f, "{:?}Z", self.utc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_as_the_rfc_has_them() {
        let at = |seconds| Moment::of_system(UNIX_EPOCH + Duration::from_millis(seconds));
        assert_eq!(at(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_365_188_400_999).to_string(), "2013-04-05T19:00:00Z");
    }
}
