//! Which frames come, by the kernel's rules.

use circuits_can::{Config, ErrorFrame, ErrorMask, Filter, FrameError, Id};

/// The frames of the tables: standard, remote, extended, extended and remote, CAN FD.
const FRAMES: [&str; 6] = ["123#", "123#R", "00000123#", "00000123#R", "123##4", "124#"];

fn let_through(config: &Config) -> Vec<&'static str> {
    let comes = |text: &&str| config.lets_through(&text.parse().unwrap());
    FRAMES.into_iter().filter(comes).collect()
}

fn filters(text: &str) -> Config {
    Config::new().filters(text.split_terminator(',').map(|text| text.parse().unwrap()))
}

#[test]
fn a_filter_lets_through_what_the_kernel_does() {
    let all = &FRAMES[..];
    for (filter, frames) in [
        ("000:000", all),
        ("000~000", &[]),
        (
            "123:7FF",
            &["123#", "123#R", "00000123#", "00000123#R", "123##4"],
        ),
        ("123~7FF", &["124#"]),
        ("123:800007FF", &["123#", "123#R", "123##4"]),
        ("123~800007FF", &["00000123#", "00000123#R", "124#"]),
        ("123:C00007FF", &["123#", "123##4"]),
        ("040000123:C00007FF", &["123#R"]),
        ("00000123:DFFFFFFF", &["00000123#"]),
        ("00000123:9FFFFFFF", &["00000123#", "00000123#R"]),
        ("40000123:DFFFFFFF", &["00000123#R"]),
        (
            "00000123~DFFFFFFF",
            &["123#", "123#R", "00000123#R", "123##4", "124#"],
        ),
        // An identifier is extended if the mask asks for that, and no more than a number otherwise.
        (
            "00000123:1FFFFFFF",
            &["123#", "123#R", "00000123#", "00000123#R", "123##4"],
        ),
        ("000:80000000", &["123#", "123#R", "123##4", "124#"]),
        ("00000000:80000000", &["00000123#", "00000123#R"]),
        ("120:7F8", all),
        // One for standard frames compares no more than 11 bits.
        ("123:9FFFFFFF", &["123#", "123#R", "123##4"]),
        ("7000123:9FFFFFFF", &["123#", "123#R", "123##4"]),
        ("7000123:1FFFFFFF", &[]),
    ] {
        assert_eq!(let_through(&filters(filter)), frames, "{filter}");
    }
}

#[test]
fn several_filters_let_through_one_by_one_or_joined() {
    let all = &FRAMES[..];
    for (text, one, joined) in [
        ("", &[][..], &[][..]),
        ("124:7FF", &["124#"], &["124#"]),
        ("124:7FF,123:C00007FF", &["123#", "123##4", "124#"], &[]),
        // Each lets through what the other one is to keep out.
        ("123~7FF,124~7FF", all, &[]),
        ("123~800007FF,124~7FF", all, &["00000123#", "00000123#R"]),
        ("124:7FF,124:7FF", &["124#"], &["124#"]),
        (
            "000:000,124~7FF",
            all,
            &["123#", "123#R", "00000123#", "00000123#R", "123##4"],
        ),
    ] {
        assert_eq!(let_through(&filters(text)), one, "{text}");
        assert_eq!(
            let_through(&filters(text).join_filters(true)),
            joined,
            "{text}"
        );
    }
    let classic = let_through(&Config::new().fd(false));
    assert_eq!(
        classic,
        ["123#", "123#R", "00000123#", "00000123#R", "124#"]
    );
}

#[test]
fn error_frames_come_by_their_class() {
    let error = ErrorFrame::new(ErrorMask::BUS_OFF | ErrorMask::COUNTERS, [0; 8]);
    let errors = |config: Config, mask| config.errors(mask).lets_error_through(&error);
    assert!(!errors(Config::new(), ErrorMask::NONE));
    assert!(!errors(Config::new(), ErrorMask::BUS_ERROR));
    assert!(errors(Config::new(), ErrorMask::BUS_OFF));
    assert!(
        errors(filters(""), ErrorMask::ALL),
        "filters are for frames of the bus"
    );
    assert!(errors(
        filters("123:7FF").join_filters(true),
        ErrorMask::ALL
    ));
    assert!(!errors(
        filters("000:000,000:000").join_filters(true),
        ErrorMask::ALL
    ));
    let nothing = ErrorFrame::new(ErrorMask::NONE, [0; 8]);
    assert!(
        !Config::new()
            .errors(ErrorMask::ALL)
            .lets_error_through(&nothing)
    );
}

#[test]
fn filters_are_texts() {
    let standard = Id::standard(0x123).unwrap();
    let extended = Id::extended(0x123).unwrap();
    for (filter, raw, text) in [
        (Filter::all(), (0, 0), "000:000"),
        (
            Filter::exact(standard),
            (0x123, 0x8000_07ff),
            "123:800007FF",
        ),
        (
            Filter::exact(standard).remote(false),
            (0x123, 0xc000_07ff),
            "123:C00007FF",
        ),
        (
            Filter::exact(standard).remote(true),
            (0x4000_0123, 0xc000_07ff),
            "040000123:C00007FF",
        ),
        (
            Filter::exact(extended),
            (0x8000_0123, 0x9fff_ffff),
            "00000123:9FFFFFFF",
        ),
        (
            Filter::exact(extended).remote(true),
            (0xc000_0123, 0xdfff_ffff),
            "40000123:DFFFFFFF",
        ),
        (
            Filter::exact(standard).inverted(),
            (0x2000_0123, 0x8000_07ff),
            "123~800007FF",
        ),
        (
            Filter::masked(extended, 0xff00),
            (0x8000_0123, 0x8000_ff00),
            "00000123:8000FF00",
        ),
        (
            Filter::from_raw(0x123_4567, 0x7ff),
            (0x123_4567, 0x7ff),
            "1234567:7FF",
        ),
        (
            Filter::from_raw(0x1234_5678, !0),
            (0x1234_5678, 0xdfff_ffff),
            "012345678:DFFFFFFF",
        ),
        (
            Filter::from_raw(!0, !0),
            (!0, 0xdfff_ffff),
            "5FFFFFFF~DFFFFFFF",
        ),
    ] {
        assert_eq!(filter.to_raw(), raw, "{text}");
        assert_eq!(filter.to_string(), text);
        assert_eq!(text.parse(), Ok(filter), "{text}");
        assert_eq!(text.to_lowercase().parse(), Ok(filter), "{text}");
    }
    assert_eq!("0:0".parse(), Ok(Filter::all()));
    assert_eq!(
        "1:FFFFFFFF".parse::<Filter>().unwrap().to_string(),
        "001:DFFFFFFF"
    );
    assert_eq!("0000000000123:7FF".parse(), "123:7FF".parse::<Filter>());
}

#[test]
fn what_is_wrong_with_a_filter_is_told_with_its_place() {
    for (text, at) in [
        ("", 0),
        (":7FF", 0),
        ("123", 3),
        ("123=7FF", 3),
        ("123:", 4),
        ("123:G", 4),
        ("123:7FF,", 7),
        ("123:0x7FF", 5),
        ("100000000:7FF", 0),
        ("20000123:7FF", 0),
        ("123:100000000", 4),
    ] {
        match text.parse::<Filter>() {
            Err(FrameError::Text { position, .. }) => assert_eq!(position, at, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn files_hold_texts() {
    use circuits_can::{AnyFrame, Frame};

    let text = r#"{"filters":["123:7FF","00000123~9FFFFFFF"],"errors":"bus_off|controller"}"#;
    let config: Config = serde_json::from_str(text).unwrap();
    assert_eq!(
        config.frame_filters(),
        filters("123:7FF,00000123~9FFFFFFF").frame_filters()
    );
    assert_eq!(
        config.error_mask(),
        ErrorMask::BUS_OFF | ErrorMask::CONTROLLER
    );
    let again = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<Config>(&again).unwrap(), config);

    let frames: (Id, Frame, AnyFrame) =
        serde_json::from_str(r#"["123", "123##5AA", "20000040#0000000000000000"]"#).unwrap();
    assert_eq!(
        serde_json::to_string(&frames).unwrap(),
        r#"["123","123##5AA","20000040#0000000000000000"]"#
    );
    let error = serde_json::from_str::<Frame>(r#""123#1""#).unwrap_err();
    assert!(error.to_string().contains("at column 6"), "{error}");
}
