//! Error frames, as Linux's drivers make them (include/uapi/linux/can/error.h).

use circuits_can::{ErrorCounters, ErrorFrame, ErrorMask, State};

use super::bus::{Cause, Role};

// data[1]
const RX_OVERFLOW: u8 = 0x01;
const RX_WARNING: u8 = 0x04;
const TX_WARNING: u8 = 0x08;
const RX_PASSIVE: u8 = 0x10;
const TX_PASSIVE: u8 = 0x20;
const ACTIVE: u8 = 0x40;

// data[2]
const BIT: u8 = 0x01;
const FORM: u8 = 0x02;
const STUFF: u8 = 0x04;
const BIT0: u8 = 0x08;
const BIT1: u8 = 0x10;
const TX: u8 = 0x80;

// data[3]
const CRC_SEQUENCE: u8 = 0x08;
const CRC_DELIMITER: u8 = 0x18;
const ACKNOWLEDGE: u8 = 0x19;

/// The counters, which the kernel has a byte each for.
fn counted(class: ErrorMask, mut data: [u8; 8], counters: ErrorCounters) -> ErrorFrame {
    let byte = |count: u16| u8::try_from(count).unwrap_or(u8::MAX);
    (data[6], data[7]) = (byte(counters.transmit), byte(counters.receive));
    ErrorFrame::new(class | ErrorMask::COUNTERS, data)
}

/// Another frame went first (`sja1000_err`, drivers/net/can/sja1000/sja1000.c).
pub(super) fn lost_arbitration(bit: u8) -> ErrorFrame {
    ErrorFrame::new(
        ErrorMask::LOST_ARBITRATION,
        [bit & 0x1f, 0, 0, 0, 0, 0, 0, 0],
    )
}

/// The controller's buffer was full.
pub(super) fn overflow(counters: ErrorCounters) -> ErrorFrame {
    counted(
        ErrorMask::CONTROLLER,
        [0, RX_OVERFLOW, 0, 0, 0, 0, 0, 0],
        counters,
    )
}

/// An error on the bus, as one who sent or received saw it (`flexcan_irq_bus_err`,
/// drivers/net/can/flexcan/flexcan-core.c).
pub(super) fn bus_error(cause: Cause, role: Role, counters: ErrorCounters) -> ErrorFrame {
    let mut class = ErrorMask::PROTOCOL | ErrorMask::BUS_ERROR;
    let (mut kind, place) = match cause {
        Cause::Bit(None) => (BIT, 0),
        // It could not send what it was to.
        Cause::Bit(Some(false)) => (BIT0, 0),
        Cause::Bit(Some(true)) => (BIT1, 0),
        Cause::Stuff => (STUFF, 0),
        Cause::Form => (FORM, CRC_DELIMITER),
        Cause::Crc => (0, CRC_SEQUENCE),
        Cause::NoAcknowledge => {
            class = class | ErrorMask::NO_ACKNOWLEDGE;
            (0, ACKNOWLEDGE)
        }
    };
    if role == Role::Sender {
        kind |= TX;
    }
    counted(class, [0, 0, kind, place, 0, 0, 0, 0], counters)
}

/// The controller is in another state, which is not bus-off (`can_change_state`, drivers/net/can/dev/dev.c).
pub(super) fn state(counters: ErrorCounters) -> ErrorFrame {
    let level = |count: u16| match count {
        ..96 => 0,
        96..128 => 1,
        128.. => 2,
    };
    let (tx, rx) = (level(counters.transmit), level(counters.receive));
    let mut status = 0;
    if tx >= rx {
        status |= [ACTIVE, TX_WARNING, TX_PASSIVE][tx];
    }
    if rx >= tx {
        status |= [ACTIVE, RX_WARNING, RX_PASSIVE][rx];
    }
    counted(
        ErrorMask::CONTROLLER,
        [0, status, 0, 0, 0, 0, 0, 0],
        counters,
    )
}

/// It is bus-off, or takes part again.
pub(super) fn is_now(state: State, counters: ErrorCounters) -> ErrorFrame {
    match state {
        State::BusOff => ErrorFrame::new(ErrorMask::BUS_OFF, [0; 8]),
        _ => self::state(counters),
    }
}

/// The driver has restarted it.
pub(super) fn restarted() -> ErrorFrame {
    ErrorFrame::new(ErrorMask::RESTARTED, [0; 8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(transmit: u16, receive: u16) -> ErrorCounters {
        ErrorCounters { transmit, receive }
    }

    #[test]
    fn a_state_says_whose_counter_it_is() {
        let status = |transmit, receive| state(counters(transmit, receive)).data()[1];
        assert_eq!(status(0, 0), ACTIVE);
        assert_eq!(status(96, 0), TX_WARNING);
        assert_eq!(status(95, 127), RX_WARNING);
        assert_eq!(status(96, 127), TX_WARNING | RX_WARNING);
        assert_eq!(status(128, 96), TX_PASSIVE);
        assert_eq!(status(255, 128), TX_PASSIVE | RX_PASSIVE);
        let frame = state(counters(128, 7));
        assert_eq!(frame.class(), ErrorMask::CONTROLLER | ErrorMask::COUNTERS);
        assert_eq!(frame.data()[6..], [128, 7]);
    }

    #[test]
    fn an_error_says_what_and_where() {
        let frame = bus_error(Cause::NoAcknowledge, Role::Sender, counters(8, 0));
        assert!(frame.class().includes(ErrorMask::NO_ACKNOWLEDGE));
        assert!(frame.class().includes(ErrorMask::BUS_ERROR));
        assert_eq!(frame.data(), &[0, 0, TX, ACKNOWLEDGE, 0, 0, 8, 0]);
        let frame = bus_error(Cause::Stuff, Role::Receiver, counters(0, 9));
        assert_eq!(frame.data(), &[0, 0, STUFF, 0, 0, 0, 0, 9]);
        assert!(!frame.class().includes(ErrorMask::NO_ACKNOWLEDGE));
    }
}
