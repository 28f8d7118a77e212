use std::io::{Read, Write};
use std::time::Duration;

use circuits_uart::{Config, Port};

use super::datagram::crc;
use super::registers::{CHOPCONF, DRV_STATUS, GCONF, GSTAT, IFCNT, IHOLD_IRUN, IOIN};
use super::registers::{MSCNT, MSCURACT, PWMCONF, SG_RESULT, SLAVECONF, TPWMTHRS, TSTEP, VACTUAL};
use super::*;
use crate::Stub;

/// At 500 kBd.
const CHARACTER: Duration = Duration::from_micros(20);

/// What a master with a clock does.
struct Master {
    chip: Tmc2209,
    now: Time,
}

impl Master {
    fn new(chip: &Tmc2209) -> Master {
        Master {
            chip: chip.clone(),
            now: Time::ZERO,
        }
    }

    /// Sends a datagram, and returns what the chip said to its last byte.
    fn send(&mut self, datagram: &[u8]) -> Line {
        let bytes = [datagram, &[crc(datagram)]].concat();
        self.now = self.now + Duration::from_millis(1);
        let mut line = Line::at(self.now);
        for byte in bytes {
            self.now = self.now + CHARACTER;
            line = Line::at(self.now);
            self.chip.receive(byte, &mut line);
        }
        line
    }

    fn read(&mut self, register: u8) -> u32 {
        let answer = self.send(&[0x05, 0, register]).bytes().to_vec();
        let [0x05, 0xff, same, a, b, c, d, check] = answer[..] else {
            panic!("no answer: {answer:x?}");
        };
        assert_eq!((same, check), (register, crc(&answer[..7])));
        u32::from_be_bytes([a, b, c, d])
    }

    fn write(&mut self, register: u8, value: u32) {
        let [a, b, c, d] = value.to_be_bytes();
        let answer = self.send(&[0x05, 0, register | 0x80, a, b, c, d]);
        assert_eq!(answer.bytes(), []);
    }
}

fn quiet() -> Tmc2209 {
    Tmc2209::new(0).echo(false)
}

#[test]
fn resets_as_the_datasheet_says() {
    let chip = quiet();
    let mut master = Master::new(&chip);
    for (register, value) in [
        (GCONF, 0x101),
        (GSTAT, 1),
        (IFCNT, 0),
        (IOIN, 0x2100_0040),
        (TSTEP, 0xf_ffff),
        (SG_RESULT, 0),
        (MSCNT, 0),
        (MSCURACT, 247),
        (CHOPCONF, 0x1000_0053),
        (DRV_STATUS, 0xc01f_0000),
        (PWMCONF, 0xc10d_0024),
        (0x71, 0x24),
        (0x72, 0x24),
    ] {
        assert_eq!(master.read(register), value, "{register:#x}");
    }
    assert_eq!(chip.register(IHOLD_IRUN), 0x0001_1f10);
    assert_eq!(chip.register(0x11), 20, "TPOWERDOWN");
    for write_only in [SLAVECONF, 0x10, 0x11, 0x13, 0x14, VACTUAL, 0x40, 0x42] {
        master.write(write_only, 0xffff_ffff);
        assert_eq!(master.read(write_only), 0, "{write_only:#x}");
        assert_ne!(chip.register(write_only), 0, "{write_only:#x}");
    }
    chip.reset();
    assert_eq!(chip.register(IHOLD_IRUN), 0x0001_1f10);
    assert_eq!((chip.register(IFCNT), chip.register(GSTAT)), (0, 1));
}

#[test]
fn good_writes_are_counted_and_no_others() {
    let chip = quiet();
    let mut master = Master::new(&chip);
    master.write(GCONF, 0xffff_ffff);
    // Those that can only be read are counted and stay as they are.
    master.write(IOIN, 0);
    assert_eq!(master.read(GCONF), 0x3ff);
    assert_eq!(master.read(IFCNT), 2);
    assert_eq!(chip.writes(), [(GCONF, 0xffff_ffff), (IOIN, 0)]);

    // For another chip, and with a wrong CRC.
    assert_eq!(master.send(&[0x05, 1, 0x80, 0, 0, 0, 0]).bytes(), []);
    assert_eq!(master.send(&[0x05, 1, IOIN]).bytes(), []);
    let mut line = Line::at(master.now);
    for byte in [0x05, 0, 0x80, 0, 0, 0, 0, 0] {
        master.now = master.now + CHARACTER;
        line = Line::at(master.now);
        master.chip.receive(byte, &mut line);
    }
    assert_eq!(line.bytes(), []);
    assert_eq!(master.read(GCONF), 0x3ff);
    assert_eq!(master.read(IFCNT), 2);

    for _ in 0..254 {
        master.write(0x40, 1);
    }
    assert_eq!(master.read(IFCNT), 0, "it wraps around");
}

#[test]
fn has_the_address_of_its_pins() {
    let chip = Tmc2209::new(2).echo(false);
    let mut master = Master::new(&chip);
    assert_eq!(master.send(&[0x05, 0, IOIN]).bytes(), []);
    let answer = master.send(&[0x05, 2, IOIN]).bytes().to_vec();
    assert_eq!(answer[..7], [0x05, 0xff, IOIN, 0x21, 0, 0, 0x48]);
}

#[test]
fn answers_after_the_delay() {
    let chip = quiet();
    let mut master = Master::new(&chip);
    for (setting, bits) in [(0, 8), (1, 8), (2, 24), (5, 40), (15, 120)] {
        master.write(SLAVECONF, setting << 8);
        let delay = master.send(&[0x05, 0, IOIN]).pauses();
        assert_eq!(delay, CHARACTER * bits / 10, "{setting}");
    }
}

#[test]
fn what_is_sent_is_heard() {
    let chip = Tmc2209::new(0);
    let mut master = Master::new(&chip);
    let end = master.send(&[0x05, 0, IOIN]).bytes().to_vec();
    assert_eq!(end[..3], [0x6f, 0x05, 0xff]);
    let mut line = Line::at(master.now);
    master.chip.receive_damaged(0x12, &mut line);
    assert_eq!(line.bytes(), [0x12]);
}

#[test]
fn flags_are_cleared_when_their_reason_is_gone() {
    let chip = quiet();
    let mut master = Master::new(&chip);
    master.write(GSTAT, 1);
    assert_eq!(master.read(GSTAT), 0);
    // Hot, too hot.
    chip.set_flags(0b11);
    assert_eq!(master.read(DRV_STATUS) & 0xff, 0b11);
    master.write(GSTAT, 0b111);
    assert_eq!(master.read(GSTAT), 0b10);
    chip.set_flags(0b01);
    assert_eq!(master.read(GSTAT), 0b10);
    master.write(GSTAT, 0b10);
    assert_eq!(master.read(GSTAT), 0);
    chip.set_stall_guard(1023);
    assert_eq!(master.read(SG_RESULT), 510);
}

/// Section 5.2: VACTUAL is 0.715 Hz with the internal clock.
#[test]
fn vactual_moves_the_motor() {
    let chip = quiet();
    let mut master = Master::new(&chip);
    // 256 microsteps.
    master.write(GCONF, 0x1c1);
    master.write(CHOPCONF, 0x1000_0053);
    master.write(VACTUAL, 14_000);
    let start = master.now;
    assert_eq!(master.read(TSTEP), (1 << 24) / 14_000);
    assert_eq!(
        master.read(DRV_STATUS),
        0x401f_0000,
        "StealthChop, and IRUN"
    );
    let second = start + Duration::from_secs(1);
    assert_eq!(chip.position(second), 10_013);
    master.now = second;
    // The datagrams took some time.
    let counter = i64::from(master.read(MSCNT));
    assert_eq!(counter, chip.position(master.now).rem_euclid(1024));

    // The other way round, and 16 microsteps.
    master.write(CHOPCONF, 0x1400_0053);
    let turned = chip.position(master.now);
    master.write(VACTUAL, (-14_000_i32) as u32);
    let before = chip.position(master.now);
    assert!(before > turned);
    let later = master.now + Duration::from_secs(1);
    assert_eq!((chip.position(later) - before + 160_217).abs(), 0);
    assert_eq!(master.read(TSTEP), (1 << 24) / 14_000 / 16);
    master.write(TPWMTHRS, 100);
    assert_eq!(master.read(DRV_STATUS) >> 30, 0, "SpreadCycle");
    master.write(VACTUAL, 0);
    assert_eq!(master.read(DRV_STATUS), 0xc010_0000, "IHOLD");
}

#[test]
fn a_port_speaks_to_it_at_any_baud_rate() {
    for baud in [9600, 19_200, 115_200, 500_000] {
        let chip = Tmc2209::new(3);
        let stub = Stub::virtual_time();
        let stub = stub.serial_device("ttyAMA0", chip.clone()).unwrap();
        let config = Config::new().baud(baud).timeout(Duration::from_millis(100));
        let mut port = Port::open_on(&stub, "ttyAMA0", &config).unwrap();
        let mut request = [0x05, 3, IOIN, 0];
        request[3] = crc(&request[..3]);
        port.write_all(&request).unwrap();
        let mut bytes = [0; 12];
        port.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes[..4], request);
        assert_eq!(bytes[4..11], [0x05, 0xff, IOIN, 0x21, 0, 0, 0x4c]);
        // The request, the last of it back, 8 bits, and the answer.
        let passed = stub.clock().now().since(Time::ZERO).as_nanos();
        let bits = passed * u128::from(baud) / 1_000_000_000;
        assert!((137..=138).contains(&bits), "{bits} bits at {baud}");

        // Half a datagram, and nobody who answers; then another one.
        port.write_all(&request[..2]).unwrap();
        port.read_exact(&mut bytes[..2]).unwrap();
        port.read_exact(&mut bytes).unwrap_err();
        port.write_all(&request).unwrap();
        port.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes[4..6], [0x05, 0xff]);
    }
}
