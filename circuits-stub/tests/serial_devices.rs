//! Devices on serial lines of the virtual board: what they are told, and when what they say comes.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use circuits_stub::{Pin, Stub, uart};
use circuits_uart::{Config, ErrorKind, ModemLines, Port};
use circuits_wait::Time;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// A character of ten bits at 9600 baud, in nanoseconds.
const CHARACTER: u64 = 1_041_666;

const MILLISECOND: Duration = Duration::from_millis(1);

fn slow() -> Config {
    Config::new().baud(9600)
}

fn now(board: &Stub) -> u64 {
    board.clock().now().as_nanos()
}

/// What a device saw, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Byte(u64, u8),
    Damaged(u8),
    Break,
    Lines(bool, bool),
}

#[derive(Clone, Default)]
struct Witness {
    seen: Arc<Mutex<Vec<Seen>>>,
    config: Option<Config>,
}

impl Witness {
    fn see(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl uart::Device for Witness {
    fn config(&self) -> Option<Config> {
        self.config.clone()
    }

    fn receive(&mut self, byte: u8, line: &mut uart::Line) {
        self.see(Seen::Byte(line.time().as_nanos(), byte));
        match byte {
            b'?' => line.send(b"!"),
            b'-' => {
                line.pause(5 * MILLISECOND);
                line.send(b"+");
            }
            b'_' => {
                line.send(b"<");
                line.send_break(20 * MILLISECOND);
                line.send(b">");
            }
            b'~' => {
                let mut lines = ModemLines::default();
                lines.ri = true;
                line.set_modem_lines(lines);
            }
            _ => {}
        }
    }

    fn receive_damaged(&mut self, byte: u8, _: &mut uart::Line) {
        self.see(Seen::Damaged(byte));
    }

    fn receive_break(&mut self, _: &mut uart::Line) {
        self.see(Seen::Break);
    }

    fn modem_lines(&mut self, rts: bool, dtr: bool, _: &mut uart::Line) {
        self.see(Seen::Lines(rts, dtr));
    }
}

#[test]
fn a_device_sees_each_byte_when_it_comes() -> Result {
    let device = Witness::default();
    let board = Stub::virtual_time().serial_device("ttyS0", device.clone())?;
    let mut port = Port::open_on(&board, "ttyS0", &slow())?;
    assert_eq!(device.take(), [Seen::Lines(true, true)]);
    port.write_all(b"ab")?;
    board.delay().sleep(Duration::from_nanos(CHARACTER))?;
    assert_eq!(device.take(), [Seen::Byte(CHARACTER, b'a')]);
    port.flush()?;
    assert_eq!(device.take(), [Seen::Byte(2 * CHARACTER, b'b')]);
    port.send_break(20 * MILLISECOND)?;
    assert_eq!(device.take(), [Seen::Break]);
    port.set_rts(false)?;
    assert_eq!(device.take(), [Seen::Lines(false, true)]);
    drop(port);
    assert_eq!(device.take(), [Seen::Lines(false, false)]);
    // The lines stay as they are, and it is told all the same.
    let stay = slow().hang_up(false).rts(true);
    drop(Port::open_on(&board, "ttyS0", &stay)?);
    assert_eq!(device.take(), [Seen::Lines(true, true); 2]);
    Ok(())
}

#[test]
fn a_device_answers_in_its_time() -> Result {
    let board = Stub::virtual_time().serial_device("ttyS0", Witness::default())?;
    let mut port = Port::open_on(&board, "ttyS0", &slow().report_errors(true))?;
    let mut byte = [0; 8];
    port.write_all(b"?")?;
    assert_eq!(port.read(&mut byte)?, 1);
    assert_eq!((byte[0], now(&board)), (b'!', 2 * CHARACTER));
    port.write_all(b"-")?;
    port.read_exact(&mut byte[..1])?;
    assert_eq!((byte[0], now(&board)), (b'+', 4 * CHARACTER + 5_000_000));
    port.write_all(b"_")?;
    port.read_exact(&mut byte[..1])?;
    let error = port
        .read_within(&mut byte, Duration::from_secs(1))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Break);
    port.read_exact(&mut byte[..1])?;
    assert_eq!(byte[0], b'>');
    port.write_all(b"~")?;
    let change = port.wait_modem_change(None)?.expect("a change");
    assert_eq!((change.changes.ri, change.lines.ri), (1, true));
    Ok(())
}

/// Says something each second.
struct Beat(u64);

impl uart::Device for Beat {
    fn receive(&mut self, _: u8, _: &mut uart::Line) {}

    fn next(&self) -> Option<Time> {
        Some(Time::ZERO + Duration::from_secs(self.0))
    }

    fn act(&mut self, line: &mut uart::Line) {
        line.send(format!("{}\n", self.0).as_bytes());
        self.0 += 1;
    }
}

#[test]
fn a_device_acts_by_itself_for_an_hour() -> Result {
    let board = Stub::virtual_time().serial_device("ttyS0", Beat(1))?;
    let mut port = Port::open_on(&board, "ttyS0", &slow())?;
    for second in 1..=3600_u64 {
        let wanted = format!("{second}\n");
        let mut line = vec![0; wanted.len()];
        port.read_exact(&mut line)?;
        assert_eq!(line, wanted.as_bytes());
        let over = second * 1_000_000_000 + line.len() as u64 * CHARACTER;
        assert_eq!(now(&board), over);
    }
    Ok(())
}

/// Shows its RTS on a line.
struct Shown(Pin);

impl uart::Device for Shown {
    fn receive(&mut self, _: u8, _: &mut uart::Line) {}

    fn modem_lines(&mut self, rts: bool, _: bool, _: &mut uart::Line) {
        self.0.drive(rts);
    }
}

/// Acts all the time, and has lines do so.
struct Busy {
    pin: Pin,
    next: Time,
}

impl uart::Device for Busy {
    fn receive(&mut self, _: u8, _: &mut uart::Line) {}

    fn next(&self) -> Option<Time> {
        Some(self.next)
    }

    fn act(&mut self, line: &mut uart::Line) {
        self.next = line.time() + MILLISECOND / 10;
        self.pin.drive_at(self.next, true);
        line.send(b"x");
    }
}

/// In real time, where any thread may come to do what the board does by itself: one that has the lines
/// already, too.
#[test]
fn a_device_that_drives_a_pin_stops_no_other() -> Result {
    let board = Stub::real_time().lines(["RTS", "BUSY"]);
    let (rts, pin) = (board.pin("RTS")?, board.pin("BUSY")?);
    let busy = Busy {
        pin,
        next: Time::ZERO,
    };
    let board = board
        .serial_device("ttyS0", Shown(rts))?
        .serial_device("ttyS1", busy)?;
    let mut noise = Port::open_on(&board, "ttyS1", &Config::new())?;
    let port = Port::open_on(&board, "ttyS0", &slow())?;
    let end = board.clock().now() + 300 * MILLISECOND;
    let mut rts = true;
    while board.clock().now() < end {
        rts = !rts;
        port.set_rts(rts)?;
        assert_eq!(board.level("RTS")?, rts);
    }
    noise.read_exact(&mut [0; 100])?;
    Ok(())
}

/// Has a line go high for a moment each second, as a GPS does, and says so then.
struct Pulse {
    pin: Pin,
    beat: Beat,
}

impl uart::Device for Pulse {
    fn receive(&mut self, byte: u8, _: &mut uart::Line) {
        self.pin.drive(byte == b'1');
    }

    fn next(&self) -> Option<Time> {
        self.beat.next()
    }

    fn act(&mut self, line: &mut uart::Line) {
        self.pin.drive(true);
        self.pin.drive_at(line.time() + 100 * MILLISECOND, false);
        self.beat.act(line);
    }
}

#[test]
fn a_device_drives_pins() -> Result {
    use circuits_gpio::{Edge, Input};

    let board = Stub::virtual_time().lines(["PPS"]);
    let pin = board.pin("PPS")?;
    let board = board.serial_device("ttyS0", Pulse { pin, beat: Beat(1) })?;
    let mut pulses = Input::open_on(&board, "PPS", &circuits_gpio::Config::new())?;
    let mut port = Port::open_on(&board, "ttyS0", &slow())?;
    // Nobody reads, and it pulses all the same.
    for second in 1..=3_u64 {
        let rise = pulses.wait_edge(None)?.expect("an edge");
        assert_eq!(
            (rise.edge(), rise.time().as_nanos()),
            (Edge::Rising, second * 1_000_000_000)
        );
        let fall = pulses.wait_edge(None)?.expect("an edge");
        assert_eq!(fall.time() - rise.time(), 100 * MILLISECOND);
    }
    board.run(|| -> Result {
        let reader = board.spawn("reader", move || -> Result {
            let mut byte = [0; 1];
            for _ in 0..60 {
                port.read_exact(&mut byte)?;
            }
            port.write_all(b"10")?;
            port.flush()?;
            Ok(())
        })?;
        for second in 4..=20_u64 {
            let rise = pulses.wait_edge(None)?.expect("an edge");
            assert_eq!(rise.time().as_nanos() / 1_000_000_000, second);
            pulses.wait_edge(None)?;
        }
        reader.join()?
    })
}
