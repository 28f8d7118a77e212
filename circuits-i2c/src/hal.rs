//! embedded-hal for buses: names, and nothing that the bus does not do itself.

use embedded_hal::i2c::{ErrorType, I2c, Operation};

use crate::{Bus, Error};

impl ErrorType for Bus {
    type Error = Error;
}

impl I2c for Bus {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Error> {
        self.run(address.into(), operations)
    }
}

/// # Cancellation safety
/// A transaction that has begun goes on to its end on the wire, with data of its own, when its
/// future is dropped; the buffers of the reads are as they were then. It begins with the first
/// poll.
impl embedded_hal_async::i2c::I2c for Bus {
    async fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Error> {
        self.run_async(address.into(), operations).await
    }
}
