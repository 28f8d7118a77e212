//! What must hold for any text and any bytes. Whoever has some can call it: `properties.rs` draws them, tests/fuzz
//! lets libFuzzer find them.

use std::fmt::{Debug, Display};
use std::io::BufReader;
use std::str::FromStr;
use std::time::Duration;

use circuits_can::log::{Entry, Error, Reader};
use circuits_can::{AnyFrame, ErrorFrame, ErrorMask, Filter, Frame, FrameError, Id};

/// How long a line of a log may be.
const LIMIT: usize = 1024;

/// Any text that is to be an identifier, a frame, a filter, a mask, or a line of a log.
pub(crate) fn text(text: &str) {
    if let Some(id) = parsed::<Id>(text) {
        assert_eq!(id.to_string(), text.to_ascii_uppercase());
    }
    if let Some(filter) = parsed::<Filter>(text) {
        let (id, mask) = filter.to_raw();
        assert_eq!(Filter::from_raw(id, mask), filter);
        assert_eq!(text.contains('~'), id & 0x2000_0000 != 0);
        let (told, told_mask) = text.split_once([':', '~']).expect("it is a filter");
        let number = |text: &str| u32::from_str_radix(text, 16).expect("it has 32 bits");
        let extended = if told.len() == 8 { 0x8000_0000 } else { 0 };
        assert_eq!(id & !0x2000_0000, number(told) | extended);
        assert_eq!(mask, number(told_mask) & !0x2000_0000);
    }
    parsed::<ErrorMask>(text);
    let any = parsed::<AnyFrame>(text);
    let of_the_bus = match any {
        Some(AnyFrame::Frame(frame)) => Some(frame),
        _ => None,
    };
    assert_eq!(parsed::<Frame>(text), of_the_bus);
    if let Some(any) = any {
        assert_eq!(any.to_string(), canonical(text));
        frame_survives(&any);
    }
    if let Some(entry) = parsed_with::<Entry>(text, |entry| format!("{entry:.9}")) {
        entry_survives(&entry, text);
    }
}

/// What a text comes to. What is wrong with it is told within it; what is right survives being written.
fn parsed<T: FromStr<Err = FrameError> + Display + Debug + PartialEq>(text: &str) -> Option<T> {
    parsed_with(text, T::to_string)
}

fn parsed_with<T: FromStr<Err = FrameError> + Debug + PartialEq>(
    text: &str,
    write: impl Fn(&T) -> String,
) -> Option<T> {
    match text.parse::<T>() {
        Ok(value) => {
            let written = write(&value);
            assert_eq!(
                written.parse().as_ref(),
                Ok(&value),
                "{text:?} is written {written:?}"
            );
            Some(value)
        }
        Err(FrameError::Text { position, expected }) => {
            assert!(
                position <= text.len() && text.is_char_boundary(position),
                "{text:?}: {position}"
            );
            assert!(!expected.is_empty());
            None
        }
        // The only one that is not about a place.
        Err(FrameError::FdLength { length, next }) => {
            assert!(length < usize::from(next) && next <= 64, "{text:?}");
            None
        }
        Err(error) => panic!("{text:?}: {error:?}"),
    }
}

/// How candump would write what a text says: worked out on the text, not on the frame, so that no byte of it gets
/// lost.
fn canonical(text: &str) -> String {
    let text = text.to_ascii_uppercase().replace('.', "");
    let (id, body) = text.split_once('#').expect("it is a frame");
    let body = match body.strip_prefix('#') {
        Some(fd) => {
            let (flags, data) = fd.split_at(1);
            let flags: u8 = flags.parse().expect("it is a digit");
            format!("#{}{data}", flags | 4)
        }
        None if body == "R0" => "R".into(),
        None if id.len() == 8 && (id.starts_with('2') || id.starts_with('3')) => {
            format!("{body:0<16}")
        }
        None => body.into(),
    };
    format!("{id}#{body}")
}

/// A frame survives being written as text, as the kernel has it, and in a log.
pub(crate) fn frame_survives(any: &AnyFrame) {
    let text = any.to_string();
    assert_eq!(text.parse().as_ref(), Ok(any), "{text}");

    let mut buffer = [0xa5; AnyFrame::SIZE];
    let bytes = any.to_bytes(&mut buffer).to_vec();
    assert_eq!(AnyFrame::from_bytes(&bytes).as_ref(), Ok(any), "{text}");
    let is_fd = matches!(any, AnyFrame::Frame(frame) if frame.is_fd());
    assert_eq!(bytes.len(), if is_fd { 72 } else { 16 });

    let entry = Entry::new(
        Duration::from_nanos(1_436_509_052_249_713_001),
        "vcan0",
        *any,
    );
    assert_eq!(format!("{entry:.9}").parse().as_ref(), Ok(&entry));
    if let AnyFrame::Error(error) = any {
        causes_say_all(error);
    }
}

/// An error frame can be made of what it tells of.
fn causes_say_all(error: &ErrorFrame) {
    let most = 40;
    let again: ErrorFrame = error.causes().take(most).collect();
    let counted = match error.data() {
        [.., 0, 0] => ErrorMask::NONE,
        _ => ErrorMask::COUNTERS,
    };
    assert_eq!(
        again,
        ErrorFrame::new(error.class() | counted, *error.data())
    );
    assert!(again.causes().eq(error.causes()));
    assert!(!error.to_string().is_empty());
}

fn entry_survives(entry: &Entry, text: &str) {
    assert!(!entry.interface().contains([' ', '\t']));
    // The words are all there; only the time may be written otherwise.
    let words: Vec<&str> = text
        .split([' ', '\t'])
        .filter(|word| !word.is_empty())
        .collect();
    let written = entry.to_string();
    let again: Vec<&str> = written.split(' ').collect();
    assert_eq!(words.len(), again.len(), "{text:?} is written {written:?}");
    assert_eq!(words[1], entry.interface());
    assert_eq!(canonical(words[2]), entry.content().to_string());
    assert_eq!(words.get(3), again.get(3));

    let time = entry.time();
    let whole = Duration::new(time.as_secs(), time.subsec_micros() * 1000);
    let rounded = Entry::new(whole, entry.interface(), *entry.content());
    assert_eq!(written.parse(), Ok(rounded.in_direction(entry.direction())));
}

/// Any log.
pub(crate) fn log(bytes: &[u8]) {
    let at_once = read(Reader::new(bytes));
    assert_eq!(
        at_once,
        read(Reader::new(BufReader::with_capacity(1, bytes)))
    );
    assert_eq!(
        at_once,
        read(Reader::new(BufReader::with_capacity(7, bytes)))
    );

    // The same, worked out on all of it.
    let (mut expected, mut dropped) = (Vec::new(), 0);
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = lines
        .split(|byte| *byte == b'\n')
        .filter(|_| !bytes.is_empty());
    for (number, line) in (1..).zip(lines) {
        let trimmed = String::from_utf8_lossy(line.trim_ascii_end());
        let lost = trimmed
            .strip_prefix("DROPCOUNT: dropped ")
            .and_then(|rest| {
                let (count, _) = rest.split_once(' ').unwrap_or((rest, ""));
                count.parse::<u32>().ok()
            });
        if line.len() > LIMIT {
            expected.push((number, None));
        } else if let Some(lost) = lost {
            dropped += u64::from(lost);
        } else if !trimmed.is_empty() && !trimmed.starts_with('#') {
            let is_utf8 = std::str::from_utf8(line).is_ok();
            let entry = trimmed.parse::<Entry>().ok().filter(|_| is_utf8);
            expected.push((number, entry));
            text(&trimmed);
            trimmed.split(' ').for_each(text);
        }
    }
    assert_eq!(at_once, (expected, dropped));
}

/// What comes of a log, by line, and how many frames it says were lost.
fn read<R: std::io::BufRead>(mut reader: Reader<R>) -> (Vec<(u64, Option<Entry>)>, u64) {
    let mut seen = Vec::new();
    while let Some(entry) = reader.next() {
        let line = reader.line();
        seen.push(match entry {
            Ok(entry) => (line, Some(entry)),
            Err(Error::Line { line: told, .. } | Error::TooLong { line: told, .. }) => {
                assert_eq!(told, line);
                (line, None)
            }
            Err(error) => panic!("{error}"),
        });
    }
    assert!(reader.next().is_none());
    (seen, reader.dropped())
}

/// Any bytes that are to be a frame as the kernel has it.
pub(crate) fn bytes(bytes: &[u8]) {
    let frame = AnyFrame::from_bytes(bytes);
    assert_eq!(frame.is_ok(), is_valid(bytes), "{bytes:02x?}: {frame:?}");
    let Ok(any) = frame else {
        return;
    };
    frame_survives(&any);

    let mut buffer = [0xa5; AnyFrame::SIZE];
    let again = any.to_bytes(&mut buffer);
    assert_eq!(again.len(), bytes.len());
    assert_eq!(again[..4], bytes[..4]);
    let length = usize::from(bytes[4]);
    let is_remote = matches!(any, AnyFrame::Frame(frame) if frame.is_remote());
    match any {
        // All of it is there.
        AnyFrame::Error(_) => assert_eq!(again[4], 8),
        AnyFrame::Frame(frame) => {
            assert_eq!(usize::from(again[4]), length);
            assert_eq!(frame.data().len(), if is_remote { 0 } else { length });
            if bytes.len() == 72 {
                assert_eq!(again[5], bytes[5] | 4);
            } else if length == 8 && matches!(bytes[7], 9..=15) {
                assert_eq!((again[7], frame.dlc()), (bytes[7], bytes[7]));
            } else {
                assert_eq!((again[7], usize::from(frame.dlc())), (0, length));
            }
        }
    }
    if !is_remote {
        assert_eq!(again[8..8 + length], bytes[8..8 + length]);
    }
    let end = if is_remote { 8 } else { 8 + length };
    assert!(again[end..].iter().all(|byte| *byte == 0));
}

/// What `linux/can.h` says that such bytes may be.
fn is_valid(bytes: &[u8]) -> bool {
    if bytes.len() != 16 && bytes.len() != 72 {
        return false;
    }
    let can_id = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let (flags, id) = (can_id >> 29, can_id & 0x1fff_ffff);
    let fits = match flags {
        // Standard, remote or not.
        0b000 | 0b010 => id < 1 << 11,
        // Extended, remote or not; an error frame.
        0b100 | 0b110 | 0b001 => true,
        _ => false,
    };
    match bytes.len() {
        16 => fits && bytes[4] <= 8,
        _ => {
            let lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64];
            fits && matches!(flags, 0b000 | 0b100) && bytes[5] < 8 && lengths.contains(&bytes[4])
        }
    }
}
