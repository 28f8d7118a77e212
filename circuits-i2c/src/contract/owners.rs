use std::sync::Arc;

use embedded_hal::i2c::I2c;

use super::futures::in_task;
use super::{Bench, HIGH, NOBODY, OWNED, SENSOR, bus};
use crate::{Error, ErrorKind};

pub(super) fn an_owned_address_is_refused_and_can_be_had(bench: Arc<dyn Bench>) {
    let mut bus = bus(&*bench);
    assert_eq!(bus.owner(OWNED).unwrap().as_deref(), Some(bench.driver()));
    assert_eq!(bus.owner(SENSOR).unwrap(), None);
    assert_eq!(bus.owner(NOBODY).unwrap(), None);
    for error in [
        bus.device(OWNED).map(drop).unwrap_err(),
        bus.smbus(OWNED).map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InUse);
        let Error::InUse { holder, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(**holder, *bench.driver());
        assert!(error.to_string().contains(bench.driver()), "{error}");
    }
    let mut device = bus.device_even_if_owned(OWNED).unwrap();
    device.write_read(OWNED, &[HIGH], &mut [0; 2]).unwrap();
    device.smbus().read_word_data(HIGH).unwrap();
    // A bus speaks for whoever has it.
    bus.write_read(OWNED, &[HIGH], &mut [0; 2]).unwrap();
}

pub(super) fn a_device_speaks_for_itself_alone(bench: Arc<dyn Bench>) {
    let bus = bus(&*bench);
    let mut sensor = bus.device(SENSOR).unwrap();
    sensor.write(SENSOR, &[HIGH, 0x4b, 0x80]).unwrap();
    let mut value = [0; 2];
    sensor.write_read(SENSOR, &[HIGH], &mut value).unwrap();
    assert_eq!(value, [0x4b, 0x80]);
    assert_eq!(sensor.smbus().read_word_data(HIGH).unwrap(), 0x804b);
    let error = sensor.write(NOBODY, &[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(bus.device(0x80).unwrap_err().kind(), ErrorKind::Invalid);
    in_task(&bench, async move {
        use embedded_hal_async::i2c::I2c;

        let mut value = [0; 2];
        I2c::write_read(&mut sensor, SENSOR, &[HIGH], &mut value)
            .await
            .unwrap();
        assert_eq!(value, [0x4b, 0x80]);
        let error = I2c::write(&mut sensor, NOBODY, &[0]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    });
}
