use std::sync::Arc;
use std::time::Duration;

use circuits_enumerate::{Backend, Devices, Filter, Identity, Result, Watch};

use super::Board;
use crate::reconnect::{self, ReconnectError};

/// What is plugged in.
impl Board {
    /// Takes devices and uevents from `backend` instead. For the feed of another program there is
    /// [`linux_fed_by`](Board::linux_fed_by).
    ///
    /// # Errors
    /// [`Error::OtherClock`](super::Error::OtherClock).
    pub fn with_enumerate(self, backend: impl Backend + 'static) -> super::Result<Board> {
        self.mixes_with(&backend.clock())?;
        Ok(Board {
            enumerate: Arc::new(backend),
            ..self
        })
    }

    /// Returns where devices are seen.
    pub fn enumerate(&self) -> &Arc<dyn Backend> {
        &self.enumerate
    }

    /// Lists what there is: GPIO chips, I2C buses, SPI devices, serial ports, CAN interfaces, and what
    /// they hang on. No device node is opened.
    ///
    /// ```
    /// use circuits::Board;
    /// use circuits::stub::Stub;
    ///
    /// let board = Board::from(&Stub::virtual_time().lines(["LED"]).i2c_bus("i2c-1"));
    /// let devices = board.devices()?;
    /// assert_eq!(devices.gpio_chips()[0].name, "gpiochip0");
    /// for adapter in devices.i2c_adapters() {
    ///     board.i2c_bus(&adapter.name)?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Devices::list_on`].
    pub fn devices(&self) -> Result<Devices> {
        Devices::list_on(&self.enumerate)
    }

    /// Tells what is plugged in, goes, and changes, from now on.
    ///
    /// # Errors
    /// As [`Watch::open_on`].
    pub fn watch(&self) -> Result<Watch> {
        self.watch_with(Filter::new())
    }

    /// Tells the same of the devices that the filter lets through.
    ///
    /// # Errors
    /// As [`Watch::open_on`].
    pub fn watch_with(&self, filter: Filter) -> Result<Watch> {
        Watch::open_on(&self.enumerate, filter)
    }

    /// Blocks until a device is there, under whatever name it has now, and opens it; see
    /// [`reconnect`](reconnect::reconnect).
    ///
    /// # Errors
    /// [`ReconnectError`].
    pub fn reconnect<T, E: std::error::Error + 'static>(
        &self,
        identity: &Identity,
        timeout: impl Into<Option<Duration>>,
        open: impl FnMut(&str) -> Result<T, E>,
    ) -> Result<T, ReconnectError<E>> {
        reconnect::reconnect(self, identity, timeout, open)
    }
}
