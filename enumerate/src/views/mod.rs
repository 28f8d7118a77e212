//! What devices are to who wants to use them. All of it is worked out from a [`Devices`] alone: so
//! it is the same of a machine, of a recording and of the virtual board.

mod can;
mod gpio;
mod i2c;
mod machine;
mod serial;
mod spi;
mod usb;

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

pub use self::can::CanInterface;
pub use self::gpio::GpioChip;
pub use self::i2c::{I2cAdapter, I2cClient};
pub use self::machine::Machine;
pub use self::serial::SerialPort;
pub use self::spi::{SpiController, SpiDevice};
pub use self::usb::Usb;
use crate::{Device, Devices};

/// Text of the kernel's, for people.
fn text(bytes: &OsStr) -> String {
    bytes.to_string_lossy().into_owned()
}

/// The number at the end of a name that begins so: 12 of `i2c-12`.
fn number(name: &OsStr, prefix: &str) -> Option<u32> {
    let digits = name.to_str()?.strip_prefix(prefix)?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// `ttyUSB10` after `ttyUSB9`.
pub(crate) fn by_number(name: &str) -> (&str, u64) {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, number) = name.split_at(name.len() - digits);
    (name, number.parse().unwrap_or(0))
}

impl Devices {
    /// The driver of the nearest device above that has one, but for those that the kernel puts
    /// between a serial port and its hardware. Above the hardware there are others' drivers only: of
    /// the bus, or the hub. A driver is not told of before what it makes.
    fn driver_above(&self, path: &Path) -> Option<String> {
        for device in self.above(path) {
            let is_between = device.subsystem() == "serial-base";
            if let Some(driver) = device.driver().filter(|_| !is_between) {
                return Some(text(driver));
            }
            if device.property("MODALIAS").is_some() {
                break;
            }
        }
        None
    }

    /// Devices of a subsystem by the numbers in their names.
    fn numbered(&self, subsystem: &str, prefix: &str) -> Vec<&Arc<Device>> {
        let mut devices: Vec<_> = self
            .of(subsystem)
            .filter_map(|device| Some((number(device.name(), prefix)?, device)))
            .collect();
        devices.sort_by_key(|(number, _)| *number);
        devices.into_iter().map(|(_, device)| device).collect()
    }
}
