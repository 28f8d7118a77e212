//! The bench that the emulated Pi stands on does what its words say, and so do the things that come
//! and go inside: what other tests rely on.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use circuits::Board;
use circuits::prelude::*;
use circuits_bench::{CanLink, I2cClient, Outside, Unbound};

/// Waits for what the kernel takes a moment for.
#[track_caller]
fn until(so: impl Fn() -> bool) {
    for _ in 0..1000 {
        if so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not come about in ten seconds");
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// A serial port that passes bytes as they are.
fn raw(path: &str) -> File {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let stty = Command::new("stty")
        .args(["-F", path, "raw", "-echo"])
        .status();
    assert!(stty.unwrap().success());
    file
}

#[test]
#[ignore = "needs the emulated Pi"]
fn lines_are_moved_and_seen() {
    let (board, outside) = (Board::linux().unwrap(), Outside::here());
    let input = board.input("GPIO26").unwrap();
    for high in [true, false, true, false] {
        outside.drive(26, high);
        assert_eq!(input.get().unwrap(), high);
    }
    let output = board.output("GPIO27").unwrap();
    for high in [true, false, true, false] {
        output.set(high).unwrap();
        assert_eq!(outside.level(27), high);
    }
}

#[test]
#[ignore = "needs the emulated Pi"]
fn what_is_not_there_is_refused() {
    let outside = Outside::here();
    let refused = |f: fn(Outside)| std::panic::catch_unwind(|| f(outside)).unwrap_err();
    refused(|outside| outside.drive(54, true));
    refused(|outside| assert!(!outside.level(99)));
    refused(|outside| outside.set_temperature(0x13, 0));
    refused(|outside| drop(outside.plug("TWO WORDS", 2)));
    refused(|outside| drop(outside.plug("SEVENTH", 7)));
    // It goes on.
    outside.drive(26, false);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn simulated_lines_have_names_of_their_own() {
    let board = Board::linux().unwrap();
    assert!(!board.input("SIM17").unwrap().get().unwrap());
    board.input("GPIO17").unwrap();
}

#[test]
#[ignore = "needs the emulated Pi"]
fn sensors_measure_what_is_set() {
    let (board, outside) = (Board::linux().unwrap(), Outside::here());
    let mut bus = board.i2c_bus("i2c-1").unwrap();
    for (milli, expected) in [(-4_500, -4.5), (21_500, 21.5)] {
        outside.set_temperature(0x48, milli);
        let mut raw = [0; 2];
        bus.write_read(0x48, &[0], &mut raw).unwrap();
        assert_eq!(f64::from(i16::from_be_bytes(raw)) / 256.0, expected);
        // The kernel's driver has this one, and an old value for as long as the chip needs.
        outside.set_temperature(0x49, milli);
        let input = fs::read_dir("/sys/bus/i2c/devices/1-0049/hwmon").unwrap();
        let input = input.map(|entry| entry.unwrap().path().join("temp1_input"));
        let input = input.last().unwrap();
        until(|| fs::read_to_string(&input).unwrap().trim() == milli.to_string());
    }
}

#[test]
#[ignore = "needs the emulated Pi"]
fn the_uart_has_another_end() {
    let uart = Outside::here().uart();
    let mut port = raw("/dev/ttyAMA0");
    uart.send(b"any byte: \x00\x01\xff");
    let mut heard = [0; 13];
    port.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"any byte: \x00\x01\xff");
    port.write_all(b"and back: \x01\n").unwrap();
    assert_eq!(uart.receive(12), b"and back: \x01\n");
    // More than a line of the console holds.
    let many: Vec<u8> = (0..3000).map(|number| number as u8).collect();
    port.write_all(&many).unwrap();
    assert_eq!(uart.receive(3000), many);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn adapters_come_and_go() {
    let outside = Outside::here();
    let gps = outside.plug("GPS", 2);
    until(|| exists("/dev/ttyUSB0"));
    let modem = outside.plug("MODEM", 4);
    until(|| exists("/dev/ttyUSB1"));
    let device = fs::canonicalize("/sys/class/tty/ttyUSB1/device/../..").unwrap();
    let says = |file| fs::read_to_string(device.join(file)).unwrap();
    assert_eq!(
        (says("serial"), says("devpath")),
        ("MODEM\n".into(), "1.4\n".into())
    );

    let mut port = raw("/dev/ttyUSB0");
    gps.port().send(b"$GPGGA");
    let mut heard = [0; 6];
    port.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"$GPGGA");
    port.write_all(b"$PMTK").unwrap();
    assert_eq!(gps.port().receive(5), b"$PMTK");

    gps.unplug();
    until(|| !exists("/dev/ttyUSB0"));
    // It was open.
    assert_eq!(port.read(&mut heard).unwrap(), 0);
    drop(port);
    drop(modem);
    until(|| !exists("/dev/ttyUSB1"));
}

#[test]
#[ignore = "needs the emulated Pi"]
fn the_kernels_own_come_and_go() {
    let client = "/sys/bus/i2c/devices/1-004a";
    let lm75 = I2cClient::new("i2c-1", "lm75", 0x4a);
    assert!(exists(client));
    drop(lm75);
    assert!(!exists(client));

    assert!(exists("/dev/spidev0.1"));
    let spi = Unbound::new("spi/drivers/spidev", "spi0.1");
    until(|| !exists("/dev/spidev0.1"));
    drop(spi);
    until(|| exists("/dev/spidev0.1"));

    let link = CanLink::new("vcan7");
    assert!(exists("/sys/class/net/vcan7"));
    drop(link);
    assert!(!exists("/sys/class/net/vcan7"));
}
