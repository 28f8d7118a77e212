//! What a backend of SPI devices promises.
//!
//! A backend is a value: [`Linux`](crate::Linux), the virtual board, or your own.
//! [`Device`](crate::Device) and [`Bus`](crate::Bus) are built on the two traits here and on nothing
//! else, so who keeps these promises gets embedded-hal, blocking and async, and clones that share the
//! device. The feature `contract` has the promises as tests.
//!
//! **Names.** A device is called as Linux calls its node: `spidev0.1` is on chip select 1 of
//! controller 0. The path of the node is a name as well.
//!
//! **Opening.** [`Backend::open`] finds the device and leaves its settings as they are. A device is not
//! exclusive: it may be opened many times, and has one set of settings.
//!
//! | cause | error |
//! | --- | --- |
//! | no device of that name | `ENOENT`, `ENXIO`, `ENODEV`, or [`NotFound`](io::ErrorKind::NotFound) |
//! | the user may not | `EACCES` or `EPERM` |
//! | it is something else | `ENOTTY` |
//!
//! They are [`io::Error`]s with Linux's numbers, whatever the system.
//!
//! **Settings.** [`Handle::configure`] sets all of a [`Config`] that is the device's: the mode, the
//! speed, the bits of a word, the order, the wires, the chip select. What the controller cannot do is
//! either refused (`EINVAL`, and nothing has changed), or left out, and [`Handle::config`] says what
//! the device has instead. The public type reads that back and makes an error of a difference.
//! `configure` is not called while a transaction of the same handle is under way; on other handles of the
//! device it may be.
//!
//! **A transaction** is one message: the chip select becomes active, the operations go over the wire
//! one after another, the chip select becomes inactive; no other message of the controller gets
//! between. What is handed over is checked and joined already:
//!
//! - There is at least one operation, and no more than [`Limits`] allow: `transfers`, counted by
//!   [`Limits::transfers_of`], and `bytes` of reads and of writes, counted by [`Limits::bytes_of`].
//! - No read, write or transfer is empty; the two sides of a
//!   [`Transfer`](Operation::Transfer) have one length; a length is whole words (2 bytes each from 9 bits
//!   on, 4 from 17, in the machine's order).
//! - [`DelayNs`](Operation::DelayNs) is a time that passes at least, with the chip select active. One of
//!   0 ns alone is a message without data: the chip select becomes active, and inactive.
//!
//! A [`TransferInPlace`](Operation::TransferInPlace) is handed over as it is: who keeps a record copies
//! what is sent beforehand. While it reads, a device writes zeros. If a transaction fails all buffers are
//! as they were.
//!
//! **Threads.** `transaction` may be called from several threads at once, on one handle and on several;
//! the backend sees to it that one comes after the other.
//!
//! **Blocking.** A handle either blocks the thread while the wire is busy, or it does not, for as long as
//! it lives:
//!
//! - If [`Handle::blocks`], `transaction` returns when all is done. The public type orders the calls of its
//!   clones in one queue (blocking and async in the order in which they were made) and runs async ones on
//!   one worker thread a device, which owns the data meanwhile: a future that is dropped does not stop
//!   the wire.
//! - If not, `transaction` does all at once, in the order of the calls, and says in [`Done`] when the wire
//!   will be through with it, whether it failed or not. The public type waits until then, blocking or
//!   async. This is how a virtual board takes its time without a thread.
//!
//! **Errors** of a transaction, and of [`Handle::configure`] and [`Handle::config`], are
//! [`io::Error`]s with Linux's numbers, whatever the system;
//! [`Error::from_io`](crate::Error::from_io) has the map:
//!
//! | cause | number |
//! | --- | --- |
//! | the device or its driver is gone | `ESHUTDOWN` (108), `ENODEV` (19) |
//! | the controller cannot do it | `EINVAL` (22), `EOPNOTSUPP` (95) |
//! | it is too long for the controller | `EMSGSIZE` (90) |
//! | the controller did not come to an end | `ETIMEDOUT` (110) |
//!
//! **Defaults.** [`Backend::list`] and [`Backend::absence`] have some: a backend that passes calls on to
//! another one passes these on, too, or its users lose the hints.
//!
//! **Time.** [`Backend::clock`] is the clock that `busy_until` counts on; each call returns the same
//! clock.

use std::fmt::{self, Debug};
use std::io;
use std::sync::Arc;

use circuits_wait::{Clock, Time};
use embedded_hal::spi::Operation;

use crate::Config;

/// Where devices come from. The [module](self) says what it promises.
pub trait Backend: Send + Sync + Debug {
    /// Opens the device called `name`: `spidev0.0`, or the path of its node.
    ///
    /// # Errors
    /// By cause, in the table of the [module](self).
    fn open(&self, name: &str) -> io::Result<Box<dyn Handle>>;

    /// Returns the clock that transactions take their time on.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Returns the names of the devices, by controller and chip select.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`], if the backend cannot tell; the system's.
    fn list(&self) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Tells why there is no device of this name.
    fn absence(&self, name: &str) -> Absence {
        let _ = name;
        Absence::Unknown
    }
}

/// A device that is open. The [module](self) says what it promises.
pub trait Handle: Send + Sync + Debug {
    /// Sends a message. What it fails with, by cause, is in the table of the [module](self).
    fn transaction(&self, operations: &mut [Operation<'_, u8>]) -> Done;

    /// Sets the device up.
    ///
    /// # Errors
    /// `EINVAL`: the controller cannot do it.
    fn configure(&self, config: &Config) -> io::Result<()>;

    /// Returns how the device is set up; what is not the device's is as by default.
    ///
    /// # Errors
    /// The system's.
    fn config(&self) -> io::Result<Config>;

    /// Returns how much goes into a message.
    fn limits(&self) -> Limits;

    /// Tells whether `transaction` blocks the thread while the wire is busy.
    fn blocks(&self) -> bool;
}

/// What became of a transaction.
#[derive(Debug)]
pub struct Done {
    /// What it came to.
    pub result: io::Result<()>,
    /// When the wire will be through with it; `None` if it is.
    pub busy_until: Option<Time>,
}

/// How much goes into a message.
///
/// On Linux spidev has a buffer of `bufsiz` bytes for all writes of a message, and one for all reads
/// (`spidev_message`, drivers/spi/spidev.c), in which each transfer begins at a multiple of what the
/// machine's DMA needs (`ARCH_DMA_MINALIGN`).
/// A backend of your own begins with [`Limits::SPIDEV`], and sets what is otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many bytes of reads, and how many of writes.
    pub bytes: usize,
    /// To a multiple of how many bytes each transfer is rounded up.
    pub alignment: usize,
    /// How many transfers.
    pub transfers: usize,
    /// The longest delay in a transfer, in nanoseconds; longer ones are several.
    pub delay_ns: u32,
}

impl Limits {
    /// spidev's, as it is by default (`bufsiz` is 4096), on a 64-bit ARM.
    pub const SPIDEV: Limits = Limits {
        bytes: 4096,
        alignment: 128,
        // The size of an ioctl has 14 bits: 512 transfers of 32 bytes would be none
        // (include/uapi/asm-generic/ioctl.h). Of some processors it has 13.
        transfers: match cfg!(any(
            target_arch = "mips",
            target_arch = "mips64",
            target_arch = "powerpc",
            target_arch = "powerpc64",
            target_arch = "sparc64"
        )) {
            true => 255,
            false => 511,
        },
        // `delay_usecs` has 16 bits.
        delay_ns: 65_535_000,
    };

    /// Returns how many transfers an operation is.
    pub fn transfers_of(&self, operation: &Operation<'_, u8>) -> usize {
        match operation {
            Operation::DelayNs(ns) => ns.div_ceil(self.delay_ns.max(1)).max(1) as usize,
            _ => 1,
        }
    }

    /// Returns how many bytes of the buffer something of this length takes.
    pub fn bytes_of(&self, len: usize) -> usize {
        len.checked_next_multiple_of(self.alignment.max(1))
            .unwrap_or(usize::MAX)
    }
}

/// Why a device is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absence {
    /// Nobody knows.
    Unknown,
    /// There is no SPI controller at all.
    NoController,
    /// There is no device on this chip select, or no such controller.
    NoDevice,
    /// The device is there, and no driver has it: spidev does not.
    NoDriver,
    /// Another driver of the kernel has it.
    Driver(String),
}

/// What to do about it.
impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Absence::Unknown => "circuits_spi::list tells which there are",
            Absence::NoController => {
                "there is no SPI controller: enable it, on a Raspberry Pi by raspi-config or \
                 dtparam=spi=on"
            }
            Absence::NoDevice => {
                "there are controllers, and no such chip select: the device tree says which there \
                 are, on a Raspberry Pi by dtoverlay=spi0-2cs or spi1-3cs"
            }
            Absence::NoDriver => {
                "the chip select is there, and no driver has it: load the module spidev, or bind it \
                 by driver_override"
            }
            Absence::Driver(driver) => {
                return write!(f, "the chip select is there, and the kernel's driver {driver:?} has it");
            }
        })
    }
}

impl<T: Backend + ?Sized> Backend for Arc<T> {
    fn open(&self, name: &str) -> io::Result<Box<dyn Handle>> {
        (**self).open(name)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        (**self).list()
    }

    fn absence(&self, name: &str) -> Absence {
        (**self).absence(name)
    }
}
