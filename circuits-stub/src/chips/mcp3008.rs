use std::array;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_spi::Mode;
use circuits_wait::Time;

use crate::spi::Device;

/// Microchip's MCP3008 analogue-to-digital converter (datasheet DS21295): eight channels, ten bits, for
/// modes 0 and 3.
///
/// It waits for a start bit, measures one channel, or one against its neighbour, and sends the result
/// most significant bit first, then the other way round, then zeros, until it is deselected. Before it
/// has something to say the line stays high. The inputs are what they are when the clock starts to run;
/// noise, offset, and clocks that are too slow or too fast for the supply are not there.
///
/// Clones are the same chip.
///
/// ```
/// use circuits_spi::{Config, Device};
/// use circuits_stub::{Stub, chips::Mcp3008};
/// use embedded_hal::spi::SpiDevice;
///
/// let chip = Mcp3008::new(3.3);
/// let board = Stub::virtual_time().spi_device("spidev0.0", chip.clone())?;
/// let mut adc = Device::open_on(&board, "spidev0.0", &Config::new().speed_hz(1_350_000))?;
/// chip.set_volts(2, 1.65);
/// let mut bytes = [1, 0b1010_0000, 0];
/// adc.transfer_in_place(&mut bytes)?;
/// assert_eq!(u16::from_be_bytes([bytes[1] & 0b11, bytes[2]]), 512);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Mcp3008(Arc<Mutex<State>>);

type Input = Box<dyn Fn(Time) -> f32 + Send>;

struct State {
    inputs: [Input; 8],
    reference: f32,
    now: Time,
    /// Clocks since the start bit.
    clocks: Option<u32>,
    /// SGL/DIFF, D2, D1 and D0.
    setting: u8,
    code: u16,
}

const SINGLE: u8 = 1 << 3;

impl Mcp3008 {
    /// Makes a chip with a reference of so many volts on its pin VREF, and 0 V on all channels.
    pub fn new(reference: f32) -> Mcp3008 {
        Mcp3008(Arc::new(Mutex::new(State {
            inputs: array::from_fn(|_| Box::new(|_| 0f32) as Input),
            reference,
            now: Time::ZERO,
            clocks: None,
            setting: 0,
            code: 0,
        })))
    }

    /// Sets the voltage of a channel, 0 to 7. The chip measures 1024ths of the reference, from zero on.
    ///
    /// # Panics
    /// As the index of a slice does, if there is no such channel.
    pub fn set_volts(&self, channel: usize, volts: f32) {
        self.follow(channel, move |_| volts);
    }

    /// Has the voltage of a channel, 0 to 7, go with the board's time.
    ///
    /// # Panics
    /// As the index of a slice does, if there is no such channel.
    pub fn follow(&self, channel: usize, volts: impl Fn(Time) -> f32 + Send + 'static) {
        self.lock().inputs[channel] = Box::new(volts);
    }

    /// Sets the voltage of the pin VREF.
    pub fn set_reference(&self, volts: f32) {
        self.lock().reference = volts;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    /// Takes a bit, and gives one (figure 5-1).
    fn clock(&mut self, bit: bool) -> bool {
        let Some(clocks) = self.clocks else {
            if bit {
                (self.clocks, self.setting) = (Some(0), 0);
            }
            return true;
        };
        let clocks = clocks.saturating_add(1);
        self.clocks = Some(clocks);
        match clocks {
            1..=4 => {
                self.setting = self.setting << 1 | u8::from(bit);
                true
            }
            5 => {
                self.code = self.convert();
                true
            }
            7..=16 => self.code >> (16 - clocks) & 1 != 0,
            17..=25 => self.code >> (clocks - 16) & 1 != 0,
            _ => false,
        }
    }

    /// Table 5-2 and equation 4-2.
    fn convert(&self) -> u16 {
        let channel = usize::from(self.setting & 0b111);
        let minus = match self.setting & SINGLE {
            0 => self.volts(channel ^ 1),
            _ => 0.0,
        };
        let volts = self.volts(channel) - minus;
        // A conversion from a number that is too large or none at all ends at the next that there is.
        let code = (1024.0 * volts / f64::from(self.reference)) as u16;
        code.min(1023)
    }

    fn volts(&self, channel: usize) -> f64 {
        f64::from((self.inputs[channel])(self.now))
    }
}

impl Device for Mcp3008 {
    fn select(&mut self, time: Time) {
        let mut state = self.lock();
        (state.now, state.clocks) = (time, None);
    }

    fn clock(&mut self, time: Time) {
        self.lock().now = time;
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        let mut state = self.lock();
        (0..8).rev().fold(0, |answer, bit| {
            answer << 1 | u8::from(state.clock(byte >> bit & 1 != 0))
        })
    }

    fn understands(&self, mode: Mode) -> bool {
        matches!(mode, Mode::Mode0 | Mode::Mode3)
    }
}

impl fmt::Debug for Mcp3008 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mcp3008")
            .field("reference", &self.lock().reference)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send<const N: usize>(chip: &mut Mcp3008, bytes: [u8; N]) -> [u8; N] {
        chip.select(Time::ZERO);
        let answer = bytes.map(|byte| chip.transfer(byte));
        chip.deselect(Time::ZERO);
        answer
    }

    /// Figure 6-1.
    fn read(chip: &mut Mcp3008, setting: u8) -> u16 {
        let [_, high, low] = send(chip, [1, setting << 4, 0]);
        assert_eq!(high & 0b100, 0, "the null bit");
        u16::from_be_bytes([high & 0b11, low])
    }

    #[test]
    fn codes_are_those_of_the_equation() {
        let mut chip = Mcp3008::new(4.096);
        for (volts, code) in [
            (0.0, 0),
            (0.0039, 0),
            (0.0041, 1),
            (2.048, 512),
            (2.0479, 511),
            (4.0919, 1022),
            (4.0921, 1023),
            (4.096, 1023),
            (5.0, 1023),
            (-0.3, 0),
        ] {
            chip.set_volts(5, volts);
            assert_eq!(read(&mut chip, SINGLE | 5), code, "{volts} V");
        }
        chip.set_volts(5, 1.0);
        chip.set_reference(2.0);
        assert_eq!(read(&mut chip, SINGLE | 5), 512);
        chip.set_reference(0.0);
        assert_eq!(read(&mut chip, SINGLE | 5), 1023);
        chip.set_volts(5, f32::NAN);
        assert_eq!(read(&mut chip, SINGLE | 5), 0);
    }

    /// Table 5-2.
    #[test]
    fn channels_are_single_or_against_their_neighbour() {
        let mut chip = Mcp3008::new(1.024);
        let volts = [
            0.5005, 0.1001, 0.2001, 0.8005, 0.3005, 0.3005, 0.9005, 0.0001,
        ];
        for (channel, volts) in volts.into_iter().enumerate() {
            chip.set_volts(channel, volts);
        }
        let single = [8, 9, 10, 11, 12, 13, 14, 15].map(|setting| read(&mut chip, setting));
        assert_eq!(single, [500, 100, 200, 800, 300, 300, 900, 0]);
        let pairs = [0, 1, 2, 3, 4, 5, 6, 7].map(|setting| read(&mut chip, setting));
        assert_eq!(pairs, [400, 0, 0, 600, 0, 0, 900, 0]);
    }

    /// Figures 5-1 and 5-2: the start bit may come at any time, and after the result comes the result.
    #[test]
    fn bits_come_in_their_order() {
        let mut chip = Mcp3008::new(1.024);
        // 0b10_1100_0101
        chip.set_volts(0, 0.7095);
        assert_eq!(
            send(&mut chip, [0b1100_0000, 0, 0, 0, 0]),
            [0b1111_1101, 0b0110_0010, 0b1010_0011, 0b0100_0000, 0]
        );
        assert_eq!(
            send(&mut chip, [0, 0b0000_0110, 0, 0, 0]),
            [0xff, 0xff, 0b1110_1011, 0b0001_0101, 0b0001_1010]
        );
        assert_eq!(send(&mut chip, [0, 0, 0]), [0xff; 3], "no start bit");
    }

    #[test]
    fn follows_the_time() {
        let mut chip = Mcp3008::new(1.024);
        chip.follow(0, |time| time.as_nanos() as f32 / 1e9);
        chip.select(Time::ZERO);
        chip.clock(Time::from_nanos(250_500_000));
        let [_, high, low] = [1, 0x80, 0].map(|byte| chip.transfer(byte));
        assert_eq!(u16::from_be_bytes([high & 0b11, low]), 250);
    }
}
