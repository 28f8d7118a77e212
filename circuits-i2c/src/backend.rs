//! What a backend of I2C buses promises.
//!
//! A backend is a value: [`Linux`](crate::Linux), the virtual board, or your own.
//! [`Bus`](crate::Bus) is built on the two traits here and on nothing else, so who keeps these
//! promises gets embedded-hal, blocking and async, and clones that share the bus. The feature
//! `contract` has the promises as tests.
//!
//! **Opening.** [`Backend::open`] finds the bus and makes sure that it is one. A bus is not
//! exclusive: it may be opened many times.
//!
//! | cause | error |
//! | --- | --- |
//! | no bus of that name | `ENOENT`, `ENXIO`, `ENODEV`, or [`NotFound`](io::ErrorKind::NotFound) |
//! | the user may not | `EACCES` or `EPERM` |
//! | it is something else | `ENOTTY` |
//! | timeout or retries are to be set, and it has none | `EOPNOTSUPP` |
//!
//! They are [`io::Error`]s with Linux's numbers, whatever the system. [`Backend::list`] has the names
//! of all buses, and [`Backend::adapter`] what the adapter of one is called: a bus that is not found
//! by its name is looked for by that.
//!
//! **Timeout and retries** ([`Config`]) are set at opening if they are asked for, and hold for the
//! adapter. `Bus` hands over only what the kernel would take: whole steps of 10 ms, not none.
//!
//! **Functions** ([`Handle::functions`]) say what the adapter can do. They do not change, and are
//! asked for once. `Bus` asks for nothing that is not among them.
//!
//! **Owners.** A device may have a driver in the kernel, whose name [`Handle::owner`] tells. `Bus`
//! refuses such addresses where a [`Device`](crate::Device) is asked for; transactions and calls at
//! them go to the wire all the same.
//!
//! **A transaction** is one stretch on the wire that no other transaction of any handle gets
//! between: a start, the messages with a repeated start between each two, a stop. What `Bus` hands
//! over is checked and joined already: there are 1 to [`MAX_MESSAGES`] operations; reads and writes
//! take turns, for neighbours of one direction have been made one message, as embedded-hal has it;
//! none is longer than [`MAX_MESSAGE_LEN`]; the address is valid. An operation may be empty. The
//! first message that fails ends the transaction with a stop, and all buffers are as they were.
//!
//! **A call of SMBus** ([`Handle::smbus`]) is one stretch as well, as the
//! [protocol](https://docs.kernel.org/i2c/smbus-protocol.html) has it. Blocks have 1 to 32 bytes. What
//! is read goes into the reply, of the kind that the call has; it stays
//! [`Nothing`](crate::smbus::Reply::Nothing) where the call only writes, or fails. Where a packet error
//! code is asked for and the call [may have one](crate::smbus::Call::may_have_pec), it is sent with what
//! is written, and checked with what is read.
//!
//! **Threads.** `transaction` and `smbus` may be called from several threads at once, on one handle and on
//! several of one wire; the backend sees to it that one comes after the other.
//!
//! **Blocking.** A handle either blocks the thread while the wire is busy, or it does not, for as
//! long as it lives:
//!
//! - If [`Handle::blocks`], they return when all is done. `Bus` orders the calls of its
//!   clones in one queue (blocking and async in the order in which they were made) and runs async
//!   ones on one worker thread a bus, which owns the data meanwhile: a future that is dropped does
//!   not stop the wire.
//! - If not, they do all at once, in the order of the calls, and say in [`Done`] when
//!   the wire will be through with it, whether it failed or not. `Bus` waits until then, blocking
//!   or async. This is how a virtual board takes its time without a thread.
//!
//! An interrupt of the board does not end a transaction, and a signal does not either.
//!
//! **Errors** of a transaction are [`io::Error`]s with Linux's numbers, whatever the system, as in
//! the kernel's page on I2C fault codes; [`Error::from_io`](crate::Error::from_io) has the map:
//!
//! | cause | number |
//! | --- | --- |
//! | nobody acknowledged the address or a byte | `EREMOTEIO` (121); `ENXIO` (6) where it is known to be the address |
//! | another controller won the bus | `EAGAIN` (11) |
//! | a device held the clock for too long | `ETIMEDOUT` (110) |
//! | the bus was busy for too long | `EBUSY` (16) |
//! | a packet error code was wrong | `EBADMSG` (74) |
//! | a device said that its block had no or more than 32 bytes | `EPROTO` (71) |
//! | the controller cannot do such a transaction | `EOPNOTSUPP` (95) |
//! | the adapter is gone | `ENODEV` (19) |
//!
//! **Drop** of a handle ends nothing that is on the wire.
//!
//! **Time.** [`Backend::clock`] is the clock that `busy_until` counts on; each call returns the
//! same clock.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use circuits_wait::{Clock, Time};
use embedded_hal::i2c::Operation;

use crate::error::EOPNOTSUPP;
use crate::smbus::{Call, Reply};
use crate::{Address, Config, Functions};

/// The most messages in a transaction (`I2C_RDWR_IOCTL_MAX_MSGS`, include/uapi/linux/i2c-dev.h). It
/// holds on every backend, so that what passes on one passes on all.
pub const MAX_MESSAGES: usize = 42;

/// The most bytes in a message (`i2cdev_ioctl_rdwr`, drivers/i2c/i2c-dev.c). It holds on every
/// backend.
pub const MAX_MESSAGE_LEN: usize = 8192;

/// Where buses come from. The [module](self) says what it promises.
pub trait Backend: Send + Sync + Debug {
    /// Opens the bus called `name`: `i2c-1`, or the path of its node.
    ///
    /// # Errors
    /// By cause, in the table of the [module](self).
    fn open(&self, name: &str, config: &Config) -> io::Result<Box<dyn Handle>>;

    /// Returns the clock that transactions take their time on.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Lists the names of the buses, in any order. None is opened.
    ///
    /// # Errors
    /// [`Unsupported`](io::ErrorKind::Unsupported) if the backend knows no list, as it does by
    /// default.
    fn list(&self) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Returns what the adapter of the bus called `bus` is called itself, which says where it is:
    /// `bcm2835 (i2c@7e804000)`.
    ///
    /// # Errors
    /// As [`open`](Backend::open); [`Unsupported`](io::ErrorKind::Unsupported) if the backend knows
    /// no such names, as it does by default.
    fn adapter(&self, bus: &str) -> io::Result<String> {
        let _ = bus;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A bus that is open. The [module](self) says what it promises.
pub trait Handle: Send + Sync + Debug {
    /// Runs a transaction with the device at `address`. What it fails with, by cause, is in the
    /// table of the [module](self).
    fn transaction(&self, address: Address, operations: &mut [Operation<'_>]) -> Done;

    /// Tells whether `transaction` and `smbus` block the thread while the wire is busy.
    fn blocks(&self) -> bool;

    /// Returns what the adapter can do: plain transactions and nothing else, by default.
    fn functions(&self) -> Functions {
        Functions::I2C
    }

    /// Returns the name of the kernel driver that has the device at `address`: nobody, by default.
    ///
    /// # Errors
    /// The system cannot tell.
    fn owner(&self, address: Address) -> io::Result<Option<String>> {
        let _ = address;
        Ok(None)
    }

    /// Makes a call of SMBus to the device at `address`. What it fails with, by cause, is in the table
    /// of the [module](self); by default it is not supported.
    fn smbus(&self, address: Address, pec: bool, call: &Call, reply: &mut Reply) -> Done {
        let _ = (address, pec, call, reply);
        Done::at_once(Err(io::Error::from_raw_os_error(EOPNOTSUPP)))
    }
}

/// What became of a transaction.
#[derive(Debug)]
pub struct Done {
    /// What it came to.
    pub result: io::Result<()>,
    /// When the wire will be through with it; `None` if it is.
    pub busy_until: Option<Time>,
}

impl Done {
    /// What a transaction came to that is over.
    pub fn at_once(result: io::Result<()>) -> Done {
        Done {
            result,
            busy_until: None,
        }
    }
}

impl<T: Backend + ?Sized> Backend for Arc<T> {
    fn open(&self, name: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        (**self).open(name, config)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        (**self).list()
    }

    fn adapter(&self, bus: &str) -> io::Result<String> {
        (**self).adapter(bus)
    }
}
