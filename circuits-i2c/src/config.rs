use std::time::Duration;

/// How a bus is to be opened. Its speed is the adapter's and cannot be chosen here (a Raspberry Pi:
/// `dtparam=i2c_arm_baudrate`).
///
/// The two settings are the *adapter's*, not the program's: they hold for all who use it, drivers of
/// the kernel included, until somebody sets others, also when the bus is closed. So they are left as
/// they are unless they are set here.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let board = Stub::virtual_time().i2c_bus("i2c-1");
/// let config = Config::new().timeout(Duration::from_millis(50)).retries(3);
/// let bus = Bus::open_on(&board, "i2c-1", &config)?;
/// # Ok::<(), circuits_i2c::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct Config {
    timeout: Option<Duration>,
    retries: Option<u32>,
}

/// The longest time of the kernel's, in its units of 10 ms: it counts milliseconds in an `int`
/// (`msecs_to_jiffies`).
const LONGEST: u128 = (i32::MAX / 10) as u128;

impl Config {
    /// The most [`retries`](Config::retries) (`i2cdev_ioctl`, drivers/i2c/i2c-dev.c).
    pub const MAX_RETRIES: u32 = i32::MAX as u32;

    /// The longest [`timeout`](Config::timeout): some 24 days.
    pub const MAX_TIMEOUT: Duration = Duration::from_millis(LONGEST as u64 * 10);

    /// Makes the default configuration.
    pub fn new() -> Config {
        Config::default()
    }

    /// Sets how long a transaction may take, for all who use the adapter (`I2C_TIMEOUT`). The kernel
    /// counts it in steps of 10 ms: what is between is rounded up. Default: as it is, which is a
    /// second if nobody has changed it. Some controllers have a time of their own.
    ///
    /// None at all is refused at opening, as is more than [`MAX_TIMEOUT`](Config::MAX_TIMEOUT).
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Config {
        Config {
            timeout: Some(timeout),
            ..self
        }
    }

    /// Sets how often a transaction is tried again when another controller has won the bus, for all who
    /// use the adapter (`I2C_RETRIES`), within the timeout. A bus of GPIO lines (i2c-gpio) tries an address
    /// that nobody acknowledges as often. Default: as it is, which is the controller's choice: 0, or 3. At most
    /// [`MAX_RETRIES`](Config::MAX_RETRIES).
    #[must_use]
    pub fn retries(self, retries: u32) -> Config {
        Config {
            retries: Some(retries),
            ..self
        }
    }

    /// Returns the timeout, if it is set, in whole steps of 10 ms.
    pub fn adapter_timeout(&self) -> Option<Duration> {
        let steps = self.timeout?.as_nanos().div_ceil(10_000_000);
        Some(Duration::from_millis(
            u64::try_from(steps).unwrap_or(u64::MAX).saturating_mul(10),
        ))
    }

    /// Returns how often a transaction is tried again, if it is set.
    pub fn adapter_retries(&self) -> Option<u32> {
        self.retries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_rounded_up() {
        let rounded = |nanos| {
            let config = Config::new().timeout(Duration::from_nanos(nanos));
            config.adapter_timeout().unwrap().as_millis()
        };
        assert_eq!(
            [1, 10_000_000, 10_000_001, 1_000_000_000].map(rounded),
            [10, 10, 20, 1000]
        );
        assert_eq!(Config::new().adapter_timeout(), None);
        let config = Config::new().timeout(Config::MAX_TIMEOUT);
        assert_eq!(config.adapter_timeout(), Some(Config::MAX_TIMEOUT));
        let longest = Config::new().timeout(Duration::MAX);
        assert!(longest.adapter_timeout().unwrap() > Config::MAX_TIMEOUT);
    }
}
