mod alert;
mod converter;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use self::alert::{Alert, Levels};
use self::converter::{Converter, LATCHING, START};
use crate::i2c::{Acknowledge, Device, Transfer};
use crate::{Error, Pin, Result};

/// TI's ADS1115 analog-to-digital converter (datasheet SBAS444), at addresses 0x48 to 0x4b.
///
/// A conversion takes as long as the data rate says, and a single one 25 us more to wake up. It shows
/// what was at the inputs when it began. What is written while one is under way is for the next. The
/// comparator and its queue, and the conversion-ready signal, are at the pin ALERT/RDY, if it is
/// [connected](Ads1115::alert_pin).
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Ads1115};
/// use embedded_hal::i2c::I2c;
/// use std::time::Duration;
///
/// let chip = Ads1115::new();
/// chip.set_volts(2, 1.5)?;
/// let stub = Stub::virtual_time().i2c_device("i2c-1", 0x48, chip.clone())?;
/// let mut bus = Bus::open_on(&stub, "i2c-1", &Config::new())?;
/// // AIN2, within 2.048 V, once, 128 times a second.
/// bus.write(0x48, &[1, 0xe5, 0x83])?;
/// stub.delay().sleep(Duration::from_millis(8))?;
/// let mut value = [0; 2];
/// bus.write_read(0x48, &[0], &mut value)?;
/// assert_eq!(i16::from_be_bytes(value), 24_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In continuous conversion, the conversions since the chip was last asked are of what is at the inputs
/// now, unless ALERT/RDY is connected: then they are of what was there. That pin does what it will do
/// in the next 256 conversions, counted from the last time that somebody addressed the chip or changed
/// a voltage. The general call, SMBus alert, high-speed mode, and noise are not there.
///
/// Clones are the same chip.
#[derive(Clone)]
pub struct Ads1115(Arc<Mutex<Chip>>);

struct Chip {
    inputs: [Input; 4],
    converter: Converter,
    alert: Option<Alert>,
    pointer: u8,
    /// How many bytes came or went since the start.
    byte: usize,
    /// The register that goes out, as it was at the start.
    latched: u16,
    /// The first byte of a register, and both.
    upper: u8,
    written: Option<u16>,
}

/// In volts, as time goes by.
type Input = Box<dyn Fn(Time) -> f32 + Send>;

/// For how many conversions the pin is worked out in advance.
const AHEAD: usize = 256;

impl Ads1115 {
    /// Makes a chip whose inputs are at 0 V.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Ads1115 {
        Ads1115(Arc::new(Mutex::new(Chip {
            inputs: [(); 4].map(|()| Box::new(|_| 0.0_f32) as Input),
            converter: Converter::after_reset(),
            alert: None,
            pointer: 0,
            byte: 0,
            latched: 0,
            upper: 0,
            written: None,
        })))
    }

    /// Connects the pin ALERT/RDY. It is an open drain: the line wants a pull-up.
    pub fn alert_pin(self, pin: Pin) -> Ads1115 {
        self.lock().alert = Some(Alert::new(pin));
        self
    }

    /// Sets the voltage at an input, AIN0 to AIN3, against ground. The chip measures whatever it is:
    /// no supply limits it.
    ///
    /// # Errors
    /// [`Error::NoInput`].
    pub fn set_volts(&self, input: usize, volts: f32) -> Result<()> {
        self.follow(input, move |_| volts)
    }

    /// Has the voltage at an input go with the board's time.
    ///
    /// # Errors
    /// [`Error::NoInput`].
    pub fn follow(&self, input: usize, volts: impl Fn(Time) -> f32 + Send + 'static) -> Result<()> {
        let mut chip = self.lock();
        if let Some(now) = chip.alert.as_ref().and_then(Alert::now) {
            chip.catch_up(now);
        }
        let at = chip.inputs.get_mut(input);
        *at.ok_or(Error::NoInput { input })? = Box::new(volts);
        chip.look_ahead();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Chip {
    /// Brings the chip to a time.
    fn catch_up(&mut self, time: Time) {
        self.skip(time);
        while let Some(running) = self
            .converter
            .running
            .take_if(|running| running.ends <= time)
        {
            self.converter.end(running, &self.inputs);
            if let Some(alert) = &mut self.alert {
                self.converter
                    .tell(running.ends, |time, level| alert.note(time, level));
            }
        }
    }

    /// Passes over conversions that nobody can have seen the end of.
    fn skip(&mut self, time: Time) {
        let Some(running) = self.converter.running else {
            return;
        };
        let period = self.converter.period();
        let passed = time.since(running.ends).as_nanos() / u128::from(period);
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let skipped = passed.saturating_sub(AHEAD as u64);
        if skipped > 0 && self.converter.is_continuous() {
            self.converter.end(running, &self.inputs);
            let next = running.ends + Duration::from_nanos(skipped.saturating_mul(period));
            self.converter.begin(next, &self.inputs);
        }
    }

    /// Does what was written, which is at the end of the message.
    fn take(&mut self, time: Time) {
        self.catch_up(time);
        let Some(value) = self.written.take() else {
            return;
        };
        match self.pointer {
            0 => {}
            1 => self.converter.configure(value, time, &self.inputs),
            2 => self.converter.low = value as i16,
            _ => self.converter.high = value as i16,
        }
        if let Some(alert) = &mut self.alert {
            alert.note(time, self.converter.level(time));
        }
    }

    fn register(&mut self, time: Time) -> u16 {
        let converter = &mut self.converter;
        match self.pointer {
            0 => {
                // Who reads has seen the alert.
                if converter.config & LATCHING != 0 && converter.is_alert {
                    converter.is_alert = false;
                    if let Some(alert) = &mut self.alert {
                        alert.note(time, converter.level(time));
                    }
                }
                converter.conversion as u16
            }
            1 if converter.running.is_some() => converter.config,
            1 => converter.config | START,
            2 => converter.low as u16,
            _ => converter.high as u16,
        }
    }

    /// Has the pin do what it will do, if nobody interferes.
    fn look_ahead(&mut self) {
        let Some(alert) = &mut self.alert else {
            return;
        };
        let mut levels = Levels::new();
        let mut ahead = self.converter.clone();
        for _ in 0..AHEAD {
            let Some(running) = ahead.running.filter(|_| !ahead.is_off()) else {
                break;
            };
            ahead.end(running, &self.inputs);
            ahead.tell(running.ends, |time, level| levels.push((time, level)));
        }
        alert.play(levels);
    }
}

impl Device for Ads1115 {
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        let mut chip = self.lock();
        chip.take(time);
        chip.byte = 0;
        if transfer == Transfer::Read {
            chip.latched = chip.register(time);
        }
        chip.look_ahead();
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut chip = self.lock();
        match chip.byte {
            0 => chip.pointer = byte & 0b11,
            1 => chip.upper = byte,
            2 => chip.written = Some(u16::from_be_bytes([chip.upper, byte])),
            _ => return Acknowledge::No,
        }
        chip.byte += 1;
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let mut chip = self.lock();
        chip.byte = (chip.byte + 1).min(3);
        match chip.byte {
            1 => (chip.latched >> 8) as u8,
            2 => chip.latched as u8,
            _ => 0xff,
        }
    }

    fn stop(&mut self, time: Time) {
        let mut chip = self.lock();
        chip.take(time);
        chip.look_ahead();
    }

    fn power(&mut self, _: bool, time: Time) {
        let mut chip = self.lock();
        chip.catch_up(time);
        chip.converter = Converter::after_reset();
        (chip.pointer, chip.byte, chip.written) = (0, 0, None);
        // An open drain, which lets go in either case.
        if let Some(alert) = &mut chip.alert {
            alert.note(time, None);
        }
        chip.look_ahead();
    }
}

impl fmt::Debug for Ads1115 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chip = self.lock();
        f.debug_struct("Ads1115")
            .field("config", &format_args!("{:#06x}", chip.converter.config))
            .field("conversion", &chip.converter.conversion)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn at(micros: u64) -> Time {
        Time::ZERO + Duration::from_micros(micros)
    }

    pub(super) fn write(chip: &mut Ads1115, time: Time, register: u8, value: u16) {
        let [high, low] = value.to_be_bytes();
        chip.start(Transfer::Write, time);
        for byte in [register, high, low] {
            assert_eq!(chip.write(byte), Acknowledge::Yes);
        }
        chip.stop(time);
    }

    pub(super) fn read(chip: &mut Ads1115, time: Time, register: u8) -> u16 {
        chip.start(Transfer::Write, time);
        chip.write(register);
        chip.start(Transfer::Read, time);
        let value = u16::from_be_bytes([chip.read(), chip.read()]);
        chip.stop(time);
        value
    }

    /// Tables 8-2 to 8-4: the registers, and what they are after a reset.
    #[test]
    fn resets_as_the_datasheet_says() {
        let mut chip = Ads1115::new();
        let registers = [0, 1, 2, 3].map(|register| read(&mut chip, at(0), register));
        assert_eq!(registers, [0, 0x8583, 0x8000, 0x7fff]);
        write(&mut chip, at(0), 0, 0x1234);
        assert_eq!(read(&mut chip, at(0), 0), 0, "read-only");
    }

    /// Table 7-3: codes for input voltages, as parts of the full scale.
    #[test]
    fn codes_are_those_of_the_datasheet() {
        let mut chip = Ads1115::new();
        let lsb = 2.048 / 32_768.0;
        for (number, (volts, code)) in [
            (2.048, 0x7fff),
            (5.0, 0x7fff),
            (2.048 - lsb, 0x7fff),
            (lsb, 1),
            (0.0, 0),
            (-lsb, 0xffff),
            (-2.048, 0x8000),
            (-5.0, 0x8000),
        ]
        .into_iter()
        .enumerate()
        {
            let time = 10_000 * number as u64;
            chip.set_volts(0, volts).unwrap();
            write(&mut chip, at(time), 1, 0xc583);
            assert_eq!(read(&mut chip, at(time + 9_000), 0), code, "{volts}");
        }
    }

    /// Table 8-3: what is between the inputs, the gain, and how long it takes.
    #[test]
    fn a_conversion_is_set_up_by_the_bits_of_the_table() {
        let mut chip = Ads1115::new();
        for (input, volts) in [0.2, 0.15, 0.1, 0.025].into_iter().enumerate() {
            chip.set_volts(input, volts).unwrap();
        }
        let mut time = 0;
        let mut convert = |config: u16, micros: u64| {
            time += 1_000_000;
            write(&mut chip, at(time), 1, config | 0x8100);
            assert_eq!(
                read(&mut chip, at(time + micros + 23), 1) >> 15,
                0,
                "{config:#x}"
            );
            assert_eq!(
                read(&mut chip, at(time + micros + 27), 1) >> 15,
                1,
                "{config:#x}"
            );
            f64::from(read(&mut chip, at(time + micros + 27), 0) as i16)
        };
        for (mux, volts) in [0.05, 0.175, 0.125, 0.075, 0.2, 0.15, 0.1, 0.025]
            .iter()
            .enumerate()
        {
            let code = convert((mux as u16) << 12 | 0b101 << 9 | 0b100 << 5, 7812);
            assert_eq!(code, (volts / 0.256 * 32_768.0_f64).round(), "{mux}");
        }
        for (pga, scale) in [6.144, 4.096, 2.048, 1.024, 0.512, 0.256]
            .iter()
            .enumerate()
        {
            let code = convert(0x4000 | (pga as u16) << 9 | 0b111 << 5, 1162);
            assert_eq!(code, (0.2 / scale * 32_768.0_f64).round(), "{pga}");
        }
        for (rate, micros) in [125_000, 62_500, 31_250, 15_625, 7812, 4000, 2105, 1162]
            .into_iter()
            .enumerate()
        {
            convert((rate as u16) << 5, micros);
        }
        assert_eq!(
            chip.set_volts(4, 1.0).unwrap_err().to_string(),
            "the chip has no input 4"
        );
    }

    #[test]
    fn what_is_running_goes_on_to_its_end() {
        let mut chip = Ads1115::new();
        chip.set_volts(0, 1.0).unwrap();
        chip.set_volts(1, 0.5).unwrap();
        // AIN0 8 times a second, and then AIN1.
        write(&mut chip, at(0), 1, 0x4403);
        write(&mut chip, at(10), 1, 0x5403);
        let values = [124_990, 125_010, 249_990, 250_010].map(|time| read(&mut chip, at(time), 0));
        assert_eq!(values, [0, 16_000, 16_000, 8000]);
        assert_eq!(read(&mut chip, at(250_020), 1), 0x5403, "always converting");
    }

    #[test]
    fn hours_of_conversions_are_over_at_once() {
        let mut chip = Ads1115::new();
        chip.follow(0, |time| time.as_nanos() as f32 / 1e13)
            .unwrap();
        write(&mut chip, at(0), 1, 0x40e3);
        let period = 1_000_000_000 / 860;
        // The last that is over at that time began a period before it ended.
        let ended = 36_000_000_000_000 / period * period;
        let begun = Time::ZERO + Duration::from_nanos(ended - period);
        let volts = begun.as_nanos() as f64 / 1e13;
        let code = read(&mut chip, Time::ZERO + Duration::from_secs(36_000), 0);
        assert_eq!(code, (volts / 6.144 * 32_768.0).round() as u16);
        assert_eq!(
            chip.lock().converter.running.unwrap().ends.as_nanos(),
            ended + period
        );
    }
}
