//! SMBus: small calls with a meaning of their own, on adapters that know nothing else as well.
//!
//! [`Smbus`] has a method for each, in the words of the kernel's page
//! (<https://docs.kernel.org/i2c/smbus-protocol.html>); a [`Call`] is the same as a value, which is
//! how it is awaited.

pub use crate::block::{Block, MAX_BLOCK_LEN};
use crate::{Address, Bus, Functions, Result};

/// A device, spoken to by SMBus. It comes from [`Device::smbus`](crate::Device::smbus),
/// [`Bus::smbus`] or [`TenBit::smbus`](crate::TenBit::smbus).
///
/// Words are sent with their low byte first; a device that has the high byte first, as most sensors
/// do, needs [`swap_bytes`](u16::swap_bytes).
///
/// Its calls come one after another with all others of the bus. What the adapter cannot do is
/// [`Error::Unsupported`](crate::Error::Unsupported), before anything moves.
///
/// ```
/// use circuits_i2c::smbus::Call;
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Tmp102, i2c::Controller};
///
/// // A PC's controller, which knows nothing else.
/// let board = Stub::virtual_time()
///     .i2c_controller("i2c-0", Controller::i801())
///     .i2c_device("i2c-0", 0x48, Tmp102::new())?;
/// let mut sensor = Bus::open_on(&board, "i2c-0", &Config::new())?.smbus(0x48)?;
///
/// assert_eq!(sensor.read_word_data(0)?.swap_bytes(), 25 << 8);
/// let reply = board.block_on(sensor.call_async(Call::ReadWordData { command: 0 }))?;
/// assert_eq!(reply.word(), Some(0x0019));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Smbus {
    bus: Bus,
    address: Address,
    pec: bool,
}

impl Smbus {
    pub(crate) fn new(bus: Bus, address: Address) -> Smbus {
        Smbus {
            bus,
            address,
            pec: false,
        }
    }

    /// Sets whether calls have a packet error code, a checksum that the device must know of. Default:
    /// none. Quick commands and I2C blocks never have one.
    #[must_use]
    pub fn pec(self, pec: bool) -> Smbus {
        Smbus { pec, ..self }
    }

    /// Returns the address of the device.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Makes a call and blocks until the wire is free again.
    ///
    /// # Errors
    /// Those of a transaction; [`Error::Unsupported`](crate::Error::Unsupported) if the adapter cannot do it; [`Error::Limit`](crate::Error::Limit)
    /// if too long a block is asked for; [`Error::Pec`](crate::Error::Pec); [`Error::Protocol`](crate::Error::Protocol).
    pub fn call(&mut self, call: Call) -> Result<Reply> {
        self.bus.call(self.address, self.pec, call)
    }

    /// Makes a call.
    ///
    /// # Cancellation safety
    /// A call that has begun goes on to its end on the wire when its future is dropped. It begins with
    /// the first poll.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub async fn call_async(&mut self, call: Call) -> Result<Reply> {
        self.bus.call_async(self.address, self.pec, call).await
    }

    /// Addresses the device and sends it no more than the direction bit. It is what tells whether
    /// somebody is there, and harms some parts: see [`Scan`](crate::Scan).
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn quick(&mut self, direction: Direction) -> Result<()> {
        self.call(Call::Quick(direction)).map(drop)
    }

    /// Reads a byte from the device: *receive byte*.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn read_byte(&mut self) -> Result<u8> {
        self.byte(Call::ReadByte)
    }

    /// Sends the device a byte: *send byte*.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn write_byte(&mut self, byte: u8) -> Result<()> {
        self.call(Call::WriteByte(byte)).map(drop)
    }

    /// Reads the byte behind a command, which is a register's number mostly.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn read_byte_data(&mut self, command: u8) -> Result<u8> {
        self.byte(Call::ReadByteData { command })
    }

    /// Writes the byte behind a command.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn write_byte_data(&mut self, command: u8, byte: u8) -> Result<()> {
        self.call(Call::WriteByteData { command, byte }).map(drop)
    }

    /// Reads the word behind a command; the low byte comes first.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn read_word_data(&mut self, command: u8) -> Result<u16> {
        self.word(Call::ReadWordData { command })
    }

    /// Writes the word behind a command; the low byte goes first.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn write_word_data(&mut self, command: u8, word: u16) -> Result<()> {
        self.call(Call::WriteWordData { command, word }).map(drop)
    }

    /// Sends a word and reads the device's answer to it, without a stop in between.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn process_call(&mut self, command: u8, word: u16) -> Result<u16> {
        self.word(Call::ProcessCall { command, word })
    }

    /// Reads a block whose length the device says, 1 to 32 bytes.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn read_block_data(&mut self, command: u8) -> Result<Block> {
        self.block(Call::ReadBlockData { command })
    }

    /// Writes a block of 1 to 32 bytes, with its length before it.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn write_block_data(&mut self, command: u8, bytes: &[u8]) -> Result<()> {
        let block = self.bus.block(bytes)?;
        self.call(Call::WriteBlockData { command, block }).map(drop)
    }

    /// Sends a block of 1 to 32 bytes and reads the device's answer to it, which is one, too,
    /// without a stop in between.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn block_process_call(&mut self, command: u8, bytes: &[u8]) -> Result<Block> {
        let block = self.bus.block(bytes)?;
        self.block(Call::BlockProcessCall { command, block })
    }

    /// Reads as many bytes as the buffer has, 1 to 32, from behind a command. No length goes over
    /// the wire: this is not of SMBus, but adapters know it.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn read_i2c_block_data(&mut self, command: u8, buffer: &mut [u8]) -> Result<()> {
        let len = self.bus.block_len(buffer.len())?;
        let block = self.block(Call::ReadI2cBlockData { command, len })?;
        match block.len() == buffer.len() {
            true => buffer.copy_from_slice(&block),
            false => return Err(self.bus.odd_reply()),
        }
        Ok(())
    }

    /// Writes 1 to 32 bytes behind a command, without their length.
    ///
    /// # Errors
    /// As [`call`](Smbus::call).
    pub fn write_i2c_block_data(&mut self, command: u8, bytes: &[u8]) -> Result<()> {
        let block = self.bus.block(bytes)?;
        self.call(Call::WriteI2cBlockData { command, block })
            .map(drop)
    }

    fn byte(&mut self, call: Call) -> Result<u8> {
        let reply = self.call(call)?;
        reply.byte().ok_or_else(|| self.bus.odd_reply())
    }

    fn word(&mut self, call: Call) -> Result<u16> {
        let reply = self.call(call)?;
        reply.word().ok_or_else(|| self.bus.odd_reply())
    }

    fn block(&mut self, call: Call) -> Result<Block> {
        let reply = self.call(call)?;
        reply.block().ok_or_else(|| self.bus.odd_reply())
    }
}

/// The bit that a quick command has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Direction {
    /// 0: to the device.
    Write,
    /// 1: from the device.
    Read,
}

/// A call of SMBus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[allow(missing_docs)] // What its parts are is what they are called.
pub enum Call {
    /// [`Smbus::quick`].
    Quick(Direction),
    /// [`Smbus::read_byte`].
    ReadByte,
    /// [`Smbus::write_byte`].
    WriteByte(u8),
    /// [`Smbus::read_byte_data`].
    ReadByteData { command: u8 },
    /// [`Smbus::write_byte_data`].
    WriteByteData { command: u8, byte: u8 },
    /// [`Smbus::read_word_data`].
    ReadWordData { command: u8 },
    /// [`Smbus::write_word_data`].
    WriteWordData { command: u8, word: u16 },
    /// [`Smbus::process_call`].
    ProcessCall { command: u8, word: u16 },
    /// [`Smbus::read_block_data`].
    ReadBlockData { command: u8 },
    /// [`Smbus::write_block_data`].
    WriteBlockData { command: u8, block: Block },
    /// [`Smbus::block_process_call`].
    BlockProcessCall { command: u8, block: Block },
    /// [`Smbus::read_i2c_block_data`]; 1 to 32 bytes.
    ReadI2cBlockData { command: u8, len: u8 },
    /// [`Smbus::write_i2c_block_data`].
    WriteI2cBlockData { command: u8, block: Block },
}

impl Call {
    /// Returns what an adapter must be able to do for it.
    pub fn function(&self) -> Functions {
        self.needs().0
    }

    /// Tells whether it has a packet error code if one is asked for.
    pub fn may_have_pec(&self) -> bool {
        !matches!(
            self,
            Call::Quick(_) | Call::ReadI2cBlockData { .. } | Call::WriteI2cBlockData { .. }
        )
    }

    pub(crate) fn needs(&self) -> (Functions, &'static str) {
        match self {
            Call::Quick(_) => (Functions::QUICK, "the quick command of SMBus"),
            Call::ReadByte => (Functions::READ_BYTE, "read_byte of SMBus"),
            Call::WriteByte(_) => (Functions::WRITE_BYTE, "write_byte of SMBus"),
            Call::ReadByteData { .. } => (Functions::READ_BYTE_DATA, "read_byte_data of SMBus"),
            Call::WriteByteData { .. } => (Functions::WRITE_BYTE_DATA, "write_byte_data of SMBus"),
            Call::ReadWordData { .. } => (Functions::READ_WORD_DATA, "read_word_data of SMBus"),
            Call::WriteWordData { .. } => (Functions::WRITE_WORD_DATA, "write_word_data of SMBus"),
            Call::ProcessCall { .. } => (Functions::PROCESS_CALL, "process_call of SMBus"),
            Call::ReadBlockData { .. } => (
                Functions::READ_BLOCK_DATA,
                "read_block_data of SMBus, whose length the device says",
            ),
            Call::WriteBlockData { .. } => {
                (Functions::WRITE_BLOCK_DATA, "write_block_data of SMBus")
            }
            Call::BlockProcessCall { .. } => (
                Functions::BLOCK_PROCESS_CALL,
                "block_process_call of SMBus, whose length the device says",
            ),
            Call::ReadI2cBlockData { .. } => {
                (Functions::READ_I2C_BLOCK_DATA, "read_i2c_block_data")
            }
            Call::WriteI2cBlockData { .. } => {
                (Functions::WRITE_I2C_BLOCK_DATA, "write_i2c_block_data")
            }
        }
    }
}

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Reply {
    /// Nothing: it was a write, or a quick command.
    #[default]
    Nothing,
    /// A byte.
    Byte(u8),
    /// A word.
    Word(u16),
    /// A block.
    Block(Block),
}

impl Reply {
    /// Returns the byte, if it is one.
    pub fn byte(self) -> Option<u8> {
        match self {
            Reply::Byte(byte) => Some(byte),
            _ => None,
        }
    }

    /// Returns the word, if it is one.
    pub fn word(self) -> Option<u16> {
        match self {
            Reply::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Returns the block, if it is one.
    pub fn block(self) -> Option<Block> {
        match self {
            Reply::Block(block) => Some(block),
            _ => None,
        }
    }
}
