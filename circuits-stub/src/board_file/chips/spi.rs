//! Chips on SPI.

use super::{Known, known};
use crate::board_file::chip::Bus::Spi;
use crate::board_file::chip::Chip;
use crate::board_file::quantity::Field;
use crate::board_file::source::{Result, Value};
use crate::chips::{Max7219, Mcp2515, Mcp3008, SdCard, W25q};

pub(super) const CHIPS: &[Known] = &[
    known("max7219", &[Spi], max7219),
    known("mcp2515", &[Spi], mcp2515),
    known("mcp3008", &[Spi], mcp3008),
    known("sd_card", &[Spi], sd_card),
    known("w25q16jv", &[Spi], |chip| w25q(chip, W25q::w25q16jv())),
    known("w25q32jv", &[Spi], |chip| w25q(chip, W25q::w25q32jv())),
    known("w25q64jv", &[Spi], |chip| w25q(chip, W25q::w25q64jv())),
    known("w25q128jv", &[Spi], |chip| w25q(chip, W25q::w25q128jv())),
];

fn max7219(chip: &mut Chip<'_, '_>) -> Result<()> {
    let chain = chip.get("chain", |chips| chips.integer(1..=255u8))?;
    chip.on_spi(Max7219::chain(chain.unwrap_or(1).into()))
}

fn mcp2515(chip: &mut Chip<'_, '_>) -> Result<()> {
    let hertz = chip.need("oscillator_hz", |hertz| {
        hertz.integer(1_000_000..=40_000_000)
    })?;
    let mut made = Mcp2515::new(hertz);
    if let Some(pin) = chip.pin("interrupt_pin")? {
        made = made.interrupt_pin(pin);
    }
    let interface = chip.settings.take("interface");
    chip.on_spi(made.clone())?;
    match interface {
        Some(value) => {
            let interface = value.node("a CAN interface", "can0")?;
            let plugged = chip.bench.stub.plug_can(interface, made);
            plugged.map(drop).map_err(|error| value.error(error))
        }
        None => Ok(()),
    }
}

fn mcp3008(chip: &mut Chip<'_, '_>) -> Result<()> {
    let reference = chip.get("reference", Value::positive)?;
    let made = Mcp3008::new(reference.unwrap_or(3.3) as f32);
    // From ground to the supply, which is 5.5 V at most.
    let volts = Field::new("volts", 0.0).within(0.0, 5.5);
    for (channel, volts) in chip.list(volts, 8)?.into_iter().enumerate() {
        let volts = volts.follow(chip.bench.made);
        made.follow(channel, move |time| volts(time) as f32);
    }
    chip.on_spi(made)
}

fn sd_card(chip: &mut Chip<'_, '_>) -> Result<()> {
    let kinds = [("sdhc", true), ("sdsc", false)];
    let is_sdhc = chip.get("capacity", |value| value.one_of("capacity", &kinds))?;
    let mut made = match is_sdhc {
        Some(false) => SdCard::sdsc(),
        _ => SdCard::sdhc(),
    };
    if let Some((value, bytes)) = chip.contents()? {
        if bytes.len() as u64 > u64::from(made.blocks()) * 512 {
            return Err(value.error("this is more than the card holds"));
        }
        made.set_contents(0, &bytes);
    }
    if let Some(pin) = chip.pin("detected_by")? {
        made = made.detected_by(pin);
    }
    if chip.get("remove", Value::bool)? == Some(true) {
        made.remove();
    }
    chip.on_spi(made)
}

fn w25q(chip: &mut Chip<'_, '_>, made: W25q) -> Result<()> {
    if let Some((value, bytes)) = chip.contents()? {
        if bytes.len() > made.len() {
            return Err(value.error(format_args!("this is more than {} bytes", made.len())));
        }
        made.set_contents(0, &bytes);
    }
    chip.get("unique_id", |value| {
        let bytes = value.list()?;
        let Ok(bytes) = <[Value<'_>; 8]>::try_from(bytes) else {
            return Err(value.error("this is to have 8 bytes"));
        };
        let mut id = [0; 8];
        for (id, byte) in id.iter_mut().zip(bytes) {
            *id = byte.integer(0..=255)?;
        }
        made.set_unique_id(id);
        Ok(())
    })?;
    chip.on_spi(made)
}
