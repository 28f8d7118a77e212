use std::sync::Arc;

use circuits_can::{
    Backend, Config, Cycle, CycleConfig, Frame, Interface, Result, Socket, list_on,
};

use super::Board;

/// CAN interfaces.
impl Board {
    /// Takes the CAN interfaces from `backend` instead. Real interfaces and virtual lines mix on the real clock.
    ///
    /// # Errors
    /// [`Error::OtherClock`](super::Error::OtherClock).
    pub fn with_can(self, backend: impl Backend + 'static) -> super::Result<Board> {
        self.mixes_with(&backend.clock())?;
        Ok(Board {
            can: Arc::new(backend),
            ..self
        })
    }

    /// Returns where CAN interfaces come from.
    pub fn can(&self) -> &Arc<dyn Backend> {
        &self.can
    }

    /// Opens a socket on a CAN interface, `can0`, which must be up.
    ///
    /// # Errors
    /// As [`Socket::open_on`].
    pub fn can_socket(&self, interface: &str, config: &Config) -> Result<Socket> {
        Socket::open_on(&self.can, interface, config)
    }

    /// Finds a CAN interface, to ask it and to set it up.
    ///
    /// # Errors
    /// As [`Interface::open_on`].
    pub fn can_interface(&self, name: &str) -> Result<Interface> {
        Interface::open_on(&self.can, name)
    }

    /// Begins to send frames at an interval, without the program.
    ///
    /// # Errors
    /// As [`Cycle::start_on`].
    pub fn can_cycle(
        &self,
        interface: &str,
        frames: &[Frame],
        config: &CycleConfig,
    ) -> Result<Cycle> {
        Cycle::start_on(&self.can, interface, frames, config)
    }

    /// Returns the names of the CAN interfaces.
    ///
    /// # Errors
    /// As [`list_on`].
    pub fn can_interfaces(&self) -> Result<Vec<String>> {
        list_on(&self.can)
    }
}
