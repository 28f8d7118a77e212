//! Frames survive being written, and any text and any bytes are harmless: drawn. `PROPTEST_CASES` says how many are
//! drawn (default: 256 each); tests/fuzz goes on from here.

mod invariants;

use std::time::Duration;

use circuits_can::{
    AnyFrame, Config, ErrorFrame, ErrorMask, Frame, Id, Interface, InterfaceConfig, Mode, Socket,
    log,
};
use circuits_stub::Stub;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn id() -> impl Strategy<Value = Id> {
    prop_oneof![
        (0..=0x7ffu16).prop_map(|id| Id::standard(id).unwrap()),
        (0..=0x1fff_ffffu32).prop_map(|id| Id::extended(id).unwrap()),
        // Extended ones that would be standard by their number.
        (0..=0x7ffu32).prop_map(|id| Id::extended(id).unwrap()),
    ]
}

/// With the data length code that only a frame of 8 bytes may have.
fn classic() -> impl Strategy<Value = Frame> {
    let dlc = |(frame, dlc): (Frame, u8)| frame.len8_dlc(dlc).unwrap_or(frame);
    let data = (id(), vec(any::<u8>(), 0..=8), 8..=15u8)
        .prop_map(move |(id, data, code)| dlc((Frame::new(id, &data).unwrap(), code)));
    let remote = (id(), 0..=8usize, 8..=15u8)
        .prop_map(move |(id, length, code)| dlc((Frame::remote(id, length).unwrap(), code)));
    prop_oneof![data, remote]
}

fn fd() -> impl Strategy<Value = Frame> {
    let lengths = vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64];
    let data = prop::sample::select(lengths).prop_flat_map(|length| vec(any::<u8>(), length));
    (id(), data, any::<[bool; 2]>()).prop_map(|(id, data, [brs, esi])| {
        let frame = Frame::fd(id, &data).unwrap();
        frame.bit_rate_switch(brs).error_state_indicator(esi)
    })
}

fn any_frame() -> impl Strategy<Value = AnyFrame> {
    let error = (any::<u32>(), any::<[u8; 8]>())
        .prop_map(|(class, data)| ErrorFrame::new(ErrorMask::from_bits(class), data));
    prop_oneof![
        classic().prop_map(AnyFrame::Frame),
        fd().prop_map(AnyFrame::Frame),
        error.prop_map(AnyFrame::Error),
    ]
}

/// Text as it may come, and such in which something is wrong.
fn near(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "", "#", "##", "_", "R", ".", "..", "F", "0", "9", "~", ":", "|", " ", "(", ")", "é", "\0",
    ]);
    let place = any::<prop::sample::Index>();
    (text, vec((place, odd, 0..3usize), 0..3)).prop_map(|(text, odds)| {
        let mut text: Vec<char> = text.chars().collect();
        for (place, odd, gone) in odds {
            let at = place.index(text.len() + 1);
            let end = (at + gone).min(text.len());
            text.splice(at..end, odd.chars());
        }
        text.into_iter().collect()
    })
}

fn line() -> impl Strategy<Value = String> {
    let time = prop_oneof!["[0-9]{1,12}\\.[0-9]{1,10}", "[0-9]{10}\\.[0-9]{6}"];
    let end = prop::sample::select(vec!["", " R", " T", "  "]);
    (time, "[a-z]{1,5}[0-9]?", any_frame(), end)
        .prop_map(|(time, interface, frame, end)| format!("({time}) {interface} {frame}{end}"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        // What fails is printed, made small.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn frames_survive(frame in any_frame()) {
        invariants::frame_survives(&frame);
        invariants::text(&frame.to_string());
        invariants::text(&frame.to_string().to_lowercase());
    }

    #[cfg(feature = "embedded-can-04")]
    #[test]
    fn classic_frames_survive_embedded_can(frame in classic()) {
        use embedded_can_04::Frame as _;

        let id = embedded_can_04::Frame::id(&frame);
        prop_assert_eq!(Id::from(id), Frame::id(&frame));
        let (data, dlc) = (embedded_can_04::Frame::data(&frame), usize::from(Frame::dlc(&frame)));
        // It has no place for codes above 8.
        prop_assert_eq!(embedded_can_04::Frame::dlc(&frame), dlc.min(8));
        let again = match frame.is_remote_frame() {
            true => <Frame as embedded_can_04::Frame>::new_remote(id, dlc.min(8)),
            false => <Frame as embedded_can_04::Frame>::new(id, data),
        };
        let again = again.map(|again| again.len8_dlc(Frame::dlc(&frame)).unwrap_or(again));
        prop_assert_eq!(again, Some(frame));
    }

    /// Arbitration is an order of identifiers, and what embedded-can says of it.
    #[test]
    fn identifiers_are_in_the_order_of_arbitration(one in id(), other in id()) {
        let frame = |id| Frame::new(id, &[]).unwrap().arbitration();
        prop_assert_eq!(one.cmp(&other), frame(one).cmp(&frame(other)));
        prop_assert_eq!(one == other, one.cmp(&other).is_eq());
        #[cfg(feature = "embedded-can-04")]
        {
            let embedded = |id: Id| embedded_can_04::Id::from(id);
            prop_assert_eq!(one.cmp(&other), embedded(one).cmp(&embedded(other)));
        }
    }

    #[test]
    fn any_text_is_harmless(text in any::<String>()) {
        invariants::text(&text);
    }

    #[test]
    fn odd_texts_are_harmless(
        frame in near(any_frame().prop_map(|frame| frame.to_string())),
        points in near("[0-7][0-9A-Fa-f]{2}#(\\.?[0-9A-F]{2}){0,9}"),
        filter in near("[0-9A-Fa-f]{1,9}[:~][0-9A-Fa-f]{1,9}"),
        mask in near("(bus_off|controller|0x[0-9a-f]{1,8}|none|all)(\\|(protocol|0x4|none)){0,3}"),
        line in near(line()),
    ) {
        [frame, points, filter, mask, line].iter().for_each(|text| invariants::text(text));
    }

    #[test]
    fn any_log_is_harmless(
        lines in vec(prop_oneof![
            8 => line(),
            4 => near(line()),
            1 => Just(String::new()),
            1 => Just("# a comment".into()),
            1 => near(Just("DROPCOUNT: dropped 3 CAN frames on 'can0' socket (total drops 7)".into())),
            1 => " {1000,1050}",
        ], 0..10),
        end in prop::sample::select(vec!["\n", "\r\n"]),
        odd in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        ended: bool,
    ) {
        let mut log = lines.join(end).into_bytes();
        if ended {
            log.push(b'\n');
        }
        for (at, byte) in odd.iter().take(3 * usize::from(!log.is_empty())) {
            let at = at.index(log.len());
            log[at] = *byte;
        }
        invariants::log(&log);
    }

    #[test]
    fn any_bytes_are_harmless(
        id: u32,
        head in [0..80u8, 0..10, 0..255, 0..20],
        rest in vec(any::<u8>(), 64),
        size in prop_oneof![Just(16usize), Just(72), 0..73usize],
    ) {
        // Standard ones would be rare otherwise.
        for id in [id, id & 0xe000_07ff, id & 0x7ff, id | 0x8000_0000] {
            let bytes = [&id.to_ne_bytes()[..], &head, &rest].concat();
            invariants::bytes(&bytes[..size]);
        }
    }
}

/// Sends each drawn frame from one socket to the other, which must be what it is when it comes.
fn survive(here: &Socket, there: &Socket) {
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let frames = prop_oneof![classic(), fd()];
    let survives = |frame: Frame| {
        there.write(&frame, LONG).unwrap();
        let received = here.read(LONG).unwrap();
        prop_assert_eq!(received.frame(), Some(&frame));
        let line = log::Entry::of(&received, "can0").to_string();
        let entry: log::Entry = line.parse().unwrap();
        prop_assert_eq!(entry.content(), received.content());
        Ok(())
    };
    runner.run(&frames, survives).unwrap();
}

const LONG: Duration = Duration::from_secs(10);

#[test]
fn frames_survive_the_virtual_vcan() {
    let stub = Stub::virtual_time().vcan("vcan0");
    let open = || Socket::open_on(&stub, "vcan0", &Config::new()).unwrap();
    survive(&open(), &open());
}

#[test]
fn frames_survive_the_virtual_bus() {
    let stub = Stub::virtual_time().can_bus(["can0", "can1"]).unwrap();
    let sockets = ["can0", "can1"].map(|name| {
        let interface = Interface::open_on(&stub, name).unwrap();
        interface.down().unwrap();
        let config = InterfaceConfig::new().bitrate(500_000);
        let config = config.data_bitrate(2_000_000).mode(Mode::ClassicDlc, true);
        interface.configure(&config).unwrap();
        interface.up().unwrap();
        Socket::open_on(&stub, name, &Config::new()).unwrap()
    });
    let [here, there] = &sockets;
    survive(here, there);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs vcan"]
fn frames_survive_the_kernel() {
    let _link = circuits_bench::CanLink::new("drawn0");
    let open = || Socket::open_on(&circuits_can::Linux::new(), "drawn0", &Config::new()).unwrap();
    survive(&open(), &open());
}
