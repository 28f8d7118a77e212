use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};

use circuits::prelude::*;
use circuits::stub::Stub;
use circuits::stub::spi::Device;
use embedded_hal::spi::{ErrorType, Operation};

use crate::deaf::Deaf;

/// A chip on SPI by itself, without a controller: bytes take no time.
pub(crate) struct Selected {
    stub: Stub,
    chip: Box<dyn Device>,
}

impl ErrorType for Selected {
    type Error = Infallible;
}

impl embedded_hal::spi::SpiDevice for Selected {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Infallible> {
        let now = || self.stub.clock().now();
        self.chip.select(now());
        for operation in operations {
            match operation {
                Operation::Read(read) => {
                    read.iter_mut()
                        .for_each(|byte| *byte = self.chip.transfer(0));
                }
                Operation::Write(write) => write.iter().for_each(|byte| {
                    self.chip.transfer(*byte);
                }),
                Operation::Transfer(read, write) => {
                    for n in 0..read.len().max(write.len()) {
                        let byte = self.chip.transfer(write.get(n).copied().unwrap_or(0));
                        read.iter_mut()
                            .skip(n)
                            .take(1)
                            .for_each(|read| *read = byte);
                    }
                }
                Operation::TransferInPlace(bytes) => {
                    bytes
                        .iter_mut()
                        .for_each(|byte| *byte = self.chip.transfer(*byte));
                }
                Operation::DelayNs(ns) => self.stub.delay().delay_ns(*ns),
            }
        }
        self.chip.deselect(now());
        Ok(())
    }
}

impl embedded_hal_async::spi::SpiDevice for Selected {
    async fn transaction(
        &mut self,
        operations: &mut [Operation<'_, u8>],
    ) -> Result<(), Infallible> {
        embedded_hal::spi::SpiDevice::transaction(self, operations)
    }
}

/// Runs a test of a driver with a chip on SPI, on a board in virtual time.
pub(crate) fn on_chip_select(chip: impl Device + 'static, test: impl Fn(&Stub, Selected)) {
    let run = |chip: Box<dyn Device>| {
        let stub = Stub::virtual_time();
        let selected = Selected {
            stub: stub.clone(),
            chip,
        };
        stub.run(|| test(&stub, selected));
    };
    assert!(
        catch_unwind(AssertUnwindSafe(|| run(Box::<Deaf>::default()))).is_err(),
        "it passes with a chip that answers 0xff"
    );
    run(Box::new(chip));
}
