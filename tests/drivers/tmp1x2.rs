use circuits::stub::chips::Tmp102;
use tmp1x2::{SlaveAddr, Tmp1x2};

use crate::deaf::on_i2c;

#[test]
fn driver_tmp1x2_temperature() {
    let chip = Tmp102::new();
    on_i2c(0x48, chip.clone(), |_, bus| {
        let mut sensor = Tmp1x2::new(bus, SlaveAddr::Default);
        for celsius in [21.5, -12.25, 99.9375] {
            chip.set_celsius(celsius);
            assert_eq!(sensor.read_temperature().unwrap(), celsius);
        }
    });
}
