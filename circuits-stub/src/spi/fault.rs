use std::time::Duration;

use circuits_spi::Operation;
use circuits_wait::Time;

use crate::occasion::{self, Occasion, setters};

/// Something that goes wrong with what a program sends to a node, with the next message and once, if nothing else is
/// said: see [`Stub::spi_fault`](crate::Stub::spi_fault).
///
/// SPI has no acknowledge and no checksum. So a device that is broken, has no power or is not there is no error: what
/// is read is wrong, and only what is known of it tells, such as an identification or a checksum of the device's own.
/// What is told is what the controller could not do.
///
/// ```
/// use circuits_spi::{Config, Device, ErrorKind};
/// use circuits_stub::{Stub, chips::Mcp3008, spi::Fault};
/// use embedded_hal::spi::SpiDevice;
/// use std::time::Duration;
///
/// let converter = Mcp3008::new(3.3);
/// converter.set_volts(0, 3.3);
/// let board = Stub::virtual_time().spi_device("spidev0.0", converter)?;
/// let mut device = Device::open_on(&board, "spidev0.0", &Config::new().speed_hz(1_000_000))?;
///
/// // Not the next message, but the one after it; and from the first second on the device has no power.
/// board.spi_fault("spidev0.0", Fault::timed_out().after(1))?;
/// board.spi_fault("spidev0.0", Fault::stuck_low().not_before(Duration::from_secs(1)).always())?;
/// let mut measure = || {
///     let mut bytes = [1, 0x80, 0];
///     device.transfer_in_place(&mut bytes).map(|()| u16::from(bytes[1] & 3) << 8 | u16::from(bytes[2]))
/// };
/// assert_eq!(measure()?, 1023);
/// assert_eq!(measure().unwrap_err().kind(), ErrorKind::TimedOut);
/// assert_eq!(board.clock().now().as_nanos() / 1_000_000, 200, "milliseconds");
/// assert_eq!(measure()?, 1023);
/// board.delay().sleep(Duration::from_secs(1))?;
/// assert_eq!(measure()?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    occasion: Occasion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    TimedOut,
    Failed,
    FlippedBit,
    Stuck(bool),
}

impl Fault {
    /// The controller does not come to an end with the first transfer: no interrupt comes, or its clock stands still.
    /// The kernel waits for twice as long as the transfer takes and 200 ms (`spi_transfer_wait`, drivers/spi/spi.c),
    /// and the program has `ETIMEDOUT`. Where nothing is transferred, nothing happens.
    pub fn timed_out() -> Fault {
        Fault::new(Kind::TimedOut)
    }

    /// The first transfer fails, and the message ends there: the FIFO of the controller overflows, since nobody came
    /// to empty it, or its DMA fails. The device has seen it; the program has `EIO`, and nothing of what was read
    /// (`dw_spi_check_status`, drivers/spi/spi-dw-core.c; `spidev_message`, drivers/spi/spidev.c). Where nothing is
    /// transferred, nothing happens.
    pub fn failed() -> Fault {
        Fault::new(Kind::Failed)
    }

    /// Noise turns over the lowest bit of the last byte that is read, which nobody sees but by a checksum of the
    /// device's. Where nothing is read, nothing happens.
    pub fn flipped_bit() -> Fault {
        Fault::new(Kind::FlippedBit)
    }

    /// The data from the device are all ones: a wire is broken, or the device does not see its chip select. The device
    /// gets what it is sent.
    pub fn stuck_high() -> Fault {
        Fault::new(Kind::Stuck(true))
    }

    /// The data from the device are all zeros: it has no power, or the wire has a short circuit to ground. A device on
    /// the virtual board still gets what it is sent.
    pub fn stuck_low() -> Fault {
        Fault::new(Kind::Stuck(false))
    }

    setters!("messages");

    fn new(kind: Kind) -> Fault {
        Fault {
            kind,
            occasion: Occasion::new(),
        }
    }
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::TimedOut => "the controller times out",
            Kind::Failed => "the transfer fails",
            Kind::FlippedBit => "a bit is turned over",
            Kind::Stuck(true) => "the data are stuck high",
            Kind::Stuck(false) => "the data are stuck low",
        }
    }
}

/// Takes the fault of the message that comes now, if there is one.
pub(super) fn take(faults: &mut Vec<Fault>, now: Time) -> Option<Kind> {
    occasion::take(faults, now, |fault| (&mut fault.occasion, Some(fault.kind)))
}

/// How long the kernel waits for a transfer of so many bytes.
pub(super) fn patience(bytes: usize, hz: u32) -> Duration {
    let millis = 8_000 * bytes as u64 / u64::from(hz);
    Duration::from_millis(2 * millis + 200)
}

/// How many bytes a transfer has.
pub(super) fn len(operation: &Operation<'_, u8>) -> usize {
    match operation {
        Operation::Read(buffer) | Operation::TransferInPlace(buffer) => buffer.len(),
        Operation::Write(bytes) => bytes.len(),
        Operation::Transfer(read, write) => read.len().max(write.len()),
        Operation::DelayNs(_) => 0,
    }
}

/// What a transfer reads into.
pub(super) fn read<'a>(operation: &'a mut Operation<'_, u8>) -> &'a mut [u8] {
    match operation {
        Operation::Read(buffer)
        | Operation::TransferInPlace(buffer)
        | Operation::Transfer(buffer, _) => buffer,
        Operation::Write(_) | Operation::DelayNs(_) => &mut [],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_one_after_another() {
        let mut faults = vec![
            Fault::failed().after(1),
            Fault::timed_out(),
            Fault::flipped_bit().times(2),
            Fault::stuck_high().after(9),
        ];
        let mut next = || take(&mut faults, Time::ZERO);
        assert_eq!(next(), Some(Kind::TimedOut));
        assert_eq!(next(), Some(Kind::Failed));
        assert_eq!(next(), Some(Kind::FlippedBit));
        assert_eq!(next(), Some(Kind::FlippedBit));
        assert_eq!(next(), None);
    }

    /// Of 4096 bytes at 10 kHz, and of a few: twice the time, in whole milliseconds, and 200.
    #[test]
    fn the_kernel_has_patience() {
        assert_eq!(patience(4096, 10_000), Duration::from_millis(6752));
        assert_eq!(patience(3, 10_000_000), Duration::from_millis(200));
        assert_eq!(patience(1250, 10_000_000), Duration::from_millis(202));
    }
}
