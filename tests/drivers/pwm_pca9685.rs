use circuits::i2c::Bus;
use circuits::stub::chips::Pca9685 as Chip;
use embedded_hal::i2c::{ErrorType, Operation};
use pwm_pca9685::{Address, Channel, ChannelOnOffControl, OutputLogicState, Pca9685};

use crate::deaf::on_i2c;

/// The driver is either blocking or async, by a feature. This is the blocking side of the bus for
/// it.
struct Blocking(Bus);

impl ErrorType for Blocking {
    type Error = circuits::i2c::Error;
}

impl embedded_hal_async::i2c::I2c for Blocking {
    async fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), Self::Error> {
        embedded_hal::i2c::I2c::transaction(&mut self.0, address, operations)
    }
}

const SERVOS: [u16; 16] = [
    102, 205, 307, 410, 512, 102, 205, 307, 410, 512, 102, 205, 307, 410, 512, 0,
];

async fn servos<I>(chip: &Chip, bus: I, mut delay: impl embedded_hal_async::delay::DelayNs)
where
    I: embedded_hal_async::i2c::I2c,
{
    let mut driver = Pca9685::new(bus, Address::default()).unwrap();
    driver.set_prescale(121).await.unwrap();
    assert_eq!(chip.frequency(), 0.0, "it sleeps");
    driver.enable().await.unwrap();
    assert_eq!(chip.frequency().round(), 50.0);

    // Servos: 0.5 to 2.5 ms.
    driver.set_all_on_off(&[0; 16], &SERVOS).await.unwrap();
    for (channel, counts) in SERVOS.into_iter().enumerate() {
        assert_eq!(chip.duty(channel), Some(f64::from(counts) / 4096.0));
    }
    assert_eq!(chip.pulse(2).as_micros(), 1498);

    // Another rate while it runs: the driver puts it to sleep for that.
    driver.set_prescale(60).await.unwrap();
    assert_eq!(chip.frequency().round(), 100.0);

    driver.set_channel_full_on(Channel::C3, 0).await.unwrap();
    driver.set_channel_full_off(Channel::C4).await.unwrap();
    assert_eq!((chip.duty(3), chip.duty(4)), (Some(1.0), Some(0.0)));
    driver
        .set_channel_on_off(Channel::All, 1024, 3072)
        .await
        .unwrap();
    assert!((0..16).all(|channel| chip.duty(channel) == Some(0.5)));

    driver.enable_restart_and_disable().await.unwrap();
    assert_eq!((chip.frequency(), chip.duty(0)), (0.0, Some(0.0)));
    driver.restart(&mut delay).await.unwrap();
    assert_eq!(chip.duty(0), Some(0.5));

    let channels = [ChannelOnOffControl {
        on: 3000,
        off: 952,
        ..Default::default()
    }; 16];
    driver.set_all_channels(&channels).await.unwrap();
    assert_eq!(chip.duty(7), Some(0.5), "on across the end of the period");
    driver
        .set_channel_on_off(Channel::C0, 0, 1024)
        .await
        .unwrap();
    driver
        .set_output_logic_state(OutputLogicState::Inverted)
        .await
        .unwrap();
    assert_eq!(chip.duty(0), Some(0.75));
}

#[test]
fn driver_pwm_pca9685_blocking() {
    let chip = Chip::new();
    on_i2c(0x40, chip.clone(), |stub, bus| {
        stub.block_on(servos(&chip, Blocking(bus), stub.delay()));
    });
}

#[test]
fn driver_pwm_pca9685_async() {
    let chip = Chip::new();
    on_i2c(0x40, chip.clone(), |stub, bus| {
        stub.block_on(servos(&chip, bus, stub.delay()));
    });
}
