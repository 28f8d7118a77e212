use std::fmt;

use crate::{Cause, ControllerProblem, ErrorCounters, ErrorMask, Location, Violation, WireFault};

/// What a controller reports: by a frame that was never on the bus, which Linux's drivers make
/// (include/uapi/linux/can/error.h).
///
/// ```
/// use circuits_can::{AnyFrame, Cause, ErrorCounters, ErrorFrame, Location, Violation};
///
/// let Ok(AnyFrame::Error(error)) = "20000288#0000840A00006000".parse() else {
///     panic!("it is one");
/// };
/// assert_eq!(
///     error.to_string(),
///     "stuff error in the data, while sending; bus error; error counters: transmit 96, receive 0"
/// );
///
/// let stuff = Cause::Protocol { violation: Violation::Stuff, location: Location::DATA, sending: true };
/// let counters = Cause::Counters(ErrorCounters { transmit: 96, receive: 0 });
/// assert!(error.causes().eq([stuff, Cause::BusError, counters]));
/// assert_eq!(error, ErrorFrame::of(stuff).and(Cause::BusError).and(counters));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorFrame {
    class: u32,
    data: [u8; 8],
}

// The bits of data[1] (`CAN_ERR_CRTL_…`).
const PROBLEMS: [(u8, ControllerProblem); 7] = [
    (0x01, ControllerProblem::ReceiveOverflow),
    (0x02, ControllerProblem::TransmitOverflow),
    (0x04, ControllerProblem::ReceiveWarning),
    (0x08, ControllerProblem::TransmitWarning),
    (0x10, ControllerProblem::ReceivePassive),
    (0x20, ControllerProblem::TransmitPassive),
    (0x40, ControllerProblem::Active),
];

// The bits of data[2] (`CAN_ERR_PROT_…`).
const VIOLATIONS: [(u8, Violation); 7] = [
    (0x01, Violation::Bit),
    (0x02, Violation::Form),
    (0x04, Violation::Stuff),
    (0x08, Violation::DominantBit),
    (0x10, Violation::RecessiveBit),
    (0x20, Violation::Overload),
    (0x40, Violation::ActiveErrorFlag),
];
const SENDING: u8 = 0x80;

// The numbers in data[4] (`CAN_ERR_TRX_…`): four bits for each wire.
const HIGH: u8 = 0x0f;
const LOW: u8 = 0xf0;
const FAULTS: [(u8, WireFault); 9] = [
    (0x04, WireFault::HighNoWire),
    (0x05, WireFault::HighShortToBattery),
    (0x06, WireFault::HighShortToSupply),
    (0x07, WireFault::HighShortToGround),
    (0x40, WireFault::LowNoWire),
    (0x50, WireFault::LowShortToBattery),
    (0x60, WireFault::LowShortToSupply),
    (0x70, WireFault::LowShortToGround),
    (0x80, WireFault::LowShortToHigh),
];

/// Returns the byte for what is in a table.
fn byte_of<T: PartialEq>(table: &[(u8, T)], of: T) -> u8 {
    let found = table.iter().find(|(_, known)| *known == of);
    found.map_or(0, |(byte, _)| *byte)
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

    /// Makes one that tells of this.
    pub fn of(cause: Cause) -> ErrorFrame {
        ErrorFrame::new(ErrorMask::NONE, [0; 8]).and(cause)
    }

    /// Makes it tell of one more thing. There is one bit of arbitration, one location, one fault of each wire and one
    /// pair of counters in a frame: the last one stays.
    pub fn and(mut self, cause: Cause) -> ErrorFrame {
        let data = &mut self.data;
        let class = match cause {
            Cause::TransmitTimeout => ErrorMask::TX_TIMEOUT,
            Cause::LostArbitration { bit } => {
                data[0] = bit.unwrap_or(0);
                ErrorMask::LOST_ARBITRATION
            }
            Cause::Controller(problem) => {
                data[1] |= byte_of(&PROBLEMS, problem);
                ErrorMask::CONTROLLER
            }
            Cause::Protocol {
                violation,
                location,
                sending,
            } => {
                data[2] |= byte_of(&VIOLATIONS, violation) | if sending { SENDING } else { 0 };
                data[3] = location.byte();
                ErrorMask::PROTOCOL
            }
            Cause::Transceiver(fault) => {
                match byte_of(&FAULTS, fault) {
                    0 => {}
                    byte if byte & HIGH != 0 => data[4] = (data[4] & !HIGH) | byte,
                    byte => data[4] = (data[4] & !LOW) | byte,
                }
                ErrorMask::TRANSCEIVER
            }
            Cause::NoAcknowledge => ErrorMask::NO_ACKNOWLEDGE,
            Cause::BusOff => ErrorMask::BUS_OFF,
            Cause::BusError => ErrorMask::BUS_ERROR,
            Cause::Restarted => ErrorMask::RESTARTED,
            Cause::Counters(ErrorCounters { transmit, receive }) => {
                data[6] = u8::try_from(transmit).unwrap_or(u8::MAX);
                data[7] = u8::try_from(receive).unwrap_or(u8::MAX);
                ErrorMask::COUNTERS
            }
            Cause::UnknownClass(class) => class,
            Cause::UnknownData { byte, bits } => {
                if let Some(data) = data.get_mut(usize::from(byte)) {
                    *data |= bits;
                }
                ErrorMask::NONE
            }
        };
        self.class |= class.bits();
        self
    }

    /// Returns its class: one bit for each kind of cause.
    pub const fn class(&self) -> ErrorMask {
        ErrorMask::from_bits(self.class)
    }

    /// Returns its data, in which the causes are told in detail.
    pub const fn data(&self) -> &[u8; 8] {
        &self.data
    }

    /// Returns what it tells of, one after another; what is not known as well.
    ///
    /// Counters that are not zero are told even if the class does not say that they are there: drivers did not
    /// say so before Linux 6.0.
    pub fn causes(&self) -> Causes {
        Causes { rest: *self }
    }
}

/// As by [`of`](ErrorFrame::of) and [`and`](ErrorFrame::and).
impl FromIterator<Cause> for ErrorFrame {
    fn from_iter<I: IntoIterator<Item = Cause>>(causes: I) -> ErrorFrame {
        let nothing = ErrorFrame::new(ErrorMask::NONE, [0; 8]);
        causes.into_iter().fold(nothing, ErrorFrame::and)
    }
}

/// What an [`ErrorFrame`] tells of: [`ErrorFrame::causes`].
#[derive(Clone, Debug)]
pub struct Causes {
    /// What was not told of yet. There is nothing more when nothing is left, so nothing is left out.
    rest: ErrorFrame,
}

impl Causes {
    /// Takes the first one of a table out of a byte: those bits of it that `mask` has. What is not in the
    /// table stays there; `None` if it is the last one, or there is none.
    fn take_out<T: Copy>(&mut self, byte: usize, mask: u8, table: &[(u8, T)]) -> Option<T> {
        let told = self.rest.data[byte];
        let &(bits, found) = table.iter().find(|(bits, _)| match mask {
            // Each bit means something.
            u8::MAX => told & bits != 0,
            // The number means something.
            mask => told & mask == *bits,
        })?;
        self.rest.data[byte] &= !bits;
        Some(found)
    }

    /// Forgets a class.
    fn done(&mut self, class: ErrorMask) {
        self.rest.class &= !class.bits();
    }

    fn controller(&mut self) -> ControllerProblem {
        let problem = self.take_out(1, u8::MAX, &PROBLEMS);
        if !PROBLEMS.iter().any(|(bit, _)| self.rest.data[1] & bit != 0) {
            self.done(ErrorMask::CONTROLLER);
        }
        problem.unwrap_or(ControllerProblem::Unspecified)
    }

    fn protocol(&mut self) -> Cause {
        let violation = self.take_out(2, u8::MAX, &VIOLATIONS);
        let cause = Cause::Protocol {
            violation: violation.unwrap_or(Violation::Unspecified),
            location: Location::from_byte(self.rest.data[3]),
            sending: self.rest.data[2] & SENDING != 0,
        };
        if self.rest.data[2] & !SENDING == 0 {
            (self.rest.data[2], self.rest.data[3]) = (0, 0);
            self.done(ErrorMask::PROTOCOL);
        }
        cause
    }

    fn transceiver(&mut self) -> WireFault {
        let high = self.take_out(4, HIGH, &FAULTS);
        let fault = high.or_else(|| self.take_out(4, LOW, &FAULTS));
        let low = self.rest.data[4] & LOW;
        if !FAULTS.iter().any(|(byte, _)| low == *byte) {
            self.done(ErrorMask::TRANSCEIVER);
        }
        fault.unwrap_or(WireFault::Unspecified)
    }

    fn counters(&mut self) -> Cause {
        let [.., transmit, receive] = &mut self.rest.data;
        let counters = ErrorCounters {
            transmit: std::mem::take(transmit).into(),
            receive: std::mem::take(receive).into(),
        };
        self.done(ErrorMask::COUNTERS);
        Cause::Counters(counters)
    }

    /// Takes the first of the classes that say nothing more.
    fn plain(&mut self) -> Option<Cause> {
        let plain = [
            (ErrorMask::NO_ACKNOWLEDGE, Cause::NoAcknowledge),
            (ErrorMask::BUS_OFF, Cause::BusOff),
            (ErrorMask::BUS_ERROR, Cause::BusError),
            (ErrorMask::RESTARTED, Cause::Restarted),
        ];
        let class = self.rest.class();
        let (mask, cause) = plain.into_iter().find(|(mask, _)| class.includes(*mask))?;
        self.done(mask);
        Some(cause)
    }

    /// Takes what is not known.
    fn unknown(&mut self) -> Option<Cause> {
        let class = self.rest.class();
        if class != ErrorMask::NONE {
            self.done(class);
            return Some(Cause::UnknownClass(class));
        }
        let byte = self.rest.data.iter().position(|data| *data != 0)?;
        let bits = std::mem::take(&mut self.rest.data[byte]);
        Some(Cause::UnknownData {
            byte: byte as u8,
            bits,
        })
    }
}

impl Iterator for Causes {
    type Item = Cause;

    fn next(&mut self) -> Option<Cause> {
        let class = self.rest.class();
        if class.includes(ErrorMask::TX_TIMEOUT) {
            self.done(ErrorMask::TX_TIMEOUT);
            return Some(Cause::TransmitTimeout);
        }
        if class.includes(ErrorMask::LOST_ARBITRATION) {
            self.done(ErrorMask::LOST_ARBITRATION);
            let bit = match std::mem::take(&mut self.rest.data[0]) {
                0 => None,
                bit => Some(bit),
            };
            return Some(Cause::LostArbitration { bit });
        }
        if class.includes(ErrorMask::CONTROLLER) {
            return Some(Cause::Controller(self.controller()));
        }
        if class.includes(ErrorMask::PROTOCOL) {
            return Some(self.protocol());
        }
        if class.includes(ErrorMask::TRANSCEIVER) {
            return Some(Cause::Transceiver(self.transceiver()));
        }
        if let Some(plain) = self.plain() {
            return Some(plain);
        }
        if class.includes(ErrorMask::COUNTERS) || self.rest.data[6..] != [0, 0] {
            return Some(self.counters());
        }
        self.unknown()
    }
}

impl std::iter::FusedIterator for Causes {}

/// All that it tells of, in one line.
impl fmt::Display for ErrorFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut causes = self.causes();
        match causes.next() {
            None => return f.write_str("error frame without a cause"),
            Some(cause) => cause.fmt(f)?,
        }
        causes.try_for_each(|cause| write!(f, "; {cause}"))
    }
}
