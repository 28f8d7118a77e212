use circuits_can::{Location, Violation};

use crate::trace::BusError;

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) error: BusError,
    pub(super) violation: Violation,
    pub(super) location: Location,
}

impl Flaw {
    /// Who sends it sees another bit.
    pub(super) const BIT: Flaw = Flaw::new(BusError::Bit, Violation::Bit, Location::DATA);
    /// The same, because another one has made it dominant.
    pub(super) const OVERWRITTEN: Flaw = Flaw::new(
        BusError::Bit,
        Violation::RecessiveBit,
        Location::UNSPECIFIED,
    );
    pub(super) const STUFF: Flaw = Flaw::new(BusError::Stuff, Violation::Stuff, Location::DATA);
    /// There are six equal bits, of which nobody knows what they were to be.
    pub(super) const FLAG: Flaw =
        Flaw::new(BusError::Stuff, Violation::Stuff, Location::UNSPECIFIED);
    pub(super) const FORM: Flaw =
        Flaw::new(BusError::Form, Violation::Form, Location::CRC_DELIMITER);
    /// It is of CAN FD.
    pub(super) const FORMAT: Flaw =
        Flaw::new(BusError::Form, Violation::Form, Location::RESERVED_0);
    pub(super) const CRC: Flaw = Flaw::new(
        BusError::Crc,
        Violation::Unspecified,
        Location::CRC_SEQUENCE,
    );
    pub(super) const NO_ACKNOWLEDGE: Flaw = Flaw::new(
        BusError::NoAcknowledge,
        Violation::Unspecified,
        Location::ACKNOWLEDGE_SLOT,
    );

    const fn new(error: BusError, violation: Violation, location: Location) -> Flaw {
        Flaw {
            error,
            violation,
            location,
        }
    }
}
