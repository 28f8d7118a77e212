//! `Framed` and `Codec` on inputs and outputs that fail, time out and end.

use std::io::{self, ErrorKind, Read, Write};

use circuits_uart::framing::{
    Cobs, Codec, Error, Fixed, FrameError, Framed, Framing, LengthPrefix, Lines,
};
use futures_lite::StreamExt;
use futures_lite::future::block_on;
use tokio_util::codec::FramedRead;

/// What reading answers, one call after another; then the input has ended.
struct Script(Vec<io::Result<&'static [u8]>>);

impl Script {
    fn new<const N: usize>(mut answers: [io::Result<&'static [u8]>; N]) -> Script {
        answers.reverse();
        Script(answers.into())
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.pop() {
            Some(bytes) => bytes?.read(buffer),
            None => Ok(0),
        }
    }
}

fn failed(kind: ErrorKind) -> io::Result<&'static [u8]> {
    Err(kind.into())
}

/// A frame as text, or what was said instead.
#[track_caller]
fn assert_read<F: Framing>(framed: &mut Framed<impl Read, F>, expected: &str) {
    let seen = match framed.read_frame() {
        Ok(Some(frame)) => String::from_utf8_lossy(frame).into(),
        Ok(None) => "end".into(),
        Err(Error::Io(error)) => format!("{:?}", error.kind()),
        Err(Error::Frame(error)) => format!("{error:?}"),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(seen, expected);
}

#[test]
fn nothing_is_lost_by_a_time_out() {
    let script = Script::new([
        Ok(b"one\ntw"),
        failed(ErrorKind::TimedOut),
        failed(ErrorKind::Interrupted),
        Ok(b"o\r"),
        failed(ErrorKind::WouldBlock),
        Ok(b"\nthree\n"),
    ]);
    let mut lines = Framed::new(script, Lines::new());
    for expected in [
        "one",
        "TimedOut",
        "WouldBlock",
        "two",
        "three",
        "end",
        "end",
    ] {
        assert_read(&mut lines, expected);
    }
}

#[test]
fn what_a_time_out_cut_off_can_be_given_up() {
    let script = Script::new([
        Ok(b"\x03ab"),
        failed(ErrorKind::TimedOut),
        Ok(b"\x02cd\x05ef"),
        failed(ErrorKind::TimedOut),
        Ok(b"\x01g"),
    ]);
    let mut frames = Framed::new(script, LengthPrefix::u8());
    assert_read(&mut frames, "TimedOut");
    assert_eq!(frames.partial(), b"ab");
    assert_eq!(frames.finish(), Err(FrameError::Incomplete { length: 3 }));
    assert_eq!(frames.partial(), b"");
    assert_eq!(frames.finish(), Ok(None));
    assert_read(&mut frames, "cd");
    // That was a whole one.
    assert_eq!(frames.partial(), b"");
    assert_read(&mut frames, "TimedOut");
    frames.discard();
    assert_read(&mut frames, "g");
}

#[test]
fn an_input_ends_once() {
    let script = Script::new([Ok(b"a\nb"), Ok(b""), Ok(b"c\nd")]);
    let mut lines = Framed::new(script, Lines::new());
    let half = "Incomplete { length: 1 }";
    // What comes behind an end, as of a file that grows, is read.
    for expected in ["a", half, "c", half, "end", "end"] {
        assert_read(&mut lines, expected);
    }
}

#[test]
fn reading_goes_on_after_a_frame_that_is_wrong() {
    let script = Script::new([
        Ok(b"ab\nabcdef"),
        Ok(b"gh\nc\n"),
        failed(ErrorKind::BrokenPipe),
    ]);
    let mut lines = Framed::new(script, Lines::new().max_length(3));
    for expected in ["ab", "TooLong { limit: 3 }", "c", "BrokenPipe", "end"] {
        assert_read(&mut lines, expected);
    }
}

#[test]
fn what_was_read_beyond_a_frame_is_there() {
    let mut framed = Framed::new(&b"go\n\x03a\0b\0rest"[..], either(Lines::new()));
    assert_read(&mut framed, "go");
    assert_eq!(framed.buffered(), b"\x03a\0b\0rest");
    assert!(framed.get_ref().is_empty());
    // Nothing of it is lost by another framing.
    *framed.framing_mut() = either(LengthPrefix::u8());
    assert_read(&mut framed, "a\0b");
    *framed.framing_mut() = either(Cobs::new());
    assert_eq!(framed.buffered(), b"\0rest");
    framed.discard();
    assert_eq!(framed.buffered(), b"");
    assert_read(&mut framed, "end");
}

fn either(framing: impl Framing + 'static) -> Box<dyn Framing> {
    Box::new(framing)
}

#[test]
fn a_frame_is_longer_than_what_is_read_at_once() {
    let long = vec![b'x'; 10_000];
    let mut wire = Framed::new(Vec::new(), Lines::new().max_length(10_000));
    wire.write_frame(&long).unwrap();
    wire.write_frame("short").unwrap();
    let bytes = wire.into_inner();
    let mut lines = Framed::new(&bytes[..], Lines::new().max_length(10_000));
    assert_eq!(lines.read_frame().unwrap(), Some(&long[..]));
    assert_read(&mut lines, "short");
}

/// A frame is what comes until nothing comes for a while, as in Modbus RTU.
#[derive(Clone)]
struct Silence;

impl Framing for Silence {
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        frame.extend_from_slice(std::mem::take(bytes));
        Ok(false)
    }

    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        bytes.extend_from_slice(frame);
        Ok(())
    }

    fn finish(&mut self, frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        Ok(!frame.is_empty())
    }
}

#[test]
fn a_silence_may_end_a_frame() {
    let script = Script::new([Ok(b"ab"), Ok(b"cd"), failed(ErrorKind::TimedOut), Ok(b"e")]);
    let mut frames = Framed::new(script, Silence);
    assert_read(&mut frames, "TimedOut");
    assert_eq!(frames.finish(), Ok(Some(&b"abcd"[..])));
    assert_eq!(frames.finish(), Ok(None));
    assert_read(&mut frames, "e");
    assert_read(&mut frames, "end");
}

/// Takes so many bytes, and fails then.
struct Full(usize, Vec<u8>);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0 - self.1.len() {
            0 => Err(ErrorKind::TimedOut.into()),
            room => self.1.write(&bytes[..room.min(bytes.len())]),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        panic!("nobody asked for that");
    }
}

#[test]
fn a_frame_is_written_whole_or_the_error_says_so() {
    let mut frames = Framed::new(Full(7, Vec::new()), Fixed::new(3).unwrap());
    frames.write_frame("abc").unwrap();
    let refused = frames.write_frame("ab").unwrap_err();
    assert!(matches!(
        refused,
        Error::Frame(FrameError::NotEncodable { .. })
    ));
    assert_eq!(io::Error::from(refused).kind(), ErrorKind::InvalidInput);
    frames.write_frame("def").unwrap();
    let failed = frames.write_frame("ghi").unwrap_err();
    assert!(matches!(&failed, Error::Io(error) if error.kind() == ErrorKind::TimedOut));
    assert_eq!(io::Error::from(failed).kind(), ErrorKind::TimedOut);
    // A part of it may have left; nothing of it comes back.
    assert_eq!(frames.get_ref().1, b"abcdefg");
    frames.get_mut().0 = 10;
    frames.write_frame("jkl").unwrap();
    assert_eq!(frames.into_inner().1, b"abcdefgjkl");
}

#[test]
fn a_stream_goes_on_after_a_frame_that_is_wrong() {
    let bytes = &b"\x05ab\0\x02c\0\x02d\0\x03e"[..];
    let frames = FramedRead::new(bytes, Codec::new(Cobs::new()));
    let seen: Vec<_> = block_on(frames.map(|frame| frame.unwrap()).collect());
    let Ok([first, c, d, last]) = <[_; 4]>::try_from(seen) else {
        panic!("there are four");
    };
    assert!(matches!(first, Err(FrameError::Corrupt { .. })));
    assert_eq!([c.unwrap(), d.unwrap()], ["c", "d"]);
    assert_eq!(last.unwrap_err(), FrameError::Incomplete { length: 1 });
}

#[test]
fn a_stream_may_end_with_a_frame() {
    let mut frames = FramedRead::new(&b"abc"[..], Codec::new(Silence));
    block_on(async {
        assert_eq!(frames.next().await.unwrap().unwrap().unwrap(), "abc");
        assert!(frames.next().await.is_none());
    });
}

/// A line without a byte that was damaged would look like another line.
#[test]
fn a_damaged_byte_makes_its_frame_corrupt() -> Result<(), Box<dyn std::error::Error>> {
    use circuits_stub::{Stub, uart::Fault};
    use circuits_uart::{Config, Error as PortError, ErrorKind, Port, framing::Error};

    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1")?;
    let config = Config::new().report_errors(true);
    let mut far = Port::open_on(&board, "ttyS0", &config)?;
    let port = Port::open_on(&board, "ttyS1", &config)?;
    board.serial_fault("ttyS1", Fault::parity().after(2))?;
    far.write_all(b"T=201\nT=202\n")?;
    let mut lines = Framed::new(port, Lines::new());
    let error = lines.read_frame().unwrap_err();
    assert_eq!(
        error.port_error().map(PortError::kind),
        Some(ErrorKind::Damaged)
    );
    let error = lines.read_frame().unwrap_err();
    assert!(
        matches!(error, Error::Frame(FrameError::Corrupt { .. })),
        "{error:?}"
    );
    assert_eq!(lines.read_frame()?, Some(&b"T=202"[..]));

    // A break between lines is in none; one in a line is.
    far.send_break(std::time::Duration::from_millis(1))?;
    far.write_all(b"one\ntw")?;
    far.send_break(std::time::Duration::from_millis(1))?;
    far.write_all(b"o\nthree\n")?;
    let read = board.block_on(async {
        let mut read = Vec::new();
        while read.len() < 5 {
            read.push(match lines.next_frame().await {
                Ok(line) => String::from_utf8_lossy(line).into_owned(),
                Err(Error::Frame(_)) => "corrupt".into(),
                Err(error) => format!("{:?}", error.port_error().map(PortError::kind)),
            });
        }
        read
    });
    assert_eq!(
        read,
        ["Some(Break)", "one", "Some(Break)", "corrupt", "three"]
    );
    Ok(())
}
