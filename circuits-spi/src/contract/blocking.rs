use std::sync::Arc;
use std::time::Duration;

use embedded_hal::spi::{Operation, SpiDevice};

use super::{
    Bench, JEDEC_ID, READ, ROOM, assert_is_flash, at, config, erase, flash, id, nobody, program,
    read,
};
use crate::{Absence, Device, Error, ErrorKind, list_on};

pub(super) fn the_flash_says_who_it_is(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    assert_is_flash(id(&mut device));
    assert_is_flash(id(&mut device));
}

pub(super) fn neighbours_are_one_transfer(bench: Arc<dyn Bench>) {
    let (mut maker, mut rest) = ([0; 1], [0; 2]);
    let mut operations = [
        Operation::Write(&[]),
        Operation::Write(&[JEDEC_ID]),
        Operation::Read(&mut maker),
        Operation::Read(&mut []),
        Operation::Read(&mut rest),
    ];
    flash(&*bench).transaction(&mut operations).unwrap();
    assert_is_flash([maker[0], rest[0], rest[1]]);
}

pub(super) fn sides_of_unequal_length(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    // More comes than is sent, and the other way round.
    let mut answer = [0; 4];
    device.transfer(&mut answer, &[JEDEC_ID]).unwrap();
    assert_is_flash([answer[1], answer[2], answer[3]]);
    let mut answer = [0; 2];
    device
        .transfer(&mut answer, &[JEDEC_ID, 0, 0, 0, 0])
        .unwrap();
    assert_eq!(answer[1], 0xef);
    // What is sent beyond goes out before what follows.
    let (mut first, mut then) = ([0; 1], [0; 3]);
    let command = at(READ, 0);
    let mut operations = [
        Operation::Transfer(&mut first, &command),
        Operation::Read(&mut then),
    ];
    device.transaction(&mut operations).unwrap();
    let mut plain = [0; 3];
    read(&mut device, 0, &mut plain);
    assert_eq!(then, plain);
}

pub(super) fn in_place(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    let mut bytes = [JEDEC_ID, 0, 0, 0];
    device.transfer_in_place(&mut bytes).unwrap();
    assert_is_flash([bytes[1], bytes[2], bytes[3]]);
    let (mut one, mut other) = ([JEDEC_ID, 0], [0, 0]);
    let mut operations = [
        Operation::TransferInPlace(&mut one),
        Operation::TransferInPlace(&mut other),
    ];
    device.transaction(&mut operations).unwrap();
    assert_is_flash([one[1], other[0], other[1]]);
}

pub(super) fn chip_select_ends_a_command(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    device.write(&[JEDEC_ID]).unwrap();
    let mut answer = [0; 3];
    // Zeros are no command.
    device.read(&mut answer).unwrap();
    assert_ne!(answer[..2], [0xef, 0x40]);
}

pub(super) fn nothing_is_a_message_too(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    device.transaction(&mut []).unwrap();
    device.write(&[]).unwrap();
    device.read(&mut []).unwrap();
    device.transfer(&mut [], &[]).unwrap();
    device.transaction(&mut [Operation::DelayNs(0)]).unwrap();
    assert_is_flash(id(&mut device));
}

pub(super) fn what_is_programmed_is_read_back(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    erase(&mut device, 0);
    let mut erased = [0; 16];
    read(&mut device, 0, &mut erased);
    assert_eq!(erased, [0xff; 16]);
    let page: [u8; 256] = std::array::from_fn(|at| at as u8 ^ 0x5a);
    program(&mut device, 0x100, &page);
    let mut back = [0; 256];
    read(&mut device, 0x100, &mut back);
    assert_eq!(back, page);
}

pub(super) fn delays_are_never_shorter(bench: Arc<dyn Bench>) {
    let mut device = nobody(&*bench);
    let clock = bench.backend().clock();
    // The last is more than a transfer can have.
    for ns in [1, 1_999, 1_000_000, 70_000_000] {
        let before = clock.now();
        let mut operations = [Operation::Write(&[0]), Operation::DelayNs(ns)];
        device.transaction(&mut operations).unwrap();
        let passed = clock.now().since(before);
        assert!(
            passed >= Duration::from_nanos(ns.into()),
            "{ns}: {passed:?}"
        );
    }
}

pub(super) fn chip_select_is_held_while_it_waits(bench: Arc<dyn Bench>) {
    let mut answer = [0; 3];
    let mut operations = [
        Operation::DelayNs(1_000),
        Operation::Write(&[JEDEC_ID]),
        Operation::DelayNs(2_000_000),
        Operation::Read(&mut answer),
        Operation::DelayNs(1_000),
    ];
    flash(&*bench).transaction(&mut operations).unwrap();
    assert_is_flash(answer);
}

pub(super) fn a_device_is_opened_twice_and_by_its_path(bench: Arc<dyn Bench>) {
    let mut one = flash(&*bench);
    let path = format!("/dev/{}", bench.flash());
    let mut other = Device::open_on(bench.backend(), &path, &config()).unwrap();
    assert_is_flash(id(&mut one));
    assert_is_flash(id(&mut other));
    assert_eq!((one.name(), other.name()), (bench.flash(), &*path));
}

pub(super) fn what_is_not_there_is_not_found(bench: Arc<dyn Bench>) {
    let error = Device::open_on(bench.backend(), "spidev98.7", &config()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let Error::NotFound { absence, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*absence, Absence::NoDevice, "{error}");
    for name in ["", "no such device"] {
        let error = Device::open_on(bench.backend(), name, &config()).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Io),
            "{error:?}"
        );
    }
}

pub(super) fn devices_are_listed(bench: Arc<dyn Bench>) {
    let devices = list_on(bench.backend()).unwrap();
    for name in [bench.flash(), bench.nobody()] {
        assert!(devices.iter().any(|device| device == name), "{devices:?}");
    }
}

pub(super) fn clones_do_not_get_between(bench: Arc<dyn Bench>) {
    let device = flash(&*bench);
    let user = || {
        let mut device = device.clone();
        move || (0..10).for_each(|_| assert_is_flash(id(&mut device)))
    };
    bench.run(vec![("one", Box::new(user())), ("other", Box::new(user()))]);
}

/// The clones of a device have a queue; this is about the wires.
pub(super) fn handles_do_not_get_between(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    let mut other = nobody(&*bench);
    let user = move || (0..10).for_each(|_| assert_is_flash(id(&mut device)));
    let noise = move || (0..10).for_each(|_| other.write(&[JEDEC_ID; 9]).unwrap());
    bench.run(vec![("user", Box::new(user)), ("noise", Box::new(noise))]);
}

pub(super) fn a_signal_does_not_end_a_transaction(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    let (tell, told) = std::sync::mpsc::channel();
    let clock = bench.backend().clock();
    let user = bench.clone();
    let user = move || {
        tell.send(user.signals()).unwrap();
        (0..10).for_each(|_| {
            let mut bytes = [0; 64];
            read(&mut device, ROOM, &mut bytes);
            assert_is_flash(id(&mut device));
        });
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

pub(super) fn what_is_removed_says_so(bench: Arc<dyn Bench>) {
    let mut device = nobody(&*bench);
    let mut buffer = [0xaa; 4];
    device.write(&[0]).unwrap();
    let put_back = bench
        .remove()
        .expect("a bench on which a node can be removed");
    for _ in 0..2 {
        let error = device.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
        let error = device.configure(&config()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
    }
    assert_eq!(buffer, [0xaa; 4], "what fails reads nothing");
    let error = Device::open_on(bench.backend(), bench.nobody(), &config()).unwrap_err();
    let Error::NotFound { absence, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*absence, Absence::NoDriver, "{error}");
    put_back();
    // The old one is gone for good.
    let error = device.read(&mut buffer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Removed, "{error:?}");
    nobody(&*bench).write(&[0]).unwrap();
}
