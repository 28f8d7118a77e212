use std::fmt;
use std::str::FromStr;

use crate::text::{Cursor, expected_at};
use crate::{Frame, FrameError, Id};

// include/uapi/linux/can.h
const EXTENDED: u32 = 0x8000_0000;
const REMOTE: u32 = 0x4000_0000;
const INVERTED: u32 = 0x2000_0000;
const ID: u32 = 0x1fff_ffff;

/// Which frames a socket receives: those of which some bits are as here (`struct can_filter`).
///
/// ```
/// use circuits_can::{Filter, Frame, Id};
///
/// let motors = Filter::masked(Id::standard(0x200)?, 0x7f0);
/// assert!(motors.matches(&Frame::new(Id::standard(0x20a)?, &[])?));
/// assert!(!motors.matches(&Frame::new(Id::extended(0x20a)?, &[])?));
/// # Ok::<(), circuits_can::FrameError>(())
/// ```
///
/// As text it is as candump has it, in hexadecimal digits: `123:7FF` lets through what is like 123 where the mask
/// 7FF has ones, `123~7FF` all but that. An identifier of eight digits is an extended one. The mask's
/// two upper bits ask for more: 80000000 that the frame is standard or extended as the identifier is, 40000000 that it
/// is no remote frame. So `123:7FF` lets extended frames through that end in 123, and `123:800007FF` does not:
/// that is [`Filter::exact`].
///
/// ```
/// use circuits_can::{Filter, Id};
///
/// let id = Id::extended(0x1234_5678)?;
/// assert_eq!("12345678:DFFFFFFF".parse(), Ok(Filter::exact(id).remote(false)));
/// assert_eq!(Filter::exact(Id::standard(0x123)?).inverted().to_string(), "123~800007FF");
/// # Ok::<(), circuits_can::FrameError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    id: u32,
    mask: u32,
}

impl Filter {
    /// Makes a filter as the kernel has it, which compares `id` and a frame's identifier, with its flags
    /// (`CAN_EFF_FLAG`, `CAN_RTR_FLAG`), where `mask` has ones. `CAN_INV_FILTER` in `id` inverts it.
    ///
    /// `CAN_ERR_FLAG` in `mask` is left out, as by candump: it would make it one for error frames, which
    /// [`Config::errors`](crate::Config::errors) asks for.
    pub const fn from_raw(id: u32, mask: u32) -> Filter {
        Filter {
            id,
            mask: mask & !INVERTED,
        }
    }

    /// Returns the identifier and the mask as the kernel has them.
    pub const fn to_raw(self) -> (u32, u32) {
        (self.id, self.mask)
    }

    /// Makes a filter for all frames.
    pub const fn all() -> Filter {
        Filter::from_raw(0, 0)
    }

    /// Makes a filter for one identifier, of data and of remote frames.
    pub fn exact(id: impl Into<Id>) -> Filter {
        Filter::masked(id, ID)
    }

    /// Makes a filter for those identifiers, standard or extended as `id` is, that are like `id` where
    /// `mask` has ones.
    pub fn masked(id: impl Into<Id>, mask: u32) -> Filter {
        let id = id.into();
        let width = match id.is_extended() {
            true => ID,
            false => 0x7ff,
        };
        Filter {
            id: id.can_id(),
            mask: (mask & width) | EXTENDED,
        }
    }

    /// Makes it one for remote frames only, or for data frames only.
    pub const fn remote(mut self, remote: bool) -> Filter {
        self.mask |= REMOTE;
        match remote {
            true => self.id |= REMOTE,
            false => self.id &= !REMOTE,
        }
        self
    }

    /// Makes it one for the frames that it was not for.
    pub const fn inverted(mut self) -> Filter {
        self.id ^= INVERTED;
        self
    }

    /// Tells whether it lets a frame through: the kernel's rule (`can_rcv_filter`, net/can/af_can.c).
    ///
    /// Each filter lets through by itself, an inverted one as well, so two inverted ones for different
    /// identifiers let all frames through; with [`Config::join_filters`](crate::Config::join_filters) they keep both
    /// out. An inverted filter with a mask of 0 lets nothing through. A mask that asks for standard frames compares
    /// no more than their 11 bits, whatever else it says.
    pub fn matches(&self, frame: &Frame) -> bool {
        let remote = if frame.is_remote() { REMOTE } else { 0 };
        let mask = match self.mask & EXTENDED != 0 && self.id & EXTENDED == 0 {
            true => self.mask & (0x7ff | EXTENDED | REMOTE),
            false => self.mask,
        };
        let same = (frame.id().can_id() | remote) & mask == self.id & mask;
        same != (self.id & INVERTED != 0)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id & !INVERTED;
        match id & EXTENDED {
            // Eight digits would make it an extended one.
            0 if id >= 0x1000_0000 => write!(f, "{id:09X}")?,
            0 => write!(f, "{id:03X}")?,
            _ => write!(f, "{:08X}", id & !EXTENDED)?,
        }
        let sign = match self.id & INVERTED {
            0 => ':',
            _ => '~',
        };
        write!(f, "{sign}{:03X}", self.mask)
    }
}

impl FromStr for Filter {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<Filter, FrameError> {
        let mut cursor = Cursor::new(text);
        let id = match cursor.take_number() {
            (_, 0) => return Err(cursor.expected("an identifier in hexadecimal digits")),
            (Some(id), 8) if id & INVERTED == 0 => id | EXTENDED,
            (Some(id), _) if id & INVERTED == 0 => id,
            (Some(_), _) => {
                return Err(expected_at(
                    0,
                    "29 bits of an identifier, and its flags (~ inverts)",
                ));
            }
            (None, _) => return Err(expected_at(0, "an identifier of no more than 32 bits")),
        };
        let inverted = match cursor.take(b":~") {
            Some(b':') => 0,
            Some(_) => INVERTED,
            None => return Err(cursor.expected(": or ~ and a mask")),
        };
        let begin = cursor.position();
        let mask = match cursor.take_number() {
            (_, 0) => return Err(cursor.expected("a mask in hexadecimal digits")),
            (Some(mask), _) => mask,
            (None, _) => return Err(expected_at(begin, "a mask of no more than 32 bits")),
        };
        cursor.end()?;
        Ok(Filter::from_raw(id | inverted, mask))
    }
}
