//! How the rover turns, by an MPU-6050.

use circuits::embedded_hal::delay::DelayNs;
use circuits::i2c::{self, Device};
use circuits::prelude::*;
use circuits::wait::Time;
use mpu6050_dmp::accel::AccelFullScale;
use mpu6050_dmp::config::DigitalLowPassFilter;
use mpu6050_dmp::error::Error;
use mpu6050_dmp::gyro::GyroFullScale;
use mpu6050_dmp::sensor::Mpu6050;

use crate::config;
use crate::drive::BUS_TIMEOUT;
use crate::stop::Stop;

/// One that does not answer for so many cycles is lost; until then the encoders say how it turns.
const GIVE_UP: u32 = 5;
/// It turns faster than 250 °/s when it is bumped.
const GYRO: GyroFullScale = GyroFullScale::Deg500;
const ACCEL: AccelFullScale = AccelFullScale::G2;
const WHO_AM_I: u8 = 0x75;
/// How fast its bias is learned while it stands, a cycle.
const LEARNING: f64 = 0.05;

/// It lies on its side when it has been so for so many cycles; a bump is shorter.
const TILTED: u32 = 20;
/// Less than this of a g along the upright axis is 45 degrees, or falling.
const UPRIGHT: f32 = 0.7;

pub struct Imu {
    device: Device,
    driver: Mpu6050<Device>,
    /// What it says while nothing turns; of this kind it is up to 20 °/s, and drifts.
    bias: Option<f64>,
    read: Time,
    failed: u32,
    tilted: u32,
    /// How often it did not answer.
    pub lost: u64,
    /// What was said then.
    pub error: Option<i2c::Error>,
}

impl Imu {
    /// Takes it, and sets it up when it is read.
    pub fn open(board: &Board, config: &config::Imu) -> Result<Imu, Failure> {
        let timeout = i2c::Config::new().timeout(BUS_TIMEOUT);
        let bus = board.i2c_bus_with(&config.bus, &timeout)?;
        let mut device = bus.device(config.address)?;
        let mut id = [0];
        device.write_read(config.address, &[WHO_AM_I], &mut id)?;
        // The driver does not look.
        if id != [0x68] {
            return Err(format!(
                "at {:#x} of {} is no MPU-6050: it says that it is {:#04x}",
                config.address, config.bus, id[0]
            )
            .into());
        }
        let driver = set_up(device.clone(), &mut board.delay());
        Ok(Imu {
            driver: driver
                .map_err(|error| said(error).map_or(Failure::from(Stop::ImuLost), Failure::from))?,
            device,
            bias: None,
            read: board.clock().now(),
            failed: 0,
            tilted: 0,
            lost: 0,
            error: None,
        })
    }

    /// Sets it up, as after it had no power.
    pub fn start(&mut self, delay: &mut impl DelayNs) -> Result<(), Stop> {
        match set_up(self.device.clone(), delay) {
            Ok(driver) => {
                self.driver = driver;
                (self.failed, self.tilted) = (0, 0);
                Ok(())
            }
            Err(error) => {
                self.note(error);
                Err(Stop::ImuLost)
            }
        }
    }

    /// Returns how far it has turned since it was read last, in radians to the left. `None`: it did not answer, for the
    /// first few times; then the encoders say so for that time.
    pub fn read(&mut self, now: Time, stands: bool) -> Result<Option<f64>, Stop> {
        let motion = self.driver.motion6();
        let since = std::mem::replace(&mut self.read, now);
        let (accel, gyro) = match motion {
            Ok(motion) => motion,
            Err(error) => {
                self.note(error);
                return match self.failed < GIVE_UP {
                    true => Ok(None),
                    false => Err(Stop::ImuLost),
                };
            }
        };
        self.failed = 0;
        let is_upright = accel.scaled(ACCEL).z() > UPRIGHT;
        self.tilted = if is_upright { 0 } else { self.tilted + 1 };
        if self.tilted > TILTED {
            return Err(Stop::Tilted);
        }
        let turn = f64::from(gyro.scaled(GYRO).z()).to_radians();
        let bias = self.bias.get_or_insert(turn);
        // While it stands, whatever the gyroscope says is its bias.
        if stands {
            *bias += (turn - *bias) * LEARNING;
        }
        Ok(Some((turn - *bias) * now.since(since).as_secs_f64()))
    }

    fn note(&mut self, error: Error<Device>) {
        self.failed += 1;
        self.lost += 1;
        self.error = said(error);
    }
}

/// What the bus said.
fn said(error: Error<Device>) -> Option<i2c::Error> {
    match error {
        Error::WriteError(error) | Error::WriteReadError(error) => Some(error),
        Error::WrongDevice => None,
    }
}

fn set_up(device: Device, delay: &mut impl DelayNs) -> Result<Mpu6050<Device>, Error<Device>> {
    let address = device.address();
    let mut driver = Mpu6050::new(device, address.into()).map_err(|error| error.error)?;
    // The driver sets bits of ranges and clears none: they must be clear.
    driver.reset(delay)?;
    driver.disable_sleep()?;
    driver.set_gyro_full_scale(GYRO)?;
    driver.set_accel_full_scale(ACCEL)?;
    // 44 Hz: below half of the rate at which it is read.
    driver.set_digital_lowpass_filter(DigitalLowPassFilter::Filter3)?;
    Ok(driver)
}
