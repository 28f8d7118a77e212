use std::sync::Arc;

use circuits_i2c::{Backend, Bus, Config, Result};

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

    /// Opens an I2C bus: `i2c-1`.
    ///
    /// # Errors
    /// As [`Bus::open_on`].
    pub fn i2c_bus(&self, name: &str) -> Result<Bus> {
        Bus::open_on(&self.i2c, name, &Config::new())
    }
}
