mod compensation;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_spi::Mode;
use circuits_wait::Time;

use self::compensation::{CALIBRATION_1, CALIBRATION_2, Raw};
use crate::i2c::{self, Acknowledge, Transfer};
use crate::spi;

/// Bosch's BME280 for temperature, humidity and pressure (datasheet BST-BME280-DS002, revision
/// 1.6), at addresses 0x76 and 0x77 on I2C, or on SPI in mode 0 or 3.
///
/// It has been on for long, and sleeps. A measurement takes its typical time of the board's: 8 ms
/// with each oversampling ×1, 40 ms as many drivers have it. Forced and normal mode, the filter,
/// oversampling with its resolution, what is skipped, and the soft reset with its 2 ms are there;
/// so is that `ctrl_hum` counts from the next write of `ctrl_meas`, that a mode written during a
/// measurement comes after it, and that `config` is not taken in normal mode. The calibration is
/// the one that Bosch prints as an example; what a driver makes of the readings is what was set,
/// within the resolution.
///
/// Noise, and heat of its own, are not there, nor that it stays on SPI once it was selected there;
/// three wires are as four.
///
/// Clones are the same chip.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Bme280};
/// use embedded_hal::i2c::I2c;
/// use std::time::Duration;
///
/// let chip = Bme280::new();
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x76, chip.clone())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// chip.set_celsius(-3.5);
/// bus.write(0x76, &[0xf2, 1, 0xf4, 0x25])?; // oversampling ×1, forced mode
/// let mut status = [0];
/// bus.write_read(0x76, &[0xf3], &mut status)?;
/// assert_eq!(status, [0x08], "measuring");
/// board.delay().sleep(Duration::from_millis(8))?;
/// bus.write_read(0x76, &[0xf3], &mut status)?;
/// assert_eq!(status, [0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Bme280(Arc<Mutex<State>>);

/// What a [`Bme280`] is in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Air {
    /// The temperature in degrees Celsius; the chip measures -40 to 85.
    pub celsius: f32,
    /// The relative humidity in per cent.
    pub humidity: f32,
    /// The pressure in pascals; the chip measures 30,000 to 110,000.
    pub pascals: f32,
}

type Surroundings = Box<dyn Fn(Time) -> Air + Send>;

struct State {
    surroundings: Surroundings,
    ctrl_hum: u8,
    /// That which counts.
    osrs_h: u8,
    ctrl_meas: u8,
    config: u8,
    /// What was written to `ctrl_meas` during a measurement.
    next_ctrl_meas: Option<u8>,
    /// When the measurement begins, or began: `None` in sleep.
    measures_from: Option<Time>,
    /// What the filter remembers of temperature and pressure.
    filter: [Option<f64>; 2],
    /// From `press_msb` to `hum_lsb`.
    data: [u8; 8],
    starts_until: Time,

    register: u8,
    is_first: bool,
    is_read: bool,
    /// `ctrl_meas` and `reset` as they were sent, which count when the transaction ends.
    sent_ctrl_meas: Option<u8>,
    is_reset: bool,
    now: Time,
}

const ID: u8 = 0xd0;
const RESET: u8 = 0xe0;
const CTRL_HUM: u8 = 0xf2;
const STATUS: u8 = 0xf3;
const CTRL_MEAS: u8 = 0xf4;
const CONFIG: u8 = 0xf5;
const DATA: u8 = 0xf7;

const MODE: u8 = 0b11;
const NORMAL: u8 = 0b11;

/// What is in the data registers after a reset, and of what was skipped.
const SKIPPED: u32 = 0x80000;
const NO_DATA: [u8; 8] = [0x80, 0, 0, 0x80, 0, 0, 0x80, 0];

/// Section 1.1: from reset to the first communication.
const START_UP: Duration = Duration::from_millis(2);

impl Bme280 {
    /// Makes a chip at 25 °C, 45 % and 101,325 Pa.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Bme280 {
        Bme280::following(|_| Air {
            celsius: 25.0,
            humidity: 45.0,
            pascals: 101_325.0,
        })
    }

    /// Makes a chip in air that goes with the board's time.
    pub fn following(air: impl Fn(Time) -> Air + Send + 'static) -> Bme280 {
        Bme280(Arc::new(Mutex::new(State {
            surroundings: Box::new(air),
            ctrl_hum: 0,
            osrs_h: 0,
            ctrl_meas: 0,
            config: 0,
            next_ctrl_meas: None,
            measures_from: None,
            filter: [None; 2],
            data: NO_DATA,
            starts_until: Time::ZERO,
            register: 0,
            is_first: true,
            is_read: false,
            sent_ctrl_meas: None,
            is_reset: false,
            now: Time::ZERO,
        })))
    }

    /// Sets what the chip is in. It follows nothing any more.
    pub fn set_air(&self, air: Air) {
        self.lock().surroundings = Box::new(move |_| air);
    }

    /// Sets the temperature in degrees Celsius, from -40 to 85. What else the chip followed stays
    /// as it was when it was last addressed.
    pub fn set_celsius(&self, celsius: f32) {
        self.change(|air| air.celsius = celsius);
    }

    /// Sets the relative humidity in per cent. What else the chip followed stays as it was when it
    /// was last addressed.
    pub fn set_humidity(&self, percent: f32) {
        self.change(|air| air.humidity = percent);
    }

    /// Sets the pressure in pascals, from 30,000 to 110,000. What else the chip followed stays as
    /// it was when it was last addressed.
    pub fn set_pascals(&self, pascals: f32) {
        self.change(|air| air.pascals = pascals);
    }

    fn change(&self, f: impl FnOnce(&mut Air)) {
        let mut state = self.lock();
        let mut air = (state.surroundings)(state.now);
        f(&mut air);
        state.surroundings = Box::new(move |_| air);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// What 000 to 111 stand for: how many samples, 0 for none.
fn samples(osrs: u8) -> u32 {
    match osrs & 0b111 {
        0 => 0,
        osrs => 1 << (osrs.min(5) - 1),
    }
}

/// Section 4.1 and appendix B: how many bits without the filter.
fn bits(osrs: u8) -> u32 {
    15 + u32::from(osrs.min(5))
}

impl State {
    fn osrs_t(&self) -> u8 {
        self.ctrl_meas >> 5
    }

    fn osrs_p(&self) -> u8 {
        self.ctrl_meas >> 2 & 0b111
    }

    /// Appendix B, 9.1: typical.
    fn measurement_time(&self) -> Duration {
        let more = |osrs, half_ms: u32| match samples(osrs) {
            0 => 0,
            samples => 4 * samples + half_ms,
        };
        let half_ms = 2 + more(self.osrs_t(), 0) + more(self.osrs_p(), 1) + more(self.osrs_h, 1);
        Duration::from_micros(500) * half_ms
    }

    /// Table 27.
    fn standby(&self) -> Duration {
        Duration::from_micros(match self.config >> 5 {
            0b000 => 500,
            0b001 => 62_500,
            0b010 => 125_000,
            0b011 => 250_000,
            0b100 => 500_000,
            0b101 => 1_000_000,
            0b110 => 10_000,
            _ => 20_000,
        })
    }

    /// Table 28.
    fn coefficient(&self) -> f64 {
        f64::from(1 << (self.config >> 2 & 0b111).min(4))
    }

    /// Brings the chip to a time.
    fn catch_up(&mut self, now: Time) {
        self.now = now;
        while let Some(start) = self.measures_from {
            let end = start + self.measurement_time();
            if end > now {
                break;
            }
            self.measure(end);
            let standby = self.standby();
            self.measures_from = match self.ctrl_meas & MODE {
                NORMAL => Some(self.without_the_forgotten(end + standby)),
                _ => {
                    self.ctrl_meas &= !MODE;
                    None
                }
            };
            if let Some(ctrl_meas) = self.next_ctrl_meas.take() {
                self.set_ctrl_meas(ctrl_meas, end);
            }
        }
    }

    /// When a measurement in normal mode begins; many, if nobody looked for long. The filter
    /// remembers less than a bit of what is 256 measurements ago.
    fn without_the_forgotten(&self, start: Time) -> Time {
        let cycle = self.measurement_time() + self.standby();
        let cycles = self.now.since(start).as_nanos() / cycle.as_nanos();
        let forgotten = u64::try_from(cycles.saturating_sub(256)).unwrap_or(u64::MAX);
        let nanos = u64::try_from(cycle.as_nanos()).unwrap_or(u64::MAX);
        start + Duration::from_nanos(forgotten.saturating_mul(nanos))
    }

    fn is_measuring(&self) -> bool {
        self.measures_from.is_some_and(|start| start <= self.now)
    }

    fn set_ctrl_meas(&mut self, value: u8, time: Time) {
        self.ctrl_meas = value;
        self.osrs_h = self.ctrl_hum;
        self.measures_from = (value & MODE != 0).then_some(time);
    }

    fn measure(&mut self, time: Time) {
        let air = (self.surroundings)(time);
        let raw = Raw::of(air);
        let temperature = self.filtered(0, raw.temperature, self.osrs_t());
        let pressure = self.filtered(1, raw.pressure, self.osrs_p());
        let humidity = match samples(self.osrs_h) {
            0 => SKIPPED >> 4,
            _ => raw.humidity,
        };
        let [_, p0, p1, p2] = (pressure << 4).to_be_bytes();
        let [_, t0, t1, t2] = (temperature << 4).to_be_bytes();
        let [_, _, h0, h1] = humidity.to_be_bytes();
        self.data = [p0, p1, p2, t0, t1, t2, h0, h1];
    }

    /// Section 3.4.4.
    fn filtered(&mut self, which: usize, raw: u32, osrs: u8) -> u32 {
        if samples(osrs) == 0 {
            return SKIPPED;
        }
        let coefficient = self.coefficient();
        if coefficient == 1.0 {
            let lost = 20 - bits(osrs);
            return raw >> lost << lost;
        }
        let memory = self.filter[which].unwrap_or(f64::from(raw));
        let value = (memory * (coefficient - 1.0) + f64::from(raw)) / coefficient;
        self.filter[which] = Some(value);
        value.round() as u32
    }

    fn read(&mut self) -> u8 {
        let register = self.register;
        self.register = register.wrapping_add(1);
        match register {
            0x88..=0xa1 => CALIBRATION_1[usize::from(register - 0x88)],
            ID => 0x60,
            0xe1..=0xe7 => CALIBRATION_2[usize::from(register - 0xe1)],
            CTRL_HUM => self.ctrl_hum,
            STATUS => {
                let im_update = self.now < self.starts_until;
                u8::from(self.is_measuring()) << 3 | u8::from(im_update)
            }
            CTRL_MEAS => self.ctrl_meas,
            CONFIG => self.config,
            DATA..=0xfe => self.data[usize::from(register - DATA)],
            _ => 0,
        }
    }

    fn write(&mut self, value: u8) {
        match self.register {
            RESET => self.is_reset |= value == 0xb6,
            // Section 3.3.1: not while a mode waits.
            CTRL_HUM if self.next_ctrl_meas.is_none() => self.ctrl_hum = value & 0b111,
            CTRL_MEAS => self.sent_ctrl_meas = Some(value),
            CONFIG if self.ctrl_meas & MODE != NORMAL => {
                self.config = value & 0b1111_1101;
                self.filter = [None; 2];
            }
            _ => {}
        }
        // Registers and values take turns (sections 6.2.1 and 6.3.1).
        self.is_first = true;
    }

    fn start(&mut self, time: Time) {
        self.catch_up(time);
        self.is_first = true;
    }

    fn stop(&mut self, time: Time) {
        self.catch_up(time);
        match self.sent_ctrl_meas.take() {
            // One waits, and more are ignored.
            Some(value) if self.is_measuring() => {
                self.next_ctrl_meas.get_or_insert(value);
            }
            Some(value) => self.set_ctrl_meas(value, time),
            None => {}
        }
        if std::mem::take(&mut self.is_reset) {
            self.begin(time);
        }
    }

    /// As after power-on.
    fn begin(&mut self, time: Time) {
        (self.ctrl_hum, self.osrs_h, self.ctrl_meas, self.config) = (0, 0, 0, 0);
        (self.next_ctrl_meas, self.measures_from) = (None, None);
        (self.filter, self.data) = ([None; 2], NO_DATA);
        self.starts_until = time + START_UP;
    }
}

impl i2c::Device for Bme280 {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        self.lock().start(time);
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut state = self.lock();
        match std::mem::take(&mut state.is_first) {
            true => state.register = byte,
            false => state.write(byte),
        }
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        self.lock().read()
    }

    fn stop(&mut self, time: Time) {
        self.lock().stop(time);
    }

    fn power(&mut self, _: bool, time: Time) {
        let mut state = self.lock();
        state.begin(time);
        (state.register, state.sent_ctrl_meas, state.is_reset) = (0, None, false);
    }
}

impl spi::Device for Bme280 {
    fn understands(&self, mode: Mode) -> bool {
        matches!(mode, Mode::Mode0 | Mode::Mode3)
    }

    fn select(&mut self, time: Time) {
        let mut state = self.lock();
        state.start(time);
        state.is_read = false;
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        let mut state = self.lock();
        if state.is_read {
            return state.read();
        }
        match std::mem::take(&mut state.is_first) {
            true => {
                // Bit 7 is the direction, and set in all registers.
                state.register = byte | 0x80;
                state.is_read = byte & 0x80 != 0;
            }
            false => state.write(byte),
        }
        0xff
    }

    fn deselect(&mut self, time: Time) {
        self.lock().stop(time);
    }
}

impl fmt::Debug for Bme280 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Bme280")
            .field("ctrl_meas", &format_args!("{:#04x}", state.ctrl_meas))
            .field("data", &format_args!("{:02x?}", state.data))
            .finish_non_exhaustive()
    }
}
