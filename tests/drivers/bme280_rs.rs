use std::time::Duration;

use bme280_rs::{AsyncBme280, Bme280, CHIP_ID, Configuration, Oversampling, SensorMode};
use circuits::stub::chips::{Air, Bme280 as Chip};
use embedded_hal_async::delay::DelayNs;

use crate::deaf::on_i2c;

const AIRS: [Air; 3] = [
    Air {
        celsius: 24.61,
        humidity: 55.5,
        pascals: 101_325.0,
    },
    Air {
        celsius: -18.0,
        humidity: 91.0,
        pascals: 72_000.0,
    },
    Air {
        celsius: 60.0,
        humidity: 7.25,
        pascals: 104_900.0,
    },
];

fn configuration(mode: SensorMode) -> Configuration {
    Configuration::default()
        .with_temperature_oversampling(Oversampling::Oversample16)
        .with_pressure_oversampling(Oversampling::Oversample16)
        .with_humidity_oversampling(Oversampling::Oversample1)
        .with_sensor_mode(mode)
}

fn assert_is(sample: [Option<f32>; 3], air: Air) {
    let expected = [
        (air.celsius, 0.0101),
        (air.humidity, 0.01),
        (air.pascals, 1.0),
    ];
    for (value, (expected, tolerance)) in sample.into_iter().zip(expected) {
        let error = (value.expect("a value") - expected).abs();
        assert!(error <= tolerance, "{value:?} instead of {expected}");
    }
}

#[test]
fn driver_bme280_rs_blocking() {
    let chip = Chip::new();
    on_i2c(0x76, chip.clone(), |stub, bus| {
        let mut driver = Bme280::new(bus, stub.delay());
        driver.init().unwrap();
        assert_eq!(driver.chip_id().unwrap(), CHIP_ID);
        driver
            .set_sampling_configuration(configuration(SensorMode::Forced))
            .unwrap();
        for air in AIRS {
            chip.set_air(air);
            assert!(driver.take_forced_measurement().unwrap());
            // It takes bit 2 of the status for *measuring*, which is bit 3, and does not wait. The
            // first time one measurement comes after another.
            stub.delay().sleep(Duration::from_millis(140)).unwrap();
            let sample = driver.read_sample().unwrap();
            assert_is([sample.temperature, sample.humidity, sample.pressure], air);
        }
    });
}

#[test]
fn driver_bme280_rs_async() {
    let chip = Chip::new();
    on_i2c(0x77, chip.clone(), |stub, bus| {
        stub.block_on(async {
            let mut driver = AsyncBme280::new_with_address(bus, 0x77, stub.delay());
            driver.init().await.unwrap();
            driver
                .set_sampling_configuration(configuration(SensorMode::Normal))
                .await
                .unwrap();
            for air in AIRS {
                chip.set_air(air);
                stub.delay().delay_ms(150).await;
                let sample = driver.read_sample().await.unwrap();
                assert_is([sample.temperature, sample.humidity, sample.pressure], air);
            }
            // During a measurement it would be ignored, and the driver does not look.
            driver.init().await.unwrap();
            let no_humidity =
                configuration(SensorMode::Normal).with_humidity_oversampling(Oversampling::Skip);
            driver
                .set_sampling_configuration(no_humidity)
                .await
                .unwrap();
            stub.delay().delay_ms(300).await;
            assert_eq!(driver.read_humidity().await.unwrap(), None);
        });
    });
}
