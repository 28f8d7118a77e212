use std::fmt;

/// The address of a device on a bus: what stands before the read-write bit, not shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Address {
    /// Seven bits: 0x00 to 0x7f.
    SevenBit(u8),
}

impl Address {
    /// Returns the number.
    pub fn number(self) -> u16 {
        match self {
            Address::SevenBit(number) => number.into(),
        }
    }

    /// Tells whether the number has as many bits as it should.
    pub fn is_valid(self) -> bool {
        match self {
            Address::SevenBit(number) => number <= 0x7f,
        }
    }
}

/// Seven bits.
impl From<u8> for Address {
    fn from(number: u8) -> Address {
        Address::SevenBit(number)
    }
}

/// `0x48`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.number())
    }
}
