//! Error frames, as Linux's drivers make them (include/uapi/linux/can/error.h).

use circuits_can::{Cause, ControllerProblem, ErrorCounters, ErrorFrame, State};

use super::bus::Role;
use super::flaw::Flaw;

/// Another frame went first (`sja1000_err`, drivers/net/can/sja1000/sja1000.c).
pub(super) fn lost_arbitration(bit: u8) -> ErrorFrame {
    ErrorFrame::of(Cause::LostArbitration {
        bit: (bit > 0).then_some(bit),
    })
}

/// The controller's buffer was full.
pub(super) fn overflow(counters: ErrorCounters) -> ErrorFrame {
    let problem = ControllerProblem::ReceiveOverflow;
    ErrorFrame::of(Cause::Controller(problem)).and(Cause::Counters(counters))
}

/// An error on the bus, as one who sent or received saw it (`flexcan_irq_bus_err`,
/// drivers/net/can/flexcan/flexcan-core.c).
pub(super) fn bus_error(flaw: Flaw, role: Role, counters: ErrorCounters) -> ErrorFrame {
    let error = ErrorFrame::of(Cause::Protocol {
        violation: flaw.violation,
        location: flaw.location,
        sending: role == Role::Sender,
    });
    let error = match flaw == Flaw::NO_ACKNOWLEDGE {
        true => error.and(Cause::NoAcknowledge),
        false => error,
    };
    error.and(Cause::BusError).and(Cause::Counters(counters))
}

/// The controller is in another state (`can_change_state`, drivers/net/can/dev/dev.c).
pub(super) fn is_now(state: State, counters: ErrorCounters) -> ErrorFrame {
    use ControllerProblem::{
        Active, ReceivePassive, ReceiveWarning, TransmitPassive, TransmitWarning,
    };

    if state == State::BusOff {
        return ErrorFrame::of(Cause::BusOff);
    }
    let level = |count: u16| match count {
        ..96 => 0,
        96..128 => 1,
        128.. => 2,
    };
    let (transmit, receive) = (level(counters.transmit), level(counters.receive));
    let mut problems = Vec::new();
    if transmit >= receive {
        problems.push([Active, TransmitWarning, TransmitPassive][transmit]);
    }
    if receive >= transmit {
        problems.push([Active, ReceiveWarning, ReceivePassive][receive]);
    }
    let causes = problems.into_iter().map(Cause::Controller);
    causes.chain([Cause::Counters(counters)]).collect()
}

/// The driver has restarted it.
pub(super) fn restarted() -> ErrorFrame {
    ErrorFrame::of(Cause::Restarted)
}

#[cfg(test)]
mod tests {
    use circuits_can::ErrorMask;

    use super::*;

    fn counters(transmit: u16, receive: u16) -> ErrorCounters {
        ErrorCounters { transmit, receive }
    }

    #[test]
    fn a_state_says_whose_counter_it_is() {
        let status = |transmit, receive| {
            let state = State::ErrorWarning;
            is_now(state, counters(transmit, receive)).data()[1]
        };
        // CAN_ERR_CRTL_ACTIVE, TX_WARNING, RX_WARNING, TX_PASSIVE, RX_PASSIVE
        assert_eq!(status(0, 0), 0x40);
        assert_eq!(status(96, 0), 0x08);
        assert_eq!(status(95, 127), 0x04);
        assert_eq!(status(96, 127), 0x0c);
        assert_eq!(status(128, 96), 0x20);
        assert_eq!(status(255, 128), 0x30);
        let frame = is_now(State::ErrorPassive, counters(128, 7));
        assert_eq!(frame.class(), ErrorMask::CONTROLLER | ErrorMask::COUNTERS);
        assert_eq!(frame.data()[6..], [128, 7]);
        let frame = is_now(State::BusOff, counters(256, 7));
        assert_eq!(frame, ErrorFrame::new(ErrorMask::BUS_OFF, [0; 8]));
    }

    #[test]
    fn an_error_says_what_and_where() {
        let frame = bus_error(Flaw::NO_ACKNOWLEDGE, Role::Sender, counters(8, 0));
        // CAN_ERR_PROT, ACK, BUSERROR, CNT; CAN_ERR_PROT_TX, LOC_ACK
        assert_eq!(frame.class().bits(), 0x2a8);
        assert_eq!(frame.data(), &[0, 0, 0x80, 0x19, 0, 0, 8, 0]);
        let frame = bus_error(Flaw::STUFF, Role::Receiver, counters(0, 9));
        // CAN_ERR_PROT_STUFF, LOC_DATA
        assert_eq!(frame.class().bits(), 0x288);
        assert_eq!(frame.data(), &[0, 0, 0x04, 0x0a, 0, 0, 0, 9]);
    }
}
