//! What error frames tell of, and how.

use circuits_can::{
    Cause, ControllerProblem, ErrorCounters, ErrorFrame, ErrorMask, FrameError, Location,
    Violation, WireFault,
};
use proptest::prelude::*;

fn protocol(violation: Violation, location: Location, sending: bool) -> Cause {
    Cause::Protocol {
        violation,
        location,
        sending,
    }
}

fn counters(transmit: u16, receive: u16) -> Cause {
    Cause::Counters(ErrorCounters { transmit, receive })
}

#[test]
fn frames_tell_of_their_causes() {
    use ControllerProblem as Problem;
    let table: [(u32, [u8; 8], &[Cause], &str); 18] = [
        (0, [0; 8], &[], "error frame without a cause"),
        (
            0x001,
            [0; 8],
            &[Cause::TransmitTimeout],
            "a frame was not sent in time",
        ),
        (
            0x002,
            [0; 8],
            &[Cause::LostArbitration { bit: None }],
            "lost arbitration",
        ),
        (
            0x002,
            [5, 0, 0, 0, 0, 0, 0, 0],
            &[Cause::LostArbitration { bit: Some(5) }],
            "lost arbitration at bit 5",
        ),
        (
            0x004,
            [0; 8],
            &[Cause::Controller(Problem::Unspecified)],
            "controller problem",
        ),
        (
            0x204,
            [0, 0x14, 0, 0, 0, 0, 10, 128],
            &[
                Cause::Controller(Problem::ReceiveWarning),
                Cause::Controller(Problem::ReceivePassive),
                counters(10, 128),
            ],
            "error-warning (receiving); error-passive (receiving); error counters: transmit 10, receive 128",
        ),
        (
            0x004,
            [0, 0x41, 0, 0, 0, 0, 0, 0],
            &[
                Cause::Controller(Problem::ReceiveOverflow),
                Cause::Controller(Problem::Active),
            ],
            "receive buffer overflow; error-active again",
        ),
        (
            0x008,
            [0; 8],
            &[protocol(
                Violation::Unspecified,
                Location::UNSPECIFIED,
                false,
            )],
            "protocol violation",
        ),
        (
            0x088,
            [0, 0, 0x80, 0x19, 0, 0, 0, 0],
            &[
                protocol(Violation::Unspecified, Location::ACKNOWLEDGE_SLOT, true),
                Cause::BusError,
            ],
            "protocol violation in the acknowledge slot, while sending; bus error",
        ),
        (
            0x008,
            [0, 0, 0x8c, 0x0a, 0, 0, 0, 0],
            &[
                protocol(Violation::Stuff, Location::DATA, true),
                protocol(Violation::DominantBit, Location::DATA, true),
            ],
            "stuff error in the data, while sending; dominant bit not seen in the data, while sending",
        ),
        (
            0x008,
            [0, 0, 2, 0x55, 0, 0, 0, 0],
            &[protocol(Violation::Form, Location::from_byte(0x55), false)],
            "form error in unknown place 0x55",
        ),
        (
            0x010,
            [0, 0, 0, 0, 0x74, 0, 0, 0],
            &[
                Cause::Transceiver(WireFault::HighNoWire),
                Cause::Transceiver(WireFault::LowShortToGround),
            ],
            "no wire at CANH; CANL shorted to ground",
        ),
        (
            0x010,
            [0, 0, 0, 0, 0x80, 0, 0, 0],
            &[Cause::Transceiver(WireFault::LowShortToHigh)],
            "CANL shorted to CANH",
        ),
        (
            0x010,
            [0, 0, 0, 0, 0x03, 0, 0, 0],
            &[
                Cause::Transceiver(WireFault::Unspecified),
                Cause::UnknownData { byte: 4, bits: 3 },
            ],
            "transceiver problem; unknown data 0x03 in byte 4",
        ),
        (
            0x1e0,
            [0; 8],
            &[
                Cause::NoAcknowledge,
                Cause::BusOff,
                Cause::BusError,
                Cause::Restarted,
            ],
            "nobody acknowledged; bus-off; bus error; restarted",
        ),
        (
            0x200,
            [0; 8],
            &[counters(0, 0)],
            "error counters: transmit 0, receive 0",
        ),
        // As drivers did it before there was a class for it.
        (
            0x040,
            [0, 0, 0, 0, 0, 0, 255, 1],
            &[Cause::BusOff, counters(255, 1)],
            "bus-off; error counters: transmit 255, receive 1",
        ),
        (
            0x1000_0404,
            [1, 0x80, 3, 0, 0, 9, 0, 0],
            &[
                Cause::Controller(Problem::Unspecified),
                Cause::UnknownClass(ErrorMask::from_bits(0x1000_0400)),
                Cause::UnknownData { byte: 0, bits: 1 },
                Cause::UnknownData {
                    byte: 1,
                    bits: 0x80,
                },
                Cause::UnknownData { byte: 2, bits: 3 },
                Cause::UnknownData { byte: 5, bits: 9 },
            ],
            "controller problem; unknown class 0x10000400; unknown data 0x01 in byte 0; \
             unknown data 0x80 in byte 1; unknown data 0x03 in byte 2; unknown data 0x09 in byte 5",
        ),
    ];
    for (class, data, causes, text) in table {
        let error = ErrorFrame::new(ErrorMask::from_bits(class), data);
        assert_eq!(error.causes().collect::<Vec<_>>(), causes);
        assert_eq!(error.to_string(), text);
        if class != 0x040 {
            assert_eq!(causes.iter().copied().collect::<ErrorFrame>(), error);
        }
    }
}

#[test]
fn places_are_those_of_the_kernel() {
    // CAN_ERR_PROT_LOC_…, and those of an SJA1000.
    let named = [
        0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x12,
        0x18, 0x19, 0x1a, 0x1b, 0x11, 0x13, 0x16, 0x17, 0x1c,
    ];
    for byte in 1..=255 {
        let text = Location::from_byte(byte).to_string();
        assert_eq!(
            text.starts_with("unknown"),
            !named.contains(&byte),
            "{byte:#x}: {text}"
        );
    }
    assert_eq!(Location::from_byte(0x0e), Location::ID_4_TO_0);
    assert_eq!(Location::from_byte(0x18), Location::CRC_DELIMITER);
}

#[test]
fn the_last_detail_stays() {
    let error = ErrorFrame::of(Cause::Transceiver(WireFault::HighNoWire))
        .and(Cause::Transceiver(WireFault::LowNoWire))
        .and(Cause::Transceiver(WireFault::HighShortToGround))
        .and(counters(300, 1));
    assert_eq!(error.data(), &[0, 0, 0, 0, 0x47, 0, 255, 1]);
    let nowhere = Cause::UnknownData { byte: 8, bits: 1 };
    assert_eq!(error.and(nowhere), error);
}

#[test]
fn masks_are_texts() {
    for (mask, text) in [
        (ErrorMask::NONE, "none"),
        (ErrorMask::ALL, "all"),
        (ErrorMask::BUS_OFF, "bus_off"),
        (
            ErrorMask::BUS_OFF | ErrorMask::TX_TIMEOUT,
            "tx_timeout|bus_off",
        ),
        (ErrorMask::from_bits(0x400), "0x400"),
        (
            ErrorMask::from_bits(0x3ff | 0x1000_0000),
            "tx_timeout|lost_arbitration|controller|protocol|transceiver|no_acknowledge|bus_off|bus_error|restarted|counters|0x10000000",
        ),
    ] {
        assert_eq!(mask.to_string(), text);
        assert_eq!(text.parse(), Ok(mask));
    }
    assert_eq!("0x44|bus_off|0x1".parse(), Ok(ErrorMask::from_bits(0x45)));
    for (text, at) in [
        ("", 0),
        ("bus_off|", 8),
        ("bus_off | controller", 0),
        ("controller|Bus-off", 11),
        ("0x20000000", 0),
        ("0x+4", 0),
        ("0x", 0),
        ("40", 0),
    ] {
        match text.parse::<ErrorMask>() {
            Err(FrameError::Text { position, .. }) => assert_eq!(position, at, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[cfg(feature = "embedded-can-04")]
#[test]
fn embedded_can_has_kinds_for_some() {
    use embedded_can::{Error, ErrorKind};
    use embedded_can_04 as embedded_can;

    let at = |violation, location| ErrorFrame::of(protocol(violation, location, true));
    for (error, kind) in [
        (ErrorFrame::of(Cause::NoAcknowledge), ErrorKind::Acknowledge),
        (
            ErrorFrame::of(Cause::Controller(ControllerProblem::ReceiveOverflow)),
            ErrorKind::Overrun,
        ),
        (
            ErrorFrame::of(Cause::Controller(ControllerProblem::TransmitOverflow)),
            ErrorKind::Other,
        ),
        (
            at(Violation::Stuff, Location::CRC_SEQUENCE),
            ErrorKind::Stuff,
        ),
        (
            at(Violation::Form, Location::CRC_DELIMITER),
            ErrorKind::Form,
        ),
        (at(Violation::Bit, Location::DATA), ErrorKind::Bit),
        (at(Violation::RecessiveBit, Location::DATA), ErrorKind::Bit),
        (
            at(Violation::DominantBit, Location::ACKNOWLEDGE_SLOT),
            ErrorKind::Bit,
        ),
        (at(Violation::Bit, Location::CRC_SEQUENCE), ErrorKind::Crc),
        (
            at(Violation::Unspecified, Location::CRC_SEQUENCE),
            ErrorKind::Crc,
        ),
        (
            at(Violation::Unspecified, Location::ACKNOWLEDGE_SLOT),
            ErrorKind::Acknowledge,
        ),
        (
            at(Violation::Overload, Location::INTERMISSION),
            ErrorKind::Other,
        ),
        (
            ErrorFrame::of(Cause::BusError).and(protocol(
                Violation::Stuff,
                Location::UNSPECIFIED,
                false,
            )),
            ErrorKind::Stuff,
        ),
        (ErrorFrame::of(Cause::BusOff), ErrorKind::Other),
    ] {
        assert_eq!(error.kind(), kind, "{error}");
        let interface = "can0".into();
        let error = circuits_can::Error::Bus { interface, error };
        assert_eq!(embedded_can::Error::kind(&error), kind);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The causes say all that the frame does: it can be made of them again.
    #[test]
    fn nothing_is_left_out(
        class in prop_oneof![0..0x400u32, any::<u32>()],
        data in any::<[u8; 8]>(),
        kept in any::<[bool; 8]>(),
    ) {
        let mut data = data;
        data.iter_mut().zip(kept).filter(|(_, kept)| !kept).for_each(|(data, _)| *data = 0);
        let error = ErrorFrame::new(ErrorMask::from_bits(class), data);
        let causes: Vec<Cause> = error.causes().collect();
        prop_assert!(causes.len() <= 40);
        let again: ErrorFrame = causes.iter().copied().collect();
        let counted = data[6..] != [0, 0];
        let class = error.class() | if counted { ErrorMask::COUNTERS } else { ErrorMask::NONE };
        prop_assert_eq!(again, ErrorFrame::new(class, data));
        prop_assert!(again.causes().eq(causes));
        prop_assert_eq!(error.class().to_string().parse(), Ok(error.class()));
    }
}
