use std::time::Duration;

use circuits::gpio::{Config, Input};
use circuits::stub::chips::Lis3dh as Chip;
use embedded_hal_async::delay::DelayNs;
use embedded_hal_async::digital::Wait;
use lis3dh_async::{
    DataRate, FifoMode, IrqPin1Config, Lis3dh, Lis3dhCore, Mode, Range, Register, SlaveAddr,
};

use crate::deaf::{on_i2c, on_i2c_with_pin};
use crate::spi::on_spi;

/// Sets accelerations and reads them back, in all ranges and modes.
async fn measure(chip: &Chip, driver: &mut Lis3dh<impl Lis3dhCore>, mut delay: impl DelayNs) {
    let ranges = [
        (Range::G2, 0.001),
        (Range::G4, 0.002),
        (Range::G8, 0.004),
        (Range::G16, 0.012),
    ];
    let modes = [
        (Mode::HighResolution, 1.0),
        (Mode::Normal, 4.0),
        (Mode::LowPower, 16.0),
    ];
    for (range, step) in ranges {
        driver.set_range(range).await.ok().unwrap();
        for (mode, steps) in modes {
            driver.set_mode(mode).await.ok().unwrap();
            let g = [0.27, -1.0, 1.93];
            chip.set_g(g);
            delay.delay_ms(3).await;
            let norm = driver.accel_norm().await.ok().unwrap();
            for (value, g) in [norm.x, norm.y, norm.z].into_iter().zip(g) {
                let error: f32 = value - g;
                assert!(
                    error.abs() <= step * steps / 2.0 + 1e-6,
                    "{value} instead of {g}"
                );
            }
        }
    }
}

#[test]
fn driver_lis3dh_async_measures() {
    let chip = Chip::new();
    on_i2c(0x19, chip.clone(), |stub, bus| {
        stub.block_on(async {
            let mut driver = Lis3dh::new_i2c(bus, SlaveAddr::Alternate).await.unwrap();
            measure(&chip, &mut driver, stub.delay()).await;
        });
    });
}

#[test]
fn driver_lis3dh_async_spi() {
    let chip = Chip::new();
    on_spi(chip.clone(), |stub, device| {
        stub.block_on(async {
            let mut driver = Lis3dh::new_spi(device).await.unwrap();
            measure(&chip, &mut driver, stub.delay()).await;
        });
    });
}

#[test]
fn driver_lis3dh_async_status() {
    let chip = Chip::new();
    on_i2c(0x18, chip.clone(), |stub, bus| {
        stub.block_on(async {
            let mut driver = Lis3dh::new_i2c(bus, SlaveAddr::Default).await.unwrap();
            driver.set_datarate(DataRate::Hz_10).await.unwrap();
            assert!(!driver.is_data_ready().await.unwrap());
            stub.delay().delay_ms(100).await;
            assert!(driver.is_data_ready().await.unwrap());
            driver.accel_raw().await.unwrap();
            assert!(!driver.is_data_ready().await.unwrap());
            stub.delay().delay_ms(200).await;
            assert!(driver.get_status().await.unwrap().zyxor);

            // What it means by `enable_temp` sets no bit.
            chip.set_celsius(31.0);
            driver
                .register_set_bits(Register::TEMP_CFG, 0xc0)
                .await
                .unwrap();
            stub.delay().delay_ms(100).await;
            assert_eq!(driver.get_temp_outf().await.unwrap(), 31.0);
        });
    });
}

#[test]
fn driver_lis3dh_async_interrupt() {
    let chip = |pin| Chip::following(|time| [0.0, 0.0, time.as_nanos() as f32 / 1e9]).int1(pin);
    on_i2c_with_pin(0x18, chip, |stub, bus, _| {
        stub.block_on(async {
            let mut driver = Lis3dh::new_i2c(bus, SlaveAddr::Default).await.unwrap();
            driver.set_datarate(DataRate::Hz_1).await.unwrap();
            driver.set_range(Range::G4).await.unwrap();
            let mut line = Input::open_on(stub, "INT", &Config::new()).unwrap();
            driver
                .configure_interrupt_pin(IrqPin1Config {
                    zyxda_en: true,
                    ..Default::default()
                })
                .await
                .unwrap();
            for _ in 0..3 {
                let began = stub.clock().now();
                line.wait_for_high().await.unwrap();
                let z = driver.accel_norm().await.unwrap().z;
                let came = stub.clock().now().since(began);
                assert!(came <= Duration::from_millis(1003), "{came:?}");
                // The sample is of the moment at which the line rose.
                let age = stub.clock().now().as_nanos() as f32 / 1e9 - z;
                assert!((0.0..0.01).contains(&age), "{age} s old");
                assert!(!line.get().unwrap(), "it was read");
            }
        });
    });
}

#[test]
fn driver_lis3dh_async_fifo() {
    let chip = Chip::following(|time| [time.as_nanos() as f32 / 1e9, 0.0, 0.0]);
    on_i2c(0x18, chip, |stub, bus| {
        stub.block_on(async {
            let mut driver = Lis3dh::new_i2c(bus, SlaveAddr::Default).await.unwrap();
            driver.set_datarate(DataRate::Hz_100).await.unwrap();
            driver.enable_fifo(FifoMode::Stream, 9).await.unwrap();
            stub.delay().delay_ms(95).await;
            let status = driver.get_fifo_status().await.unwrap();
            assert!((8..=9).contains(&status.stack_size) && !status.watermark);
            stub.delay().delay_ms(20).await;
            assert!(driver.get_fifo_status().await.unwrap().watermark);
            let mut samples = Vec::new();
            while !driver.get_fifo_status().await.unwrap().empty {
                samples.push(driver.accel_raw().await.unwrap().x >> 4);
            }
            assert!(samples.len() >= 10);
            // 10 ms apart, at one g a second.
            assert!(
                samples
                    .windows(2)
                    .all(|pair| (9..=11).contains(&(pair[1] - pair[0]))),
                "{samples:?}"
            );
        });
    });
}
