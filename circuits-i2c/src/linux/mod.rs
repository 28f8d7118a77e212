//! Buses of the kernel's i2c-dev (Documentation/i2c/dev-interface.rst): one `I2C_RDWR` a
//! transaction, through i2cdev.

mod sys;

use std::array;
use std::ffi::c_ulong;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use circuits_wait::{Clock, Monotonic};
use embedded_hal::i2c::Operation;
use i2cdev::core::{I2CMessage, I2CTransfer};
use i2cdev::linux::{LinuxI2CBus, LinuxI2CMessage};

use crate::error::{EAGAIN, ENODEV, ENXIO, EREMOTEIO};
use crate::{Address, Backend, Config, Done, Handle, MAX_MESSAGES, Result};

/// The buses of this machine, from `/dev/i2c-*`.
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

    pub(crate) fn for_bus(_: &str) -> Result<Linux> {
        Ok(Linux::new())
    }
}

impl Backend for Linux {
    fn open(&self, name: &str, _: &Config) -> io::Result<Box<dyn Handle>> {
        let (adapter, functions) = open(&PathBuf::from("/dev").join(name))?;
        match functions & sys::I2C_FUNC_I2C != 0 {
            true => Ok(Box::new(adapter)),
            false => Err(io::Error::from_raw_os_error(sys::EOPNOTSUPP)),
        }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }
}

/// Asks before i2cdev opens it: i2cdev takes any file for a bus.
fn open(path: &Path) -> io::Result<(Adapter, c_ulong)> {
    let file = File::options().read(true).write(true).open(path)?;
    let functions = sys::functions(&file)?;
    let adapter = Adapter {
        bus: Mutex::new(LinuxI2CBus::new(path)?),
        node: Node::of(path, &file.metadata()?),
    };
    Ok((adapter, functions))
}

#[derive(Debug)]
struct Adapter {
    /// The lock is never waited for: the queue of the bus lets one call in at a time.
    bus: Mutex<LinuxI2CBus>,
    node: Node,
}

/// The node that was opened.
#[derive(Debug)]
struct Node {
    path: PathBuf,
    file_system: u64,
    inode: u64,
}

impl Node {
    fn of(path: &Path, metadata: &Metadata) -> Node {
        Node {
            path: path.into(),
            file_system: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Whether it is there no more, or is another one.
    fn is_gone(&self) -> bool {
        match fs::metadata(&self.path) {
            Ok(now) => (now.dev(), now.ino()) != (self.file_system, self.inode),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

impl Handle for Adapter {
    fn transaction(&self, address: Address, operations: &mut [Operation<'_>]) -> Done {
        // While a bus is open its adapter cannot go (`i2c_del_adapter`, drivers/i2c/i2c-core-base.c),
        // and what its driver, which is halfway gone, answers says little: i2c-bcm2835 times out. But
        // the node goes first. Where nobody acknowledged the adapter is well: no look is needed.
        let result = match self.rdwr(address, operations) {
            Err(error) if !is_refused(&error) && self.node.is_gone() => {
                Err(io::Error::from_raw_os_error(ENODEV))
            }
            result => result,
        };
        Done {
            result,
            busy_until: None,
        }
    }

    fn blocks(&self) -> bool {
        true
    }
}

/// Whether a device did not acknowledge, or another controller won the bus.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENXIO | EREMOTEIO | EAGAIN))
}

impl Adapter {
    fn rdwr(&self, address: Address, operations: &mut [Operation<'_>]) -> io::Result<()> {
        let mut messages: [LinuxI2CMessage<'_>; MAX_MESSAGES] =
            array::from_fn(|_| LinuxI2CMessage::write(&[]));
        let count = operations.len();
        for (message, operation) in messages.iter_mut().zip(operations) {
            let plain = match operation {
                Operation::Read(buffer) => LinuxI2CMessage::read(buffer),
                Operation::Write(bytes) => LinuxI2CMessage::write(bytes),
            };
            *message = plain.with_address(address.number());
        }
        // `Bus` hands over no more than there is room for.
        let messages = messages
            .get_mut(..count)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let mut bus = self.bus.lock().unwrap_or_else(|e| e.into_inner());
        bus.transfer(messages)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Bus, ErrorKind};

    #[test]
    fn a_bus_that_is_not_there_is_named() {
        let error = Bus::open("i2c-999").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(
            error.to_string().starts_with(r#"no I2C bus "i2c-999""#),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_no_bus_is_refused() {
        let error = Bus::open("/dev/null").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
