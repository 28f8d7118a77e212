//! embedded-hal for buses and devices: names, and nothing that they do not do themselves.

use embedded_hal::i2c::{ErrorType, I2c, Operation, TenBitAddress};

use crate::{Address, Bus, Device, Error, TenBit};

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

impl ErrorType for Device {
    type Error = Error;
}

/// For its own address: any other is [`Error::Invalid`].
impl I2c for Device {
    fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Error> {
        self.bus_for(address)?.run(address.into(), operations)
    }
}

/// For its own address: any other is [`Error::Invalid`].
///
/// # Cancellation safety
/// As that of [`Bus`].
impl embedded_hal_async::i2c::I2c for Device {
    async fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Error> {
        let bus = self.bus_for(address)?;
        bus.run_async(address.into(), operations).await
    }
}

impl ErrorType for TenBit {
    type Error = Error;
}

impl I2c<TenBitAddress> for TenBit {
    fn transaction(&mut self, address: u16, operations: &mut [Operation<'_>]) -> Result<(), Error> {
        self.bus().run(Address::TenBit(address), operations)
    }
}

/// # Cancellation safety
/// As that of [`Bus`].
impl embedded_hal_async::i2c::I2c<TenBitAddress> for TenBit {
    async fn transaction(
        &mut self,
        address: u16,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Error> {
        let bus = self.bus();
        bus.run_async(Address::TenBit(address), operations).await
    }
}
