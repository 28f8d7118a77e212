//! Devices of the kernel's spidev (Documentation/spi/spidev.rst): one `SPI_IOC_MESSAGE` a transaction,
//! through the crate spidev.

use std::array;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use circuits_wait::{Clock, Monotonic};
use embedded_hal::spi::Operation;
use spidev::{SpiModeFlags, SpidevTransfer, spidevioctl as ioctl};

use crate::{Absence, Backend, BitOrder, ChipSelect, Config, Done, Handle, Limits, Mode, Result};

/// The SPI devices of this machine, from `/dev/spidev*`.
#[derive(Clone, Debug, Default)]
pub struct Linux {
    clock: Monotonic,
}

impl Linux {
    /// Makes the backend. Nothing is opened yet.
    pub fn new() -> Linux {
        Linux::default()
    }

    /// Makes the backend with a clock of the caller's.
    pub fn with_clock(clock: Monotonic) -> Linux {
        Linux { clock }
    }

    pub(crate) fn for_device(_: &str) -> Result<Linux> {
        Ok(Linux::new())
    }
}

impl Backend for Linux {
    fn open(&self, name: &str) -> io::Result<Box<dyn Handle>> {
        if name.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = Path::new("/dev").join(name);
        let file = File::options().read(true).write(true).open(path)?;
        // Any other driver refuses the number (ENOTTY).
        ioctl::get_bits_per_word(file.as_raw_fd())?;
        Ok(Box::new(Node {
            file,
            limits: limits(),
            is_selected_by_line: AtomicBool::new(false),
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut devices = Vec::new();
        match fs::read_dir("/sys/class/spidev") {
            Ok(entries) => {
                for entry in entries {
                    let name = entry?.file_name().to_string_lossy().into_owned();
                    devices.push((numbers(&name), name));
                }
            }
            // The driver is not even loaded.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        devices.sort();
        Ok(devices.into_iter().map(|(_, name)| name).collect())
    }

    fn absence(&self, name: &str) -> Absence {
        let name = name.strip_prefix("/dev/").unwrap_or(name);
        let has_controllers = fs::read_dir("/sys/class/spi_master")
            .is_ok_and(|mut controllers| controllers.next().is_some());
        if !has_controllers {
            return Absence::NoController;
        }
        let Some((controller, select)) = numbers(name) else {
            return Absence::Unknown;
        };
        let device = PathBuf::from(format!("/sys/bus/spi/devices/spi{controller}.{select}"));
        if !device.exists() {
            return Absence::NoDevice;
        }
        let Ok(driver) = fs::read_link(device.join("driver")) else {
            return Absence::NoDriver;
        };
        let driver = driver.file_name().unwrap_or_default().to_string_lossy();
        match &*driver {
            // Its node is on its way, or somebody took it away.
            "spidev" => Absence::Unknown,
            _ => Absence::Driver(driver.into_owned()),
        }
    }
}

/// `spidev1.0` is chip select 0 of controller 1.
fn numbers(name: &str) -> Option<(u32, u32)> {
    let (controller, select) = name.strip_prefix("spidev")?.split_once('.')?;
    let numbers = (controller.parse().ok()?, select.parse().ok()?);
    (name == format!("spidev{}.{}", numbers.0, numbers.1)).then_some(numbers)
}

fn limits() -> Limits {
    let bufsiz = fs::read_to_string("/sys/module/spidev/parameters/bufsiz");
    let bufsiz = bufsiz.ok().and_then(|size| size.trim().parse().ok());
    Limits {
        bytes: bufsiz.unwrap_or(Limits::SPIDEV.bytes),
        alignment: ALIGNMENT,
        ..Limits::SPIDEV
    }
}

/// `ARCH_DMA_MINALIGN`, or what is safe: a program for 32 bits may run on a kernel for 64.
const ALIGNMENT: usize = match cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
    true => 8,
    false => Limits::SPIDEV.alignment,
};

#[derive(Debug)]
struct Node {
    file: File,
    limits: Limits,
    /// The kernel says that chip select is active high, though it was told otherwise: see `held`.
    is_selected_by_line: AtomicBool,
}

impl Handle for Node {
    fn transaction(&self, operations: &mut [Operation<'_, u8>]) -> Done {
        /// So many need no memory of their own.
        const FEW: usize = 16;
        let count = operations
            .iter()
            .map(|operation| self.limits.transfers_of(operation))
            .sum();
        let result = if count <= FEW {
            let mut few: [_; FEW] = array::from_fn(|_| SpidevTransfer::default());
            self.message(operations, &mut few[..count])
        } else {
            let mut many: Vec<_> = (0..count).map(|_| SpidevTransfer::default()).collect();
            self.message(operations, &mut many)
        };
        Done {
            result,
            busy_until: None,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        let fd = self.file.as_raw_fd();
        let before = (ioctl::get_mode_u32(fd)?, ioctl::get_bits_per_word(fd)?);
        let set = || {
            let asked = flags(config);
            ioctl::set_mode(fd, asked)?;
            let read = SpiModeFlags::from_bits_retain(ioctl::get_mode_u32(fd)?);
            let by_line = !asked.contains(SpiModeFlags::SPI_CS_HIGH)
                && read.contains(SpiModeFlags::SPI_CS_HIGH);
            self.is_selected_by_line.store(by_line, Ordering::Relaxed);
            ioctl::set_bits_per_word(fd, config.word_bits())?;
            match config.max_speed_hz() {
                // As it was found: nobody has ever set it.
                0 => Ok(()),
                hz => ioctl::set_max_speed_hz(fd, hz),
            }
        };
        set().inspect_err(|_| {
            // All or nothing. What is refused is what failed, not this.
            let _ = ioctl::set_mode(fd, SpiModeFlags::from_bits_retain(before.0));
            let _ = ioctl::set_bits_per_word(fd, before.1);
        })
    }

    fn config(&self) -> io::Result<Config> {
        let fd = self.file.as_raw_fd();
        let by_line = self.is_selected_by_line.load(Ordering::Relaxed);
        let flags = held(ioctl::get_mode_u32(fd)?, by_line);
        let bits = match ioctl::get_bits_per_word(fd)? {
            // As the kernel understands it.
            0 => 8,
            bits => bits,
        };
        let has = |flag| flags.contains(flag);
        Ok(Config::new()
            .mode(
                match (has(SpiModeFlags::SPI_CPOL), has(SpiModeFlags::SPI_CPHA)) {
                    (false, false) => Mode::Mode0,
                    (false, true) => Mode::Mode1,
                    (true, false) => Mode::Mode2,
                    (true, true) => Mode::Mode3,
                },
            )
            .speed_hz(ioctl::get_max_speed_hz(fd)?)
            .bits_per_word(bits)
            .bit_order(match has(SpiModeFlags::SPI_LSB_FIRST) {
                true => BitOrder::LsbFirst,
                false => BitOrder::MsbFirst,
            })
            .chip_select(
                match (has(SpiModeFlags::SPI_NO_CS), has(SpiModeFlags::SPI_CS_HIGH)) {
                    (true, _) => ChipSelect::None,
                    (false, true) => ChipSelect::ActiveHigh,
                    (false, false) => ChipSelect::ActiveLow,
                },
            )
            .three_wire(has(SpiModeFlags::SPI_3WIRE))
            .loopback(has(SpiModeFlags::SPI_LOOP)))
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn blocks(&self) -> bool {
        true
    }
}

impl Node {
    /// Sends one message of as many transfers as there is room for.
    fn message<'a>(
        &self,
        operations: &'a mut [Operation<'_, u8>],
        transfers: &mut [SpidevTransfer<'a, 'a>],
    ) -> io::Result<()> {
        let mut free = transfers.iter_mut();
        for operation in operations {
            let transfer = match operation {
                Operation::Read(buffer) => SpidevTransfer::read(buffer),
                Operation::Write(bytes) => SpidevTransfer::write(bytes),
                // Their lengths are one: `Backend` says so.
                Operation::Transfer(read, write) => {
                    let len = read.len().min(write.len());
                    SpidevTransfer::read_write(&write[..len], &mut read[..len])
                }
                Operation::TransferInPlace(buffer) => SpidevTransfer::read_write_in_place(buffer),
                Operation::DelayNs(ns) => {
                    delays(*ns).zip(&mut free).for_each(|(micros, place)| {
                        *place = SpidevTransfer::delay(micros);
                    });
                    continue;
                }
            };
            if let Some(place) = free.next() {
                *place = transfer;
            }
        }
        ioctl::transfer_multiple(self.file.as_raw_fd(), transfers)
    }
}

/// A delay in microseconds, in parts that a transfer can have; never shorter than it was asked for.
fn delays(ns: u32) -> impl Iterator<Item = u16> {
    let mut left = ns.div_ceil(1000);
    let count = ns.div_ceil(Limits::SPIDEV.delay_ns).max(1);
    (0..count).map(move |_| {
        let part = u16::try_from(left).unwrap_or(u16::MAX);
        left -= u32::from(part);
        part
    })
}

/// What the device has. Where its chip select is a GPIO line the kernel sets `SPI_CS_HIGH` for itself, and
/// does not look at what it is told of that; until Linux 6.2 it said so (`spidev_ioctl`).
fn held(mode: u32, is_selected_by_line: bool) -> SpiModeFlags {
    let mut flags = SpiModeFlags::from_bits_retain(mode);
    if is_selected_by_line {
        flags.remove(SpiModeFlags::SPI_CS_HIGH);
    }
    flags
}

fn flags(config: &Config) -> SpiModeFlags {
    let mut flags = match config.clock_mode() {
        Mode::Mode0 => SpiModeFlags::SPI_MODE_0,
        Mode::Mode1 => SpiModeFlags::SPI_MODE_1,
        Mode::Mode2 => SpiModeFlags::SPI_MODE_2,
        Mode::Mode3 => SpiModeFlags::SPI_MODE_3,
    };
    flags.set(
        SpiModeFlags::SPI_LSB_FIRST,
        config.order() == BitOrder::LsbFirst,
    );
    flags.set(SpiModeFlags::SPI_3WIRE, config.is_three_wire());
    flags.set(SpiModeFlags::SPI_LOOP, config.is_loopback());
    match config.selects() {
        ChipSelect::ActiveLow => {}
        ChipSelect::ActiveHigh => flags |= SpiModeFlags::SPI_CS_HIGH,
        ChipSelect::None => flags |= SpiModeFlags::SPI_NO_CS,
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Device, ErrorKind};

    #[test]
    fn delays_are_never_shorter() {
        let all = |ns| delays(ns).collect::<Vec<_>>();
        assert_eq!(all(0), [0]);
        assert_eq!(all(1), [1]);
        assert_eq!(all(1_999), [2]);
        assert_eq!(all(65_535_000), [65_535]);
        assert_eq!(all(65_535_001), [65_535, 1]);
        for ns in [65_536_000, 131_070_001, u32::MAX] {
            let sum: u64 = delays(ns).map(u64::from).sum();
            assert_eq!(sum, u64::from(ns).div_ceil(1000));
            let limits = Limits::SPIDEV;
            assert_eq!(
                all(ns).len(),
                limits.transfers_of(&Operation::DelayNs(ns)),
                "{ns}"
            );
        }
    }

    #[test]
    fn what_the_kernel_sets_for_itself_is_not_told() {
        let mode = |flags: SpiModeFlags| flags.bits();
        let high = SpiModeFlags::SPI_CS_HIGH | SpiModeFlags::SPI_MODE_3;
        assert_eq!(held(mode(high), true), SpiModeFlags::SPI_MODE_3);
        assert_eq!(held(mode(high), false), high);
    }

    #[test]
    fn a_device_that_is_not_there_is_named() {
        let error = Device::open("spidev99.9").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let text = error.to_string();
        assert!(
            text.starts_with(r#"no SPI device "spidev99.9" (there "#),
            "{text}"
        );
    }

    #[test]
    fn a_file_that_is_no_device_is_refused() {
        let error = Device::open("/dev/null").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
