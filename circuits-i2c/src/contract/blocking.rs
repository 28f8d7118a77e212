use std::sync::Arc;
use std::time::Duration;

use embedded_hal::i2c::{ErrorKind as HalErrorKind, I2c, Operation};

use super::{Bench, HIGH, LOW, MEMORY, NOBODY, SENSOR, bus};
use crate::{Bus, Config, ErrorKind, Functions, MAX_MESSAGE_LEN, MAX_MESSAGES, list_on};

pub(super) fn a_register_keeps_what_is_written(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    for value in [[0x4b, 0x00], [0x2a, 0x80], [0xe7, 0x00]] {
        bus.write(SENSOR, &[HIGH, value[0], value[1]]).unwrap();
        assert_eq!(read(&mut bus, HIGH), value);
    }
    // The pointer stays where it is.
    let mut again = [0; 2];
    bus.read(SENSOR, &mut again).unwrap();
    assert_eq!(again, [0xe7, 0x00]);
}

pub(super) fn neighbours_are_one_message(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    let mut parts = [
        Operation::Write(&[HIGH, 0x12]),
        Operation::Write(&[]),
        Operation::Write(&[0x80]),
    ];
    bus.transaction(SENSOR, &mut parts).unwrap();
    let (mut first, mut second) = ([0], [0]);
    let mut parts = [
        Operation::Write(&[HIGH]),
        Operation::Read(&mut first),
        Operation::Read(&mut second),
    ];
    bus.transaction(SENSOR, &mut parts).unwrap();
    assert_eq!((first, second), ([0x12], [0x80]));
}

pub(super) fn nobody_acknowledges_where_nobody_is(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    for _ in 0..2 {
        let error = bus.write_read(NOBODY, &[0], &mut [0; 2]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
        assert!(matches!(
            embedded_hal::i2c::Error::kind(&error),
            HalErrorKind::NoAcknowledge(_)
        ));
        assert!(error.to_string().contains("0x13"), "{error}");
        // The bus is none the worse for it.
        read(&mut bus, 0);
    }
}

pub(super) fn what_is_not_there_is_not_found(bench: Arc<dyn Bench>) {
    for name in ["i2c-987", "", "no such bus"] {
        let error = Bus::open_on(bench.backend(), name, &Config::new()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Io),
            "{error:?}"
        );
    }
}

pub(super) fn a_bus_is_opened_twice_and_by_its_path(bench: Arc<dyn Bench>) {
    let mut one = bus(&*bench);
    let path = format!("/dev/{}", bench.bus());
    let mut other = Bus::open_on(bench.backend(), &path, &Config::new()).unwrap();
    one.write(SENSOR, &[LOW, 0x11, 0x00]).unwrap();
    assert_eq!(read(&mut other, LOW), [0x11, 0x00]);
}

pub(super) fn a_bus_is_opened_by_the_name_of_its_adapter(bench: Arc<dyn Bench>) {
    let mut named = Bus::open_on(bench.backend(), &bench.adapter(), &Config::new()).unwrap();
    assert_eq!(named.name(), bench.adapter());
    named.write(SENSOR, &[LOW, 0x12, 0x00]).unwrap();
    assert_eq!(read(&mut bus(&*bench), LOW), [0x12, 0x00]);
}

pub(super) fn a_bus_is_listed(bench: Arc<dyn Bench>) {
    let buses = list_on(bench.backend()).unwrap();
    assert!(buses.iter().any(|bus| bus == bench.bus()), "{buses:?}");
    for bus in buses {
        Bus::open_on(bench.backend(), &bus, &Config::new()).unwrap();
        assert!(!bench.backend().adapter(&bus).unwrap().is_empty());
    }
}

pub(super) fn a_memory_keeps_what_is_written(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    store(&bench, &mut bus, [0x01, 0x20], &[1, 2, 3, 4]);
    store(&bench, &mut bus, [0x02, 0x20], &[5, 6]);
    let mut back = [0; 4];
    bus.write_read(MEMORY, &[0x01, 0x20], &mut back).unwrap();
    assert_eq!(back, [1, 2, 3, 4]);
    bus.write_read(MEMORY, &[0x02, 0x20], &mut back[..2])
        .unwrap();
    assert_eq!(back, [5, 6, 3, 4]);
}

pub(super) fn addresses_take_turns(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    for round in 0..20 {
        store(&bench, &mut bus, [0x03, 0x00], &[round, 0x55]);
        bus.write(SENSOR, &[HIGH, round, 0x80]).unwrap();
        let mut back = [0; 2];
        bus.write_read(MEMORY, &[0x03, 0x00], &mut back).unwrap();
        assert_eq!((back, read(&mut bus, HIGH)), ([round, 0x55], [round, 0x80]));
    }
}

/// A stop ends a write, and what comes then is another one.
pub(super) fn a_start_is_repeated_and_no_stop_comes_between(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    bus.write(SENSOR, &[HIGH, 0x50, 0x00]).unwrap();
    bus.write(SENSOR, &[LOW, 0x20, 0x00]).unwrap();
    // The second pointer of one message would be data; after a read it is a pointer again.
    bus.write(SENSOR, &[HIGH]).unwrap();
    bus.write(SENSOR, &[LOW]).unwrap();
    let mut back = [0; 2];
    bus.read(SENSOR, &mut back).unwrap();
    assert_eq!(back, [0x20, 0x00]);
    let mut operations = [
        Operation::Write(&[HIGH]),
        Operation::Write(&[0x33, 0x80]),
        Operation::Read(&mut back),
    ];
    bus.transaction(SENSOR, &mut operations).unwrap();
    assert_eq!((back, read(&mut bus, LOW)), ([0x33, 0x80], [0x20, 0x00]));
}

/// i2c-bcm2835 refuses it, and then nothing has moved.
pub(super) fn a_read_that_is_not_last_goes_or_is_refused(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    bus.write(SENSOR, &[HIGH, 0x50, 0x00]).unwrap();
    bus.write(SENSOR, &[LOW, 0x20, 0x00]).unwrap();
    let (mut high, mut low) = ([0xaa; 2], [0xaa; 2]);
    let mut operations = [
        Operation::Write(&[HIGH]),
        Operation::Read(&mut high),
        Operation::Write(&[LOW]),
        Operation::Read(&mut low),
    ];
    match bus.transaction(SENSOR, &mut operations) {
        Ok(()) => assert_eq!((high, low), ([0x50, 0x00], [0x20, 0x00])),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(
                error
                    .to_string()
                    .contains("make several transactions of it")
            );
            assert_eq!((high, low), ([0xaa; 2], [0xaa; 2]));
        }
    }
}

pub(super) fn ten_bits_never_meet_seven(bench: Arc<dyn Bench>) {
    let bus = bus(&*bench);
    let mut ten = bus.ten_bit();
    for address in [u16::from(SENSOR), 0x123] {
        let wanted = match bus.functions().contains(Functions::TEN_BIT) {
            true => ErrorKind::NoAcknowledge,
            false => ErrorKind::Unsupported,
        };
        assert_eq!(ten.write(address, &[0]).unwrap_err().kind(), wanted);
    }
    assert_eq!(
        ten.write(0x400, &[0]).unwrap_err().kind(),
        ErrorKind::Invalid
    );
}

pub(super) fn timeout_and_retries_are_taken(bench: Arc<dyn Bench>) {
    let open = |config: Config| Bus::open_on(bench.backend(), bench.bus(), &config);
    let config = Config::new().timeout(Duration::from_secs(1)).retries(0);
    read(&mut open(config).unwrap(), HIGH);
    let kind = |config| open(config).unwrap_err().kind();
    let none = Config::new().timeout(Duration::ZERO);
    assert_eq!(kind(none), ErrorKind::Invalid);
    let long = Config::new().timeout(Config::MAX_TIMEOUT + Duration::from_millis(1));
    assert_eq!(kind(long), ErrorKind::Limit);
    let many = Config::new().retries(Config::MAX_RETRIES + 1);
    assert_eq!(kind(many), ErrorKind::Limit);
}

pub(super) fn too_much_is_refused_before_anything_moves(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    bus.write(SENSOR, &[HIGH, 0x50, 0x00]).unwrap();
    let write = [HIGH, 0x11, 0x00];
    let mut many: Vec<Operation<'_>> = Vec::new();
    for _ in 0..=MAX_MESSAGES / 2 {
        many.extend([Operation::Write(&write), Operation::Read(&mut [])]);
    }
    assert_eq!(
        bus.transaction(SENSOR, &mut many).unwrap_err().kind(),
        ErrorKind::Limit
    );
    let mut long = vec![0; MAX_MESSAGE_LEN + 1];
    long[..3].copy_from_slice(&write);
    assert_eq!(
        bus.write(SENSOR, &long).unwrap_err().kind(),
        ErrorKind::Limit
    );
    let (a, b) = long.split_at(MAX_MESSAGE_LEN / 2);
    let mut halves = [Operation::Write(a), Operation::Write(b)];
    assert_eq!(
        bus.transaction(SENSOR, &mut halves).unwrap_err().kind(),
        ErrorKind::Limit
    );
    assert_eq!(
        bus.transaction(SENSOR, &mut []).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert_eq!(
        bus.write(0x90, &write).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    assert_eq!(read(&mut bus, HIGH), [0x50, 0x00]);
}

pub(super) fn clones_do_not_get_between(bench: Arc<dyn Bench>) {
    let bus = bus(&*bench);
    let user = |register: u8| {
        let mut bus = bus.clone();
        move || {
            for round in 0..50 {
                bus.write(SENSOR, &[register, round, 0x80]).unwrap();
                // Between pointer and data the other one would have its own register read.
                assert_eq!(read(&mut bus, register), [round, 0x80]);
            }
        }
    };
    bench.run(vec![
        ("low", Box::new(user(LOW))),
        ("high", Box::new(user(HIGH))),
    ]);
}

/// The clones of a bus have a queue; this is about the wire.
pub(super) fn handles_do_not_get_between(bench: Arc<dyn Bench>) {
    let user = |register: u8| {
        let mut bus = bus(&*bench);
        move || {
            for round in 0..50 {
                bus.write(SENSOR, &[register, round, 0x80]).unwrap();
                assert_eq!(read(&mut bus, register), [round, 0x80]);
            }
        }
    };
    bench.run(vec![
        ("low", Box::new(user(LOW))),
        ("high", Box::new(user(HIGH))),
    ]);
}

pub(super) fn the_longest_message_goes(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    bus.write(SENSOR, &[HIGH, 0x50, 0x00]).unwrap();
    let mut long = vec![0; MAX_MESSAGE_LEN];
    bus.write_read(SENSOR, &[HIGH], &mut long).unwrap();
    assert_eq!(long[..2], [0x50, 0x00]);
}

pub(super) fn what_fails_reads_nothing(bench: Arc<dyn Bench>) {
    let mut buffer = [0xaa; 4];
    bus(&*bench).read(NOBODY, &mut buffer).unwrap_err();
    assert_eq!(buffer, [0xaa; 4]);
    // What goes well is not told of before all of it did. Some sensors take a fourth byte, and some
    // controllers no read that is not the last.
    let mut operations = [
        Operation::Read(&mut buffer),
        Operation::Write(&[HIGH, 0x50, 0x00, 0xff]),
    ];
    if bus(&*bench).transaction(SENSOR, &mut operations).is_err() {
        assert_eq!(buffer, [0xaa; 4]);
    }
}

pub(super) fn a_signal_does_not_end_a_transaction(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    let (tell, told) = std::sync::mpsc::channel();
    let clock = bench.backend().clock();
    let user = bench.clone();
    let user = move || {
        tell.send(user.signals()).unwrap();
        for round in 0..100 {
            bus.write(SENSOR, &[HIGH, round, 0x80]).unwrap();
            assert_eq!(read(&mut bus, HIGH), [round, 0x80]);
        }
    };
    let sender = move || {
        clock.delay_until(clock.now() + Duration::from_millis(1));
        let signal = told.recv().unwrap();
        for _ in 0..50 {
            signal();
            clock.delay_until(clock.now() + Duration::from_micros(700));
        }
    };
    bench.run(vec![("user", Box::new(user)), ("sender", Box::new(sender))]);
}

/// Writes into the memory, and waits until it has.
pub(super) fn store(bench: &Arc<dyn Bench>, bus: &mut Bus, at: [u8; 2], bytes: &[u8]) {
    let mut operations = [Operation::Write(&at), Operation::Write(bytes)];
    bus.transaction(MEMORY, &mut operations).unwrap();
    settle(bench, bus);
}

/// Waits until the memory has written.
pub(super) fn settle(bench: &Arc<dyn Bench>, bus: &mut Bus) {
    let clock = bench.backend().clock();
    // 5 ms, for most parts (datasheet of the 24C32: tWR).
    for _ in 0..10 {
        match bus.read(MEMORY, &mut [0]) {
            Err(error) if error.kind() == ErrorKind::NoAcknowledge => {
                clock.delay_until(clock.now() + Duration::from_millis(1));
            }
            done => return done.unwrap(),
        }
    }
    panic!("the memory does not come back");
}

pub(super) fn read(bus: &mut Bus, register: u8) -> [u8; 2] {
    let mut value = [0; 2];
    bus.write_read(SENSOR, &[register], &mut value).unwrap();
    value
}
