//! Logs as candump writes them.

use std::io::{self, BufReader, Read};
use std::time::{Duration, UNIX_EPOCH};

use circuits_can::log::{Direction, Entry, Error, Reader};
use circuits_can::{AnyFrame, FrameError, Received};
use circuits_wait::Time;

fn frame(text: &str) -> AnyFrame {
    text.parse().unwrap()
}

#[test]
fn lines_are_as_candump_has_them() {
    let time = Duration::from_micros(1_436_509_052_249_713);
    let entry = |content| Entry::new(time, "vcan0", frame(content));
    for (text, entry) in [
        (
            "(1436509052.249713) vcan0 044#2A366C2BBA",
            entry("044#2A366C2BBA"),
        ),
        (
            "(1436509052.249713) vcan0 12345678#R8_F R",
            entry("12345678#R8_F").in_direction(Direction::Received),
        ),
        (
            "(1436509052.249713) vcan0 123##5AA T",
            entry("123##5AA").in_direction(Direction::Sent),
        ),
        (
            "(0000000000.000000) can0 20000040#0000000000000000",
            Entry::new(Duration::ZERO, "can0", frame("20000040#0000000000000000")),
        ),
        (
            "(18446744073709551615.999999) can0 123#",
            Entry::new(Duration::new(u64::MAX, 999_999_000), "can0", frame("123#")),
        ),
    ] {
        assert_eq!(entry.to_string(), text);
        assert_eq!(text.parse(), Ok(entry), "{text}");
    }
}

#[test]
fn a_fraction_of_a_second_says_what_it_says() {
    for (digits, nanos) in [
        ("5", 500_000_000),
        ("05", 50_000_000),
        ("249713", 249_713_000),
        ("2497130", 249_713_000),
        ("249713001", 249_713_001),
        ("000000001", 1),
    ] {
        let entry: Entry = format!("(12.{digits}) can0 123#").parse().unwrap();
        assert_eq!(entry.time(), Duration::new(12, nanos));
        let long = format!("{entry:.9}");
        assert_eq!(long, format!("(0000000012.{nanos:09}) can0 123#"));
        assert_eq!(long.parse(), Ok(entry));
    }
    let entry: Entry = "(1.000000999) can0 123#".parse().unwrap();
    assert_eq!(entry.to_string(), "(0000000001.000000) can0 123#");
    assert_eq!(format!("{entry:.6}"), entry.to_string());
}

#[test]
fn blanks_may_be_many() {
    // candump pads the names of interfaces to the longest one.
    let entry: Entry = "(1.5)   can0 \t123#11  R  ".parse().unwrap();
    assert_eq!(entry.to_string(), "(0000000001.500000) can0 123#11 R");
}

#[test]
fn what_is_wrong_with_a_line_is_told_with_its_place() {
    for (text, at) in [
        ("", 0),
        (" (1.5) can0 123#", 0),
        ("can0 123#", 0),
        ("()", 1),
        ("(x.5) can0 123#", 1),
        ("(2015-07-10 08:17:32.249713) can0 123#", 5),
        ("(-1.5) can0 123#", 1),
        ("(18446744073709551616.0) can0 123#", 1),
        ("(12) can0 123#", 3),
        ("(12.) can0 123#", 4),
        ("(12.5", 5),
        ("(12.0000000000) can0 123#", 13),
        ("(12.5)", 6),
        ("(12.5)can0 123#", 6),
        ("(12.5) ", 7),
        ("(12.5) can0", 11),
        ("(12.5) can0  ", 13),
        ("(12.5) can0 12#", 14),
        ("(12.5) can0 123#1G", 17),
        ("(12.5) könig0 12#", 17),
        ("(12.5) can0 123#11 X", 19),
        ("(12.5) can0 123#11 r", 19),
        ("(12.5) can0 123#11 R T", 21),
        ("(12.5) can0 123#11 #comment", 19),
    ] {
        match text.parse::<Entry>() {
            Err(FrameError::Text { position, .. }) => assert_eq!(position, at, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let error = "(1.5) can0 123##4112233445566778899".parse::<Entry>();
    assert_eq!(
        error,
        Err(FrameError::FdLength {
            length: 9,
            next: 12
        })
    );
}

#[test]
fn entries_are_made_of_what_was_received() {
    let received = Received::new(frame("123#11"), Time::from_nanos(2_000_001_500));
    let entry = Entry::of(&received, "can0");
    assert_eq!(entry.to_string(), "(0000000002.000001) can0 123#11 R");

    let day = UNIX_EPOCH + Duration::from_micros(1_436_509_052_249_713);
    let own = received.at_system_time(day).looped_back(true);
    let text = "(1436509052.249713) can0 123#11 T";
    assert_eq!(Entry::of(&own, "can0").to_string(), text);
    assert_eq!(
        Entry::of(&received.looped_back(false), "can0").direction(),
        Some(Direction::Sent)
    );
}

const LOG: &str = "\
# A drive
(1.000000) can0 123#11

(1.500000) can1 123#12 T\r
DROPCOUNT: dropped 5 CAN frames on 'can0' socket (total drops 5)
   \t
(1.500000) can0 123#1
(2.000000) can0 20000040#0000000000000000
DROPCOUNT: dropped 1 CAN frame on 'can1' socket (total drops 1)
anything
(3.000000) can0 124##1AABB";

#[test]
fn a_log_is_read_line_by_line() {
    let mut reader = Reader::new(LOG.as_bytes());
    let seen: Vec<_> = reader
        .by_ref()
        .map(|entry| entry.map_or_else(|e| e.to_string(), |e| e.to_string()))
        .collect();
    assert_eq!(
        seen,
        [
            "(0000000001.000000) can0 123#11",
            "(0000000001.500000) can1 123#12 T",
            "line 7: expected a byte's second hexadecimal digit at column 22",
            "(0000000002.000000) can0 20000040#0000000000000000",
            "line 10: expected ( and a time at column 1",
            "(0000000003.000000) can0 124##5AABB",
        ]
    );
    assert_eq!((reader.line(), reader.dropped()), (11, 6));
    assert!(reader.next().is_none());

    // However it comes.
    for capacity in 1..20 {
        let reader = Reader::new(BufReader::with_capacity(capacity, LOG.as_bytes()));
        assert_eq!(reader.filter_map(Result::ok).count(), 4);
    }
}

#[test]
fn a_line_without_an_end_takes_no_memory() {
    let long = io::repeat(b'(').take(50_000_000);
    let rest = &b"\n(1.0) can0 123#\n\xff\n(2.0) can0 \xff 123#"[..];
    let mut reader = Reader::new(BufReader::new(long.chain(rest)));
    let first = reader.next().unwrap();
    assert!(
        matches!(
            first,
            Err(Error::TooLong {
                line: 1,
                limit: 1024
            })
        ),
        "{first:?}"
    );
    assert_eq!(
        reader.next().unwrap().unwrap().to_string(),
        "(0000000001.000000) can0 123#"
    );
    for (number, at) in [(3, 0), (4, 11)] {
        match reader.next().unwrap() {
            Err(Error::Line {
                line,
                source: FrameError::Text { position, .. },
            }) => {
                assert_eq!((line, position), (number, at));
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(reader.next().is_none());

    let fits = format!("(1.0) can0 {}123#\n", " ".repeat(1024 - 15));
    assert_eq!(
        Reader::new(fits.as_bytes()).filter_map(Result::ok).count(),
        1
    );
    let too_long = format!(" {fits}");
    let read = Reader::new(too_long.as_bytes()).next();
    assert!(matches!(read, Some(Err(Error::TooLong { .. }))), "{read:?}");
}

/// Fails in the middle of the second line, after it was interrupted.
struct Broken(u8);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        match self.0 {
            1 => (&b"(1.0) can0 123#\n(2.0)"[..]).read(buffer),
            2 => Err(io::ErrorKind::Interrupted.into()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

#[test]
fn nothing_comes_after_the_log_failed() {
    let mut reader = Reader::new(BufReader::new(Broken(0)));
    assert!(reader.next().unwrap().is_ok());
    let error = reader.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the log could not be read after line 1");
    assert!(reader.next().is_none() && reader.next().is_none());
}

#[cfg(feature = "serde")]
#[test]
fn files_hold_lines() {
    let entry: Entry = "(1.000000001) can0 123#11 R".parse().unwrap();
    let text = serde_json::to_string(&entry).unwrap();
    assert_eq!(text, r#""(0000000001.000000001) can0 123#11 R""#);
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry);
}
