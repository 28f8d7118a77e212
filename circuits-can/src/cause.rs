use std::fmt;

use crate::{ErrorCounters, ErrorMask};

/// One of the things that an [`ErrorFrame`](crate::ErrorFrame) tells of.
///
/// As text it is what a person at the bench wants to read: `stuff error in the data, while sending`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// A frame was not sent in time: the driver gave up (`CAN_ERR_TX_TIMEOUT`).
    TransmitTimeout,
    /// Another frame went first (`CAN_ERR_LOSTARB`).
    LostArbitration {
        /// At which bit of the frame, if the controller knows.
        bit: Option<u8>,
    },
    /// The controller is in another state, or has no room (`CAN_ERR_CRTL`).
    Controller(ControllerProblem),
    /// What is on the bus violates the protocol (`CAN_ERR_PROT`).
    Protocol {
        /// How.
        violation: Violation,
        /// Where in the frame.
        location: Location,
        /// Whether this controller was sending it (`CAN_ERR_PROT_TX`).
        sending: bool,
    },
    /// The transceiver sees something wrong on the wires (`CAN_ERR_TRX`).
    Transceiver(WireFault),
    /// Nobody acknowledged a frame: there is no other node, or it is at another bit rate (`CAN_ERR_ACK`).
    NoAcknowledge,
    /// The controller is bus-off (`CAN_ERR_BUSOFF`).
    BusOff,
    /// Any error on the bus (`CAN_ERR_BUSERROR`).
    BusError,
    /// The controller takes part again (`CAN_ERR_RESTARTED`).
    Restarted,
    /// The error counters (`CAN_ERR_CNT`), each up to 255.
    Counters(ErrorCounters),
    /// Classes that are not known.
    UnknownClass(ErrorMask),
    /// Data that belongs to none of the classes that are told, or that is not known.
    UnknownData {
        /// Which byte it is in, from 0 to 7.
        byte: u8,
        /// The bits that are not known.
        bits: u8,
    },
}

/// What a controller tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ControllerProblem {
    /// It does not say.
    Unspecified,
    /// Frames came that it had no room for: they are lost.
    ReceiveOverflow,
    /// It was to send more than it has room for.
    TransmitOverflow,
    /// It has received much that was wrong: 96 errors counted.
    ReceiveWarning,
    /// Much that it sent went wrong: 96 errors counted.
    TransmitWarning,
    /// It is error-passive for what it received: 128 errors counted.
    ReceivePassive,
    /// It is error-passive for what it sent: 128 errors counted.
    TransmitPassive,
    /// It is error-active again.
    Active,
}

/// How the protocol was violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Violation {
    /// The controller does not say.
    Unspecified,
    /// A bit was another one than was sent.
    Bit,
    /// A bit that is always the same was not.
    Form,
    /// Six bits came that were alike, where the sender puts another one after five.
    Stuff,
    /// A dominant bit was sent, and none was on the bus: a wire is broken, or the transceiver is off.
    DominantBit,
    /// A recessive bit was sent, and a dominant one was on the bus.
    RecessiveBit,
    /// Somebody wanted more time.
    Overload,
    /// An active error flag.
    ActiveErrorFlag,
}

/// Where in a frame something was wrong.
///
/// ```
/// use circuits_can::Location;
///
/// assert_eq!(Location::CRC_SEQUENCE.to_string(), "the CRC");
/// assert_eq!(Location::from_byte(0x0a), Location::DATA);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Location(u8);

impl Location {
    /// The controller does not say.
    pub const UNSPECIFIED: Location = Location(0x00);
    /// The bit with which a frame begins.
    pub const START_OF_FRAME: Location = Location(0x03);
    /// Bits 28 to 21 of the identifier; of a standard one 10 to 3.
    pub const ID_28_TO_21: Location = Location(0x02);
    /// Bits 20 to 18 of the identifier; of a standard one 2 to 0.
    pub const ID_20_TO_18: Location = Location(0x06);
    /// The bit that an extended frame has where a standard one says whether it is remote (SRR).
    pub const SUBSTITUTE_REMOTE: Location = Location(0x04);
    /// The bit that says that the identifier goes on (IDE).
    pub const ID_EXTENSION: Location = Location(0x05);
    /// Bits 17 to 13 of the identifier.
    pub const ID_17_TO_13: Location = Location(0x07);
    /// Bits 12 to 5 of the identifier.
    pub const ID_12_TO_5: Location = Location(0x0f);
    /// Bits 4 to 0 of the identifier.
    pub const ID_4_TO_0: Location = Location(0x0e);
    /// The bit that says that a frame is remote (RTR).
    pub const REMOTE: Location = Location(0x0c);
    /// Reserved bit 1.
    pub const RESERVED_1: Location = Location(0x0d);
    /// Reserved bit 0.
    pub const RESERVED_0: Location = Location(0x09);
    /// The data length code.
    pub const DLC: Location = Location(0x0b);
    /// The data.
    pub const DATA: Location = Location(0x0a);
    /// The checksum.
    pub const CRC_SEQUENCE: Location = Location(0x08);
    /// The bit after the checksum.
    pub const CRC_DELIMITER: Location = Location(0x18);
    /// The bit in which others acknowledge.
    pub const ACKNOWLEDGE_SLOT: Location = Location(0x19);
    /// The bit after that one.
    pub const ACKNOWLEDGE_DELIMITER: Location = Location(0x1b);
    /// The seven bits with which a frame ends.
    pub const END_OF_FRAME: Location = Location(0x1a);
    /// The three bits between frames.
    pub const INTERMISSION: Location = Location(0x12);
    // Those that the kernel has no names for, and drivers pass on (SJA1000, error code capture register).
    /// An active error flag.
    pub const ACTIVE_ERROR_FLAG: Location = Location(0x11);
    /// Dominant bits after an error flag, which others may send.
    pub const DOMINANT_BITS: Location = Location(0x13);
    /// A passive error flag.
    pub const PASSIVE_ERROR_FLAG: Location = Location(0x16);
    /// The bits after an error flag.
    pub const ERROR_DELIMITER: Location = Location(0x17);
    /// An overload flag.
    pub const OVERLOAD_FLAG: Location = Location(0x1c);

    /// Makes one as the kernel has it (`CAN_ERR_PROT_LOC_…`); it may be one that has no name here.
    pub const fn from_byte(byte: u8) -> Location {
        Location(byte)
    }

    /// Returns it as the kernel has it.
    pub const fn byte(self) -> u8 {
        self.0
    }
}

/// What is wrong with a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireFault {
    /// The transceiver does not say.
    Unspecified,
    /// CANH is not connected.
    HighNoWire,
    /// CANH has a short circuit to the battery.
    HighShortToBattery,
    /// CANH has a short circuit to the supply.
    HighShortToSupply,
    /// CANH has a short circuit to ground.
    HighShortToGround,
    /// CANL is not connected.
    LowNoWire,
    /// CANL has a short circuit to the battery.
    LowShortToBattery,
    /// CANL has a short circuit to the supply.
    LowShortToSupply,
    /// CANL has a short circuit to ground.
    LowShortToGround,
    /// CANL has a short circuit to CANH.
    LowShortToHigh,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::TransmitTimeout => f.write_str("a frame was not sent in time"),
            Cause::LostArbitration { bit: None } => f.write_str("lost arbitration"),
            Cause::LostArbitration { bit: Some(bit) } => {
                write!(f, "lost arbitration at bit {bit}")
            }
            Cause::Controller(problem) => problem.fmt(f),
            Cause::Protocol {
                violation,
                location,
                sending,
            } => {
                violation.fmt(f)?;
                if *location != Location::UNSPECIFIED {
                    write!(f, " in {location}")?;
                }
                match sending {
                    true => f.write_str(", while sending"),
                    false => Ok(()),
                }
            }
            Cause::Transceiver(fault) => fault.fmt(f),
            Cause::NoAcknowledge => f.write_str("nobody acknowledged"),
            Cause::BusOff => f.write_str("bus-off"),
            Cause::BusError => f.write_str("bus error"),
            Cause::Restarted => f.write_str("restarted"),
            Cause::Counters(ErrorCounters { transmit, receive }) => {
                write!(f, "error counters: transmit {transmit}, receive {receive}")
            }
            Cause::UnknownClass(class) => write!(f, "unknown class {:#x}", class.bits()),
            Cause::UnknownData { byte, bits } => {
                write!(f, "unknown data {bits:#04x} in byte {byte}")
            }
        }
    }
}

impl fmt::Display for ControllerProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ControllerProblem::Unspecified => "controller problem",
            ControllerProblem::ReceiveOverflow => "receive buffer overflow",
            ControllerProblem::TransmitOverflow => "transmit buffer overflow",
            ControllerProblem::ReceiveWarning => "error-warning (receiving)",
            ControllerProblem::TransmitWarning => "error-warning (sending)",
            ControllerProblem::ReceivePassive => "error-passive (receiving)",
            ControllerProblem::TransmitPassive => "error-passive (sending)",
            ControllerProblem::Active => "error-active again",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Violation::Unspecified => "protocol violation",
            Violation::Bit => "bit error",
            Violation::Form => "form error",
            Violation::Stuff => "stuff error",
            Violation::DominantBit => "dominant bit not seen",
            Violation::RecessiveBit => "recessive bit not seen",
            Violation::Overload => "overload",
            Violation::ActiveErrorFlag => "active error flag",
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Location::UNSPECIFIED => "an unknown place",
            Location::START_OF_FRAME => "the start of frame",
            Location::ID_28_TO_21 => "identifier bits 28 to 21",
            Location::ID_20_TO_18 => "identifier bits 20 to 18",
            Location::SUBSTITUTE_REMOTE => "the SRR bit",
            Location::ID_EXTENSION => "the IDE bit",
            Location::ID_17_TO_13 => "identifier bits 17 to 13",
            Location::ID_12_TO_5 => "identifier bits 12 to 5",
            Location::ID_4_TO_0 => "identifier bits 4 to 0",
            Location::REMOTE => "the RTR bit",
            Location::RESERVED_1 => "reserved bit 1",
            Location::RESERVED_0 => "reserved bit 0",
            Location::DLC => "the data length code",
            Location::DATA => "the data",
            Location::CRC_SEQUENCE => "the CRC",
            Location::CRC_DELIMITER => "the CRC delimiter",
            Location::ACKNOWLEDGE_SLOT => "the acknowledge slot",
            Location::ACKNOWLEDGE_DELIMITER => "the acknowledge delimiter",
            Location::END_OF_FRAME => "the end of frame",
            Location::INTERMISSION => "the intermission",
            Location::ACTIVE_ERROR_FLAG => "an active error flag",
            Location::DOMINANT_BITS => "the dominant bits after an error flag",
            Location::PASSIVE_ERROR_FLAG => "a passive error flag",
            Location::ERROR_DELIMITER => "an error delimiter",
            Location::OVERLOAD_FLAG => "an overload flag",
            Location(byte) => return write!(f, "unknown place {byte:#04x}"),
        })
    }
}

impl fmt::Display for WireFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WireFault::Unspecified => "transceiver problem",
            WireFault::HighNoWire => "no wire at CANH",
            WireFault::HighShortToBattery => "CANH shorted to the battery",
            WireFault::HighShortToSupply => "CANH shorted to the supply",
            WireFault::HighShortToGround => "CANH shorted to ground",
            WireFault::LowNoWire => "no wire at CANL",
            WireFault::LowShortToBattery => "CANL shorted to the battery",
            WireFault::LowShortToSupply => "CANL shorted to the supply",
            WireFault::LowShortToGround => "CANL shorted to ground",
            WireFault::LowShortToHigh => "CANL shorted to CANH",
        })
    }
}
