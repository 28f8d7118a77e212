use std::time::Duration;

use bme280_multibus::i2c1::Address;
use bme280_multibus::{
    Bme280, CHIP_ID, Config, CtrlMeas, Filter, Mode, Oversampling, Sample, Settings, Standby,
};
use circuits::stub::Stub;
use circuits::stub::chips::{Air, Bme280 as Chip};

use crate::deaf::on_i2c;
use crate::spi::on_spi;

const AIR: Air = Air {
    celsius: 21.37,
    humidity: 38.5,
    pascals: 98_765.0,
};

const SETTINGS: Settings = Settings {
    config: Config::RESET
        .set_standby_time(Standby::Millis1000)
        .set_filter(Filter::Off),
    ctrl_meas: CtrlMeas::RESET
        .set_osrs_t(Oversampling::X16)
        .set_osrs_p(Oversampling::X16),
    ctrl_hum: Oversampling::X1,
};

const NORMAL: Settings = Settings {
    ctrl_meas: SETTINGS.ctrl_meas.set_mode(Mode::Normal),
    ..SETTINGS
};

/// It reckons in integers: hundredths of a degree, 256ths of a pascal, 1024ths of a per cent.
fn assert_is(sample: Sample, air: Air) {
    let errors = [
        (sample.temperature, air.celsius, 0.0101),
        (sample.pressure, air.pascals, 0.3),
        (sample.humidity, air.humidity, 0.01),
    ];
    for (value, expected, tolerance) in errors {
        let error = (value - expected).abs();
        assert!(error <= tolerance, "{value} instead of {expected}");
    }
}

fn wait(stub: &Stub, millis: u64) {
    stub.delay().sleep(Duration::from_millis(millis)).unwrap();
}

#[test]
fn driver_bme280_multibus_i2c() {
    let chip = Chip::new();
    on_i2c(0x76, chip.clone(), |stub, bus| {
        let mut driver = Bme280::from_i2c1(bus, Address::SdoGnd).unwrap();
        assert_eq!(driver.chip_id().unwrap(), CHIP_ID);
        driver.reset().unwrap();
        assert!(driver.status().unwrap().im_update());
        wait(stub, 3);
        assert!(!driver.status().unwrap().im_update());

        chip.set_air(AIR);
        // Asleep, for `config` is not taken in normal mode.
        driver.settings(&SETTINGS).unwrap();
        driver.settings(&NORMAL).unwrap();
        assert!(driver.status().unwrap().measuring());
        wait(stub, 100);
        assert!(!driver.status().unwrap().measuring());
        assert_is(driver.sample().unwrap(), AIR);

        let warmer = Air {
            celsius: 30.0,
            ..AIR
        };
        chip.set_celsius(warmer.celsius);
        assert_is(driver.sample().unwrap(), AIR);
        wait(stub, 1100);
        assert_is(driver.sample().unwrap(), warmer);
    });
}

#[test]
fn driver_bme280_multibus_spi() {
    let chip = Chip::new();
    on_spi(chip.clone(), |stub, device| {
        let mut driver = Bme280::from_spi1(device).unwrap();
        assert_eq!(driver.chip_id().unwrap(), CHIP_ID);
        chip.set_air(AIR);
        driver.settings(&NORMAL).unwrap();
        wait(stub, 100);
        assert_is(driver.sample().unwrap(), AIR);
    });
}

#[test]
fn driver_bme280_multibus_async() {
    let chip = Chip::new();
    on_spi(chip.clone(), |stub, device| {
        stub.block_on(async {
            let mut driver = Bme280::from_spia0a(device).await.unwrap();
            assert_eq!(driver.chip_id_async().await.unwrap(), CHIP_ID);
            chip.set_air(AIR);
            driver.settings_async(&NORMAL).await.unwrap();
            wait(stub, 100);
            assert_is(driver.sample_async().await.unwrap(), AIR);
            driver.reset_async().await.unwrap();
            assert!(driver.status_async().await.unwrap().im_update());
        });
    });
}
