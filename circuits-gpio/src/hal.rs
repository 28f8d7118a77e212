//! embedded-hal for lines: names, and nothing that the lines do not do themselves.

use embedded_hal::digital::{ErrorType, InputPin, OutputPin, StatefulOutputPin};
use embedded_hal_async::digital::Wait;

use crate::{EdgeDetection, Error, Input, Output};

impl ErrorType for Output {
    type Error = Error;
}

impl OutputPin for Output {
    fn set_low(&mut self) -> Result<(), Error> {
        self.set(false)
    }

    fn set_high(&mut self) -> Result<(), Error> {
        self.set(true)
    }
}

impl StatefulOutputPin for Output {
    fn is_set_high(&mut self) -> Result<bool, Error> {
        Ok(self.is_set())
    }

    fn is_set_low(&mut self) -> Result<bool, Error> {
        Ok(!self.is_set())
    }
}

impl ErrorType for Input {
    type Error = Error;
}

impl InputPin for Input {
    fn is_high(&mut self) -> Result<bool, Error> {
        self.get()
    }

    fn is_low(&mut self) -> Result<bool, Error> {
        self.get().map(|high| !high)
    }
}

/// Levels are the live ones, and *high* is active. Edges count from the first poll of the future:
/// those that are queued for [`Input::wait_edge`] and [`Input::edges`] are thrown away.
///
/// # Cancellation safety
/// A future that is dropped leaves the line as it was; the next one waits anew.
impl Wait for Input {
    async fn wait_for_high(&mut self) -> Result<(), Error> {
        self.until(true).await
    }

    async fn wait_for_low(&mut self) -> Result<(), Error> {
        self.until(false).await
    }

    async fn wait_for_rising_edge(&mut self) -> Result<(), Error> {
        self.next_edge(EdgeDetection::Rising).await
    }

    async fn wait_for_falling_edge(&mut self) -> Result<(), Error> {
        self.next_edge(EdgeDetection::Falling).await
    }

    async fn wait_for_any_edge(&mut self) -> Result<(), Error> {
        self.next_edge(EdgeDetection::Both).await
    }
}
