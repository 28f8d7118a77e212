//! The same drivers on the kernel, with the chips that the emulated Pi has.
#![cfg(target_os = "linux")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use circuits::Board;
use circuits::can::{Config as CanConfig, ErrorKind, Socket};
use circuits::spi::Config;
use circuits::stub::Stub;
use circuits::stub::chips::Odrive;
use circuits_bench::{CanLink, Outside};
use eeprom24x::{Eeprom24x, SlaveAddr as EepromAddress};
use tmp1x2::{SlaveAddr, Tmp1x2};
use w25q32jv::{SECTOR_SIZE, W25q32jv};

use crate::{canopen, motor};

#[test]
#[ignore = "needs the emulated Pi"]
fn driver_tmp1x2_in_the_pi() {
    let (board, outside) = (Board::linux().unwrap(), Outside::here());
    let bus = board.i2c_bus("i2c-1").unwrap();
    let mut sensor = Tmp1x2::new(bus, SlaveAddr::Default);
    for celsius in [21.5, -12.25, 99.9375] {
        // In thousandths, which are exact in halves.
        outside.set_temperature(0x48, (celsius * 1000.0) as i32);
        let measured = sensor.read_temperature().unwrap();
        assert!(
            (measured - celsius).abs() <= 0.5,
            "{measured} for {celsius}"
        );
    }
    outside.set_temperature(0x48, 21_500);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn driver_eeprom24x_in_the_pi() {
    let board = Board::linux().unwrap();
    let bus = board.i2c_bus("i2c-1").unwrap();
    let mut memory = Eeprom24x::new_24x32(bus, EepromAddress::Default);
    let page: [u8; 32] = std::array::from_fn(|at| at as u8 ^ 0x5a);
    memory.write_page(0x120, &page).unwrap();
    memory.write_byte(0xfff, 0x77).unwrap();
    let mut back = [0; 40];
    memory.read_data(0x120, &mut back).unwrap();
    assert_eq!((&back[..32], &back[32..]), (&page[..], &[0; 8][..]));
    assert_eq!(memory.read_byte(0xfff).unwrap(), 0x77);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn driver_w25q32jv_in_the_pi() {
    let board = Board::linux().unwrap();
    let config = Config::new().speed_hz(10_000_000);
    let device = board.spi_device("spidev0.0", &config).unwrap();
    let [hold, protect] = ["GPIO20", "GPIO21"].map(|line| board.output(line).unwrap());
    let mut flash = W25q32jv::new(device, hold, protect).unwrap();
    flash.erase_sector(2).unwrap();
    let bytes: Vec<u8> = (0..300).map(|at| at as u8 ^ 0x33).collect();
    let address = 2 * SECTOR_SIZE + 0x80;
    flash.write_blocking(address, &bytes).unwrap();
    let mut back = vec![0; 302];
    flash.read(address - 1, &mut back).unwrap();
    assert_eq!((back[0], &back[1..301], back[301]), (0xff, &*bytes, 0xff));
}

/// Ends what runs beside a test, even if that fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
#[ignore = "needs vcan"]
fn driver_canopen_on_vcan() {
    let _link = CanLink::new("vcdrivers0");
    let board = Board::linux().unwrap();
    let [device, master] =
        [(); 2].map(|()| board.can_socket("vcdrivers0", &CanConfig::new()).unwrap());
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| canopen::serve(device, board.delay(), &ends));
        let _end = End(&ends);
        canopen::master(master, board.delay());
    });
}

/// The motor is on a virtual board, whose bus is joined to that of the kernel.
#[test]
#[ignore = "needs vcan"]
fn driver_motor_on_vcan() {
    let _link = CanLink::new("vcdrivers1");
    let board = Board::linux().unwrap();
    let drive = Odrive::new(5);
    let stub = Stub::real_time().can_node("can0", drive.clone()).unwrap();
    let there = Board::from(&stub)
        .can_socket("can0", &CanConfig::new())
        .unwrap();
    let [here, program] =
        [(); 2].map(|()| board.can_socket("vcdrivers1", &CanConfig::new()).unwrap());
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| pass_on(&there, &here, &ends));
        scope.spawn(|| pass_on(&here, &there, &ends));
        let _end = End(&ends);
        motor::turn(program, board.delay());
    });
    assert!(drive.position(stub.clock().now()) < 0.0);
}

fn pass_on(from: &Socket, to: &Socket, ends: &AtomicBool) {
    while !ends.load(Ordering::Acquire) {
        match from.read_frame(Duration::from_millis(20)) {
            Ok(frame) => to.write(&frame, Duration::from_secs(1)).unwrap(),
            Err(error) => assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}"),
        }
    }
}
