use std::cmp::Ordering;
use std::fmt;

use crate::FrameError;

// include/uapi/linux/can.h
const EXTENDED: u32 = 0x8000_0000;
const STANDARD_MAX: u32 = 0x7ff;
const EXTENDED_MAX: u32 = 0x1fff_ffff;

/// An identifier of a frame: standard, of 11 bits, or extended, of 29.
///
/// What comes first in order goes first over the bus when two want to be sent at the same time: the smaller one,
/// and the standard one before extended ones that begin with the same 11 bits (ISO 11898-1).
///
/// As text it is as candump has it: three hexadecimal digits for a standard one, eight for an extended one.
///
/// ```
/// use circuits_can::Id;
///
/// let heartbeat = Id::standard(0x701)?;
/// let status = Id::extended(0x901)?;
/// assert_eq!((heartbeat.to_string(), status.to_string()), ("701".into(), "00000901".into()));
/// assert!(status < heartbeat, "its first 11 bits are zero");
/// # Ok::<(), circuits_can::FrameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(u32);

impl Id {
    /// Makes a standard identifier, of 11 bits.
    ///
    /// # Errors
    /// [`FrameError::Id`]: it has more.
    pub const fn standard(id: u16) -> Result<Id, FrameError> {
        match id as u32 {
            id @ ..=STANDARD_MAX => Ok(Id(id)),
            id => Err(FrameError::Id { id, bits: 11 }),
        }
    }

    /// Makes an extended identifier, of 29 bits.
    ///
    /// # Errors
    /// [`FrameError::Id`]: it has more.
    pub const fn extended(id: u32) -> Result<Id, FrameError> {
        match id {
            ..=EXTENDED_MAX => Ok(Id(id | EXTENDED)),
            _ => Err(FrameError::Id { id, bits: 29 }),
        }
    }

    /// Makes one of bits that are known to be few enough.
    pub(crate) const fn from_bits(bits: u32, extended: bool) -> Id {
        match extended {
            true => Id((bits & EXTENDED_MAX) | EXTENDED),
            false => Id(bits & STANDARD_MAX),
        }
    }

    /// Returns the number.
    pub const fn raw(self) -> u32 {
        self.0 & EXTENDED_MAX
    }

    /// Tells whether it is an extended one.
    pub const fn is_extended(self) -> bool {
        self.0 & EXTENDED != 0
    }

    /// Returns it as the kernel has it in frames and filters: with `CAN_EFF_FLAG` if it is an extended one.
    pub(crate) const fn can_id(self) -> u32 {
        self.0
    }

    /// What is compared on the bus, bit after bit: the first 11, whether more come, these.
    pub(crate) const fn arbitration(self) -> u32 {
        match self.is_extended() {
            true => {
                let (first, rest) = (self.raw() >> 18, self.raw() & 0x3_ffff);
                (first << 19) | (1 << 18) | rest
            }
            false => self.raw() << 19,
        }
    }
}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Id) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Id) -> Ordering {
        self.arbitration().cmp(&other.arbitration())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_extended() {
            true => write!(f, "{:08X}", self.raw()),
            false => write!(f, "{:03X}", self.raw()),
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}
