use std::sync::Arc;

use circuits_i2c::{Backend, Bus, Config, Device, Result, list_on};

use super::Board;

/// Buses.
impl Board {
    /// Takes the I2C buses from `backend` instead. A real bus and virtual lines mix on the real
    /// clock.
    ///
    /// # Errors
    /// [`Error::OtherClock`](super::Error::OtherClock).
    pub fn with_i2c(self, backend: impl Backend + 'static) -> super::Result<Board> {
        self.mixes_with(&backend.clock())?;
        Ok(Board {
            i2c: Arc::new(backend),
            ..self
        })
    }

    /// Returns where I2C buses come from.
    pub fn i2c(&self) -> &Arc<dyn Backend> {
        &self.i2c
    }

    /// Lists the I2C buses, in the order of their numbers. None is opened.
    ///
    /// # Errors
    /// As [`list_on`].
    pub fn i2c_buses(&self) -> Result<Vec<String>> {
        list_on(&self.i2c)
    }

    /// Opens an I2C bus: `i2c-1`, or the name of its adapter.
    ///
    /// # Errors
    /// As [`Bus::open_on`].
    pub fn i2c_bus(&self, name: &str) -> Result<Bus> {
        Bus::open_on(&self.i2c, name, &Config::new())
    }

    /// Opens an I2C bus with a configuration of its adapter.
    ///
    /// # Errors
    /// As [`Bus::open_on`].
    pub fn i2c_bus_with(&self, name: &str, config: &Config) -> Result<Bus> {
        Bus::open_on(&self.i2c, name, config)
    }

    /// Opens an I2C bus for the device at this address. Several devices of one bus had better be had of
    /// one [`i2c_bus`](Board::i2c_bus), by [`Bus::device`]: their calls are in one queue then.
    ///
    /// ```
    /// use circuits::Board;
    /// use circuits::prelude::*;
    /// use circuits::stub::{Stub, chips::Tmp102};
    ///
    /// let board = Board::from(&Stub::virtual_time().i2c_device("i2c-1", 0x48, Tmp102::new())?);
    /// let mut sensor = board.i2c_device("i2c-1", 0x48)?;
    /// let mut temperature = [0; 2];
    /// sensor.write_read(0x48, &[0], &mut temperature)?;
    /// assert_eq!(temperature, [25, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Bus::open_on`] and [`Bus::device`].
    pub fn i2c_device(&self, bus: &str, address: u8) -> Result<Device> {
        self.i2c_bus(bus)?.device(address)
    }
}
