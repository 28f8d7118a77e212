use circuits::stub::chips::{Motion, Mpu6050 as Chip};
use mpu6050_dmp::accel::AccelFullScale;
use mpu6050_dmp::address::Address;
use mpu6050_dmp::calibration::{CalibrationParameters, ReferenceGravity};
use mpu6050_dmp::config::DigitalLowPassFilter;
use mpu6050_dmp::gyro::GyroFullScale;
use mpu6050_dmp::sensor::Mpu6050;

use crate::deaf::on_i2c;

#[test]
fn driver_mpu6050_dmp_measures() {
    let chip = Chip::new();
    on_i2c(0x68, chip.clone(), |stub, bus| {
        let mut delay = stub.delay();
        let mut driver = Mpu6050::new(bus, Address::default()).unwrap();
        driver.reset(&mut delay).unwrap();
        driver.disable_sleep().unwrap();
        driver.set_accel_full_scale(AccelFullScale::G4).unwrap();
        driver.set_gyro_full_scale(GyroFullScale::Deg500).unwrap();
        let filter = DigitalLowPassFilter::Filter3;
        driver.set_digital_lowpass_filter(filter).unwrap();
        driver.set_sample_rate_divider(9).unwrap();
        driver.interrupt_read_clear().unwrap();

        chip.set_celsius(31.5);
        let (g, degrees_a_second) = ([-3.5, 0.25, 1.0], [0.0, -444.0, 12.5]);
        chip.set_motion(Motion {
            g,
            degrees_a_second,
        });
        stub.delay()
            .sleep(std::time::Duration::from_millis(11))
            .unwrap();
        assert_eq!(driver.interrupt_read_clear().unwrap(), 1);
        let (accel, gyro) = driver.motion6().unwrap();
        let accel = accel.scaled(AccelFullScale::G4);
        let accel = [accel.x(), accel.y(), accel.z()];
        let gyro: [f32; 3] = gyro.scaled(GyroFullScale::Deg500).into();
        for axis in 0..3 {
            assert!((accel[axis] - g[axis]).abs() < 1e-3, "{accel:?}");
            assert!(
                (gyro[axis] - degrees_a_second[axis]).abs() < 0.05,
                "{gyro:?}"
            );
        }
        assert!((driver.temperature().unwrap().celsius() - 31.5).abs() < 0.01);
    });
}

/// It finds out what the sensor says at rest, and has it taken off.
#[test]
fn driver_mpu6050_dmp_calibrates() {
    let chip = Chip::new();
    on_i2c(0x68, chip.clone(), |stub, bus| {
        let mut driver = Mpu6050::new(bus, Address::default()).unwrap();
        chip.set_motion(Motion {
            g: [0.03, -0.02, 1.05],
            // Four digits are what it can take off, and one is what the driver lets pass.
            degrees_a_second: [196.0, -264.0, 92.0].map(|digits| digits / 131.0),
        });
        let (accel, gyro) = (AccelFullScale::G2, GyroFullScale::Deg250);
        let parameters = CalibrationParameters::new(accel, gyro, ReferenceGravity::ZP);
        driver.calibrate(&mut stub.delay(), &parameters).unwrap();
        stub.delay()
            .sleep(std::time::Duration::from_millis(2))
            .unwrap();
        let (accel, gyro) = driver.motion6().unwrap();
        let accel = [accel.x(), accel.y(), accel.z()];
        let off = accel.map(i16::abs);
        assert!(
            off[0] <= 8 && off[1] <= 8 && (off[2] - 16384).abs() <= 8,
            "{accel:?}"
        );
        let gyro: [i16; 3] = gyro.into();
        assert!(gyro.iter().all(|digits| digits.abs() <= 1), "{gyro:?}");
    });
}

/// Its program is loaded, and not run.
#[test]
fn driver_mpu6050_dmp_loads_its_program() {
    let chip = Chip::new();
    on_i2c(0x68, chip.clone(), |stub, bus| {
        let mut driver = Mpu6050::new(bus, Address::default()).unwrap();
        driver.initialize_dmp(&mut stub.delay()).unwrap();
        assert_eq!(driver.get_fifo_count().unwrap(), 0);
        // After its reset it sleeps; the driver has woken it.
        let (accel, _) = driver.motion6().unwrap();
        assert_eq!(accel.z(), 16384);
    });
}
