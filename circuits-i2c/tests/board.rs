//! When things happen on the wire of the virtual board, and what of them a device sees.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use circuits_i2c::{Address, Bus, Config, Error, ErrorKind, Functions, Operation, Scan};
use circuits_stub::i2c::{Acknowledge, Controller, Device, Fault, Transfer};
use circuits_stub::registers::RegisterMap;
use circuits_stub::{Stub, chips::Tmp102};
use circuits_wait::Time;
use embedded_hal::i2c::I2c;

const SENSOR: u8 = 0x48;

fn open(stub: &Stub) -> Bus {
    Bus::open_on(stub, "i2c-1", &Config::new()).unwrap()
}

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Start(Transfer, u64),
    Byte(u8),
    Stop(u64),
}

/// Notes what it sees, in microseconds, and refuses to be read.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<Seen>>>);

impl Notes {
    fn add(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Device for Notes {
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        self.add(Seen::Start(transfer, time.as_nanos() / 1000));
        match transfer {
            Transfer::Write => Acknowledge::Yes,
            Transfer::Read => Acknowledge::No,
        }
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        self.add(Seen::Byte(byte));
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        0xff
    }

    fn stop(&mut self, time: Time) {
        self.add(Seen::Stop(time.as_nanos() / 1000));
    }
}

#[test]
fn a_device_is_told_when() {
    let notes = Notes::default();
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", SENSOR, notes.clone())
        .unwrap();
    let mut bus = open(&stub);
    let mut byte = [0];
    let mut operations = [Operation::Write(&[7]), Operation::Read(&mut byte)];
    bus.transaction(SENSOR, &mut operations).unwrap_err();
    // A start and nine bits for each address, nine bits for the byte, a stop.
    let wanted = [
        Seen::Start(Transfer::Write, 100),
        Seen::Byte(7),
        Seen::Start(Transfer::Read, 290),
        Seen::Stop(300),
    ];
    assert_eq!(notes.take(), wanted);
    // Who has not acknowledged a start sees no stop.
    bus.read(SENSOR, &mut byte).unwrap_err();
    assert_eq!(notes.take(), [Seen::Start(Transfer::Read, 400)]);
}

#[test]
fn what_is_awaited_takes_as_long() {
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", SENSOR, Tmp102::new())
        .unwrap();
    let mut bus = open(&stub);
    let took = Duration::from_micros(480);
    let mut value = [0; 2];
    let write_read = embedded_hal_async::i2c::I2c::write_read(&mut bus, SENSOR, &[0], &mut value);
    stub.block_on(write_read).unwrap();
    assert_eq!(stub.clock().now().since(Time::ZERO), took);
    let mut sensor = bus.smbus(SENSOR).unwrap();
    let call = circuits_i2c::smbus::Call::ReadWordData { command: 0 };
    stub.block_on(sensor.call_async(call)).unwrap();
    assert_eq!(stub.clock().now().since(Time::ZERO), took * 2);
}

#[test]
fn a_byte_is_counted_over_the_whole_transaction() {
    let chip = RegisterMap::new();
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", 0x20, chip.clone())
        .unwrap();
    let mut bus = open(&stub);
    let refused = Fault::no_acknowledge_of_byte(3);
    stub.i2c_fault("i2c-1", refused).unwrap();
    let mut byte = [0];
    let mut operations = [
        Operation::Write(&[0x10, 1]),
        Operation::Read(&mut byte),
        Operation::Write(&[0x20, 2]),
    ];
    let error = bus.transaction(0x20, &mut operations).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
    assert_eq!((chip.get(0x10), chip.get(0x20)), (1, 0));
}

#[test]
fn the_last_byte_is_the_one_that_is_flipped() {
    let chip = RegisterMap::new().initial(0, &[0x10, 0x20, 0x30]);
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", 0x20, chip)
        .unwrap();
    stub.i2c_fault("i2c-1", Fault::flipped_bit()).unwrap();
    let mut values = [0; 3];
    open(&stub).write_read(0x20, &[0], &mut values).unwrap();
    assert_eq!(values, [0x10, 0x20, 0x31]);
}

#[test]
fn a_scan_tells_an_error_from_nobody_and_goes_on() {
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", SENSOR, Tmp102::new())
        .unwrap();
    stub.i2c_fault("i2c-1", Fault::stuck().at(0x20)).unwrap();
    let mut bus = open(&stub);
    let errors = Scan::new()
        .on(&mut bus)
        .filter_map(|(address, answer)| Some((address, answer.err()?.kind())));
    assert_eq!(errors.collect::<Vec<_>>(), [(0x20, ErrorKind::TimedOut)]);
}

/// An adapter may say that it knows plain transactions, and nothing of SMBus.
#[test]
fn a_scan_reads_where_there_are_only_transactions() {
    let stub = Stub::virtual_time()
        .i2c_controller("i2c-1", Controller::new().functions(Functions::I2C))
        .i2c_device("i2c-1", SENSOR, Tmp102::new())
        .unwrap();
    let mut bus = open(&stub);
    let (_, answer) = Scan::new()
        .addresses(SENSOR..=SENSOR)
        .on(&mut bus)
        .next()
        .unwrap();
    assert_eq!(answer.unwrap(), circuits_i2c::Answer::Present);
}

#[test]
fn three_of_a_name_are_as_ambiguous_as_two() {
    let stub = Stub::virtual_time();
    for bus in ["i2c-3", "i2c-4", "i2c-5"] {
        stub.plug_i2c_bus(bus);
    }
    let error = Bus::open_on(&stub, "virtual board", &Config::new()).unwrap_err();
    assert!(
        matches!(error, Error::Ambiguous { count: 3, .. }),
        "{error}"
    );
}

#[test]
fn an_address_that_is_none_is_refused_before_its_owner_is_asked_for() {
    let stub =
        Stub::virtual_time()
            .i2c_bus("i2c-1")
            .i2c_owner("i2c-1", Address::TenBit(0x400), "nobody");
    let error = open(&stub).ten_bit().smbus(0x400).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

/// The bit of a quick command is that of its address.
#[test]
fn a_quick_command_goes_either_way() {
    use circuits_i2c::smbus::Direction;

    let notes = Notes::default();
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", SENSOR, notes.clone())
        .unwrap();
    let mut device = open(&stub).smbus(SENSOR).unwrap();
    device.quick(Direction::Write).unwrap();
    let kind = device.quick(Direction::Read).unwrap_err().kind();
    assert_eq!(kind, ErrorKind::NoAcknowledge);
    let wanted = [
        Seen::Start(Transfer::Write, 100),
        Seen::Stop(110),
        Seen::Start(Transfer::Read, 210),
    ];
    assert_eq!(notes.take(), wanted);
}

#[test]
fn a_bit_of_a_block_is_flipped() {
    let chip = RegisterMap::new().initial(0, &[2, 0x10, 0x20]);
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", 0x20, chip)
        .unwrap();
    stub.i2c_fault("i2c-1", Fault::flipped_bit()).unwrap();
    let block = open(&stub).smbus(0x20).unwrap().read_block_data(0);
    assert_eq!(block.unwrap()[..], [0x10, 0x21]);
}

/// Codes that were worked out by long division: CRC-8 of 90h 32h 02h 01h 91h 05h 06h, and of 90h 30h
/// 02h 01h 02h 91h 01h 07h.
#[test]
fn a_process_call_has_a_code_over_both_of_its_messages() {
    let answers = Answers::default();
    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", SENSOR, answers.clone())
        .unwrap();
    let mut device = open(&stub).smbus(SENSOR).unwrap().pec(true);
    answers.load(&[5, 6, WORD_CODE]);
    assert_eq!(device.process_call(0x32, 0x0102).unwrap(), 0x0605);
    assert_eq!(answers.sent(), [0x32, 0x02, 0x01], "low byte first");
    answers.load(&[1, 7, BLOCK_CODE]);
    let block = device.block_process_call(0x30, &[1, 2]).unwrap();
    assert_eq!(block[..], [7]);
    answers.load(&[1, 7, BLOCK_CODE ^ 0x80]);
    let error = device.block_process_call(0x30, &[1, 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Pec);
}

const WORD_CODE: u8 = 0xed;
const BLOCK_CODE: u8 = 0x24;

/// Answers with what it is loaded with, and remembers what it was sent.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<(Vec<u8>, Vec<u8>)>>);

impl Answers {
    fn load(&self, answer: &[u8]) {
        *self.0.lock().unwrap() = (Vec::new(), answer.to_vec());
    }

    fn sent(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.clone()
    }
}

impl Device for Answers {
    fn write(&mut self, byte: u8) -> Acknowledge {
        self.0.lock().unwrap().0.push(byte);
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        self.0.lock().unwrap().1.remove(0)
    }
}

#[test]
fn a_block_that_is_none_is_refused_to_futures_as_well() {
    use circuits_i2c::smbus::{Block, Call};

    let stub = Stub::virtual_time()
        .i2c_device("i2c-1", SENSOR, Tmp102::new())
        .unwrap();
    let mut device = open(&stub).smbus(SENSOR).unwrap();
    let (command, block) = (0, Block::default());
    let call = Call::WriteBlockData { command, block };
    let error = stub.block_on(device.call_async(call)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
