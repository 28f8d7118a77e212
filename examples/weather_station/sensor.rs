//! What measures the air.

use bme280::i2c::BME280;
use bme280::{Configuration, Oversampling};
use circuits::embedded_hal::i2c::I2c;
use circuits::wait::Delay;
use tmp1x2::marker::mode::Continuous;
use tmp1x2::{SlaveAddr, Tmp1x2};

use crate::bus::{Bus, Device, Heard};
use crate::config::{self, Chip};
use crate::part::Result;
use crate::reading::Reading;

/// A sensor, by the driver of its chip.
pub(crate) enum Sensor {
    Bme280 {
        driver: BME280<Device>,
        heard: Heard,
        /// The same chip, for what the driver does not ask.
        chip: Device,
        address: u8,
        delay: Delay,
    },
    Tmp102 {
        driver: Tmp1x2<Device, Continuous>,
        heard: Heard,
    },
}

// Of a BME280 (datasheet, section 5.4).
const ID: u8 = 0xd0;
const ID_BME280: u8 = 0x60;
const CTRL_HUM: u8 = 0xf2;
const ONCE: u8 = 1;

impl Sensor {
    pub(crate) fn open(bus: &Bus, config: &config::Sensor, mut delay: Delay) -> Result<Sensor> {
        let address = config.address;
        let device = bus.device(address)?;
        let heard = device.heard();
        if config.chip == Chip::Tmp102 {
            let [a1, a0] = [2, 1].map(|bit| address & bit != 0);
            let driver = Tmp1x2::new(device, SlaveAddr::Alternative(a1, a0));
            return Ok(Sensor::Tmp102 { driver, heard });
        }
        let mut chip = bus.device(address)?;
        match register(&mut chip, address, ID)? {
            ID_BME280 => {}
            // With the driver it would have a humidity, which it does not measure.
            0x56..=0x58 => return Err("the chip is a BMP280, and no BME280".into()),
            id => return Err(format!("the chip says that it is {id:#04x}, and no BME280").into()),
        }
        let mut driver = BME280::new(device, address);
        // As the datasheet has it for weather monitoring (section 3.5.1): each quantity once, no filter; and the chip
        // sleeps in between, so that it does not warm itself.
        let once = Configuration::default()
            .with_temperature_oversampling(Oversampling::Oversampling1X)
            .with_pressure_oversampling(Oversampling::Oversampling1X)
            .with_humidity_oversampling(Oversampling::Oversampling1X);
        let done = driver.init_with_config(&mut delay, once);
        done.map_err(|error| heard.instead_of(error))?;
        Ok(Sensor::Bme280 {
            driver,
            heard,
            chip,
            address,
            delay,
        })
    }

    pub(crate) fn measure(&mut self) -> Result<Reading> {
        match self {
            Sensor::Bme280 {
                driver,
                heard,
                chip,
                address,
                delay,
            } => {
                let measured = driver.measure(delay);
                let air = measured.map_err(|error| heard.instead_of(error))?;
                // A chip that had no power meanwhile is told to measure nothing, as after its reset, and would answer
                // something else: that is seen afterwards, so that there is no moment at which it is not.
                if register(chip, *address, CTRL_HUM)? != ONCE {
                    return Err("it has lost its power, and all that it was told".into());
                }
                let reading = Reading {
                    celsius: air.temperature,
                    humidity: Some(air.humidity),
                    pressure: Some(air.pressure / 100.0),
                };
                // The driver cuts off what is beyond what the chip measures. Bad contacts make such air.
                let is_inside = |value: f32, low: f32, high: f32| low < value && value < high;
                let is_possible = is_inside(air.temperature, -40.0, 85.0)
                    && is_inside(air.pressure, 30_000.0, 110_000.0);
                match is_possible {
                    true => Ok(reading),
                    false => Err(format!("it measures what cannot be: {reading}").into()),
                }
            }
            Sensor::Tmp102 { driver, heard } => {
                let celsius = driver.read_temperature();
                Ok(Reading {
                    celsius: celsius.map_err(|error| heard.instead_of(error))?,
                    humidity: None,
                    pressure: None,
                })
            }
        }
    }
}

fn register(chip: &mut Device, address: u8, register: u8) -> Result<u8> {
    let mut value = [0];
    let heard = chip.heard();
    let read = chip.write_read(address, &[register], &mut value);
    read.map_err(|error| heard.instead_of(error))?;
    Ok(value[0])
}
