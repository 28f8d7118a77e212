//! The chip on a bus, with others on it.

use circuits_can::{Config, Socket};
use circuits_spi as spi;
use embedded_hal::spi::{Operation, SpiDevice};

use super::registers::{CANCTRL, CANINTF, CNF3, EFLG, REC, TEC, TXB};
use super::*;
use crate::Stub;
use crate::can::{Fault, Place};

const CANSTAT: u8 = 0x0e;

/// A board with the chip on its bus, and a program that speaks to both.
struct Bench {
    stub: Stub,
    spi: spi::Device,
    can0: Socket,
    place: Place,
}

impl Bench {
    /// The chip is in normal mode, at 500 kbit/s.
    fn new() -> Bench {
        let chip = Mcp2515::new(16_000_000);
        let stub = Stub::virtual_time().spi_device("spidev0.0", chip.clone());
        let stub = stub.unwrap();
        let place = stub.plug_can("can0", chip).unwrap();
        let config = spi::Config::new().speed_hz(10_000_000);
        let mut bench = Bench {
            spi: spi::Device::open_on(&stub, "spidev0.0", &config).unwrap(),
            can0: Socket::open_on(&stub, "can0", &Config::new()).unwrap(),
            stub,
            place,
        };
        bench.write(CNF3, &[0x86, 0xf0, 0x00]);
        bench.write(CANCTRL, &[0]);
        bench.pass(100);
        bench
    }

    fn send(&mut self, bytes: &[u8]) {
        self.spi.write(bytes).unwrap();
    }

    fn write(&mut self, address: u8, values: &[u8]) {
        self.send(&[&[0x02, address], values].concat());
    }

    fn modify(&mut self, address: u8, mask: u8, value: u8) {
        self.send(&[0x05, address, mask, value]);
    }

    fn read(&mut self, address: u8) -> u8 {
        let mut value = [0];
        let command = [0x03, address];
        let mut operations = [Operation::Write(&command), Operation::Read(&mut value)];
        self.spi.transaction(&mut operations).unwrap();
        value[0]
    }

    /// Loads a buffer with a frame of one byte: its number.
    fn load(&mut self, buffer: u8, id: u16) {
        let [sidh, sidl] = [(id >> 3) as u8, (id << 5) as u8];
        self.send(&[0x40 | buffer << 1, sidh, sidl, 0, 0, 1, buffer]);
    }

    /// In microseconds.
    fn pass(&self, micros: u64) {
        self.stub
            .delay()
            .sleep(Duration::from_micros(micros))
            .unwrap();
    }

    fn say(&self, frame: &str) {
        self.can0.write(&frame.parse().unwrap(), None).unwrap();
    }

    fn hears(&self) -> String {
        match self.can0.read_frame(Duration::from_millis(50)) {
            Ok(frame) => frame.to_string(),
            Err(error) => format!("{:?}", error.kind()),
        }
    }
}

#[test]
fn frames_go_by_priority_and_arbitration() {
    let mut bench = Bench::new();
    (0..3).for_each(|buffer| bench.load(buffer, 0x100));
    bench.write(TXB[1], &[0x01]);
    // While another one is on the bus, all of them wait.
    bench.say("700#0011223344556677");
    bench.pass(10);
    bench.send(&[0x87]);
    bench.pass(20);
    // It has a smaller identifier than they have.
    bench.say("050#AA");
    assert_eq!(
        [(); 3].map(|()| bench.hears()),
        ["100#01", "100#02", "100#00"]
    );
    let controls = TXB.map(|control| bench.read(control));
    assert_eq!(
        controls,
        [0x00, 0x21, 0x00],
        "the first of them lost the arbitration"
    );
    assert_eq!(bench.read(CANINTF) & 0x1c, 0x1c);
}

#[test]
fn one_with_a_higher_priority_goes_first_while_another_one_waits() {
    let mut bench = Bench::new();
    [0, 1]
        .into_iter()
        .for_each(|buffer| bench.load(buffer, 0x100));
    bench.say("700#0011223344556677");
    bench.pass(10);
    bench.send(&[0x82]);
    bench.pass(10);
    bench.write(TXB[0], &[0x0b]);
    assert_eq!([(); 2].map(|()| bench.hears()), ["100#00", "100#01"]);
}

#[test]
fn what_nobody_acknowledges_is_tried_again() {
    let mut bench = Bench::new();
    let interface = circuits_can::Interface::open_on(&bench.stub, "can0").unwrap();
    interface.down().unwrap();
    bench.load(0, 0x123);
    bench.send(&[0x81]);
    bench.pass(100_000);
    assert_eq!(bench.read(TXB[0]), 0x18, "it is still to be sent");
    assert_eq!([bench.read(TEC), bench.read(REC)], [128, 0]);
    assert_eq!(
        bench.read(EFLG),
        0x15,
        "error-passive, and no more than that"
    );
    assert_eq!(bench.read(CANINTF), 0xa0);
    // Until somebody is there: the sockets are open anew.
    interface.up().unwrap();
    bench.can0 = Socket::open_on(&bench.stub, "can0", &Config::new()).unwrap();
    assert_eq!(bench.hears(), "123#00");
    bench.pass(1000);
    assert_eq!(bench.read(TXB[0]), 0x10);
    assert_eq!(bench.read(TEC), 127);
    // All is forgotten by who configures it.
    bench.write(CANCTRL, &[0x80]);
    assert_eq!([bench.read(TEC), bench.read(EFLG)], [0, 0]);
    bench.write(CANCTRL, &[0x00]);
    bench.pass(1000);
    bench.load(1, 0x124);
    bench.send(&[0x82]);
    assert_eq!(bench.hears(), "124#01");
    assert_eq!([bench.read(TEC), bench.read(EFLG)], [0, 0]);
}

#[test]
fn one_shot_tries_once() {
    let mut bench = Bench::new();
    bench.stub.cut_can("can0").unwrap();
    bench.modify(CANCTRL, 0x08, 0x08);
    bench.load(0, 0x123);
    bench.send(&[0x81]);
    bench.pass(1000);
    assert_eq!(bench.read(TXB[0]), 0x50);
    assert_eq!(bench.read(TEC), 8);
    bench.stub.mend_can("can0").unwrap();
    assert_eq!(bench.hears(), "TimedOut");
    bench.send(&[0x81]);
    assert_eq!(bench.hears(), "123#00");
    assert_eq!(bench.read(TXB[0]), 0x00);
}

#[test]
fn what_is_on_the_bus_is_aborted_if_it_fails() {
    let mut bench = Bench::new();
    // It is sent, although it is to be aborted.
    bench.load(0, 0x123);
    bench.load(1, 0x124);
    bench.send(&[0x83]);
    bench.pass(50);
    bench.modify(CANCTRL, 0x10, 0x10);
    assert_eq!([bench.read(TXB[0]), bench.read(TXB[1])], [0x40, 0x08]);
    assert_eq!(bench.hears(), "124#01");
    assert_eq!(bench.read(TXB[1]), 0x00);
    bench.modify(CANCTRL, 0x10, 0x00);
    // It has an error, and is not tried again.
    bench.stub.can_fault("can0", Fault::crc_error()).unwrap();
    bench.send(&[0x82]);
    bench.pass(50);
    bench.modify(CANCTRL, 0x10, 0x10);
    bench.pass(1000);
    assert_eq!(bench.read(TXB[1]), 0x50);
    bench.modify(CANCTRL, 0x10, 0x00);
    // The same by its own bit, which does not set ABTF.
    bench.stub.can_fault("can0", Fault::crc_error()).unwrap();
    bench.send(&[0x82]);
    bench.pass(50);
    bench.modify(TXB[1], 0x08, 0x00);
    bench.pass(1000);
    assert_eq!(bench.read(TXB[1]), 0x10);
    assert_eq!(bench.hears(), "TimedOut");
}

#[test]
fn what_waits_for_the_bus_is_aborted_at_once() {
    let mut bench = Bench::new();
    bench.load(0, 0x123);
    bench.say("700#0011223344556677");
    bench.pass(10);
    bench.send(&[0x81]);
    bench.pass(10);
    bench.modify(CANCTRL, 0x10, 0x10);
    bench.pass(10);
    assert_eq!(bench.read(TXB[0]), 0x40);
    assert_eq!(bench.hears(), "TimedOut");
}

/// Where the bus does not tell of each attempt.
#[test]
fn what_nobody_acknowledges_ends_when_it_is_told_to() {
    let alone = |bench: &mut Bench| {
        bench.stub.cut_can("can0").unwrap();
        bench.load(0, 0x123);
        bench.send(&[0x81]);
        while bench.read(TEC) < 128 {
            bench.pass(20);
        }
        // The next attempt is on the bus.
        bench.pass(70);
    };
    let mut bench = Bench::new();
    alone(&mut bench);
    bench.modify(CANCTRL, 0x10, 0x10);
    bench.pass(1000);
    assert_eq!(bench.read(TXB[0]) & !0x30, 0x40);
    bench.modify(CANCTRL, 0x10, 0x00);
    bench.modify(CANCTRL, 0x08, 0x08);
    bench.send(&[0x81]);
    bench.pass(1000);
    assert_eq!(bench.read(TXB[0]), 0x50, "once more, in one-shot mode");
}

#[test]
fn the_mode_changes_when_all_is_sent() {
    let mut bench = Bench::new();
    bench.load(0, 0x123);
    bench.load(1, 0x124);
    bench.send(&[0x83]);
    bench.modify(CANCTRL, 0xe0, 0x60);
    assert_eq!(bench.read(CANSTAT) >> 5, Mode::Normal as u8);
    assert_eq!([bench.hears(), bench.hears()], ["124#01", "123#00"]);
    assert_eq!(bench.read(CANSTAT) >> 5, Mode::ListenOnly as u8);
    // Who only listens acknowledges nothing, and hears what others acknowledge: here nobody does.
    bench.say("001#");
    bench.pass(10_000);
    assert_eq!(bench.read(CANINTF) & 1, 0);
}

/// Section 6.7.
#[test]
fn it_recovers_from_bus_off() {
    let mut bench = Bench::new();
    bench.load(0, 0x123);
    // 32 errors of 8 each are 256; who found more than a few of them would be error-passive itself.
    let names = ["can0", "can1", "can2", "can3"];
    bench.stub.plug_can_bus(names).unwrap();
    for (name, before) in names.into_iter().zip([0, 8, 16, 24]) {
        let fault = Fault::crc_error().after(before).times(8);
        bench.stub.can_fault(name, fault).unwrap();
    }
    bench.pass(100);
    bench.send(&[0x81]);
    // Some 70 bits each time.
    bench.pass(6_000);
    assert_eq!([bench.read(TEC), bench.read(EFLG)], [255, 0x35]);
    assert_eq!(bench.read(TXB[0]) & 0x08, 0x08, "it is still to be sent");
    let before = bench.stub.clock().now();
    assert_eq!(bench.hears(), "123#00");
    let took = bench.stub.clock().now().since(before);
    assert!(
        took > Duration::from_millis(1) && took < Duration::from_millis(4),
        "{took:?}"
    );
    assert_eq!([bench.read(TEC), bench.read(EFLG)], [0, 0]);
}

#[test]
fn it_is_taken_off_the_bus_and_put_on_again() {
    let mut bench = Bench::new();
    let Bench { stub, place, .. } = &bench;
    let chip = stub.unplug_can(*place).unwrap();
    bench.load(0, 0x123);
    bench.send(&[0x81]);
    bench.pass(1000);
    bench.stub.plug_can("can0", chip).unwrap();
    // It sees the other bus when it is spoken to.
    assert_eq!(bench.read(TXB[0]), 0x08);
    assert_eq!(bench.hears(), "123#00");
}

/// A pin RESET that goes low breaks off what is on the bus.
#[test]
fn a_reset_breaks_off() {
    let mut bench = Bench::new();
    bench.load(0, 0x123);
    bench.send(&[0x81]);
    bench.pass(50);
    bench.send(&[0xc0]);
    assert_eq!(bench.hears(), "TimedOut");
    assert_eq!(bench.read(TXB[0]), 0);
    let interface = circuits_can::Interface::open_on(&bench.stub, "can0").unwrap();
    let counters = interface.info().unwrap().error_counters.unwrap();
    assert!(counters.receive > 0, "{counters:?}");
}

#[test]
fn the_wrong_rate_disturbs_and_listening_does_not() {
    let mut bench = Bench::new();
    bench.write(CANCTRL, &[0x80]);
    bench.write(CNF3, &[0x86, 0xf0, 0x03]);
    bench.write(CANCTRL, &[0x60]);
    bench.say("123#01");
    // Nobody acknowledges it.
    bench.pass(2_000);
    assert_eq!(bench.read(CANINTF) & 0b11, 0);
    bench.write(CANCTRL, &[0x00]);
    bench.pass(20_000);
    assert!(bench.read(REC) > 0);
    assert_eq!(bench.read(CANINTF) & 0x80, 0x80, "MERRF");
}
