use std::time::Duration;

use bme280::i2c::BME280;
use bme280::{Configuration, IIRFilter, Oversampling};
use circuits::stub::chips::{Air, Bme280 as Chip};

use crate::deaf::on_i2c;

/// It reckons in 32-bit floating point.
fn assert_near(value: f32, expected: f32, tolerance: f32) {
    let error = (value - expected).abs();
    assert!(error <= tolerance, "{value} instead of {expected}");
}

#[test]
fn driver_bme280_measures() {
    let chip = Chip::new();
    on_i2c(0x76, chip.clone(), |stub, bus| {
        let mut delay = stub.delay();
        let mut driver = BME280::new_primary(bus);
        // 36 ms; it waits 40, whatever the configuration.
        let config = Configuration::default()
            .with_temperature_oversampling(Oversampling::Oversampling8X)
            .with_pressure_oversampling(Oversampling::Oversampling8X);
        driver.init_with_config(&mut delay, config).unwrap();
        for (celsius, humidity, pascals) in [
            (25.0, 45.0, 101_325.0),
            (-39.5, 3.0, 31_000.0),
            (84.5, 97.5, 109_000.0),
            (0.0, 60.25, 84_000.0),
        ] {
            chip.set_celsius(celsius);
            chip.set_humidity(humidity);
            chip.set_pascals(pascals);
            let air = driver.measure(&mut delay).unwrap();
            assert_near(air.temperature, celsius, 0.002);
            assert_near(air.humidity, humidity, 0.01);
            assert_near(air.pressure, pascals, 1.0);
        }
    });
}

#[test]
fn driver_bme280_follows() {
    let air = |celsius| Air {
        celsius,
        humidity: 50.0,
        pascals: 1e5,
    };
    let chip = Chip::following(move |time| air(time.as_nanos() as f32 / 3600e9));
    on_i2c(0x76, chip.clone(), |stub, bus| {
        let mut delay = stub.delay();
        let mut driver = BME280::new_primary(bus);
        driver.init(&mut delay).unwrap();
        stub.delay().sleep(Duration::from_secs(10 * 3600)).unwrap();
        // The first measurement passes the filter.
        let measured = driver.measure(&mut delay).unwrap();
        assert_near(measured.temperature, 10.0, 0.002);
        assert_near(measured.pressure, 1e5, 1.0);
    });
}

#[test]
fn driver_bme280_filter() {
    let chip = Chip::new();
    on_i2c(0x77, chip.clone(), |stub, bus| {
        let mut delay = stub.delay();
        let mut driver = BME280::new_secondary(bus);
        let config = Configuration::default().with_iir_filter(IIRFilter::Coefficient2);
        driver.init_with_config(&mut delay, config).unwrap();
        chip.set_air(Air {
            celsius: 20.0,
            humidity: 40.0,
            pascals: 1e5,
        });
        assert_near(driver.measure(&mut delay).unwrap().temperature, 20.0, 0.005);
        chip.set_celsius(30.0);
        assert_near(driver.measure(&mut delay).unwrap().temperature, 25.0, 0.01);
        assert_near(driver.measure(&mut delay).unwrap().temperature, 27.5, 0.01);
    });
}
