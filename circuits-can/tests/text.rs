//! Identifiers and frames as text, and as bytes of the kernel's.

use circuits_can::{AnyFrame, ErrorFrame, ErrorMask, Frame, FrameError, Id};

fn standard(id: u16) -> Id {
    Id::standard(id).unwrap()
}

#[test]
fn identifiers_are_read_by_their_digits() {
    for (text, id) in [
        ("000", standard(0)),
        ("7ff", standard(0x7ff)),
        ("00000123", Id::extended(0x123).unwrap()),
        ("1FFFFFFF", Id::extended(0x1fff_ffff).unwrap()),
    ] {
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(id.to_string(), text.to_uppercase());
    }
}

#[test]
fn frames_are_as_candump_has_them() {
    let id = standard(0x123);
    let extended = Id::extended(0x1234_5678).unwrap();
    let eight = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
    for (text, frame) in [
        ("123#", Frame::new(id, &[])),
        ("123#DEADBEEF", Frame::new(id, &[0xde, 0xad, 0xbe, 0xef])),
        ("12345678#1122334455667788", Frame::new(extended, &eight)),
        ("123#R", Frame::remote(id, 0)),
        ("123#R5", Frame::remote(id, 5)),
        (
            "123#R8_E",
            Frame::remote(id, 8).and_then(|f| f.len8_dlc(14)),
        ),
        (
            "123#1122334455667788_B",
            Frame::new(id, &eight).and_then(|f| f.len8_dlc(11)),
        ),
        ("123##4", Frame::fd(id, &[])),
        (
            "123##5AA",
            Frame::fd(id, &[0xaa]).map(|f| f.bit_rate_switch(true)),
        ),
        (
            "12345678##71122334455667788AABBCCDD",
            Frame::fd(
                extended,
                b"\x11\x22\x33\x44\x55\x66\x77\x88\xaa\xbb\xcc\xdd",
            )
            .map(|f| f.bit_rate_switch(true).error_state_indicator(true)),
        ),
    ] {
        let frame = frame.unwrap();
        assert_eq!(text.parse(), Ok(frame), "{text}");
        assert_eq!(text.parse(), Ok(AnyFrame::Frame(frame)), "{text}");
        assert_eq!(frame.to_string(), text);
        assert_eq!(AnyFrame::Frame(frame).to_string(), text);
    }
}

#[test]
fn people_may_write_more_than_candump_does() {
    for (text, same) in [
        ("7a1#r", "7A1#R"),
        ("123#R0", "123#R"),
        ("5A1#11.2233.44556677.88", "5A1#1122334455667788"),
        ("5A1#.11", "5A1#11"),
        ("123##1.AA.bb", "123##5AABB"),
        ("20000004#0010", "20000004#0010000000000000"),
    ] {
        let frame: AnyFrame = text.parse().unwrap();
        assert_eq!(frame.to_string(), same);
    }
}

#[test]
fn error_frames_are_told_by_their_flag() {
    let error = ErrorFrame::new(
        ErrorMask::PROTOCOL | ErrorMask::BUS_ERROR | ErrorMask::CONTROLLER,
        [0, 0x20, 0x04, 0x0b, 0, 0, 0x60, 0x7f],
    );
    let text = "2000008C#0020040B0000607F";
    assert_eq!(AnyFrame::Error(error).to_string(), text);
    assert_eq!(text.parse(), Ok(AnyFrame::Error(error)));
    assert!(text.parse::<Frame>().is_err(), "it was never on the bus");
    assert!("20000000".parse::<Id>().is_err());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let eight = "1122334455667788";
    let sixty_four = "11".repeat(64);
    for (text, position) in [
        (String::new(), 0),
        ("12".into(), 2),
        ("12G#".into(), 2),
        ("1234#".into(), 4),
        ("800#".into(), 0),
        ("123456789#".into(), 8),
        ("0000000000000000000#".into(), 8),
        ("40000000#".into(), 0),
        ("123".into(), 3),
        ("123 #".into(), 3),
        ("123#1".into(), 5),
        ("123#1G".into(), 5),
        ("123#11.".into(), 7),
        ("123#11..22".into(), 7),
        ("123#11 ".into(), 6),
        ("123#é".into(), 4),
        (format!("123#{eight}99"), 20),
        (format!("123#{eight}.99"), 21),
        (format!("123#{eight}_"), 21),
        (format!("123#{eight}_8"), 21),
        (format!("123#{eight}_BB"), 22),
        ("123#11_9".into(), 6),
        ("123#R9".into(), 5),
        ("123#R55".into(), 6),
        ("123#R5_9".into(), 6),
        ("123##".into(), 5),
        ("123##8".into(), 5),
        ("123##R".into(), 5),
        (format!("123##1{sixty_four}22"), 134),
        (format!("123##1{sixty_four}_F"), 134),
        ("20000004#R".into(), 9),
        ("20000004##1".into(), 9),
        (format!("20000004#{eight}_9"), 25),
    ] {
        match text.parse::<AnyFrame>() {
            Err(FrameError::Text { position: told, .. }) => assert_eq!(told, position, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(
        "123##1112233445566778899".parse::<Frame>(),
        Err(FrameError::FdLength {
            length: 9,
            next: 12
        })
    );
    assert_eq!(
        "123#1G".parse::<Frame>().unwrap_err().to_string(),
        "expected a byte's second hexadecimal digit at column 6"
    );
}

#[test]
fn only_a_classic_frame_of_8_bytes_has_a_length_code_of_its_own() {
    let id = standard(1);
    let frame = Frame::new(id, &[0; 8]).unwrap();
    assert_eq!(frame.dlc(), 8);
    assert_eq!(frame.len8_dlc(8), Ok(frame));
    let long = frame.len8_dlc(15).unwrap();
    assert_eq!((long.dlc(), long.data().len()), (15, 8));
    assert_ne!(long, frame);
    assert_eq!(long.len8_dlc(8), Ok(frame));

    let dlc = |dlc| Err(FrameError::Dlc { dlc });
    assert_eq!(frame.len8_dlc(7), dlc(7));
    assert_eq!(frame.len8_dlc(16), dlc(16));
    assert_eq!(Frame::new(id, &[0; 7]).unwrap().len8_dlc(9), dlc(9));
    assert_eq!(Frame::fd(id, &[0; 8]).unwrap().len8_dlc(9), dlc(9));
}

/// `struct can_frame`, or the first 16 bytes of `struct canfd_frame`.
fn head(can_id: u32, rest: [u8; 4], data: [u8; 8]) -> Vec<u8> {
    [&can_id.to_ne_bytes()[..], &rest, &data].concat()
}

#[test]
fn frames_are_as_the_kernel_has_them() {
    let data = [1, 2, 3, 4, 5, 6, 7, 8];
    let fd = |can_id, rest| {
        let mut bytes = head(can_id, rest, data);
        bytes.resize(72, 0);
        bytes
    };
    let three = [1, 2, 3, 0, 0, 0, 0, 0];
    for (text, bytes) in [
        ("123#010203", head(0x123, [3, 0, 0, 0], three)),
        ("00000123#010203", head(0x8000_0123, [3, 0, 0, 0], three)),
        ("123#R3", head(0x4000_0123, [3, 0, 0, 0], [0; 8])),
        ("12345678#R8_9", head(0xd234_5678, [8, 0, 0, 9], [0; 8])),
        ("123#0102030405060708_F", head(0x123, [8, 0, 0, 15], data)),
        (
            "20000008#0102030405060708",
            head(0x2000_0008, [8, 0, 0, 0], data),
        ),
        ("123##40102030405060708", fd(0x123, [8, 4, 0, 0])),
        ("12345678##70102030405060708", fd(0x9234_5678, [8, 7, 0, 0])),
    ] {
        let frame: AnyFrame = text.parse().unwrap();
        let mut buffer = [0xff; AnyFrame::SIZE];
        assert_eq!(frame.to_bytes(&mut buffer), bytes, "{text}");
        assert_eq!(AnyFrame::from_bytes(&bytes), Ok(frame), "{text}");
    }
}

#[test]
fn what_the_kernel_does_not_look_at_may_be_anything() {
    for (text, bytes) in [
        (
            "123#0102",
            head(0x123, [2, 0xff, 0xff, 0xff], [1, 2, 3, 4, 5, 6, 7, 8]),
        ),
        ("123#0101010101010101", head(0x123, [8, 0, 0, 8], [1; 8])),
        ("123#0101010101010101", head(0x123, [8, 0, 0, 16], [1; 8])),
        ("123#R2", head(0x4000_0123, [2, 0, 0, 0], [1; 8])),
        (
            "20000001#0100000000000000",
            head(0x2000_0001, [1, 0, 0, 0], [1; 8]),
        ),
    ] {
        assert_eq!(AnyFrame::from_bytes(&bytes), text.parse(), "{bytes:?}");
    }
    let mut bytes = head(0x123, [1, 0, 0xff, 0xff], [1; 8]);
    bytes.resize(72, 0xff);
    assert_eq!(AnyFrame::from_bytes(&bytes), "123##401".parse());
}

#[test]
fn what_is_no_frame_of_the_kernels_is_refused() {
    let fd = |can_id, rest| {
        let mut bytes = head(can_id, rest, [0; 8]);
        bytes.resize(72, 0);
        bytes
    };
    for (bytes, error) in [
        (vec![], FrameError::Size { size: 0 }),
        (vec![0; 15], FrameError::Size { size: 15 }),
        (vec![0; 71], FrameError::Size { size: 71 }),
        (
            head(1, [9, 0, 0, 0], [0; 8]),
            FrameError::Length { length: 9, most: 8 },
        ),
        (
            fd(1, [65, 0, 0, 0]),
            FrameError::Length {
                length: 65,
                most: 64,
            },
        ),
        (
            fd(1, [9, 0, 0, 0]),
            FrameError::FdLength {
                length: 9,
                next: 12,
            },
        ),
        (
            head(0x800, [0; 4], [0; 8]),
            FrameError::Id {
                id: 0x800,
                bits: 11,
            },
        ),
        (fd(1, [0, 8, 0, 0]), FrameError::Flags { flags: 8 }),
        (
            fd(0x4000_0001, [0; 4]),
            FrameError::Flags { flags: 0x4000_0000 },
        ),
        (
            fd(0x2000_0001, [0; 4]),
            FrameError::Flags { flags: 0x2000_0000 },
        ),
        (
            head(0xa000_0001, [0; 4], [0; 8]),
            FrameError::Flags { flags: 0x8000_0000 },
        ),
    ] {
        assert_eq!(AnyFrame::from_bytes(&bytes), Err(error), "{bytes:?}");
    }
}

#[test]
fn the_smaller_one_goes_first() {
    // By rows, what goes first; the bits are those on the bus (ISO 11898-1, arbitration field).
    let order = [
        "000#",
        "000#R",
        "00000000#",
        "00000000#R",
        "00000001#",
        "0003FFFF#R",
        "001#",
        "00040000#",
        "7FE#R",
        "1FFBFFFF#R",
        "7FF#",
        "7FF#R",
        "1FFC0000#",
        "1FFFFFFF#",
        "1FFFFFFF#R",
    ];
    let frames = order.map(|text| text.parse::<Frame>().unwrap());
    for pair in frames.windows(2) {
        assert!(pair[0].arbitration() < pair[1].arbitration(), "{pair:?}");
        let (first, second) = (pair[0].id(), pair[1].id());
        assert!(first <= second, "{pair:?}");
        assert_eq!(first == second, first.cmp(&second).is_eq(), "{pair:?}");
    }
    let of = |text: &str| text.parse::<Frame>().unwrap().arbitration();
    assert_eq!(of("123##1AA"), of("123#"));
    assert_eq!(of("7FF#"), 0xffe0_0000);
    assert_eq!(of("1FFFFFFF#R"), u32::MAX);
}
