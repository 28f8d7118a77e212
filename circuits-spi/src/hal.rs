//! embedded-hal for devices and buses: names, and nothing that they do not do themselves.

use embedded_hal::spi::{ErrorType, Operation, SpiBus, SpiDevice};

use crate::{Bus, Device, Error};

impl ErrorType for Device {
    type Error = Error;
}

impl SpiDevice for Device {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Error> {
        self.run(operations)
    }
}

/// # Cancellation safety
/// A transaction that has begun goes on to its end on the wire, with data of its own, when its
/// future is dropped; the buffers of the reads are as they were then. It begins with the first
/// poll.
impl embedded_hal_async::spi::SpiDevice for Device {
    async fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Error> {
        self.run_async(operations).await
    }
}

impl ErrorType for Bus {
    type Error = Error;
}

/// Each call returns when all is sent; to flush is to wait for what a future that was dropped has begun.
impl SpiBus for Bus {
    fn read(&mut self, words: &mut [u8]) -> Result<(), Error> {
        self.run(Operation::Read(words))
    }

    fn write(&mut self, words: &[u8]) -> Result<(), Error> {
        self.run(Operation::Write(words))
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Error> {
        self.run(Operation::Transfer(read, write))
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Error> {
        self.run(Operation::TransferInPlace(words))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.wait();
        Ok(())
    }
}

/// # Cancellation safety
/// As that of a [`Device`]: what was begun goes on to its end, which is waited for by `flush`.
impl embedded_hal_async::spi::SpiBus for Bus {
    async fn read(&mut self, words: &mut [u8]) -> Result<(), Error> {
        self.run_async(Operation::Read(words)).await
    }

    async fn write(&mut self, words: &[u8]) -> Result<(), Error> {
        self.run_async(Operation::Write(words)).await
    }

    async fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), Error> {
        self.run_async(Operation::Transfer(read, write)).await
    }

    async fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), Error> {
        self.run_async(Operation::TransferInPlace(words)).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.wait_async().await
    }
}
