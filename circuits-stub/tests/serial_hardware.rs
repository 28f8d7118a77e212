//! What the hardware of serial ports makes of bits: ends that are set up differently, controllers that
//! cannot do all, faults, and the direction of RS-485.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use circuits_stub::uart::{self, Controller, Fault};
use circuits_stub::{Error, Stub};
use circuits_uart::{
    Backend, Config, ErrorKind, FlowControl, ModemLines, Parity, Port, Queue, Rs485, StopBits,
};
use circuits_wait::Time;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const MILLISECOND: Duration = Duration::from_millis(1);

/// Sends bytes over a cable, and returns what comes, and how many of them with parity or framing errors.
fn received(sender: &Config, receiver: &Config, bytes: &[u8]) -> Result<(Vec<u8>, u32, u32)> {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1")?;
    let mut one = Port::open_on(&board, "ttyS0", sender)?;
    let mut other = Port::open_on(&board, "ttyS1", receiver)?;
    one.write_all(bytes)?;
    one.flush()?;
    board.delay().sleep(10 * MILLISECOND)?;
    let mut read = vec![0; other.waiting(Queue::Input)?];
    other.read_exact(&mut read)?;
    let counters = other.counters()?;
    assert_eq!(counters.received as usize, read.len());
    let (parity, framing) = (counters.parity_errors, counters.framing_errors);
    Ok((read, parity, framing + counters.breaks))
}

fn all() -> Vec<u8> {
    (0..=255).collect()
}

#[test]
fn ends_that_are_nearly_alike_understand_each_other() -> Result {
    let at = |baud| Config::new().baud(baud);
    for baud in [9600, 9610, 9700, 9880, 9330] {
        let (read, parity, framing) = received(&at(9600), &at(baud), &all())?;
        assert_eq!((parity, framing), (0, 0), "{baud}");
        assert!(read == all(), "{baud}");
    }
    let two = at(9600).stop_bits(StopBits::Two);
    assert_eq!(received(&two, &at(9600), &all())?.0, all());
    assert_eq!(received(&at(9600), &two, &all())?.0, all());
    Ok(())
}

#[test]
fn ends_that_differ_see_what_the_bits_make() -> Result {
    let at = |baud| Config::new().baud(baud);
    let (read, _, framing) = received(&at(9600), &at(10_400), &all())?;
    assert!(read != all() && framing > 0);
    let (read, _, _) = received(&at(115_200), &at(9600), b"Hello, world")?;
    assert!(read.len() < 3, "{read:x?}");
    let seven = at(9600).data_bits(7).parity(Parity::Even);
    let (read, parity, framing) = received(&at(9600), &seven, &all())?;
    assert_eq!(read.len(), 256);
    assert_eq!((parity, framing), (128, 0), "every second byte is odd");
    // What is sent as 7E1 is well-formed for 8N1: the parity is taken for data.
    let (read, parity, framing) = received(&seven, &at(9600), b"abc")?;
    assert_eq!((parity, framing), (0, 0));
    assert_eq!(read, [b'a' | 0x80, b'b' | 0x80, b'c']);
    Ok(())
}

#[test]
fn who_is_set_up_anew_understands_again() -> Result {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1")?;
    let config = Config::new().baud(9600);
    let mut one = Port::open_on(&board, "ttyS0", &config)?;
    let other = Port::open_on(&board, "ttyS1", &config.clone().baud(19_200))?;
    let mut reader = &other;
    one.write_all(b"UUU")?;
    one.flush()?;
    assert!(other.counters()?.framing_errors > 0);
    other.discard(Queue::Input)?;
    other.configure(&config)?;
    one.write_all(b"hello")?;
    let mut read = [0; 5];
    reader.read_exact(&mut read)?;
    assert_eq!(&read, b"hello");
    Ok(())
}

#[test]
fn damage_is_told_in_its_place() -> Result {
    let board = Stub::virtual_time().serial_loop("ttyS0")?;
    let mut port = Port::open_on(&board, "ttyS0", &Config::new().report_errors(true))?;
    board.serial_fault("ttyS0", Fault::framing().after(1))?;
    board.serial_fault("ttyS0", Fault::brk().after(3))?;
    port.write_all(b"abcde")?;
    port.flush()?;
    let mut buffer = [0; 8];
    let mut next = || -> String {
        match port.read_within(&mut buffer, Duration::ZERO) {
            Ok(count) => String::from_utf8_lossy(&buffer[..count]).into_owned(),
            Err(circuits_uart::Error::Damaged { byte, .. }) => format!("damaged {byte:#x}"),
            Err(error) => format!("{:?}", error.kind()),
        }
    };
    let wanted = ["a", "damaged 0x62", "c", "Break", "e", "TimedOut"];
    assert_eq!(wanted.map(|_| next()), wanted);
    let counters = port.counters()?;
    assert_eq!((counters.framing_errors, counters.breaks), (1, 1));
    assert_eq!(counters.received, 5);
    Ok(())
}

#[test]
fn each_fault_does_what_it_says() -> Result {
    let board = Stub::virtual_time().serial_loop("ttyS0")?;
    let mut port = Port::open_on(&board, "ttyS0", &Config::new())?;
    let mut after = |fault: Fault| -> Result<(Vec<u8>, circuits_uart::Counters)> {
        let before = port.counters()?;
        board.serial_fault("ttyS0", fault.after(1))?;
        port.write_all(b"abcd")?;
        port.flush()?;
        let mut read = vec![0; port.waiting(Queue::Input)?];
        port.read_exact(&mut read)?;
        Ok((read, port.counters()?.since(&before)))
    };
    let (read, counters) = after(Fault::framing())?;
    assert_eq!((&read[..], counters.framing_errors), (&b"abcd"[..], 1));
    let (read, counters) = after(Fault::parity())?;
    assert_eq!((&read[..], counters.parity_errors), (&b"abcd"[..], 1));
    let (read, counters) = after(Fault::brk())?;
    assert_eq!((&read[..], counters.breaks), (&b"a\0cd"[..], 1));
    let (read, counters) = after(Fault::overrun(2))?;
    assert_eq!((&read[..], counters.overruns), (&b"ad"[..], 2));
    assert_eq!((counters.sent, counters.received), (4, 2));
    let (read, counters) = after(Fault::flipped_bit())?;
    assert_eq!((&read[..], counters.received), (&b"accd"[..], 4));
    let (read, counters) = after(Fault::lost_byte())?;
    assert_eq!((&read[..], counters.lost()), (&b"acd"[..], 0));
    // Parity sees a bit that is turned over.
    let even = Config::new().parity(Parity::Even);
    port.configure(&even)?;
    board.serial_fault("ttyS0", Fault::flipped_bit())?;
    port.write_all(b"a")?;
    port.flush()?;
    assert_eq!(port.counters()?.parity_errors, 2);
    let error = board.serial_fault("ttyS7", Fault::parity());
    assert!(matches!(error, Err(Error::NoPort { .. })));
    Ok(())
}

#[test]
fn a_fresh_port_is_as_a_tty_of_the_kernels() -> Result {
    let board = Stub::virtual_time().serial_port("ttyS0");
    let handle = Backend::open(&board, "ttyS0", false)?;
    let config = handle.config()?;
    assert_eq!(config.to_string(), "9600 8N1");
    assert_eq!(config.flow(), FlowControl::None);
    assert!(config.hangs_up() && !config.reports_errors());
    // It stays as it was set up.
    let asked = Config::new().baud(250_000).parity(Parity::Odd);
    handle.configure(&asked)?;
    drop(handle);
    let handle = Backend::open(&board, "ttyS0", false)?;
    assert_eq!(handle.config()?.to_string(), "250000 8O1");
    let error = handle.configure(&Config::new().data_bits(9)).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(22));
    assert_eq!(handle.config()?.to_string(), "250000 8O1");
    Ok(())
}

#[test]
fn what_a_controller_cannot_do_is_refused_by_name() -> Result {
    let refused = |controller: Controller, config: &Config| {
        let board = Stub::virtual_time().serial_controller("ttyS0", controller);
        let error = Port::open_on(&board, "ttyS0", config).unwrap_err();
        (error.kind(), error.to_string())
    };
    let two = Config::new().stop_bits(StopBits::Two);
    for (controller, config, what) in [
        (Controller::mini_uart(), two, "this number of stop bits"),
        (
            Controller::mini_uart(),
            Config::new().data_bits(5),
            "this number of data bits",
        ),
        (
            Controller::usb(),
            Config::new().rs485(Rs485::new()),
            "RS-485",
        ),
        (
            Controller::pl011(),
            Config::new().rs485(Rs485::new().terminate(true)),
            "RS-485 of this kind",
        ),
        (
            Controller::pl011(),
            Config::new().baud(4_000_000),
            "4000000 baud: its driver takes 9600 instead",
        ),
    ] {
        let (kind, text) = refused(controller, &config);
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(text.contains(what), "{text}");
    }
    let board = Stub::virtual_time().serial_controller("ttyAMA0", Controller::pl011());
    let port = Port::open_on(&board, "ttyAMA0", &Config::new())?;
    assert_eq!(port.config().baud_rate(), 115_177);
    Ok(())
}

/// A Raspberry Pi's ports have no such wires, and its mini UART no eyes for errors.
#[test]
fn what_has_no_wire_is_not_seen() -> Result {
    let board = Stub::virtual_time()
        .serial_controller("ttyAMA0", Controller::pl011())
        .serial_controller("ttyS0", Controller::mini_uart())
        .serial_cable("ttyAMA0", "ttyS0")?;
    let config = Config::new().baud(9600).report_errors(true);
    let mut one = Port::open_on(&board, "ttyAMA0", &config)?;
    let mut other = Port::open_on(&board, "ttyS0", &config)?;
    let lines = other.modem_lines()?;
    assert!(lines.cts && !lines.dsr && !lines.cd);
    one.set_dtr(false)?;
    assert!(other.wait_modem_change(Some(Duration::ZERO))?.is_none());
    one.send_break(20 * MILLISECOND)?;
    board.serial_fault("ttyS0", Fault::framing())?;
    one.write_all(b"x")?;
    one.flush()?;
    let mut buffer = [1; 8];
    assert_eq!(other.read(&mut buffer)?, 2);
    assert_eq!(&buffer[..2], b"\0x");
    assert_eq!(other.counters()?.breaks, 0);
    Ok(())
}

#[test]
fn a_usb_adapter_hands_on_lumps() -> Result {
    let board = Stub::virtual_time()
        .serial_controller("ttyUSB0", Controller::usb())
        .serial_cable("ttyUSB0", "ttyS0")?;
    let config = Config::new().baud(100_000).low_latency(false);
    let mut here = Port::open_on(&board, "ttyUSB0", &config)?;
    let mut there = Port::open_on(&board, "ttyS0", &config)?;
    let now = || board.clock().now().as_nanos();
    let mut buffer = [0; 200];
    there.write_all(&[7; 10])?;
    // A character takes 100 µs; the first of them waits for 16 ms.
    assert_eq!(here.read(&mut buffer)?, 10);
    assert_eq!(now(), 16_100_000);
    there.write_all(&[7; 100])?;
    assert_eq!(here.read(&mut buffer)?, 62);
    assert_eq!(now(), 16_100_000 + 62 * 100_000);
    assert_eq!(here.read(&mut buffer)?, 38);
    assert_eq!(now(), 16_100_000 + 63 * 100_000 + 16_000_000);
    let start = now();
    here.configure(&config.clone().low_latency(true))?;
    there.write_all(&[7; 2])?;
    assert_eq!(here.read(&mut buffer)?, 2);
    assert_eq!(now(), start + 100_000 + 1_000_000);
    Ok(())
}

/// Answers a byte 2 ms after it, and writes down when RTS moved.
#[derive(Clone, Default)]
struct Station {
    lines: Arc<Mutex<Vec<(u64, bool)>>>,
    /// Without a pause.
    is_hasty: bool,
}

impl Station {
    fn take(&self) -> Vec<(u64, bool)> {
        std::mem::take(&mut self.lines.lock().unwrap())
    }
}

impl uart::Device for Station {
    fn receive(&mut self, byte: u8, line: &mut uart::Line) {
        if !self.is_hasty {
            line.pause(2 * MILLISECOND);
        }
        line.send(&[byte]);
    }

    fn modem_lines(&mut self, rts: bool, _: bool, line: &mut uart::Line) {
        let mut lines = self.lines.lock().unwrap();
        lines.push((line.time().as_nanos() / 1000, rts));
    }
}

#[test]
fn rts_is_active_while_rs485_sends() -> Result {
    let station = Station::default();
    let board = Stub::virtual_time().serial_device("ttyS0", station.clone())?;
    let config = Config::new().baud(10_000);
    let rs485 = config
        .clone()
        .rs485(Rs485::new().delay_before_ms(3).delay_after_ms(1));
    let mut port = Port::open_on(&board, "ttyS0", &rs485)?;
    let recording = board.record();
    assert!(!port.modem_lines()?.rts);
    station.take();
    port.write_all(b"ab")?;
    port.flush()?;
    assert_eq!(board.clock().now(), Time::ZERO + 5 * MILLISECOND);
    assert!(port.modem_lines()?.rts, "it follows");
    board.delay().sleep(10 * MILLISECOND)?;
    assert_eq!(station.take(), [(0, true), (6000, false)]);
    // The first answer began when RTS was inactive again, 2 ms after the byte.
    let mut read = [0; 2];
    port.read_exact(&mut read)?;
    assert_eq!(&read, b"ab");
    let text = recording.to_string();
    assert!(text.contains("0.006000 s  ttyS0: RTS inactive\n"), "{text}");

    // The other way round, and without delays.
    let other_way = config.rs485(Rs485::new().rts_on_send(false));
    port.configure(&other_way)?;
    assert!(port.modem_lines()?.rts);
    station.take();
    port.write_all(b"c")?;
    port.flush()?;
    assert_eq!(station.take(), [(15_000, false), (16_000, true)]);
    Ok(())
}

#[test]
fn rs485_is_deaf_while_it_sends() -> Result {
    let station = Station {
        is_hasty: true,
        ..Station::default()
    };
    let board = Stub::virtual_time().serial_device("ttyS0", station)?;
    let config = Config::new().baud(10_000).rs485(Rs485::new());
    let mut port = Port::open_on(&board, "ttyS0", &config)?;
    port.write_all(b"abc")?;
    board.delay().sleep(20 * MILLISECOND)?;
    // The answers to the first two began while the rest was sent.
    let mut read = [0; 8];
    assert_eq!(port.read(&mut read)?, 1);
    assert_eq!(read[0], b'c');

    let board = Stub::virtual_time().serial_port("ttyS0");
    let echo = Config::new().rs485(Rs485::new().receive_while_sending(true));
    let mut port = Port::open_on(&board, "ttyS0", &echo)?;
    port.write_all(b"mine")?;
    port.read_exact(&mut read[..4])?;
    assert_eq!(&read[..4], b"mine");
    Ok(())
}

/// A device that is set up as it is, whatever the port is.
struct Fixed(Config);

impl uart::Device for Fixed {
    fn config(&self) -> Option<Config> {
        Some(self.0.clone())
    }

    fn receive(&mut self, byte: u8, line: &mut uart::Line) {
        line.send(&[byte]);
        if byte == b'2' {
            self.0 = self.0.clone().baud(115_200);
        }
    }

    fn modem_lines(&mut self, rts: bool, dtr: bool, line: &mut uart::Line) {
        let mut lines = ModemLines::default();
        (lines.cts, lines.dsr) = (rts, dtr);
        line.set_modem_lines(lines);
    }
}

#[test]
fn a_device_has_settings_of_its_own() -> Result {
    let nine = Config::new().baud(9600);
    let board = Stub::virtual_time().serial_device("ttyS0", Fixed(nine.clone()))?;
    let port = Port::open_on(&board, "ttyS0", &nine)?;
    let mut ends = &port;
    let mut read = [0; 1];
    let mut answer = |bytes: &[u8]| -> Result<u8> {
        ends.write_all(bytes)?;
        ends.read_exact(&mut read)?;
        Ok(read[0])
    };
    assert_eq!(answer(b"1")?, b'1');
    // It goes on at another rate: its answer is over before a slow receiver has seen a start bit.
    (&port).write_all(b"2")?;
    let late = port.read_within(&mut [0], 10 * MILLISECOND);
    assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    port.configure(&Config::new())?;
    assert_eq!(answer(b"3")?, b'3');
    assert!(port.modem_lines()?.cts && port.modem_lines()?.dsr);
    Ok(())
}

#[test]
fn a_byte_that_comes_in_time_keeps_the_bus_of_rs485() -> Result {
    let board = Stub::virtual_time().serial_port("ttyS0");
    let rs485 = Rs485::new().delay_before_ms(3).delay_after_ms(5);
    let config = Config::new().baud(10_000).rs485(rs485);
    let mut port = Port::open_on(&board, "ttyS0", &config)?;
    port.write_all(b"a")?;
    port.flush()?;
    board.delay().sleep(2 * MILLISECOND)?;
    assert!(port.modem_lines()?.rts);
    port.write_all(b"b")?;
    port.flush()?;
    assert_eq!(board.clock().now(), Time::ZERO + 7 * MILLISECOND);
    board.delay().sleep(4 * MILLISECOND)?;
    assert!(port.modem_lines()?.rts);
    board.delay().sleep(2 * MILLISECOND)?;
    assert!(!port.modem_lines()?.rts);
    Ok(())
}

#[test]
fn a_bus_of_rs485_that_is_a_loop_brings_each_byte_once() -> Result {
    let board = Stub::virtual_time().serial_loop("ttyS0")?;
    let echo = Config::new().rs485(Rs485::new().receive_while_sending(true));
    let mut port = Port::open_on(&board, "ttyS0", &echo)?;
    port.write_all(b"once")?;
    port.flush()?;
    assert_eq!(port.waiting(Queue::Input)?, 4);
    Ok(())
}

#[test]
fn a_device_may_be_stopped_by_rts() -> Result {
    let config = Config::new().flow_control(FlowControl::Hardware);
    let board = Stub::virtual_time().serial_device("ttyS0", Fixed(config))?;
    let mut port = Port::open_on(&board, "ttyS0", &Config::new().rts(false))?;
    port.write_all(b"x")?;
    let mut read = [0; 2];
    let error = port.read_within(&mut read, MILLISECOND).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    port.set_rts(true)?;
    assert_eq!(port.read(&mut read)?, 1);
    Ok(())
}
