use std::sync::Arc;

use embedded_hal::spi::{Operation, SpiDevice};

use super::{Bench, JEDEC_ID, assert_is_flash, config, flash, id};
use crate::{BitOrder, ChipSelect, Config, Device, ErrorKind, Mode};

pub(super) fn settings_are_read_back(bench: Arc<dyn Bench>) {
    for mode in [Mode::Mode3, Mode::Mode2, Mode::Mode1, Mode::Mode0] {
        for speed in [500_000, 10_000_000] {
            let config = Config::new().mode(mode).speed_hz(speed);
            let device = Device::open_on(bench.backend(), bench.nobody(), &config).unwrap();
            assert_eq!(device.config(), config);
            let held = bench.backend().open(bench.nobody()).unwrap().config();
            assert_eq!(held.unwrap(), config);
        }
    }
}

pub(super) fn settings_are_the_devices(bench: Arc<dyn Bench>) {
    let mut device = flash(&*bench);
    let mut clone = device.clone();
    let three = config().mode(Mode::Mode3);
    device.configure(&three).unwrap();
    assert_eq!(clone.config(), three);
    // The memory takes both.
    assert_is_flash(id(&mut clone));
    let held = || bench.backend().open(bench.flash()).unwrap().config();
    assert_eq!(held().unwrap(), three);
    flash(&*bench);
    assert_eq!(held().unwrap(), config());
    assert_is_flash(id(&mut device));
}

pub(super) fn what_makes_no_sense_is_invalid(bench: Arc<dyn Bench>) {
    let device = flash(&*bench);
    for wrong in [
        config().bits_per_word(0),
        config().bits_per_word(33),
        config().speed_hz(0),
    ] {
        let error = device.configure(&wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        let error = Device::open_on(bench.backend(), bench.flash(), &wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    assert_eq!(device.config(), config());
}

/// Whatever this controller cannot do, its refusal names it, and nothing changes.
pub(super) fn what_is_not_granted_is_named(bench: Arc<dyn Bench>) {
    let device = Device::open_on(bench.backend(), bench.nobody(), &config()).unwrap();
    let held = || bench.backend().open(bench.nobody()).unwrap().config();
    for (asked, words) in [
        (config().bits_per_word(31), "words of so many bits"),
        (config().loopback(true), "to read what it writes"),
        (
            config().chip_select(ChipSelect::ActiveHigh),
            "a chip select that is active high",
        ),
        (
            config().chip_select(ChipSelect::None),
            "a chip select that rests",
        ),
        (config().three_wire(true), "data both ways on one wire"),
    ] {
        let result = device.configure(&asked.clone().mode(Mode::Mode1));
        match result {
            Ok(()) => assert_eq!(held().unwrap(), asked.mode(Mode::Mode1)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
                assert!(error.to_string().contains(words), "{error}");
                assert_eq!(held().unwrap(), config());
            }
        }
        device.configure(&config()).unwrap();
    }
}

/// By the controller, or by us.
pub(super) fn the_least_significant_bit_goes_first(bench: Arc<dyn Bench>) {
    let turned = config().bit_order(BitOrder::LsbFirst);
    let mut device = Device::open_on(bench.backend(), bench.flash(), &turned).unwrap();
    let command = [JEDEC_ID.reverse_bits()];
    let mut id = [0; 3];
    let mut operations = [Operation::Write(&command), Operation::Read(&mut id)];
    device.transaction(&mut operations).unwrap();
    assert_is_flash(id.map(u8::reverse_bits));
    let mut bytes = [command[0], 0, 0, 0];
    device.transfer_in_place(&mut bytes).unwrap();
    assert_eq!(bytes[1..], id);
    let held = bench.backend().open(bench.flash()).unwrap().config();
    let by_hardware = held.unwrap().order() == BitOrder::LsbFirst;
    assert_eq!(device.reverses_bits(), !by_hardware);
    device.configure(&config()).unwrap();
    assert!(!device.reverses_bits());
    assert_is_flash(super::id(&mut device));
}

pub(super) fn words_are_whole(bench: Arc<dyn Bench>) {
    let device = Device::open_on(bench.backend(), bench.nobody(), &config()).unwrap();
    for (bits, size) in [(16, 2), (24, 4)] {
        if device.configure(&config().bits_per_word(bits)).is_err() {
            // As most controllers: `what_is_not_granted_is_named`.
            continue;
        }
        let mut device = device.clone();
        let error = device.write(&vec![0; size + 1]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        device.write(&vec![0; size]).unwrap();
    }
    device.configure(&config()).unwrap();
}
