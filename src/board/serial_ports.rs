use std::sync::Arc;

use circuits_uart::{Backend, Config, Port, Result, list_on};

use super::Board;

/// Serial ports.
impl Board {
    /// Takes the serial ports from `backend` instead. Real ports and virtual lines mix on the real clock.
    ///
    /// # Errors
    /// [`Error::OtherClock`](super::Error::OtherClock).
    pub fn with_uart(self, backend: impl Backend + 'static) -> super::Result<Board> {
        self.mixes_with(&backend.clock())?;
        Ok(Board {
            uart: Arc::new(backend),
            ..self
        })
    }

    /// Returns where serial ports come from.
    pub fn uart(&self) -> &Arc<dyn Backend> {
        &self.uart
    }

    /// Opens a serial port, `ttyAMA0` or the path of a link to it, and sets it up. One that is known by what
    /// it is, is opened through [`reconnect`](Board::reconnect).
    ///
    /// # Errors
    /// As [`Port::open_on`].
    pub fn serial_port(&self, name: &str, config: &Config) -> Result<Port> {
        Port::open_on(&self.uart, name, config)
    }

    /// Returns the names of the serial ports.
    ///
    /// # Errors
    /// As [`list_on`].
    pub fn serial_ports(&self) -> Result<Vec<String>> {
        list_on(&self.uart)
    }
}
