use circuits::stub::chips::Max7219;
use max7219::{DecodeMode, MAX7219};

use crate::spi::on_spi;

/// What a display of eight digits shows, the last digit on the left: as most are soldered.
fn digits(display: &Max7219, chip: usize) -> [u8; 8] {
    [7, 6, 5, 4, 3, 2, 1, 0].map(|digit| display.segments(chip, digit))
}

const L: u8 = 0b000_1110;
const MINUS: u8 = 0b000_0001;
const ONE: u8 = 0b011_0000;
const TWO: u8 = 0b110_1101;

#[test]
fn driver_max7219_digits() {
    let chip = Max7219::new();
    on_spi(chip.clone(), |_, device| {
        let mut display = MAX7219::from_spi(1, device).unwrap();
        display.write_integer(0, -12).unwrap();
        assert_eq!(digits(&chip, 0), [0; 8], "it is off");
        display.power_on().unwrap();
        assert_eq!(digits(&chip, 0), [0, 0, 0, 0, 0, MINUS, ONE, TWO]);
        display.write_str(0, b"    12-L", 0b10).unwrap();
        assert_eq!(digits(&chip, 0), [0, 0, 0, 0, ONE, TWO, 0x80 | MINUS, L]);
        display.set_intensity(0, 0x0f).unwrap();
        assert_eq!(chip.duty(0), 31.0 / 32.0);
        display.power_off().unwrap();
        assert_eq!((digits(&chip, 0), chip.duty(0)), ([0; 8], 0.0));
        display.test(0, true).unwrap();
        assert_eq!(digits(&chip, 0), [0xff; 8]);
    });
}

#[test]
fn driver_max7219_decodes() {
    let chip = Max7219::new();
    on_spi(chip.clone(), |_, device| {
        let mut display = MAX7219::from_spi(1, device).unwrap();
        display.power_on().unwrap();
        display
            .set_decode_mode(0, DecodeMode::CodeBDigits3_0)
            .unwrap();
        for (digit, code) in [(1, 0x0d), (2, 0x0a), (3, 0x82), (4, 0x01), (5, 0x01)] {
            display.write_raw_byte(0, digit, code).unwrap();
        }
        assert_eq!(digits(&chip, 0), [0, 0, 0, 0x01, ONE, 0x80 | TWO, MINUS, L]);
    });
}

#[test]
fn driver_max7219_chain_of_matrices() {
    let chips = Max7219::chain(2);
    on_spi(chips.clone(), |_, device| {
        let mut display = MAX7219::from_spi(2, device).unwrap();
        display.power_on().unwrap();
        let arrow = [0x18, 0x3c, 0x7e, 0xff, 0x18, 0x18, 0x18, 0x18];
        display.write_raw(0, &arrow).unwrap();
        let slope = [0, 1, 2, 3, 4, 5, 6, 7].map(|row| 0x80 >> row);
        display.write_raw(1, &slope).unwrap();
        assert_eq!(
            chips.to_string(),
            "\
            ...##...#.......\n\
            ..####...#......\n\
            .######...#.....\n\
            ########...#....\n\
            ...##.......#...\n\
            ...##........#..\n\
            ...##.........#.\n\
            ...##..........#\n"
        );
        display.clear_display(1).unwrap();
        assert!(chips.to_string().starts_with("...##...........\n"));
    });
}
