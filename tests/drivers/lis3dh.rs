use circuits::prelude::*;
use circuits::stub::chips::Lis3dh as Chip;
use lis3dh::accelerometer::Accelerometer;
use lis3dh::{DataRate, Lis3dh, Mode, Range, SlaveAddr};

use crate::deaf::on_i2c;

#[test]
fn driver_lis3dh_measures() {
    let chip = Chip::new();
    on_i2c(0x18, chip.clone(), |stub, bus| {
        let mut driver = Lis3dh::new_i2c(bus, SlaveAddr::Default).unwrap();
        assert_eq!(driver.get_device_id().unwrap(), 0x33);
        driver.set_range(Range::G8).unwrap();
        driver.set_mode(Mode::Normal).unwrap();
        driver.set_datarate(DataRate::Hz_50).unwrap();
        for g in [[0.0, 0.0, 1.008], [-7.2, 3.6, 0.16]] {
            chip.set_g(g);
            driver.accel_norm().unwrap();
            assert!(!driver.is_data_ready().unwrap());
            stub.delay().delay_ms(20);
            assert!(driver.is_data_ready().unwrap());
            let norm = driver.accel_norm().unwrap();
            for (value, g) in [norm.x, norm.y, norm.z].into_iter().zip(g) {
                assert!((value - g).abs() < 1e-5, "{value} instead of {g}");
            }
        }
        assert_eq!(driver.sample_rate().unwrap(), 50.0);

        driver.enable_temp(true).unwrap();
        chip.set_celsius(12.0);
        stub.delay().delay_ms(20);
        // In 256ths of a degree from 25 °C on; what it makes of them are 512ths.
        assert_eq!(driver.get_temp_out().unwrap(), -13 * 256);
    });
}
