use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use crate::i2c::{Acknowledge, Device, Transfer};

/// TI's TMP102 temperature sensor (datasheet SBOS397), at addresses 0x48 to 0x4b.
///
/// It has been on for long when the program comes: in continuous conversion it shows the
/// temperature that is set. In shutdown it shows that of the last conversion, and a one-shot takes
/// 26 ms of the board's time. Both resolutions (`EM`), the limits and the alert flag (`AL`) in
/// comparator and interrupt mode are there; the flag follows the first conversion beyond a limit,
/// whatever the fault queue says, and the ALERT pin, SMBus alert and the general call are not
/// there. When it has lost its [power](crate::Stub::power_i2c) it begins anew, and shows 0 °C until the first conversion
/// is over.
///
/// Clones are the same chip.
#[derive(Clone)]
pub struct Tmp102(Arc<Mutex<Registers>>);

type Surroundings = Box<dyn Fn(Time) -> f32 + Send>;

struct Registers {
    surroundings: Surroundings,
    pointer: u8,
    /// As read, but for the flags OS and AL.
    config: u16,
    low: u16,
    high: u16,
    /// What the last conversion came to, in sixteenths of a degree.
    sixteenths: i16,
    conversion_ends: Option<Time>,
    alert: bool,
    now: Time,
    byte: usize,
}

const ONE_SHOT: u16 = 1 << 15;
const RESOLUTION: u16 = 0b11 << 13;
const POLARITY: u16 = 1 << 10;
const INTERRUPT_MODE: u16 = 1 << 9;
const SHUTDOWN: u16 = 1 << 8;
const ALERT: u16 = 1 << 5;
const EXTENDED: u16 = 1 << 4;

/// What can be written: all but OS (which is a command), R1, R0, AL and the four unused bits.
const WRITABLE: u16 = 0b0001_1111_1101_0000;

/// Typical; 35 ms at most (section 6.5).
const CONVERSION: Duration = Duration::from_millis(26);

impl Tmp102 {
    /// Makes a chip at 25 °C.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Tmp102 {
        Tmp102::following(|_| 25.0)
    }

    /// Makes a chip in surroundings whose temperature, in degrees Celsius, goes with the board's
    /// time.
    pub fn following(celsius: impl Fn(Time) -> f32 + Send + 'static) -> Tmp102 {
        let mut registers = Registers::after_power_on(Box::new(celsius), Time::ZERO);
        registers.conversion_ends = None;
        registers.convert();
        Tmp102(Arc::new(Mutex::new(registers)))
    }

    /// Sets the temperature of the surroundings, in degrees Celsius. The chip measures sixteenths,
    /// -55 to 150 °C (128 with the shorter format).
    pub fn set_celsius(&self, celsius: f32) {
        self.lock().surroundings = Box::new(move |_| celsius);
    }

    fn lock(&self) -> MutexGuard<'_, Registers> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Registers {
    fn after_power_on(surroundings: Surroundings, time: Time) -> Registers {
        Registers {
            surroundings,
            pointer: 0,
            config: RESOLUTION | 0b10 << 6,
            low: 0x4b00,
            high: 0x5000,
            sixteenths: 0,
            conversion_ends: Some(time + CONVERSION),
            alert: false,
            now: time,
            byte: 0,
        }
    }

    /// Brings the chip to the time it is addressed at.
    fn catch_up(&mut self, now: Time) {
        self.now = now;
        let is_over = self.conversion_ends.take_if(|end| *end <= now).is_some();
        let is_continuous = self.config & SHUTDOWN == 0 && self.conversion_ends.is_none();
        if is_over || is_continuous {
            self.convert();
        }
    }

    fn convert(&mut self) {
        let celsius = (self.surroundings)(self.now).clamp(-55.0, 150.0);
        self.sixteenths = (celsius * 16.0).round() as i16;
        let value = self.temperature() as i16;
        let (low, high) = (self.low as i16, self.high as i16);
        match self.config & INTERRUPT_MODE != 0 {
            false if value >= high => self.alert = true,
            false if value < low => self.alert = false,
            true if value >= high || value < low => self.alert = true,
            _ => {}
        }
    }

    /// Left-justified, in twelve bits or thirteen.
    fn temperature(&self) -> u16 {
        match self.config & EXTENDED {
            0 => (self.sixteenths.clamp(-2048, 2047) << 4) as u16,
            _ => (self.sixteenths << 3) as u16 | 1,
        }
    }

    fn read_register(&mut self) -> u16 {
        let value = match self.pointer {
            0 => self.temperature(),
            1 => {
                let idle = self.config & SHUTDOWN != 0 && self.conversion_ends.is_none();
                // AL is the level of the pin, which POL turns over.
                let pin = self.alert == (self.config & POLARITY != 0);
                self.config | if idle { ONE_SHOT } else { 0 } | if pin { ALERT } else { 0 }
            }
            2 => self.low,
            _ => self.high,
        };
        if self.config & INTERRUPT_MODE != 0 {
            self.alert = false;
        }
        value
    }

    fn write_register(&mut self, byte: u8, shift: u32) {
        let merge = |old: u16| old & !(0xff << shift) | u16::from(byte) << shift;
        match self.pointer {
            0 => {}
            1 => {
                let new = merge(self.config);
                if new & ONE_SHOT != 0 && new & SHUTDOWN != 0 && self.conversion_ends.is_none() {
                    self.conversion_ends = Some(self.now + CONVERSION);
                }
                self.config = new & WRITABLE | RESOLUTION;
            }
            2 => self.low = merge(self.low) & 0xfff8,
            _ => self.high = merge(self.high) & 0xfff8,
        }
    }
}

impl Device for Tmp102 {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        let mut registers = self.lock();
        registers.catch_up(time);
        registers.byte = 0;
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut registers = self.lock();
        match registers.byte {
            0 => registers.pointer = byte & 0b11,
            1 => registers.write_register(byte, 8),
            2 => registers.write_register(byte, 0),
            _ => return Acknowledge::No,
        }
        registers.byte += 1;
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let mut registers = self.lock();
        registers.byte += 1;
        match registers.byte {
            1 => (registers.read_register() >> 8) as u8,
            2 => registers.read_register() as u8,
            _ => 0xff,
        }
    }

    fn power(&mut self, _: bool, time: Time) {
        let mut registers = self.lock();
        let surroundings = std::mem::replace(&mut registers.surroundings, Box::new(|_| 0.0));
        *registers = Registers::after_power_on(surroundings, time);
    }
}

impl fmt::Debug for Tmp102 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registers = self.lock();
        f.debug_struct("Tmp102")
            .field(
                "temperature",
                &format_args!("{:#06x}", registers.temperature()),
            )
            .field("config", &format_args!("{:#06x}", registers.config))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(chip: &mut Tmp102, time: Time, bytes: &[u8]) {
        chip.start(Transfer::Write, time);
        assert!(
            bytes
                .iter()
                .all(|byte| chip.write(*byte) == Acknowledge::Yes)
        );
        chip.stop(time);
    }

    fn read(chip: &mut Tmp102, time: Time, register: u8) -> u16 {
        write(chip, time, &[register]);
        chip.start(Transfer::Read, time);
        u16::from_be_bytes([chip.read(), chip.read()])
    }

    /// Tables 6-3 and 6-4 of the datasheet.
    #[test]
    fn temperatures_are_those_of_the_datasheet() {
        let mut chip = Tmp102::new();
        for (celsius, twelve) in [
            (127.9375, 0x7ff),
            (100.0, 0x640),
            (80.0, 0x500),
            (25.0, 0x190),
            (0.25, 4),
            (0.0, 0),
            (-0.25, 0xffc),
            (-25.0, 0xe70),
            (-55.0, 0xc90),
        ] {
            chip.set_celsius(celsius);
            assert_eq!(read(&mut chip, Time::ZERO, 0) >> 4, twelve, "{celsius}");
        }
        write(&mut chip, Time::ZERO, &[1, 0x60, 0xb0]);
        for (celsius, thirteen) in [(150.0, 0x960), (128.0, 0x800), (-25.0, 0x1e70)] {
            chip.set_celsius(celsius);
            let value = read(&mut chip, Time::ZERO, 0);
            assert_eq!((value >> 3, value & 1), (thirteen, 1), "{celsius}");
        }
    }

    #[test]
    fn resets_as_the_datasheet_says() {
        let mut chip = Tmp102::new();
        assert_eq!(
            [1, 2, 3].map(|register| read(&mut chip, Time::ZERO, register)),
            [0x60a0, 0x4b00, 0x5000]
        );
    }

    #[test]
    fn a_one_shot_takes_its_time() {
        let mut chip = Tmp102::new();
        let at = |millis| Time::ZERO + Duration::from_millis(millis);
        write(&mut chip, at(0), &[1, 0x61, 0xa0]);
        chip.set_celsius(40.0);
        assert_eq!(
            read(&mut chip, at(1), 0) >> 4,
            0x190,
            "shutdown measures nothing"
        );
        assert_eq!(read(&mut chip, at(1), 1) & ONE_SHOT, ONE_SHOT, "ready");
        write(&mut chip, at(2), &[1, 0xe1, 0xa0]);
        assert_eq!(read(&mut chip, at(27), 1) & ONE_SHOT, 0, "converting");
        assert_eq!(read(&mut chip, at(27), 0) >> 4, 0x190);
        assert_eq!(read(&mut chip, at(28), 1) & ONE_SHOT, ONE_SHOT, "done");
        assert_eq!(read(&mut chip, at(28), 0) >> 4, 0x280);
    }

    #[test]
    fn the_alert_flag_has_a_hysteresis() {
        let mut chip = Tmp102::new();
        let mut flag = |celsius| {
            chip.set_celsius(celsius);
            read(&mut chip, Time::ZERO, 1) & ALERT != 0
        };
        assert_eq!(
            [25.0, 79.9, 80.0, 76.0, 74.9].map(&mut flag),
            [true, true, false, false, true]
        );
    }

    #[test]
    fn a_fourth_byte_is_refused() {
        let mut chip = Tmp102::new();
        write(&mut chip, Time::ZERO, &[3, 0x50, 0x00]);
        assert_eq!(chip.write(0), Acknowledge::No);
    }
}
