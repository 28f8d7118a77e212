//! The same drivers on the kernel, with the chips that the emulated Pi has.
#![cfg(target_os = "linux")]

use circuits::Board;
use circuits::spi::Config;
use circuits_bench::Outside;
use eeprom24x::{Eeprom24x, SlaveAddr as EepromAddress};
use tmp1x2::{SlaveAddr, Tmp1x2};
use w25q32jv::{SECTOR_SIZE, W25q32jv};

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
