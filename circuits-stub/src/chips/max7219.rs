use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_spi::Mode;
use circuits_wait::Time;

use crate::spi::Device;

/// Maxim's MAX7219 driver of LEDs (datasheet 19-4452): eight digits of seven segments and a point, or a
/// matrix of 8 × 8; or a chain of them on one chip select, each with its DIN at the DOUT of the one
/// before.
///
/// All latch their word of 16 bits at the end of the transfer, and all registers are there: decoding,
/// intensity, scan limit, shutdown and display test. As they are switched on, they are shut down. That
/// an LED is brighter when fewer digits are scanned is not there, nor is the way back: DOUT of the last
/// one is not connected.
///
/// Shown by [`Display`](fmt::Display), it is a picture: a row for each digit, `#` for an LED that is
/// lit, from D7 (the point) on the left to D0 (segment G), and the last chip of the chain on the left,
/// so that what is sent first is seen first.
///
/// Clones are the same chips.
///
/// ```
/// use circuits_spi::{Config, Device};
/// use circuits_stub::{Stub, chips::Max7219};
/// use embedded_hal::spi::SpiDevice;
///
/// let matrix = Max7219::new();
/// let board = Stub::virtual_time().spi_device("spidev0.0", matrix.clone())?;
/// let mut device = Device::open_on(&board, "spidev0.0", &Config::new())?;
/// // Switched on, all digits scanned, and something in the first row.
/// for word in [[0x0c, 1], [0x0b, 7], [0x01, 0b1010_0000]] {
///     device.write(&word)?;
/// }
/// assert!(matrix.to_string().starts_with("#.#.....\n........\n"));
/// assert!(matrix.is_lit(0, 0, 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Max7219(Arc<Mutex<State>>);

struct State {
    /// The last bytes that came, which is what the shift registers hold.
    shifted: VecDeque<u8>,
    /// From the controller's side on.
    chips: Vec<Registers>,
}

#[derive(Clone, Debug, Default)]
struct Registers {
    digits: [u8; 8],
    /// A bit for each digit.
    decode: u8,
    intensity: u8,
    /// The last digit that is scanned.
    scan_limit: u8,
    is_on: bool,
    is_test: bool,
}

/// Segments DP and A to G of what code B has (table 5).
const CODE_B: [u8; 16] = [
    0b0111_1110,
    0b0011_0000,
    0b0110_1101,
    0b0111_1001,
    0b0011_0011,
    0b0101_1011,
    0b0101_1111,
    0b0111_0000,
    0b0111_1111,
    0b0111_1011,
    // -, E, H, L, P, and nothing.
    0b0000_0001,
    0b0100_1111,
    0b0011_0111,
    0b0000_1110,
    0b0110_0111,
    0,
];

/// Above the segments: the point, which is not decoded.
const POINT: u8 = 1 << 7;

impl Max7219 {
    /// Makes one chip, as it is switched on.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Max7219 {
        Max7219::chain(1)
    }

    /// Makes a chain of chips, as they are switched on.
    pub fn chain(chips: usize) -> Max7219 {
        Max7219(Arc::new(Mutex::new(State {
            shifted: vec![0; 2 * chips].into(),
            chips: vec![Registers::default(); chips],
        })))
    }

    /// Tells whether an LED is lit: of a chip of the chain, counted from the controller on, the digit
    /// (0 to 7) and the segment (7 is the point, 6 to 0 are A to G).
    ///
    /// # Panics
    /// As the index of a slice does, if there is no such chip, or no such digit.
    pub fn is_lit(&self, chip: usize, digit: usize, segment: u32) -> bool {
        let lit = u32::from(self.segments(chip, digit));
        lit.checked_shr(segment).is_some_and(|lit| lit & 1 != 0)
    }

    /// Returns which LEDs of a digit are lit: bit 7 is the point, bits 6 to 0 are A to G.
    ///
    /// # Panics
    /// As [`is_lit`](Max7219::is_lit).
    pub fn segments(&self, chip: usize, digit: usize) -> u8 {
        self.lock().chips[chip].segments(digit)
    }

    /// Returns for which part of the time the LEDs of a chip have current, 0 to 1: 32nds by the
    /// intensity, nothing in shutdown.
    ///
    /// # Panics
    /// As the index of a slice does, if there is no such chip.
    pub fn duty(&self, chip: usize) -> f32 {
        self.lock().chips[chip].duty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Registers {
    fn latch(&mut self, [address, data]: [u8; 2]) {
        // The upper four bits of the address are not looked at.
        match address & 0x0f {
            digit @ 1..=8 => self.digits[usize::from(digit) - 1] = data,
            0x09 => self.decode = data,
            0x0a => self.intensity = data & 0x0f,
            0x0b => self.scan_limit = data & 0b111,
            0x0c => self.is_on = data & 1 != 0,
            0x0f => self.is_test = data & 1 != 0,
            _ => {}
        }
    }

    fn segments(&self, digit: usize) -> u8 {
        let data = self.digits[digit];
        match self.decode >> digit & 1 {
            _ if self.is_test => 0xff,
            _ if !self.is_on || digit > usize::from(self.scan_limit) => 0,
            0 => data,
            _ => data & POINT | CODE_B[usize::from(data & 0x0f)],
        }
    }

    /// Table 7, and what the display test has.
    fn duty(&self) -> f32 {
        match self.intensity {
            _ if self.is_test => 31.0 / 32.0,
            _ if !self.is_on => 0.0,
            intensity => (2.0 * f32::from(intensity) + 1.0) / 32.0,
        }
    }
}

impl Device for Max7219 {
    fn transfer(&mut self, byte: u8) -> u8 {
        let mut state = self.lock();
        state.shifted.push_front(byte);
        state.shifted.pop_back();
        0xff
    }

    fn deselect(&mut self, _: Time) {
        let state = &mut *self.lock();
        for (number, chip) in state.chips.iter_mut().enumerate() {
            // The later byte of a word is in front.
            chip.latch([state.shifted[2 * number + 1], state.shifted[2 * number]]);
        }
    }

    fn understands(&self, mode: Mode) -> bool {
        matches!(mode, Mode::Mode0 | Mode::Mode3)
    }
}

impl fmt::Display for Max7219 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        for digit in 0..8 {
            for chip in state.chips.iter().rev() {
                let segments = chip.segments(digit);
                for segment in (0..8).rev() {
                    f.write_str(if segments >> segment & 1 != 0 {
                        "#"
                    } else {
                        "."
                    })?;
                }
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Max7219 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Max7219").field(&self.lock().chips).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(chips: &mut Max7219, bytes: &[u8]) {
        chips.select(Time::ZERO);
        bytes.iter().for_each(|byte| _ = chips.transfer(*byte));
        chips.deselect(Time::ZERO);
    }

    /// Sends words of one chip.
    fn chip(words: &[[u8; 2]]) -> Max7219 {
        let mut chip = Max7219::new();
        words.iter().for_each(|word| send(&mut chip, word));
        chip
    }

    fn all(chip: &Max7219) -> [u8; 8] {
        [0, 1, 2, 3, 4, 5, 6, 7].map(|digit| chip.segments(0, digit))
    }

    /// "Initial Power-Up".
    #[test]
    fn is_switched_on_dark() {
        assert_eq!(all(&chip(&[[1, 0xff]])), [0; 8]);
        let chip = chip(&[[1, 0x8a], [2, 0xff], [0x0c, 1]]);
        assert_eq!(
            all(&chip),
            [0x8a, 0, 0, 0, 0, 0, 0, 0],
            "one digit, not decoded"
        );
        assert_eq!(chip.duty(0), 1.0 / 32.0);
    }

    /// Table 5, by the names of the segments.
    #[test]
    fn code_b_is_that_of_the_datasheet() {
        let names = [
            "ABCDEF", "BC", "ABDEG", "ABCDG", "BCFG", "ACDFG", "ACDEFG", "ABC", "ABCDEFG",
            "ABCDFG", "G", "ADEFG", "BCEFG", "DEF", "ABEFG", "",
        ];
        for (code, names) in (0..).zip(names) {
            let bits = names
                .bytes()
                .fold(0, |bits, name| bits | 1 << (b'G' - name));
            // Three bits do not count.
            let chip = chip(&[
                [0x0c, 1],
                [0x0b, 7],
                [0x09, 0b10],
                [1, code],
                [2, 0x70 | code],
            ]);
            assert_eq!(chip.segments(0, 1), bits, "{code}");
            assert_eq!(chip.segments(0, 0), code, "{code}");
        }
        let chip = chip(&[[0x0c, 1], [0x09, 1], [1, 0x8f]]);
        let lit = [0, 1, 2, 3, 4, 5, 6, 7, 8, 40].map(|segment| chip.is_lit(0, 0, segment));
        assert_eq!(
            lit,
            [
                false, false, false, false, false, false, false, true, false, false
            ]
        );
    }

    #[test]
    fn controls_do_what_the_datasheet_says() {
        let mut chip = chip(&[[0x0c, 1], [0x0b, 2], [0x0a, 0x0a]]);
        (1..=8).for_each(|digit| send(&mut chip, &[digit, 0x18]));
        assert_eq!(all(&chip), [0x18, 0x18, 0x18, 0, 0, 0, 0, 0]);
        assert_eq!(chip.duty(0), 21.0 / 32.0);
        send(&mut chip, &[0xfc, 0]);
        assert_eq!((all(&chip), chip.duty(0)), ([0; 8], 0.0));
        send(&mut chip, &[0x0f, 1]);
        assert_eq!(
            (all(&chip), chip.duty(0)),
            ([0xff; 8], 31.0 / 32.0),
            "even shut down"
        );
        send(&mut chip, &[0x0f, 0]);
        send(&mut chip, &[0x0c, 1]);
        // No-op, and an address that is nothing.
        send(&mut chip, &[0x00, 0xff]);
        send(&mut chip, &[0x0d, 0xff]);
        send(&mut chip, &[0x0b, 0xfc]);
        assert_eq!(all(&chip), [0x18, 0x18, 0x18, 0x18, 0x18, 0, 0, 0]);
        assert_eq!(chip.duty(0), 21.0 / 32.0);
    }

    #[test]
    fn only_the_last_word_counts_and_only_at_the_end() {
        let mut chip = chip(&[[0x0c, 1]]);
        chip.select(Time::ZERO);
        for byte in [0x01, 0xaa, 0x01, 0x55] {
            chip.transfer(byte);
            assert_eq!(chip.segments(0, 0), 0);
        }
        chip.deselect(Time::ZERO);
        assert_eq!(chip.segments(0, 0), 0x55);
    }

    #[test]
    fn a_chain_passes_on() {
        let mut chips = Max7219::chain(3);
        send(&mut chips, &[0x0c, 1, 0x0c, 1, 0x0c, 1]);
        send(&mut chips, &[0x01, 0x01, 0x00, 0x00, 0x01, 0x80]);
        let first = [0, 1, 2].map(|chip| chips.segments(chip, 0));
        assert_eq!(first, [0x80, 0, 0x01]);
        assert!(chips.to_string().starts_with(".......#........#.......\n"));
        // A word for one goes to the first, and what that had to the next.
        send(&mut chips, &[0x01, 0x42]);
        let first = [0, 1, 2].map(|chip| chips.segments(chip, 0));
        assert_eq!(first, [0x42, 0x80, 0x01]);
    }
}
