use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use circuits::stub::{Stub, spi};
use circuits::wait::Time;
use embedded_hal::spi::{ErrorKind, ErrorType, Operation, SpiDevice};

use crate::deaf::Deaf;

/// At 1 MHz.
const BYTE: Duration = Duration::from_micros(8);

/// A chip on a chip select of its own.
pub(crate) struct Device {
    stub: Stub,
    chip: Box<dyn spi::Device>,
}

/// Runs a test of a driver with a chip on SPI, on a board in virtual time.
pub(crate) fn on_spi(chip: impl spi::Device + 'static, test: impl Fn(&Stub, Device)) {
    let run = |chip: Box<dyn spi::Device>| {
        let stub = Stub::virtual_time();
        let device = Device {
            stub: stub.clone(),
            chip,
        };
        stub.run(|| test(&stub, device));
    };
    assert!(
        catch_unwind(AssertUnwindSafe(|| run(Box::<Deaf>::default()))).is_err(),
        "it passes with a chip that answers 0xff"
    );
    run(Box::new(chip));
}

impl Device {
    /// Returns when the last bit has gone over the wire.
    fn exchange(&mut self, operations: &mut [Operation<'_, u8>]) -> Time {
        let mut time = self.stub.clock().now();
        self.chip.select(time);
        for operation in operations {
            let (bytes, pause) = match operation {
                Operation::Read(buffer) => (self.fill(buffer, |_| 0), 0),
                Operation::Write(bytes) => {
                    bytes.iter().for_each(|byte| _ = self.chip.transfer(*byte));
                    (bytes.len(), 0)
                }
                Operation::Transfer(buffer, bytes) => {
                    let rest = bytes.get(buffer.len()..).unwrap_or_default();
                    let sent = self.fill(buffer, |at| bytes.get(at).copied().unwrap_or(0));
                    rest.iter().for_each(|byte| _ = self.chip.transfer(*byte));
                    (sent + rest.len(), 0)
                }
                Operation::TransferInPlace(buffer) => {
                    let bytes = buffer.to_vec();
                    (self.fill(buffer, |at| bytes[at]), 0)
                }
                Operation::DelayNs(pause) => (0, *pause),
            };
            time = time + BYTE * bytes as u32 + Duration::from_nanos(pause.into());
        }
        self.chip.deselect(time);
        time
    }

    fn fill(&mut self, buffer: &mut [u8], sent: impl Fn(usize) -> u8) -> usize {
        for (at, byte) in buffer.iter_mut().enumerate() {
            *byte = self.chip.transfer(sent(at));
        }
        buffer.len()
    }
}

impl ErrorType for Device {
    type Error = ErrorKind;
}

impl SpiDevice for Device {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), ErrorKind> {
        let end = self.exchange(operations);
        self.stub.clock().sleep_until(end).map_err(kind)
    }
}

impl embedded_hal_async::spi::SpiDevice for Device {
    async fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), ErrorKind> {
        let end = self.exchange(operations);
        self.stub.delay().until(end).await.map_err(kind)
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").finish_non_exhaustive()
    }
}

fn kind(_: io::Error) -> ErrorKind {
    ErrorKind::Other
}
