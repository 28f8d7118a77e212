mod int1;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_spi::Mode;
use circuits_wait::Time;

use crate::Pin;
use crate::i2c::{self, Acknowledge, Transfer};
use crate::spi;

/// ST's LIS3DH accelerometer (datasheet DocID17530, revision 2), at addresses 0x18 and 0x19 on I2C,
/// or on SPI in mode 0 or 3.
///
/// It has been on for long, and is in power-down. Samples come at the data rate, the first one a
/// period after it was set. All ranges and the three resolutions are there, what is new and what
/// was lost (`STATUS_REG`), `BDU` and `BLE`, the thermometer, the FIFO but for its trigger, and pin
/// [`int1`](Lis3dh::int1) for data and the FIFO.
///
/// The registers of interrupt generators, clicks, the high-pass filter and sleep can be written and
/// read, and do nothing; nor do the self-test and the analog inputs. Nothing is unsteady after a
/// change of mode, and three wires are as four.
///
/// Clones are the same chip.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Lis3dh};
/// use embedded_hal::i2c::I2c;
/// use std::time::Duration;
///
/// let chip = Lis3dh::new();
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x18, chip.clone())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// bus.write(0x18, &[0xa0, 0x57, 0, 0, 0x08])?; // CTRL_REG1 to 4: 100 Hz, ±2 g in twelve bits
/// chip.set_g([0.5, 0.0, -0.866]);
/// board.delay().sleep(Duration::from_millis(10))?;
/// let mut out = [0; 6];
/// bus.write_read(0x18, &[0xa8], &mut out)?;
/// assert_eq!(i16::from_le_bytes([out[0], out[1]]) >> 4, 500);
/// assert_eq!(i16::from_le_bytes([out[4], out[5]]) >> 4, -866);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Lis3dh(Arc<Mutex<State>>);

type Surroundings = Box<dyn Fn(Time) -> [f32; 3] + Send>;

struct State {
    surroundings: Surroundings,
    celsius: f32,
    int1: Option<Pin>,
    /// When INT1 becomes active, or did.
    active_from: Option<Time>,
    is_active_high: bool,

    /// Those that are written; the others are worked out.
    registers: [u8; 0x40],
    out: [i16; 3],
    out_adc3: [u8; 2],
    /// Which axes have data that nobody has read, and which of them lost some: bits 0 to 2.
    unread: u8,
    overrun: u8,
    /// Which axes are half read, and keep what they have (BDU).
    half_read: u8,
    fifo: VecDeque<[i16; 3]>,
    /// Since when samples come at this rate, and how many did.
    samples_from: Option<Time>,
    samples: u128,

    register: u8,
    increments: bool,
    is_first: bool,
    is_read: bool,
    /// The data rate is set when the transaction ends.
    is_new_rate: bool,
    now: Time,
}

const OUT_ADC3_L: u8 = 0x0c;
const OUT_ADC3_H: u8 = 0x0d;
const WHO_AM_I: u8 = 0x0f;
const CTRL_REG0: u8 = 0x1e;
const TEMP_CFG_REG: u8 = 0x1f;
const CTRL_REG1: u8 = 0x20;
const CTRL_REG3: u8 = 0x22;
const CTRL_REG4: u8 = 0x23;
const CTRL_REG5: u8 = 0x24;
const CTRL_REG6: u8 = 0x25;
const STATUS_REG: u8 = 0x27;
const OUT_X_L: u8 = 0x28;
const OUT_Z_H: u8 = 0x2d;
const FIFO_CTRL_REG: u8 = 0x2e;
const FIFO_SRC_REG: u8 = 0x2f;

const LPEN: u8 = 1 << 3;
const AXES: u8 = 0b111;
const I1_ZYXDA: u8 = 1 << 4;
const I1_WTM: u8 = 1 << 2;
const I1_OVERRUN: u8 = 1 << 1;
const BDU: u8 = 1 << 7;
const BLE: u8 = 1 << 6;
const HR: u8 = 1 << 3;
const BOOT: u8 = 1 << 7;
const FIFO_EN: u8 = 1 << 6;
const INT_POLARITY: u8 = 1 << 1;

const FIFO_LEN: usize = 32;

impl Lis3dh {
    /// Makes a chip that lies flat, at 25 °C.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Lis3dh {
        Lis3dh::following(|_| [0.0, 0.0, 1.0])
    }

    /// Makes a chip whose acceleration along x, y and z, in g, goes with the board's time. What
    /// lies flat has 1 g along z.
    pub fn following(g: impl Fn(Time) -> [f32; 3] + Send + 'static) -> Lis3dh {
        Lis3dh(Arc::new(Mutex::new(State::after_power_on(
            Box::new(g),
            25.0,
        ))))
    }

    /// Connects pin INT1.
    pub fn int1(self, pin: Pin) -> Lis3dh {
        pin.drive(false);
        self.lock().int1 = Some(pin);
        self
    }

    /// Sets the acceleration along x, y and z in g, for the samples that nobody has asked for yet.
    /// What is beyond the range reads as its end.
    pub fn set_g(&self, g: [f32; 3]) {
        self.lock().surroundings = Box::new(move |_| g);
    }

    /// Sets the temperature in degrees Celsius. The chip tells of whole degrees, as `OUT_ADC3` from
    /// 25 °C on.
    pub fn set_celsius(&self, celsius: f32) {
        self.lock().celsius = celsius;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn after_power_on(surroundings: Surroundings, celsius: f32) -> State {
        let mut registers = [0; 0x40];
        registers[usize::from(CTRL_REG0)] = 0x10;
        registers[usize::from(CTRL_REG1)] = AXES;
        State {
            surroundings,
            celsius,
            int1: None,
            active_from: None,
            is_active_high: true,
            registers,
            out: [0; 3],
            out_adc3: [0; 2],
            unread: 0,
            overrun: 0,
            half_read: 0,
            fifo: VecDeque::with_capacity(FIFO_LEN),
            samples_from: None,
            samples: 0,
            register: 0,
            increments: false,
            is_first: true,
            is_read: false,
            is_new_rate: false,
            now: Time::ZERO,
        }
    }

    fn get(&self, register: u8) -> u8 {
        self.registers[usize::from(register)]
    }

    /// By `ODR` and `LPen`; nothing comes in power-down.
    fn period(&self) -> Option<Duration> {
        let is_low_power = self.get(CTRL_REG1) & LPEN != 0;
        let hertz = match self.get(CTRL_REG1) >> 4 {
            1 => 1,
            2 => 10,
            3 => 25,
            4 => 50,
            5 => 100,
            6 => 200,
            7 => 400,
            8 => 1600,
            9 if is_low_power => 5376,
            9 => 1344,
            _ => return None,
        };
        Some(Duration::from_nanos(1_000_000_000 / hertz))
    }

    /// The mode of the FIFO: 0 is none.
    fn fifo_mode(&self) -> u8 {
        match self.get(CTRL_REG5) & FIFO_EN {
            0 => 0,
            _ => self.get(FIFO_CTRL_REG) >> 6,
        }
    }

    /// Brings the chip to a time.
    fn catch_up(&mut self, now: Time) {
        self.now = now;
        let (Some(from), Some(period)) = (self.samples_from, self.period()) else {
            return;
        };
        let due = now.since(from).as_nanos() / period.as_nanos();
        // A FIFO keeps its first samples, or its last.
        let keeps = FIFO_LEN as u128;
        let first_end = due.min(self.samples + keeps);
        for sample in self.samples + 1..=first_end {
            self.sample(from, period, sample);
        }
        for sample in first_end.max(due.saturating_sub(keeps)) + 1..=due {
            self.sample(from, period, sample);
        }
        self.samples = due;
    }

    fn sample(&mut self, from: Time, period: Duration, sample: u128) {
        let nanos = u64::try_from(period.as_nanos() * sample).unwrap_or(u64::MAX);
        let g = (self.surroundings)(from + Duration::from_nanos(nanos));
        let enabled = self.get(CTRL_REG1) & AXES;
        let mut sample = self.out;
        for axis in 0..3 {
            if enabled & 1 << axis != 0 {
                sample[axis] = self.digits(g[axis]);
            }
            if self.half_read & 1 << axis == 0 {
                self.out[axis] = sample[axis];
            }
        }
        self.overrun |= self.unread & enabled;
        self.unread |= enabled;
        match self.fifo_mode() {
            0 => {}
            1 if self.fifo.len() == FIFO_LEN => {}
            _ => {
                if self.fifo.len() == FIFO_LEN {
                    self.fifo.pop_front();
                }
                self.fifo.push_back(sample);
            }
        }
        // The third channel of the converter, if both bits are set (section 3.7).
        self.out_adc3 = match self.get(TEMP_CFG_REG) >> 6 {
            0b11 => [0, (self.celsius - 25.0).round() as i8 as u8],
            _ => [0, 0],
        };
    }

    /// By `FS`, `LPen` and `HR`: left-justified, in 12, 10 or 8 bits, of the sensitivity in mg a
    /// digit that the mechanical characteristics say.
    fn digits(&self, g: f32) -> i16 {
        let milli_g = match self.get(CTRL_REG4) >> 4 & 0b11 {
            0b00 => 1.0,
            0b01 => 2.0,
            0b10 => 4.0,
            _ => 12.0,
        };
        let (bits, step) = match (self.get(CTRL_REG1) & LPEN, self.get(CTRL_REG4) & HR) {
            (0, 0) => (10, 4.0),
            (0, _) => (12, 1.0),
            _ => (8, 16.0),
        };
        let limit = f32::from(1_i16 << (bits - 1));
        let digits = (g * 1000.0 / (milli_g * step)).round();
        (digits.clamp(-limit, limit - 1.0) as i16) << (16 - bits)
    }

    fn has_watermark(&self) -> bool {
        self.fifo.len() > usize::from(self.get(FIFO_CTRL_REG) & 0x1f)
    }

    fn read(&mut self) -> u8 {
        let register = self.register;
        let value = match register {
            OUT_ADC3_L | OUT_ADC3_H => self.out_adc3[usize::from(register - OUT_ADC3_L)],
            WHO_AM_I => 0x33,
            STATUS_REG => {
                let any = |bits: u8| u8::from(bits != 0) << 3 | bits;
                any(self.overrun) << 4 | any(self.unread)
            }
            OUT_X_L..=OUT_Z_H => self.read_out(usize::from(register - OUT_X_L)),
            FIFO_SRC_REG => {
                let len = self.fifo.len();
                u8::from(self.has_watermark()) << 7
                    | u8::from(len == FIFO_LEN) << 6
                    | u8::from(len == 0) << 5
                    | len.min(31) as u8
            }
            _ => self.get(register),
        };
        self.advance();
        value
    }

    fn read_out(&mut self, byte: usize) -> u8 {
        let axis = byte / 2;
        let out = self.fifo.front().unwrap_or(&self.out)[axis];
        // The high byte first, which only twelve bits can have.
        let is_big = self.get(CTRL_REG4) & (BLE | HR) == BLE | HR;
        let bytes = if is_big {
            out.to_be_bytes()
        } else {
            out.to_le_bytes()
        };
        let bit = 1 << axis;
        match byte % 2 {
            0 if self.get(CTRL_REG4) & BDU != 0 => self.half_read |= bit,
            0 => {}
            _ => {
                self.half_read &= !bit;
                self.unread &= !bit;
                self.overrun &= !bit;
            }
        }
        if byte == usize::from(OUT_Z_H - OUT_X_L) {
            if let Some(sample) = self.fifo.pop_front() {
                self.out = sample;
            }
        }
        bytes[byte % 2]
    }

    fn write(&mut self, value: u8) {
        self.store(self.register, value);
        self.advance();
    }

    fn store(&mut self, register: u8, value: u8) {
        let value = match register {
            CTRL_REG1 => {
                let changed = self.get(CTRL_REG1) ^ value;
                self.is_new_rate |= changed & (0xf0 | LPEN) != 0;
                value
            }
            // What it boots from is not seen.
            CTRL_REG5 => value & !BOOT,
            CTRL_REG0..=0x26 | FIFO_CTRL_REG => value,
            0x30 | 0x32..=0x34 | 0x36..=0x38 | 0x3a..=0x3f => value,
            // Read-only, or reserved.
            _ => return,
        };
        self.registers[usize::from(register)] = value;
        if self.fifo_mode() == 0 {
            self.fifo.clear();
        }
    }

    fn advance(&mut self) {
        if self.increments {
            self.register = match self.register {
                // So a burst reads sample after sample.
                OUT_Z_H if self.fifo_mode() != 0 => OUT_X_L,
                register => (register + 1) & 0x3f,
            };
        }
    }

    fn start(&mut self, time: Time) {
        self.catch_up(time);
        self.is_first = true;
    }

    fn point(&mut self, register: u8, increments: bool) {
        (self.register, self.increments, self.is_first) = (register & 0x3f, increments, false);
    }

    fn stop(&mut self, time: Time) {
        // What was read is no reason any more, even if more has come meanwhile.
        self.drive();
        self.catch_up(time);
        if std::mem::take(&mut self.is_new_rate) {
            self.samples_from = self.period().map(|_| time);
            self.samples = 0;
        }
        self.drive();
    }
}

impl i2c::Device for Lis3dh {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        self.lock().start(time);
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut state = self.lock();
        match state.is_first {
            true => state.point(byte & 0x7f, byte & 0x80 != 0),
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

    fn power(&mut self, on: bool, time: Time) {
        let mut state = self.lock();
        let surroundings = std::mem::replace(&mut state.surroundings, Box::new(|_| [0.0; 3]));
        let int1 = state.int1.take();
        *state = State::after_power_on(surroundings, state.celsius);
        state.int1 = int1;
        if let Some(pin) = &state.int1 {
            pin.play([(time, on.then_some(false))]);
        }
    }
}

impl spi::Device for Lis3dh {
    fn understands(&self, mode: Mode) -> bool {
        matches!(mode, Mode::Mode0 | Mode::Mode3)
    }

    fn select(&mut self, time: Time) {
        self.lock().start(time);
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        let mut state = self.lock();
        match (state.is_first, state.is_read) {
            (true, _) => {
                state.is_read = byte & 0x80 != 0;
                state.point(byte & 0x3f, byte & 0x40 != 0);
            }
            (false, true) => return state.read(),
            (false, false) => state.write(byte),
        }
        0xff
    }

    fn deselect(&mut self, time: Time) {
        self.lock().stop(time);
    }
}

impl fmt::Debug for Lis3dh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Lis3dh")
            .field("out", &state.out)
            .field("fifo", &state.fifo.len())
            .finish_non_exhaustive()
    }
}
