use std::sync::Arc;

use circuits_spi::{Backend, Bus, Config, Device, Result, list_on};

use super::Board;

/// SPI devices.
impl Board {
    /// Takes the SPI devices from `backend` instead. Real devices and virtual lines mix on the real
    /// clock.
    ///
    /// # Errors
    /// [`Error::OtherClock`](super::Error::OtherClock).
    pub fn with_spi(self, backend: impl Backend + 'static) -> super::Result<Board> {
        self.mixes_with(&backend.clock())?;
        Ok(Board {
            spi: Arc::new(backend),
            ..self
        })
    }

    /// Returns where SPI devices come from.
    pub fn spi(&self) -> &Arc<dyn Backend> {
        &self.spi
    }

    /// Opens an SPI device, `spidev0.0`, and sets it up.
    ///
    /// # Errors
    /// As [`Device::open_on`].
    pub fn spi_device(&self, name: &str, config: &Config) -> Result<Device> {
        Device::open_on(&self.spi, name, config)
    }

    /// Opens the wires of an SPI controller by one of its devices, `spidev0.0`, for what is selected by
    /// a line.
    ///
    /// # Errors
    /// As [`Bus::open_on`].
    pub fn spi_bus(&self, name: &str, config: &Config) -> Result<Bus> {
        Bus::open_on(&self.spi, name, config)
    }

    /// Returns the names of the SPI devices, by controller and chip select.
    ///
    /// # Errors
    /// As [`list_on`].
    pub fn spi_devices(&self) -> Result<Vec<String>> {
        list_on(&self.spi)
    }
}
