//! What controllers cannot do, and what goes wrong on a wire: on the virtual board, which keeps to
//! the kernel's drivers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use circuits_i2c::smbus::{Block, Call, Direction};
use circuits_i2c::{Address, Bus, Config, Error, ErrorKind, Functions, Operation, Scan, list_on};
use circuits_stub::Stub;
use circuits_stub::chips::Tmp102;
use circuits_stub::i2c::{Acknowledge, Controller, Device, Fault, Transfer};
use circuits_stub::trace::{Action, End, Entry, Message};
use circuits_wait::Time;
use embedded_hal::i2c::I2c;

const SENSOR: u8 = 0x48;

fn open(stub: &Stub) -> Bus {
    Bus::open_on(stub, "i2c-1", &Config::new()).unwrap()
}

fn with_sensor(controller: Controller) -> (Stub, Bus) {
    let stub = Stub::virtual_time()
        .i2c_controller("i2c-1", controller)
        .i2c_device("i2c-1", SENSOR, Tmp102::new())
        .unwrap();
    let bus = open(&stub);
    (stub, bus)
}

/// The transactions of a recording: messages, how they ended, and how long they took.
fn transactions(entries: Vec<Entry>) -> Vec<(Vec<Message>, End, Duration)> {
    let mut all = Vec::new();
    for entry in entries {
        if let Action::I2c {
            messages,
            end,
            start,
            stop,
            ..
        } = entry.action
        {
            all.push((messages, end, stop.since(start)));
        }
    }
    all
}

/// Answers with what it is loaded with, and remembers what it was sent.
#[derive(Clone, Default)]
struct Loaded(Arc<Mutex<(Vec<u8>, Vec<u8>)>>);

impl Loaded {
    fn load(&self, answer: &[u8]) {
        *self.0.lock().unwrap() = (Vec::new(), answer.to_vec());
    }

    fn sent(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }
}

impl Device for Loaded {
    fn start(&mut self, _: Transfer, _: Time) -> Acknowledge {
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        self.0.lock().unwrap().0.push(byte);
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let answer = &mut self.0.lock().unwrap().1;
        if answer.is_empty() {
            0xff
        } else {
            answer.remove(0)
        }
    }
}

/// The example of the MLX90614's datasheet (8.4.3.2), and codes of it that were worked out by hand.
#[test]
fn packet_error_codes_are_sent_and_checked() {
    let loaded = Loaded::default();
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", 0x5a, loaded.clone())
        .unwrap();
    let mut device = open(&stub).smbus(0x5a).unwrap().pec(true);
    loaded.load(&[0xd2, 0x3a, 0x30]);
    assert_eq!(device.read_word_data(0x07).unwrap(), 0x3ad2);
    assert_eq!(loaded.sent(), [0x07]);
    loaded.load(&[0xd2, 0x3b, 0x30]);
    assert_eq!(
        device.read_word_data(0x07).unwrap_err().kind(),
        ErrorKind::Pec
    );
    // "Writing EEPROM": B4h 22h 07h C8h, and the code 48h.
    loaded.load(&[]);
    device.write_word_data(0x22, 0xc807).unwrap();
    assert_eq!(loaded.sent(), [0x22, 0x07, 0xc8, 0x48]);
    loaded.load(&[0xd2, 0x3a, 0x30]);
    stub.i2c_fault("i2c-1", Fault::flipped_bit()).unwrap();
    assert_eq!(
        device.read_word_data(0x07).unwrap_err().kind(),
        ErrorKind::Pec
    );
}

#[test]
fn the_device_says_how_long_its_block_is() {
    let loaded = Loaded::default();
    let stub = Stub::virtual_time()
        .i2c_controller("i2c-1", Controller::i801())
        .i2c_device("i2c-1", 0x0b, loaded.clone())
        .unwrap();
    let mut battery = open(&stub).smbus(0x0b).unwrap();
    let recording = stub.record();
    loaded.load(&[3, b'a', b'b', b'c', b'd']);
    assert_eq!(battery.read_block_data(0x20).unwrap()[..], *b"abc");
    loaded.load(&[2, 7, 8]);
    assert_eq!(
        battery.block_process_call(0x30, &[1, 2]).unwrap()[..],
        [7, 8]
    );
    assert_eq!(loaded.sent(), [0x30, 2, 1, 2]);
    battery.write_block_data(0x31, &[9; 32]).unwrap();
    assert_eq!(loaded.sent()[4..7], [0x31, 32, 9]);
    loaded.load(&[5, 0]);
    assert_eq!(battery.process_call(0x32, 0x0102).unwrap(), 5);
    let all = transactions(recording.take());
    assert_eq!(
        all[0].0,
        [
            Message::Write(vec![0x20]),
            Message::Read(vec![3, b'a', b'b', b'c'])
        ]
    );
    for length in [0, 33, 255] {
        loaded.load(&[length]);
        let error = battery.read_block_data(0x20).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
    // Its code is over the length as well: CRC-8 of 16h 20h 17h 01h 41h.
    let mut battery = battery.pec(true);
    loaded.load(&[1, b'A', crc(&[0x16, 0x20, 0x17, 1, b'A'])]);
    assert_eq!(battery.read_block_data(0x20).unwrap()[..], *b"A");
    loaded.load(&[1, b'B', crc(&[0x16, 0x20, 0x17, 1, b'A'])]);
    let error = battery.read_block_data(0x20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pec);
}

/// By long division, bit after bit.
fn crc(bytes: &[u8]) -> u8 {
    let mut rest = 0u16;
    for byte in bytes.iter().chain(&[0]) {
        for bit in (0..8).rev() {
            rest = rest << 1 | u16::from(byte >> bit & 1);
            if rest & 0x100 != 0 {
                rest ^= 0x107;
            }
        }
    }
    rest as u8
}

#[test]
fn an_adapter_for_smbus_alone_makes_no_transactions() {
    let (_stub, mut bus) = with_sensor(Controller::i801());
    assert!(!bus.functions().contains(Functions::I2C));
    let error = bus.write(SENSOR, &[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("for SMBus only"), "{error}");
    assert_eq!(bus.smbus(SENSOR).unwrap().read_word_data(0).unwrap(), 25);
    let found = Scan::new().on(&mut bus);
    let found = found.filter(|(_, answer)| *answer.as_ref().unwrap() != circuits_i2c::Answer::Free);
    assert_eq!(
        found.map(|(address, _)| address).collect::<Vec<_>>(),
        [SENSOR]
    );
    let error = bus.smbus(0x13).unwrap().read_byte().unwrap_err();
    let address = embedded_hal::i2c::NoAcknowledgeSource::Address;
    assert_eq!(
        embedded_hal::i2c::Error::kind(&error),
        embedded_hal::i2c::ErrorKind::NoAcknowledge(address)
    );
}

#[test]
fn what_a_controller_refuses_moves_nothing() {
    let mut byte = [0];
    let stuck = [Operation::Write(&[]), Operation::Read(&mut byte)];
    for (controller, mut operations, says) in [
        (
            Controller::bcm2835(),
            [Operation::Read(&mut [0; 1]), Operation::Write(&[0])],
            "make several transactions of it",
        ),
        (Controller::designware(), stuck, "an empty message"),
    ] {
        let (stub, mut bus) = with_sensor(controller);
        let recording = stub.record();
        let error = bus.transaction(SENSOR, &mut operations).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(says), "{error}");
        assert!(recording.take().is_empty());
    }
    let (stub, bus) = with_sensor(Controller::designware());
    let recording = stub.record();
    let mut sensor = bus.smbus(SENSOR).unwrap();
    let (command, word) = (3, 0);
    for call in [
        Call::Quick(Direction::Write),
        Call::ProcessCall { command, word },
    ] {
        assert_eq!(
            sensor.call(call).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }
    let mut sensor = sensor.pec(true);
    let error = sensor.read_byte().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("packet error codes"), "{error}");
    assert!(recording.take().is_empty());
}

#[test]
fn ten_bits_have_a_wire_of_their_own() {
    let (stub, mut bus) = with_sensor(Controller::designware());
    let other = Tmp102::new();
    other.set_celsius(40.0);
    stub.plug_i2c("i2c-1", Address::TenBit(0x048), other)
        .unwrap();
    let recording = stub.record();
    let mut value = [0; 2];
    let mut ten = bus.ten_bit();
    ten.write_read(0x048_u16, &[0], &mut value).unwrap();
    assert_eq!(value[0], 40);
    bus.write_read(SENSOR, &[0], &mut value).unwrap();
    assert_eq!(value[0], 25);
    assert_eq!(ten.smbus(0x048).unwrap().read_word_data(0).unwrap(), 40);
    let kind = ten.write(0x049_u16, &[0]).unwrap_err().kind();
    assert_eq!(kind, ErrorKind::NoAcknowledge);
    // A start, two bytes of address and a byte; the same with a repeated start, the first byte of
    // the address and two bytes; a stop.
    let bits = (1 + 3 * 9) + (1 + 2 * 9 + 1 + 9 + 2 * 9) + 1;
    let all = transactions(recording.take());
    assert_eq!(all[0].2, Duration::from_micros(10) * bits);
    assert_eq!(
        all[1].2,
        Duration::from_micros(10) * ((1 + 2 * 9) + (1 + 3 * 9) + 1)
    );
}

#[test]
fn the_wire_is_as_fast_as_its_clock() {
    for (hertz, micros) in [(100_000, 480), (400_000, 120), (1_000_000, 48)] {
        let (stub, mut bus) = with_sensor(Controller::new().frequency(hertz));
        let recording = stub.record();
        bus.write_read(SENSOR, &[0], &mut [0; 2]).unwrap();
        let took = transactions(recording.take())[0].2;
        assert_eq!(took, Duration::from_micros(micros));
        assert_eq!(stub.clock().now().since(Time::ZERO), took);
    }
}

#[test]
fn faults_are_told_apart() {
    let (stub, mut bus) = with_sensor(Controller::new());
    let recording = stub.record();
    for (fault, wanted, end) in [
        (
            Fault::no_acknowledge(),
            ErrorKind::NoAcknowledge,
            End::NoAcknowledge,
        ),
        (
            Fault::no_acknowledge_of_byte(1),
            ErrorKind::NoAcknowledge,
            End::NoAcknowledge,
        ),
        (
            Fault::arbitration_lost(),
            ErrorKind::ArbitrationLost,
            End::ArbitrationLost,
        ),
        (Fault::stuck(), ErrorKind::TimedOut, End::TimedOut),
        (Fault::busy(), ErrorKind::Busy, End::Busy),
    ] {
        stub.i2c_fault("i2c-1", fault).unwrap();
        let error = bus.write(SENSOR, &[3, 0x50, 0x00]).unwrap_err();
        assert_eq!(error.kind(), wanted, "{error}");
        let all = transactions(recording.take());
        assert_eq!(all[0].1, end);
        let sent = match wanted {
            ErrorKind::NoAcknowledge if all[0].0 != [Message::Write(vec![])] => vec![3],
            _ => vec![],
        };
        assert_eq!(all[0].0, [Message::Write(sent)]);
        bus.write(SENSOR, &[3, 0x50, 0x00]).unwrap();
        recording.take();
    }
    let absent = stub.i2c_fault("i2c-7", Fault::stuck()).unwrap_err();
    assert!(absent.to_string().contains("i2c-7"));
}

#[test]
fn a_timeout_and_retries_are_the_adapters() {
    let (stub, mut bus) = with_sensor(Controller::new());
    let config = Config::new().timeout(Duration::from_millis(45)).retries(2);
    let mut other = Bus::open_on(&stub, "i2c-1", &config).unwrap();
    let clock = stub.clock();
    let write = |bus: &mut Bus| bus.write(SENSOR, &[3, 0x50, 0x00]);
    for bus in [&mut other, &mut bus] {
        let before = clock.now();
        stub.i2c_fault("i2c-1", Fault::stuck()).unwrap();
        assert_eq!(write(bus).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(clock.now().since(before), Duration::from_millis(50));
        // Two are tried again, three are not.
        for lost in [2, 3] {
            for _ in 0..lost {
                stub.i2c_fault("i2c-1", Fault::arbitration_lost()).unwrap();
            }
            let kind = write(bus).map_err(|error| error.kind());
            let wanted = (lost == 3).then_some(ErrorKind::ArbitrationLost);
            assert_eq!(kind.err(), wanted);
        }
        let word = bus.smbus(SENSOR).unwrap().read_word_data(3);
        assert_eq!(word.unwrap(), 0x50);
    }
}

#[test]
fn adapters_of_one_name_are_listed() {
    let stub = Stub::virtual_time();
    for bus in ["i2c-3", "i2c-10", "i2c-4"] {
        stub.plug_i2c_bus(bus);
    }
    let stub = stub.i2c_controller("i2c-4", Controller::new().adapter("another"));
    assert_eq!(list_on(&stub).unwrap(), ["i2c-3", "i2c-4", "i2c-10"]);
    let open = |name| Bus::open_on(&stub, name, &Config::new());
    assert_eq!(open("another").unwrap().name(), "another");
    let error = open("virtual board").unwrap_err();
    let Error::Ambiguous {
        count: 2, buses, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(**buses, *"i2c-3, i2c-10");
    assert_eq!(open("nobody").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_is_removed_is_gone_for_calls_as_well() {
    let (stub, mut bus) = with_sensor(Controller::new());
    let mut sensor = bus.smbus(SENSOR).unwrap();
    stub.remove_i2c_bus("i2c-1").unwrap();
    assert_eq!(sensor.read_byte().unwrap_err().kind(), ErrorKind::Removed);
    let (_, answer) = Scan::new().on(&mut bus).next().unwrap();
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Removed);
}

#[test]
fn blocks_are_values() {
    let block = Block::new(&[1, 2, 3]).unwrap();
    assert_eq!(block.iter().sum::<u8>(), 6);
}
