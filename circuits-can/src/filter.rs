use crate::{Frame, Id};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Filter {
    id: u32,
    mask: u32,
}

impl Filter {
    /// Makes a filter as the kernel has it, which compares `id` and a frame's identifier, with its flags
    /// (`CAN_EFF_FLAG`, `CAN_RTR_FLAG`), where `mask` has ones. `CAN_INV_FILTER` in `id` inverts it.
    pub const fn from_raw(id: u32, mask: u32) -> Filter {
        Filter { id, mask }
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

    /// Tells whether it lets a frame through.
    pub fn matches(&self, frame: &Frame) -> bool {
        let remote = if frame.is_remote() { REMOTE } else { 0 };
        let (id, mask) = (self.id & !INVERTED, self.mask & !INVERTED);
        let same = (frame.id().can_id() | remote) & mask == id & mask;
        same != (self.id & INVERTED != 0)
    }
}
