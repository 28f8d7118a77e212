use std::fmt;

/// The address of a device on a bus: what stands before the read-write bit, not shifted.
///
/// Devices with ten bits and with seven never meet: the first byte of ten bits is one that no
/// device of seven answers to (UM10204, I2C-bus specification, 3.1.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Address {
    /// Seven bits: 0x00 to 0x7f.
    SevenBit(u8),
    /// Ten bits: 0x000 to 0x3ff.
    TenBit(u16),
}

impl Address {
    /// Returns the number.
    pub fn number(self) -> u16 {
        match self {
            Address::SevenBit(number) => number.into(),
            Address::TenBit(number) => number,
        }
    }

    /// Tells whether the number has as many bits as it should.
    pub fn is_valid(self) -> bool {
        match self {
            Address::SevenBit(number) => number <= 0x7f,
            Address::TenBit(number) => number <= 0x3ff,
        }
    }
}

/// Seven bits.
impl From<u8> for Address {
    fn from(number: u8) -> Address {
        Address::SevenBit(number)
    }
}

/// `0x48`, and `0x048` if it has ten bits.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::SevenBit(number) => write!(f, "{number:#04x}"),
            Address::TenBit(number) => write!(f, "{number:#05x}"),
        }
    }
}
