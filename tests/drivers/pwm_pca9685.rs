use circuits::stub::chips::Pca9685 as Chip;
use embedded_hal::delay::DelayNs;
use pwm_pca9685::{Address, Channel, ChannelOnOffControl, OutputLogicState, Pca9685};

use crate::deaf::on_i2c;

const SERVOS: [u16; 16] = [
    102, 205, 307, 410, 512, 102, 205, 307, 410, 512, 102, 205, 307, 410, 512, 0,
];

/// The driver is either blocking or async, by a feature. This is the blocking one.
fn servos(chip: &Chip, bus: impl embedded_hal::i2c::I2c, mut delay: impl DelayNs) {
    let mut driver = Pca9685::new(bus, Address::default()).unwrap();
    driver.set_prescale(121).unwrap();
    assert_eq!(chip.frequency(), 0.0, "it sleeps");
    driver.enable().unwrap();
    assert_eq!(chip.frequency().round(), 50.0);

    // Servos: 0.5 to 2.5 ms.
    driver.set_all_on_off(&[0; 16], &SERVOS).unwrap();
    for (channel, counts) in SERVOS.into_iter().enumerate() {
        assert_eq!(chip.duty(channel), Some(f64::from(counts) / 4096.0));
    }
    assert_eq!(chip.pulse(2).as_micros(), 1498);

    // Another rate while it runs: the driver puts it to sleep for that.
    driver.set_prescale(60).unwrap();
    assert_eq!(chip.frequency().round(), 100.0);

    driver.set_channel_full_on(Channel::C3, 0).unwrap();
    driver.set_channel_full_off(Channel::C4).unwrap();
    assert_eq!((chip.duty(3), chip.duty(4)), (Some(1.0), Some(0.0)));
    driver.set_channel_on_off(Channel::All, 1024, 3072).unwrap();
    assert!((0..16).all(|channel| chip.duty(channel) == Some(0.5)));

    driver.enable_restart_and_disable().unwrap();
    assert_eq!((chip.frequency(), chip.duty(0)), (0.0, Some(0.0)));
    driver.restart(&mut delay).unwrap();
    assert_eq!(chip.duty(0), Some(0.5));

    let channels = [ChannelOnOffControl {
        on: 3000,
        off: 952,
        ..Default::default()
    }; 16];
    driver.set_all_channels(&channels).unwrap();
    assert_eq!(chip.duty(7), Some(0.5), "on across the end of the period");
    driver.set_channel_on_off(Channel::C0, 0, 1024).unwrap();
    driver
        .set_output_logic_state(OutputLogicState::Inverted)
        .unwrap();
    assert_eq!(chip.duty(0), Some(0.75));
}

#[test]
fn driver_pwm_pca9685() {
    let chip = Chip::new();
    on_i2c(0x40, chip.clone(), |stub, bus| {
        servos(&chip, bus, stub.delay())
    });
}
