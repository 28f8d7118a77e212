//! What measures the air.

use bme280_multibus::i2c1::{Address, Bme280Bus};
use bme280_multibus::{Bme280, CHIP_ID, Config, CtrlMeas, Mode, Oversampling, Settings};
use circuits::prelude::*;
use circuits::wait::Delay;
use tmp1x2::marker::mode::Continuous;
use tmp1x2::{SlaveAddr, Tmp1x2};

use crate::bus::{Bus, Device, Heard};
use crate::config::{self, Chip};
use crate::part::Result;
use crate::reading::Reading;

/// A sensor, by the driver of its chip.
pub(crate) struct Sensor {
    driver: Driver,
    heard: Heard,
}

enum Driver {
    Bme280(Bme280<Bme280Bus<Device>>),
    Tmp102(Tmp1x2<Device, Continuous>),
}

/// As the datasheet has it for weather monitoring (section 3.5.1): one measurement when it is asked for, each
/// quantity once, no filter. In between the chip sleeps, and does not warm itself.
const SETTINGS: Settings = Settings {
    config: Config::RESET,
    ctrl_meas: CtrlMeas::RESET
        .set_osrs_t(Oversampling::X1)
        .set_osrs_p(Oversampling::X1)
        .set_mode(Mode::Forced),
    ctrl_hum: Oversampling::X1,
};

/// A measurement takes 9.3 ms at most then (section 9.1).
const MEASURES_MS: u32 = 10;

impl Sensor {
    pub(crate) fn open(bus: &Bus, config: &config::Sensor) -> Result<Sensor> {
        let device = bus.device(config.address)?;
        let heard = device.heard();
        let driver = match config.chip {
            Chip::Bme280 => {
                let address = match config.address {
                    0x77 => Address::SdoVddio,
                    _ => Address::SdoGnd,
                };
                let opened = Bme280::from_i2c1(device, address);
                let mut driver = opened.map_err(|error| heard.instead_of(error))?;
                let id = driver.chip_id().map_err(|error| heard.instead_of(error))?;
                if id != CHIP_ID {
                    let other = match id {
                        0x56..=0x58 => " (a BMP280, which measures no humidity)",
                        _ => "",
                    };
                    let text = format!("the chip says that it is {id:#04x}, and no BME280{other}");
                    return Err(text.into());
                }
                Driver::Bme280(driver)
            }
            Chip::Tmp102 => {
                let [a1, a0] = [2, 1].map(|bit| config.address & bit != 0);
                Driver::Tmp102(Tmp1x2::new(device, SlaveAddr::Alternative(a1, a0)))
            }
        };
        Ok(Sensor { driver, heard })
    }

    pub(crate) fn measure(&mut self, delay: &mut Delay) -> Result<Reading> {
        let reading = match &mut self.driver {
            Driver::Bme280(driver) => {
                let failed = |error| self.heard.instead_of(error);
                // All of it each time. A chip that had no power in between is as after its reset, which is that it
                // measures nothing; and it would be asked for a measurement, and answer.
                driver.settings(&SETTINGS).map_err(failed)?;
                let mut tries = 0..10;
                loop {
                    delay.delay_ms(MEASURES_MS);
                    if !driver.status().map_err(failed)?.measuring() {
                        break;
                    }
                    if tries.next().is_none() {
                        return Err("it does not come to an end with measuring".into());
                    }
                }
                let sample = driver
                    .sample()
                    .map_err(|error| self.heard.instead_of(error))?;
                Reading {
                    celsius: sample.temperature,
                    humidity: Some(sample.humidity),
                    pressure: Some(sample.pressure / 100.0),
                }
            }
            Driver::Tmp102(driver) => Reading {
                celsius: driver
                    .read_temperature()
                    .map_err(|error| self.heard.instead_of(error))?,
                humidity: None,
                pressure: None,
            },
        };
        match reading.is_possible() {
            true => Ok(reading),
            false => Err(format!("it measures what cannot be: {reading}").into()),
        }
    }
}
