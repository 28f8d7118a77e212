use std::time::Duration;

use circuits_gpio::LineSpec;

use super::Host;
use crate::{Result, Stub};

/// An LED on a line, which is lit while the line is high. It does not keep the board.
///
/// ```
/// use circuits_gpio::{Config, Output};
/// use circuits_stub::{Stub, parts::Led};
/// use std::time::Duration;
///
/// let stub = Stub::virtual_time().lines(["GPIO17"]);
/// let led = Led::new(&stub, "GPIO17")?;
/// let line = Output::open_on(&stub, "GPIO17", &Config::new())?;
/// for level in [true, false, true, false] {
///     line.set(level)?;
///     stub.delay().sleep(Duration::from_millis(200))?;
/// }
/// assert_eq!((led.is_lit()?, led.flashes()?), (false, 2));
/// assert_eq!(led.lit_for()?, Duration::from_millis(400));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Led {
    host: Host,
    line: LineSpec,
}

impl Led {
    /// Connects an LED between a line and ground.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn new(stub: &Stub, line: impl Into<LineSpec>) -> Result<Led> {
        let line = line.into();
        stub.net(&line)?;
        Ok(Led {
            host: Host::of(stub),
            line,
        })
    }

    /// Tells whether it is lit.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), if its chip was removed, or the board is gone; so the others.
    pub fn is_lit(&self) -> Result<bool> {
        self.host.stub(&self.line)?.level(&self.line)
    }

    /// Returns how often it went on since the board was made.
    ///
    /// # Errors
    /// As there.
    pub fn flashes(&self) -> Result<u64> {
        Ok(self.host.stub(&self.line)?.past(&self.line)?.rises)
    }

    /// Returns for how long it was lit since the board was made: how bright it was, if it is dimmed
    /// by switching.
    ///
    /// # Errors
    /// As there.
    pub fn lit_for(&self) -> Result<Duration> {
        Ok(self.host.stub(&self.line)?.past(&self.line)?.high_for)
    }
}
