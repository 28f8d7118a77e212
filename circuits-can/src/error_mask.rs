use std::fmt;
use std::ops::BitOr;
use std::str::FromStr;

use crate::FrameError;
use crate::text::expected_at;

/// Kinds of errors, as a set (`CAN_ERR_…`).
///
/// As text the kinds have a bar between them; those without a name are a number: `bus_off|controller|0x400`. `none`
/// and `all` are texts, too.
///
/// ```
/// use circuits_can::{Config, ErrorMask};
///
/// let mask = ErrorMask::BUS_OFF | ErrorMask::CONTROLLER;
/// let config = Config::new().errors(mask);
/// assert_eq!(mask.to_string(), "controller|bus_off");
/// assert_eq!("bus_off|controller".parse(), Ok(mask));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

/// As text, from the lowest bit on.
const NAMES: [(ErrorMask, &str); 10] = [
    (ErrorMask::TX_TIMEOUT, "tx_timeout"),
    (ErrorMask::LOST_ARBITRATION, "lost_arbitration"),
    (ErrorMask::CONTROLLER, "controller"),
    (ErrorMask::PROTOCOL, "protocol"),
    (ErrorMask::TRANSCEIVER, "transceiver"),
    (ErrorMask::NO_ACKNOWLEDGE, "no_acknowledge"),
    (ErrorMask::BUS_OFF, "bus_off"),
    (ErrorMask::BUS_ERROR, "bus_error"),
    (ErrorMask::RESTARTED, "restarted"),
    (ErrorMask::COUNTERS, "counters"),
];

impl fmt::Display for ErrorMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            ErrorMask::NONE => return f.write_str("none"),
            ErrorMask::ALL => return f.write_str("all"),
            _ => {}
        }
        let (mut rest, mut bar) = (self.0, "");
        for (mask, name) in NAMES {
            if self.includes(mask) {
                write!(f, "{bar}{name}")?;
                (rest, bar) = (rest & !mask.0, "|");
            }
        }
        match rest {
            0 => Ok(()),
            rest => write!(f, "{bar}{rest:#x}"),
        }
    }
}

impl FromStr for ErrorMask {
    type Err = FrameError;

    fn from_str(text: &str) -> Result<ErrorMask, FrameError> {
        let (mut mask, mut position) = (ErrorMask::NONE, 0);
        for name in text.split('|') {
            mask = mask | kind(name).ok_or_else(|| expected_at(position, EXPECTED))?;
            position += name.len() + 1;
        }
        Ok(mask)
    }
}

const EXPECTED: &str = "a kind of error (none, all, tx_timeout, lost_arbitration, controller, protocol, transceiver, no_acknowledge, bus_off, bus_error, restarted, counters, or a number of 29 bits, as 0x40)";

fn kind(name: &str) -> Option<ErrorMask> {
    match name {
        "none" => return Some(ErrorMask::NONE),
        "all" => return Some(ErrorMask::ALL),
        _ => {}
    }
    if let Some((mask, _)) = NAMES.iter().find(|(_, known)| *known == name) {
        return Some(*mask);
    }
    let digits = name.strip_prefix("0x")?;
    // `from_str_radix` takes a sign, too.
    let bits = match digits.as_bytes() {
        [b'+', ..] => return None,
        _ => u32::from_str_radix(digits, 16).ok()?,
    };
    (bits <= ErrorMask::ALL.0).then_some(ErrorMask(bits))
}
