//! Buses of the kernel's i2c-dev (Documentation/i2c/dev-interface.rst): one `I2C_RDWR` a
//! transaction, and one `I2C_SMBUS` a call.

mod sys;
mod sysfs;

use std::array;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use circuits_wait::{Clock, Monotonic};
use embedded_hal::i2c::Operation;
use rustix::fs::{major, minor};

use crate::error::{EAGAIN, EBUSY, ENODEV, ENOTTY, ENXIO, EPROTO, EREMOTEIO};
use crate::smbus::{Block, Call, Direction, Reply};
use crate::{Address, Backend, Config, Done, Functions, Handle, MAX_MESSAGES, Result};

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
    fn open(&self, name: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(open(&PathBuf::from("/dev").join(name), config)?))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir("/dev")? {
            let name = entry?.file_name();
            let name = name.to_str().unwrap_or_default();
            let number = name.strip_prefix("i2c-").map(str::parse::<u32>);
            if let Some(Ok(_)) = number {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn adapter(&self, bus: &str) -> io::Result<String> {
        sysfs::adapter(bus)
    }
}

/// Any other driver may make something else of an ioctl's number.
fn open(path: &Path, config: &Config) -> io::Result<Adapter> {
    /// include/linux/i2c-dev.h
    const I2C_MAJOR: u32 = 89;
    let file = File::options().read(true).write(true).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.file_type().is_char_device() || major(metadata.rdev()) != I2C_MAJOR {
        return Err(io::Error::from_raw_os_error(ENOTTY));
    }
    // The kernel has 32 bits of them (`i2c_get_functionality`).
    let functions = Functions::from_bits(sys::functions(&file)? as u32);
    if let Some(timeout) = config.adapter_timeout() {
        let units = usize::try_from(timeout.as_millis() / 10);
        sys::set_timeout(&file, units.map_err(|_| io::ErrorKind::InvalidInput)?)?;
    }
    if let Some(retries) = config.adapter_retries() {
        sys::set_retries(&file, retries as usize)?;
    }
    let metadata = file.metadata()?;
    Ok(Adapter {
        smbus: Mutex::new(Descriptor {
            file: file.try_clone()?,
            address: None,
            pec: false,
        }),
        file,
        functions,
        node: Node::of(path, &metadata),
    })
}

#[derive(Debug)]
struct Adapter {
    file: File,
    smbus: Mutex<Descriptor>,
    functions: Functions,
    node: Node,
}

/// What the calls of SMBus go by. The kernel remembers for it whom they are for; what it was told is
/// not told again.
#[derive(Debug)]
struct Descriptor {
    file: File,
    address: Option<Address>,
    pec: bool,
}

/// The node that was opened.
#[derive(Debug)]
struct Node {
    path: PathBuf,
    file_system: u64,
    inode: u64,
    numbers: (u32, u32),
}

impl Node {
    fn of(path: &Path, metadata: &Metadata) -> Node {
        Node {
            path: path.into(),
            file_system: metadata.dev(),
            inode: metadata.ino(),
            numbers: (major(metadata.rdev()), minor(metadata.rdev())),
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
        self.explained(self.rdwr(address, operations))
    }

    fn blocks(&self) -> bool {
        true
    }

    fn functions(&self) -> Functions {
        self.functions
    }

    fn owner(&self, address: Address) -> io::Result<Option<String>> {
        // On a descriptor of its own: the answer changes whom the calls of SMBus are for.
        let file = match File::options().read(true).write(true).open(&self.node.path) {
            Ok(file) => file,
            // What is gone is nobody's.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if matches!(address, Address::TenBit(_)) {
            sys::set_ten_bit(&file, true)?;
        }
        match sys::claim(&file, address.number()) {
            Ok(()) => Ok(None),
            Err(error) if error.raw_os_error() == Some(EBUSY) => Ok(Some(self.driver(address))),
            Err(error) => Err(error),
        }
    }

    fn smbus(&self, address: Address, pec: bool, call: &Call, reply: &mut Reply) -> Done {
        let mut descriptor = self.smbus.lock().unwrap_or_else(|e| e.into_inner());
        let result = descriptor.call(address, pec, call).map(|got| *reply = got);
        drop(descriptor);
        self.explained(result)
    }
}

/// Whether a device did not acknowledge, or another controller won the bus.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(ENXIO | EREMOTEIO | EAGAIN))
}

impl Adapter {
    /// The name of the driver that has a device, which the kernel does not say: /sys does, but for
    /// devices that ACPI has named, whose names have no address.
    fn driver(&self, address: Address) -> String {
        let (major, minor) = self.node.numbers;
        let owner = sysfs::folder(major, minor).and_then(|folder| sysfs::owner(&folder, address));
        owner
            .ok()
            .flatten()
            .unwrap_or("a driver of the kernel's".into())
    }

    fn rdwr(&self, address: Address, operations: &mut [Operation<'_>]) -> io::Result<()> {
        // Room for all is laid out only where it is needed: most transactions are a write and a read.
        match operations.len() {
            0..=2 => self.send::<2>(address, operations),
            _ => self.send::<MAX_MESSAGES>(address, operations),
        }
    }

    fn send<const ROOM: usize>(
        &self,
        address: Address,
        operations: &mut [Operation<'_>],
    ) -> io::Result<()> {
        let count = operations.len();
        let mut messages: [sys::Message<'_>; ROOM] = array::from_fn(|_| sys::Message::default());
        for (message, operation) in messages.iter_mut().zip(operations) {
            *message = sys::Message::new(address, operation)?;
        }
        // `Bus` hands over no more than there is room for.
        let messages = messages.get_mut(..count);
        sys::transfer(&self.file, messages.ok_or(io::ErrorKind::InvalidInput)?)
    }

    /// While a bus is open its adapter cannot go (`i2c_del_adapter`, drivers/i2c/i2c-core-base.c),
    /// and what its driver, which is halfway gone, answers says little: i2c-bcm2835 times out. But
    /// the node goes first. Where nobody acknowledged the adapter is well: no look is needed.
    fn explained(&self, result: io::Result<()>) -> Done {
        Done::at_once(match result {
            Err(error) if !is_refused(&error) && self.node.is_gone() => {
                Err(io::Error::from_raw_os_error(ENODEV))
            }
            // So says i2c-stub of an address that nobody has.
            Err(error) if error.raw_os_error() == Some(ENODEV) => {
                Err(io::Error::from_raw_os_error(ENXIO))
            }
            result => result,
        })
    }
}

impl Descriptor {
    fn call(&mut self, address: Address, pec: bool, call: &Call) -> io::Result<Reply> {
        self.turn_to(address, pec)?;
        // What is sent, and where it is; `I2C_SMBUS_*` of include/uapi/linux/i2c.h.
        let mut data: sys::Data = [0; 34];
        let (read, command, size) = match *call {
            Call::Quick(direction) => (direction == Direction::Read, 0, 0),
            Call::ReadByte => (true, 0, 1),
            // The kernel sends it as a command, without data.
            Call::WriteByte(byte) => (false, byte, 1),
            Call::ReadByteData { command } => (true, command, 2),
            Call::WriteByteData { command, byte } => {
                data[0] = byte;
                (false, command, 2)
            }
            Call::ReadWordData { command } => (true, command, 3),
            Call::WriteWordData { command, word } => {
                data[..2].copy_from_slice(&word.to_ne_bytes());
                (false, command, 3)
            }
            Call::ProcessCall { command, word } => {
                data[..2].copy_from_slice(&word.to_ne_bytes());
                (false, command, 4)
            }
            Call::ReadBlockData { command } => (true, command, 5),
            Call::WriteBlockData { command, block } => {
                fill(&mut data, &block);
                (false, command, 5)
            }
            Call::BlockProcessCall { command, block } => {
                fill(&mut data, &block);
                (false, command, 7)
            }
            Call::ReadI2cBlockData { command, len } => {
                data[0] = len;
                (true, command, 8)
            }
            Call::WriteI2cBlockData { command, block } => {
                fill(&mut data, &block);
                (false, command, 8)
            }
        };
        sys::smbus(&self.file, read, command, size, &mut data)?;
        Ok(match call {
            Call::ReadByte | Call::ReadByteData { .. } => Reply::Byte(data[0]),
            Call::ReadWordData { .. } | Call::ProcessCall { .. } => {
                Reply::Word(u16::from_ne_bytes([data[0], data[1]]))
            }
            Call::ReadBlockData { .. }
            | Call::BlockProcessCall { .. }
            | Call::ReadI2cBlockData { .. } => {
                let block = data.get(1..1 + usize::from(data[0])).and_then(Block::new);
                // A device that says how long its block is cannot say 0 (SMBus 3.2, 6.5.7).
                let is_own = !matches!(call, Call::ReadI2cBlockData { .. });
                let block = block.filter(|block| !is_own || !block.is_empty());
                Reply::Block(block.ok_or_else(|| io::Error::from_raw_os_error(EPROTO))?)
            }
            _ => Reply::Nothing,
        })
    }

    /// Tells the kernel whom the next call is for, if it does not know.
    fn turn_to(&mut self, address: Address, pec: bool) -> io::Result<()> {
        if self.address != Some(address) {
            // Halfway through nobody knows whom.
            let before = self.address.take();
            let ten_bit = matches!(address, Address::TenBit(_));
            if before.map(|before| matches!(before, Address::TenBit(_))) != Some(ten_bit) {
                sys::set_ten_bit(&self.file, ten_bit)?;
            }
            sys::set_address(&self.file, address.number())?;
            self.address = Some(address);
        }
        if self.pec != pec {
            sys::set_pec(&self.file, pec)?;
            self.pec = pec;
        }
        Ok(())
    }
}

/// The length of a block, and the block.
fn fill(data: &mut sys::Data, block: &Block) {
    data[0] = block.len() as u8;
    data[1..1 + block.len()].copy_from_slice(block);
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
