//! No driver of this chip is for embedded-hal 1.0: three bytes, as figure 6-1 of the datasheet has
//! them.

use circuits::stub::chips::Mcp3008;
use embedded_hal::spi::SpiDevice;

use crate::spi::on_spi;

fn read(device: &mut impl SpiDevice, channel: u8) -> u16 {
    let mut bytes = [1, 1 << 7 | channel << 4, 0];
    device.transfer_in_place(&mut bytes).unwrap();
    u16::from_be_bytes([bytes[1] & 0b11, bytes[2]])
}

#[test]
fn three_bytes_read_an_mcp3008() {
    let chip = Mcp3008::new(3.3);
    on_spi(chip.clone(), |_, mut device| {
        for (channel, volts) in [(0, 0.0), (3, 1.65), (7, 3.29), (3, 0.825)] {
            chip.set_volts(channel.into(), volts);
            let measured = f32::from(read(&mut device, channel)) * 3.3 / 1024.0;
            assert!((measured - volts).abs() <= 3.3 / 1024.0, "{measured} V");
        }
    });
}
