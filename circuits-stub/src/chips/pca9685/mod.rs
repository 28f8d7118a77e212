#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use crate::i2c::{Acknowledge, Device, Transfer};

/// NXP's PCA9685 with sixteen PWM outputs for LEDs and servos (product data sheet rev. 4), at
/// addresses 0x40 to 0x7f.
///
/// It has just been powered: it sleeps, and all outputs are off. All registers are there,
/// auto-increment, outputs that change when the transaction ends or with the fourth byte of a
/// channel (`OCH`), a prescaler that is taken only while it sleeps, and restarting after sleep: a
/// `RESTART` within 500 µs of waking does nothing.
///
/// It answers where it is connected, not at the sub-addresses and *All Call*; the software reset by
/// general call is not there, and pin OE is low. Asleep, all outputs are off, those that were full
/// on, too, which the data sheet leaves open.
///
/// Clones are the same chip.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Pca9685};
/// use embedded_hal::i2c::I2c;
/// use std::time::Duration;
///
/// let chip = Pca9685::new();
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x40, chip.clone())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// bus.write(0x40, &[0xfe, 121])?; // PRE_SCALE
/// bus.write(0x40, &[0x00, 0x20])?; // MODE1: awake, with auto-increment
/// bus.write(0x40, &[0x06, 0, 0, 0x33, 0x01])?; // on at 0, off at 307
/// assert_eq!(chip.frequency().round(), 50.0);
/// assert_eq!(chip.pulse(0).as_micros(), 1498);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Pca9685(Arc<Mutex<State>>);

struct State {
    /// Without RESTART.
    mode1: u8,
    mode2: u8,
    /// SUBADR1 to SUBADR3, ALLCALLADR.
    addresses: [u8; 4],
    prescale: u8,
    /// LED0_ON_L to LED15_OFF_H, as they are read.
    leds: [[u8; 4]; 16],
    /// What of them the outputs follow.
    outputs: [[u8; 4]; 16],
    /// Which bytes of a channel came since the outputs followed them (OCH).
    loaded: [u8; 16],
    /// The channels were stopped by sleep, and wait for being started again.
    restart: bool,
    awake_since: Time,
    external_hz: f64,

    register: u8,
    is_first: bool,
    now: Time,
}

const RESTART: u8 = 1 << 7;
const EXTCLK: u8 = 1 << 6;
const AI: u8 = 1 << 5;
const SLEEP: u8 = 1 << 4;
const ALLCALL: u8 = 1;

const INVRT: u8 = 1 << 4;
const OCH: u8 = 1 << 3;
const OUTDRV: u8 = 1 << 2;

/// Bit 4 of LEDn_ON_H and LEDn_OFF_H: always on or off.
const FULL: u8 = 1 << 4;

const LEDS: u8 = 0x06;
const LAST_LED: u8 = 0x45;
const ALL_LED: u8 = 0xfa;
const PRE_SCALE: u8 = 0xfe;

const OSCILLATOR_HZ: f64 = 25e6;
/// Until the oscillator runs (section 7.3.1).
const START_UP: Duration = Duration::from_micros(500);

impl Pca9685 {
    /// Makes a chip that has just been powered.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Pca9685 {
        Pca9685(Arc::new(Mutex::new(State::after_power_on(0.0))))
    }

    /// Connects an oscillator of so many hertz to pin EXTCLK; without one nothing is there. The
    /// chip takes up to 50 MHz, and uses it once bit `EXTCLK` is set.
    pub fn external_clock(self, hertz: f64) -> Pca9685 {
        self.lock().external_hz = hertz;
        self
    }

    /// Returns for what part of the time an output is high (let go, if it is open-drain), from 0 to
    /// 1; `None` for a channel above 15.
    ///
    /// Two counts that are the same, which the data sheet forbids, are off.
    pub fn duty(&self, channel: usize) -> Option<f64> {
        self.lock().duty(channel)
    }

    /// Returns how long an output is high in each period; zero for a channel above 15, or while
    /// there is no period.
    pub fn pulse(&self, channel: usize) -> Duration {
        let state = self.lock();
        match (state.duty(channel), state.frequency()) {
            (Some(duty), hertz) if hertz > 0.0 => Duration::from_secs_f64(duty / hertz),
            _ => Duration::ZERO,
        }
    }

    /// Returns how many periods there are in a second: 24 to 1526 with the oscillator of its own,
    /// and none while it sleeps.
    pub fn frequency(&self) -> f64 {
        self.lock().frequency()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn after_power_on(external_hz: f64) -> State {
        let off = [[0, 0, 0, FULL]; 16];
        State {
            mode1: SLEEP | ALLCALL,
            mode2: OUTDRV,
            addresses: [0xe2, 0xe4, 0xe8, 0xe0],
            prescale: 0x1e,
            leds: off,
            outputs: off,
            loaded: [0; 16],
            restart: false,
            awake_since: Time::ZERO,
            external_hz,
            register: 0,
            is_first: true,
            now: Time::ZERO,
        }
    }

    fn frequency(&self) -> f64 {
        let clock = match self.mode1 & EXTCLK {
            0 => OSCILLATOR_HZ,
            _ => self.external_hz,
        };
        match self.mode1 & SLEEP {
            0 => clock / (4096.0 * (f64::from(self.prescale) + 1.0)),
            _ => 0.0,
        }
    }

    fn duty(&self, channel: usize) -> Option<f64> {
        let [on_l, on_h, off_l, off_h] = *self.outputs.get(channel)?;
        let count = |low, high: u8| i32::from(u16::from_le_bytes([low, high & 0xf]));
        let is_stopped = self.mode1 & SLEEP != 0 || self.restart;
        let lit = match (is_stopped || off_h & FULL != 0, on_h & FULL != 0) {
            (true, _) => 0.0,
            (false, true) => 1.0,
            (false, false) => {
                let counts = (count(off_l, off_h) - count(on_l, on_h)).rem_euclid(4096);
                f64::from(counts) / 4096.0
            }
        };
        Some(match self.mode2 & INVRT {
            0 => lit,
            _ => 1.0 - lit,
        })
    }

    fn read(&self, register: u8) -> u8 {
        match register {
            0 => self.mode1 | if self.restart { RESTART } else { 0 },
            1 => self.mode2,
            2..=5 => self.addresses[usize::from(register) - 2],
            LEDS..=LAST_LED => {
                let byte = usize::from(register - LEDS);
                self.leds[byte / 4][byte % 4]
            }
            PRE_SCALE => self.prescale,
            // The ALL_LED registers, and TestMode.
            _ => 0,
        }
    }

    fn write(&mut self, register: u8, value: u8) {
        match register {
            0 => self.write_mode1(value),
            1 => self.mode2 = value & 0x1f,
            // Bit 0 is read-only.
            2..=5 => self.addresses[usize::from(register) - 2] = value & 0xfe,
            LEDS..=LAST_LED => {
                let byte = usize::from(register - LEDS);
                self.write_led(byte / 4, byte % 4, value);
            }
            ALL_LED..PRE_SCALE => {
                (0..16).for_each(|led| self.write_led(led, usize::from(register - ALL_LED), value));
            }
            // Section 7.3.5: blocked while it is awake, and 3 at least.
            PRE_SCALE if self.mode1 & SLEEP != 0 => self.prescale = value.max(3),
            _ => {}
        }
    }

    /// Section 7.3.1.1.
    fn write_mode1(&mut self, value: u8) {
        let was_asleep = self.mode1 & SLEEP != 0;
        let runs = !was_asleep && self.now.since(self.awake_since) >= START_UP;
        if value & RESTART != 0 && runs {
            self.restart = false;
        }
        // Sticky, and taken only in sleep that goes on.
        let external = match was_asleep && value & SLEEP != 0 {
            true => (self.mode1 | value) & EXTCLK,
            false => self.mode1 & EXTCLK,
        };
        self.mode1 = value & !(RESTART | EXTCLK) | external;
        match (was_asleep, value & SLEEP != 0) {
            (true, false) => self.awake_since = self.now,
            (false, true) => {
                self.restart |= self.outputs.iter().any(|[.., off_h]| off_h & FULL == 0);
            }
            _ => {}
        }
    }

    fn write_led(&mut self, led: usize, byte: usize, value: u8) {
        // The high bytes have five bits.
        self.leds[led][byte] = value & if byte % 2 == 1 { 0x1f } else { 0xff };
        self.loaded[led] |= 1 << byte;
        if self.mode2 & OCH != 0 && self.loaded[led] == 0b1111 {
            self.follow(led);
        }
    }

    fn follow(&mut self, led: usize) {
        self.outputs[led] = self.leds[led];
        self.loaded[led] = 0;
        // A channel that is set runs, and so do all.
        self.restart &= self.mode1 & SLEEP != 0;
    }

    fn advance(&mut self) {
        if self.mode1 & AI != 0 {
            // The remark below table 4.
            self.register = match self.register {
                LAST_LED | PRE_SCALE => 0,
                register => register.wrapping_add(1),
            };
        }
    }
}

impl Device for Pca9685 {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        let mut state = self.lock();
        state.now = time;
        state.is_first = true;
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut state = self.lock();
        if std::mem::take(&mut state.is_first) {
            // Reserved (table 4).
            if (LAST_LED + 1..ALL_LED).contains(&byte) {
                return Acknowledge::No;
            }
            state.register = byte;
        } else {
            let register = state.register;
            state.write(register, byte);
            state.advance();
        }
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let mut state = self.lock();
        let value = state.read(state.register);
        state.advance();
        value
    }

    fn stop(&mut self, _: Time) {
        let mut state = self.lock();
        if state.mode2 & OCH == 0 {
            for led in 0..16 {
                if state.loaded[led] != 0 {
                    state.follow(led);
                }
            }
        }
    }

    /// Without power its outputs are off, as they are after power-on.
    fn power(&mut self, _: bool, _: Time) {
        let mut state = self.lock();
        *state = State::after_power_on(state.external_hz);
    }
}

impl fmt::Debug for Pca9685 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Pca9685")
            .field("mode1", &format_args!("{:#04x}", state.read(0)))
            .field("frequency", &state.frequency())
            .finish_non_exhaustive()
    }
}
