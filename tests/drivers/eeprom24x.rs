use std::time::Duration;

use circuits::i2c::{Bus, ErrorKind};
use circuits::stub::Stub;
use circuits::stub::chips::{At24c, At24cSize};
use eeprom24x::{Eeprom24x, Eeprom24xTrait, Error, SlaveAddr, Storage};
use embedded_storage::{ReadStorage, Storage as _};

use crate::deaf::{on_i2c, on_i2c_at};

fn on_chip(chip: &At24c, test: impl Fn(&Stub, Bus)) {
    let blocks = (0..chip.blocks()).map(|block| (0x50 + block, Box::new(chip.block(block)) as _));
    on_i2c_at(blocks, test);
}

fn wait_write(stub: &Stub) {
    stub.delay().sleep(Duration::from_millis(5)).unwrap();
}

/// Bytes at the beginning and at the end, a page before the end, and all of it read at once.
fn round_trip<D: Eeprom24xTrait>(chip: &At24c, stub: &Stub, driver: &mut D)
where
    D::Error: std::fmt::Debug,
{
    let page = driver.page_size();
    let size = chip.contents().len();
    let bytes: Vec<u8> = (0..page as u8).map(|byte| byte ^ 0x5a).collect();
    driver.write_byte(0, 0x11).unwrap();
    assert!(driver.read_byte(0).is_err(), "it is writing");
    wait_write(stub);
    driver.write_byte(size as u32 - 1, 0x22).unwrap();
    wait_write(stub);
    driver.write_page((size - 2 * page) as u32, &bytes).unwrap();
    wait_write(stub);

    let mut expected = vec![0xff; size];
    expected[0] = 0x11;
    expected[size - 1] = 0x22;
    expected[size - 2 * page..size - page].copy_from_slice(&bytes);
    assert_eq!(chip.contents(), expected);
    let mut all = vec![0; size.min(8192)];
    driver
        .read_data((size - all.len()) as u32, &mut all)
        .unwrap();
    assert_eq!(all, expected[size - all.len()..]);
    assert_eq!(driver.read_current_address().unwrap(), 0x11);
}

#[test]
fn driver_eeprom24x_sizes() {
    macro_rules! size {
        ($size:ident, $new:ident) => {
            let chip = At24c::new(At24cSize::$size);
            on_chip(&chip, |stub, bus| {
                let mut driver = Eeprom24x::$new(bus, SlaveAddr::Default);
                round_trip(&chip, stub, &mut driver);
            });
        };
    }
    size!(C01, new_24x01);
    size!(C02, new_24x02);
    size!(C04, new_24x04);
    size!(C08, new_24x08);
    size!(C16, new_24x16);
    size!(C32, new_24x32);
    size!(C64, new_24x64);
    size!(C128, new_24x128);
    size!(C256, new_24x256);
    size!(C512, new_24x512);
}

#[test]
fn driver_eeprom24x_storage() {
    let chip = At24c::new(At24cSize::C16);
    on_chip(&chip, |stub, bus| {
        let driver = Eeprom24x::new_24x16(bus, SlaveAddr::Default);
        let mut storage = Storage::new(driver, stub.delay());
        let text = b"over the ends of pages, and of a block of 256 bytes";
        storage.write(230, text).unwrap();
        assert_eq!(chip.contents()[230..230 + text.len()], *text);
        let mut read = vec![0; text.len()];
        storage.read(230, &mut read).unwrap();
        assert_eq!(read, text);
        assert_eq!(storage.capacity(), 2048);
    });
}

#[test]
fn driver_eeprom24x_waits_for_the_acknowledge() {
    let chip = At24c::new(At24cSize::C256);
    on_i2c(0x53, chip.clone(), |stub, bus| {
        let address = SlaveAddr::Alternative(false, true, true);
        let mut driver = Eeprom24x::new_24x256(bus, address);
        driver.write_page(0x40, &[1, 2, 3]).unwrap();
        let written = stub.clock().now();
        let byte = loop {
            match driver.read_byte(0x41) {
                Err(Error::I2C(error)) => assert_eq!(error.kind(), ErrorKind::NoAcknowledge),
                byte => break byte.unwrap(),
            }
        };
        assert_eq!(byte, 2);
        // A read has 60 bits of 10 us with its start and stop; a refused one has 11.
        let waited = stub.clock().now().since(written).as_micros();
        assert!((5000..=5000 + 110 + 600).contains(&waited), "{waited}");
    });
}

#[test]
fn driver_eeprom24x_write_protect() {
    let chip = At24c::new(At24cSize::C02);
    on_i2c(0x50, chip.clone(), |_, bus| {
        let mut driver = Eeprom24x::new_24x02(bus, SlaveAddr::Default);
        chip.set_contents(&[1, 2, 3]).unwrap();
        chip.set_write_protected(true);
        driver.write_byte(1, 9).unwrap();
        assert_eq!(driver.read_byte(1).unwrap(), 2, "at once, and as it was");
        assert_eq!(chip.contents()[..3], [1, 2, 3]);
    });
}
