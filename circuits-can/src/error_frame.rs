use std::ops::BitOr;

/// What a controller reports: by a frame that was never on the bus, which Linux's drivers make
/// (include/uapi/linux/can/error.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorFrame {
    class: u32,
    data: [u8; 8],
}

impl ErrorFrame {
    /// Makes one as the kernel has it: by its class (`CAN_ERR_…`), of which there are 29 bits, and its
    /// data.
    pub const fn new(class: ErrorMask, data: [u8; 8]) -> ErrorFrame {
        ErrorFrame {
            class: class.bits(),
            data,
        }
    }

    /// Returns its class: one bit for each kind of cause.
    pub const fn class(&self) -> ErrorMask {
        ErrorMask::from_bits(self.class)
    }

    /// Returns its data, in which the causes are told in detail.
    pub const fn data(&self) -> &[u8; 8] {
        &self.data
    }
}

/// Kinds of errors, as a set (`CAN_ERR_…`).
///
/// ```
/// use circuits_can::{Config, ErrorMask};
///
/// let config = Config::new().errors(ErrorMask::BUS_OFF | ErrorMask::CONTROLLER);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ErrorMask(u32);

impl ErrorMask {
    /// None: no error frames.
    pub const NONE: ErrorMask = ErrorMask(0);
    /// All, those that are not known yet included.
    pub const ALL: ErrorMask = ErrorMask(0x1fff_ffff);
    /// A frame was not sent in time: the driver gave up.
    pub const TX_TIMEOUT: ErrorMask = ErrorMask(0x001);
    /// Another frame went first.
    pub const LOST_ARBITRATION: ErrorMask = ErrorMask(0x002);
    /// The controller is in another state, or has no room.
    pub const CONTROLLER: ErrorMask = ErrorMask(0x004);
    /// A violation of the protocol.
    pub const PROTOCOL: ErrorMask = ErrorMask(0x008);
    /// The transceiver sees something wrong on the wires.
    pub const TRANSCEIVER: ErrorMask = ErrorMask(0x010);
    /// Nobody acknowledged a frame.
    pub const NO_ACKNOWLEDGE: ErrorMask = ErrorMask(0x020);
    /// The controller is bus-off.
    pub const BUS_OFF: ErrorMask = ErrorMask(0x040);
    /// Any error on the bus, of which there may be many.
    pub const BUS_ERROR: ErrorMask = ErrorMask(0x080);
    /// The controller takes part again.
    pub const RESTARTED: ErrorMask = ErrorMask(0x100);
    /// The error counters are told.
    pub const COUNTERS: ErrorMask = ErrorMask(0x200);

    /// Makes a set as the kernel has it; there are 29 bits.
    pub const fn from_bits(bits: u32) -> ErrorMask {
        ErrorMask(bits & ErrorMask::ALL.0)
    }

    /// Returns the set as the kernel has it.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Tells whether one of these is in the set.
    pub const fn includes(self, any: ErrorMask) -> bool {
        self.0 & any.0 != 0
    }
}

impl BitOr for ErrorMask {
    type Output = ErrorMask;

    fn bitor(self, other: ErrorMask) -> ErrorMask {
        ErrorMask(self.0 | other.0)
    }
}

impl std::fmt::Display for ErrorFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "error frame of class {:#x}", self.class)
    }
}
