#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use crate::i2c::{Acknowledge, Device, Transfer};

/// InvenSense's MPU-6050, an accelerometer and a gyroscope of three axes each (register map RM-MPU-6000A, revision
/// 4.2), at addresses 0x68 and 0x69.
///
/// It has just been powered, and sleeps; its data are zero until it is woken. Samples come at the sample rate
/// (`SMPLRT_DIV`, `DLPF_CFG`), the first one a period after it wakes, and a read has all its data from one sample. All ranges
/// are there, the thermometer, the flag `DATA_RDY_INT`, the reset, and what is added to the data (registers 0x06 to
/// 0x0b and 0x13 to 0x18, in steps of ±16 g and ±1000 °/s, as InvenSense's own driver has them).
///
/// The low-pass filter, self-test, single axes in standby and cycles of sleep do nothing; the FIFO is always empty, and
/// the motion processor takes a program and does not run it. Pin INT, and the chips beside it that it would speak to itself, are not there.
///
/// Clones are the same chip.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::{Motion, Mpu6050}};
/// use embedded_hal::i2c::I2c;
/// use std::time::Duration;
///
/// let chip = Mpu6050::new();
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x68, chip.clone())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// bus.write(0x68, &[0x6b, 0x00])?; // PWR_MGMT_1: awake
///
/// // It turns to the left, a right angle a second.
/// chip.set_motion(Motion { g: [0.0, 0.0, 1.0], degrees_a_second: [0.0, 0.0, 90.0] });
/// board.delay().sleep(Duration::from_millis(10))?;
/// let mut data = [0; 14];
/// bus.write_read(0x68, &[0x3b], &mut data)?; // ACCEL_XOUT_H and what follows
/// assert_eq!(i16::from_be_bytes([data[4], data[5]]), 16384);
/// assert_eq!(i16::from_be_bytes([data[12], data[13]]), 90 * 131);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Mpu6050(Arc<Mutex<State>>);

/// How a chip is moved, along and round x, y and z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// The acceleration in g; what lies flat has 1 g along z.
    pub g: [f32; 3],
    /// How fast it turns in degrees a second, positive where a right hand's fingers point when its thumb is along the
    /// axis.
    pub degrees_a_second: [f32; 3],
}

/// It lies flat, and rests.
impl Default for Motion {
    fn default() -> Motion {
        Motion {
            g: [0.0, 0.0, 1.0],
            degrees_a_second: [0.0; 3],
        }
    }
}

struct State {
    surroundings: Box<dyn FnMut(Time) -> Motion + Send>,
    celsius: f32,

    registers: [u8; 0x80],
    /// Since when samples come at this rate, and how many did.
    samples_from: Time,
    samples: u128,

    register: u8,
    is_first: bool,
    /// The sample rate is set when the transaction ends.
    is_new_rate: bool,
}

const ACCEL_OFFSETS: u8 = 0x06;
const GYRO_OFFSETS: u8 = 0x13;
const SMPLRT_DIV: u8 = 0x19;
const CONFIG: u8 = 0x1a;
const GYRO_CONFIG: u8 = 0x1b;
const ACCEL_CONFIG: u8 = 0x1c;
const INT_STATUS: u8 = 0x3a;
const ACCEL_XOUT_H: u8 = 0x3b;
const TEMP_OUT_H: u8 = 0x41;
const GYRO_XOUT_H: u8 = 0x43;
const LAST_EXT_SENS_DATA: u8 = 0x60;
const SIGNAL_PATH_RESET: u8 = 0x68;
const USER_CTRL: u8 = 0x6a;
const PWR_MGMT_1: u8 = 0x6b;
const MEM_R_W: u8 = 0x6f;
const FIFO_COUNTH: u8 = 0x72;
const FIFO_R_W: u8 = 0x74;
const WHO_AM_I: u8 = 0x75;

const DEVICE_RESET: u8 = 1 << 7;
const SLEEP: u8 = 1 << 6;
const TEMP_DIS: u8 = 1 << 3;
const DATA_RDY_INT: u8 = 1;
/// What resets something in `USER_CTRL`, and is clear again at once.
const RESETS: u8 = 0b111;

impl Mpu6050 {
    /// Makes a chip that has just been powered, lies flat and rests, at 25 °C.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Mpu6050 {
        Mpu6050::following(|_| Motion::default())
    }

    /// Makes a chip whose motion goes with the board's time. `f` is asked for each sample that somebody reads, and must
    /// not use the board.
    pub fn following(f: impl FnMut(Time) -> Motion + Send + 'static) -> Mpu6050 {
        let mut state = State {
            surroundings: Box::new(f),
            celsius: 25.0,
            registers: [0; 0x80],
            samples_from: Time::ZERO,
            samples: 0,
            register: 0,
            is_first: true,
            is_new_rate: false,
        };
        state.reset();
        Mpu6050(Arc::new(Mutex::new(state)))
    }

    /// Sets how it is moved, for the samples that nobody has asked for yet. What is beyond the range reads as its end.
    pub fn set_motion(&self, motion: Motion) {
        self.lock().surroundings = Box::new(move |_| motion);
    }

    /// Sets the temperature in degrees Celsius.
    pub fn set_celsius(&self, celsius: f32) {
        self.lock().celsius = celsius;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn get(&self, register: u8) -> u8 {
        self.registers[usize::from(register)]
    }

    fn reset(&mut self) {
        self.registers = [0; 0x80];
        self.registers[usize::from(PWR_MGMT_1)] = SLEEP;
        self.registers[usize::from(WHO_AM_I)] = 0x68;
        self.is_new_rate = false;
    }

    fn is_asleep(&self) -> bool {
        self.get(PWR_MGMT_1) & SLEEP != 0
    }

    /// By `DLPF_CFG` the gyroscope has 8 kHz or 1 kHz, which `SMPLRT_DIV` divides.
    fn period(&self) -> Duration {
        let micros = match self.get(CONFIG) & 0b111 {
            0 | 7 => 125,
            _ => 1000,
        };
        Duration::from_micros(micros * (u64::from(self.get(SMPLRT_DIV)) + 1))
    }

    /// Takes the last sample that there was until now.
    fn catch_up(&mut self, now: Time) {
        if self.is_asleep() {
            return;
        }
        let period = self.period().as_nanos();
        let due = now.since(self.samples_from).as_nanos() / period;
        if due > self.samples {
            self.samples = due;
            let nanos = u64::try_from(period * due).unwrap_or(u64::MAX);
            self.sample(self.samples_from + Duration::from_nanos(nanos));
        }
    }

    fn sample(&mut self, time: Time) {
        let motion = (self.surroundings)(time);
        // Sections 4.4 and 4.5: 131 digits for a degree a second, and 16384 for a g, or a half, a quarter, an eighth.
        let gyro = 131.0 / f32::from(1u8 << (self.get(GYRO_CONFIG) >> 3 & 0b11));
        let accel = 16384.0 / f32::from(1u8 << (self.get(ACCEL_CONFIG) >> 3 & 0b11));
        for axis in 0..3u8 {
            let g = motion.g[usize::from(axis)] + self.offset(ACCEL_OFFSETS, axis) / 2048.0;
            self.put(ACCEL_XOUT_H + 2 * axis, g * accel);
            let degrees = motion.degrees_a_second[usize::from(axis)];
            let degrees = degrees + self.offset(GYRO_OFFSETS, axis) / 32.8;
            self.put(GYRO_XOUT_H + 2 * axis, degrees * gyro);
        }
        if self.get(PWR_MGMT_1) & TEMP_DIS == 0 {
            // Section 4.18.
            self.put(TEMP_OUT_H, (self.celsius - 36.53) * 340.0);
        }
        self.registers[usize::from(INT_STATUS)] |= DATA_RDY_INT;
    }

    fn offset(&self, first: u8, axis: u8) -> f32 {
        let register = first + 2 * axis;
        i16::from_be_bytes([self.get(register), self.get(register + 1)]).into()
    }

    /// Sets a register of 16 bits, as far as they reach.
    fn put(&mut self, register: u8, value: f32) {
        let bytes = (value.round() as i16).to_be_bytes();
        let register = usize::from(register);
        self.registers[register..register + 2].copy_from_slice(&bytes);
    }

    fn read(&mut self) -> u8 {
        let register = self.register;
        let value = match register {
            MEM_R_W | FIFO_R_W => 0,
            register => self
                .registers
                .get(usize::from(register))
                .copied()
                .unwrap_or(0),
        };
        if register == INT_STATUS {
            self.registers[usize::from(INT_STATUS)] = 0;
        }
        self.advance();
        value
    }

    fn write(&mut self, value: u8) {
        let register = self.register;
        self.advance();
        let value = match register {
            PWR_MGMT_1 if value & DEVICE_RESET != 0 => return self.reset(),
            PWR_MGMT_1 => {
                let was_asleep = self.is_asleep();
                self.is_new_rate |= was_asleep && value & SLEEP == 0;
                value
            }
            SMPLRT_DIV | CONFIG => {
                self.is_new_rate |= self.get(register) != value;
                value
            }
            USER_CTRL => value & !RESETS,
            // Read-only, or clear again at once.
            INT_STATUS..=LAST_EXT_SENS_DATA | SIGNAL_PATH_RESET | MEM_R_W => return,
            FIFO_COUNTH..=WHO_AM_I => return,
            _ => value,
        };
        if let Some(held) = self.registers.get_mut(usize::from(register)) {
            *held = value;
        }
    }

    fn advance(&mut self) {
        // What is behind these is one register.
        if !matches!(self.register, MEM_R_W | FIFO_R_W) {
            self.register = self.register.wrapping_add(1);
        }
    }
}

impl Device for Mpu6050 {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        let mut state = self.lock();
        state.catch_up(time);
        state.is_first = true;
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
        let mut state = self.lock();
        if std::mem::take(&mut state.is_new_rate) {
            (state.samples_from, state.samples) = (time, 0);
        }
    }

    fn power(&mut self, _: bool, time: Time) {
        let mut state = self.lock();
        state.reset();
        (state.register, state.samples_from, state.samples) = (0, time, 0);
    }
}

impl fmt::Debug for Mpu6050 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Mpu6050")
            .field("is_asleep", &state.is_asleep())
            .field("period", &state.period())
            .finish_non_exhaustive()
    }
}
