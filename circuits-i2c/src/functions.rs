use std::fmt;
use std::ops::BitOr;

/// What an adapter can do, as it says itself (`I2C_FUNC_*`, include/uapi/linux/i2c.h;
/// <https://docs.kernel.org/i2c/functionality.html>).
///
/// ```
/// use circuits_i2c::{Bus, Config, Functions};
/// use circuits_stub::{Stub, i2c::Controller};
///
/// let board = Stub::virtual_time().i2c_controller("i2c-1", Controller::bcm2835());
/// let bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// assert!(bus.functions().contains(Functions::I2C | Functions::PEC));
/// assert!(!bus.functions().contains(Functions::TEN_BIT));
/// print!("{}", bus.functions());
/// # Ok::<(), circuits_i2c::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Functions(u32);

impl Functions {
    /// Plain transactions.
    pub const I2C: Functions = Functions(0x0000_0001);
    /// Addresses of ten bits.
    pub const TEN_BIT: Functions = Functions(0x0000_0002);
    /// Messages with changed protocol: `I2C_M_IGNORE_NAK` and its kind. Nothing here uses it.
    pub const PROTOCOL_MANGLING: Functions = Functions(0x0000_0004);
    /// SMBus packet error codes.
    pub const PEC: Functions = Functions(0x0000_0008);
    /// Messages that go on without a start. Nothing here uses it.
    pub const NO_START: Functions = Functions(0x0000_0010);
    /// The adapter can be a device itself. Nothing here uses it.
    pub const TARGET: Functions = Functions(0x0000_0020);
    /// [`Call::BlockProcessCall`](crate::smbus::Call::BlockProcessCall).
    pub const BLOCK_PROCESS_CALL: Functions = Functions(0x0000_8000);
    /// [`Call::Quick`](crate::smbus::Call::Quick).
    pub const QUICK: Functions = Functions(0x0001_0000);
    /// [`Call::ReadByte`](crate::smbus::Call::ReadByte).
    pub const READ_BYTE: Functions = Functions(0x0002_0000);
    /// [`Call::WriteByte`](crate::smbus::Call::WriteByte).
    pub const WRITE_BYTE: Functions = Functions(0x0004_0000);
    /// [`Call::ReadByteData`](crate::smbus::Call::ReadByteData).
    pub const READ_BYTE_DATA: Functions = Functions(0x0008_0000);
    /// [`Call::WriteByteData`](crate::smbus::Call::WriteByteData).
    pub const WRITE_BYTE_DATA: Functions = Functions(0x0010_0000);
    /// [`Call::ReadWordData`](crate::smbus::Call::ReadWordData).
    pub const READ_WORD_DATA: Functions = Functions(0x0020_0000);
    /// [`Call::WriteWordData`](crate::smbus::Call::WriteWordData).
    pub const WRITE_WORD_DATA: Functions = Functions(0x0040_0000);
    /// [`Call::ProcessCall`](crate::smbus::Call::ProcessCall).
    pub const PROCESS_CALL: Functions = Functions(0x0080_0000);
    /// [`Call::ReadBlockData`](crate::smbus::Call::ReadBlockData).
    pub const READ_BLOCK_DATA: Functions = Functions(0x0100_0000);
    /// [`Call::WriteBlockData`](crate::smbus::Call::WriteBlockData).
    pub const WRITE_BLOCK_DATA: Functions = Functions(0x0200_0000);
    /// [`Call::ReadI2cBlockData`](crate::smbus::Call::ReadI2cBlockData).
    pub const READ_I2C_BLOCK_DATA: Functions = Functions(0x0400_0000);
    /// [`Call::WriteI2cBlockData`](crate::smbus::Call::WriteI2cBlockData).
    pub const WRITE_I2C_BLOCK_DATA: Functions = Functions(0x0800_0000);
    /// Devices can notify the host. Nothing here uses it.
    pub const HOST_NOTIFY: Functions = Functions(0x1000_0000);

    /// What the kernel makes of plain transactions on any controller (`I2C_FUNC_SMBUS_EMUL`): all
    /// of SMBus but reads whose length the device says.
    pub const SMBUS_EMUL: Functions = Functions(
        Functions::PEC.0
            | Functions::QUICK.0
            | Functions::READ_BYTE.0
            | Functions::WRITE_BYTE.0
            | Functions::READ_BYTE_DATA.0
            | Functions::WRITE_BYTE_DATA.0
            | Functions::READ_WORD_DATA.0
            | Functions::WRITE_WORD_DATA.0
            | Functions::PROCESS_CALL.0
            | Functions::WRITE_BLOCK_DATA.0
            | Functions::READ_I2C_BLOCK_DATA.0
            | Functions::WRITE_I2C_BLOCK_DATA.0,
    );

    /// The same with those reads (`I2C_FUNC_SMBUS_EMUL_ALL`): all of SMBus.
    pub const SMBUS_EMUL_ALL: Functions = Functions(
        Functions::SMBUS_EMUL.0 | Functions::READ_BLOCK_DATA.0 | Functions::BLOCK_PROCESS_CALL.0,
    );

    /// Makes functions of the kernel's bits. Those that nobody knows yet are kept.
    pub const fn from_bits(bits: u32) -> Functions {
        Functions(bits)
    }

    /// Returns the kernel's bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Tells whether all of `others` are among these.
    pub const fn contains(self, others: Functions) -> bool {
        self.0 & others.0 == others.0
    }

    /// Returns these without `others`.
    pub const fn without(self, others: Functions) -> Functions {
        Functions(self.0 & !others.0)
    }
}

impl BitOr for Functions {
    type Output = Functions;

    fn bitor(self, other: Functions) -> Functions {
        Functions(self.0 | other.0)
    }
}

/// In the words and the order of `i2cdetect -F`.
const WORDS: [(Functions, &str); 18] = [
    (Functions::I2C, "I2C"),
    (Functions::QUICK, "SMBus Quick Command"),
    (Functions::WRITE_BYTE, "SMBus Send Byte"),
    (Functions::READ_BYTE, "SMBus Receive Byte"),
    (Functions::WRITE_BYTE_DATA, "SMBus Write Byte"),
    (Functions::READ_BYTE_DATA, "SMBus Read Byte"),
    (Functions::WRITE_WORD_DATA, "SMBus Write Word"),
    (Functions::READ_WORD_DATA, "SMBus Read Word"),
    (Functions::PROCESS_CALL, "SMBus Process Call"),
    (Functions::WRITE_BLOCK_DATA, "SMBus Block Write"),
    (Functions::READ_BLOCK_DATA, "SMBus Block Read"),
    (Functions::BLOCK_PROCESS_CALL, "SMBus Block Process Call"),
    (Functions::PEC, "SMBus PEC"),
    (Functions::WRITE_I2C_BLOCK_DATA, "I2C Block Write"),
    (Functions::READ_I2C_BLOCK_DATA, "I2C Block Read"),
    (Functions::HOST_NOTIFY, "SMBus Host Notify"),
    (Functions::TEN_BIT, "10-bit addressing"),
    (Functions::TARGET, "Target mode"),
];

/// A line for each, in the words of `i2cdetect -F`: `SMBus PEC                        yes`.
impl fmt::Display for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (function, words) in WORDS {
            let answer = if self.contains(function) { "yes" } else { "no" };
            writeln!(f, "{words:<32} {answer}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// include/uapi/linux/i2c.h
    #[test]
    fn the_sums_are_the_kernels() {
        assert_eq!(Functions::SMBUS_EMUL.bits(), 0x0eff_0008);
        assert_eq!(Functions::SMBUS_EMUL_ALL.bits(), 0x0fff_8008);
    }

    #[test]
    fn they_are_shown_as_by_i2cdetect() {
        let shown = (Functions::I2C | Functions::SMBUS_EMUL).to_string();
        assert!(shown.starts_with("I2C                              yes\nSMBus Quick Command"));
        assert!(shown.contains("\nSMBus Block Read                 no\n"));
        assert_eq!(shown.lines().count(), 18);
    }
}
