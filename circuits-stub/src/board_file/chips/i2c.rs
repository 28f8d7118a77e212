//! Chips on I2C, some of them on SPI as well.

use super::{Known, known};
use crate::board_file::chip::Bus::{I2c, Spi};
use crate::board_file::chip::{Chip, Site};
use crate::board_file::quantity::{Field, Quantity};
use crate::board_file::source::{Result, Value};
use crate::chips::{
    Ads1115, Air, At24c, At24cSize, Bme280, Ds3231, Lis3dh, Mcp23017, Motion, Mpu6050, Pca9685,
    Ssd1306, Tmp102,
};

pub(super) const CHIPS: &[Known] = &[
    known("ads1115", &[I2c], ads1115).at(0x48, 0x4b),
    known("at24c01", &[I2c], |chip| at24c(chip, At24cSize::C01)).at(0x50, 0x57),
    known("at24c02", &[I2c], |chip| at24c(chip, At24cSize::C02)).at(0x50, 0x57),
    known("at24c04", &[I2c], |chip| at24c(chip, At24cSize::C04)).at_each(2, 0x50, 0x56),
    known("at24c08", &[I2c], |chip| at24c(chip, At24cSize::C08)).at_each(4, 0x50, 0x54),
    known("at24c16", &[I2c], |chip| at24c(chip, At24cSize::C16)).at_each(8, 0x50, 0x50),
    known("at24c32", &[I2c], |chip| at24c(chip, At24cSize::C32)).at(0x50, 0x57),
    known("at24c64", &[I2c], |chip| at24c(chip, At24cSize::C64)).at(0x50, 0x57),
    known("at24c128", &[I2c], |chip| at24c(chip, At24cSize::C128)).at(0x50, 0x57),
    known("at24c256", &[I2c], |chip| at24c(chip, At24cSize::C256)).at(0x50, 0x57),
    known("at24c512", &[I2c], |chip| at24c(chip, At24cSize::C512)).at(0x50, 0x57),
    known("bme280", &[I2c, Spi], bme280).at(0x76, 0x77),
    known("ds3231", &[I2c], ds3231).at(0x68, 0x68),
    known("lis3dh", &[I2c, Spi], lis3dh).at(0x18, 0x19),
    known("mcp23017", &[I2c], mcp23017).at(0x20, 0x27),
    known("mpu6050", &[I2c], mpu6050).at(0x68, 0x69),
    known("pca9685", &[I2c], pca9685).at(0x40, 0x7f),
    known("ssd1306", &[I2c, Spi], ssd1306).at(0x3c, 0x3d),
    known("tmp102", &[I2c], tmp102).at(0x48, 0x4b),
];

fn ads1115(chip: &mut Chip<'_, '_>) -> Result<()> {
    let mut made = Ads1115::new();
    // From ground to the supply, which is 5.5 V at most.
    let volts = Field::new("volts", 0.0).within(0.0, 5.5);
    for (input, volts) in chip.list(volts, 4)?.into_iter().enumerate() {
        let volts = volts.follow(chip.bench.made);
        let followed = made.follow(input, move |time| volts(time) as f32);
        followed.map_err(|error| chip.kind.error(error))?;
    }
    if let Some(pin) = chip.pin("alert_pin")? {
        made = made.alert_pin(pin);
    }
    chip.on_i2c(made)
}

fn at24c(chip: &mut Chip<'_, '_>, size: At24cSize) -> Result<()> {
    let made = At24c::new(size);
    if let Some((value, bytes)) = chip.contents()? {
        made.set_contents(&bytes)
            .map_err(|error| value.error(error))?;
    }
    if let Some(is_protected) = chip.get("write_protected", Value::bool)? {
        made.set_write_protected(is_protected);
    }
    let blocks: Vec<At24c> = (0..made.blocks()).map(|block| made.block(block)).collect();
    chip.on_i2c_blocks(&blocks)
}

fn bme280(chip: &mut Chip<'_, '_>) -> Result<()> {
    let fields = [
        Field::new("celsius", 25.0).within(-40.0, 85.0),
        Field::new("humidity", 45.0).within(0.0, 100.0),
        Field::new("pascals", 101_325.0)
            .within(30_000.0, 110_000.0)
            .or("hectopascals", 100.0),
    ];
    let [celsius, humidity, pascals] = match chip.quantities("air", fields)? {
        Some(air) => air,
        None => {
            let (settings, base) = (&mut chip.settings, &chip.bench.base);
            let [celsius, humidity, pascals] = fields.map(|field| field.take(settings, base));
            [celsius?, humidity?, pascals?]
        }
    };
    let made = chip.bench.made;
    chip.on_i2c_or_spi(Bme280::following(move |time| {
        let time = time.since(made);
        Air {
            celsius: celsius.at(time) as f32,
            humidity: humidity.at(time) as f32,
            pascals: pascals.at(time) as f32,
        }
    }))
}

fn ds3231(chip: &mut Chip<'_, '_>) -> Result<()> {
    let made = Ds3231::new();
    if let Some(celsius) = chip.celsius(-128.0, 127.75)? {
        made.set_celsius(celsius);
    }
    let now = chip.bench.made;
    chip.get("datetime", |value| {
        let set = made.set_datetime(now, value.datetime(2199)?);
        set.map_err(|error| value.error(error))
    })?;
    let made = match chip.pin("interrupt_pin")? {
        Some(pin) => made.interrupt_pin(pin),
        None => made,
    };
    chip.on_i2c(made)
}

fn lis3dh(chip: &mut Chip<'_, '_>) -> Result<()> {
    let fields = [
        Field::new("x", 0.0).within(-16.0, 16.0),
        Field::new("y", 0.0).within(-16.0, 16.0),
        Field::new("z", 1.0).within(-16.0, 16.0),
    ];
    let mut made = match chip.quantities("g", fields)? {
        Some(g) => {
            let made = chip.bench.made;
            Lis3dh::following(move |time| g.each_ref().map(|g| g.at(time.since(made)) as f32))
        }
        None => Lis3dh::new(),
    };
    if let Some(celsius) = chip.celsius(-40.0, 85.0)? {
        made.set_celsius(celsius);
    }
    if let Some(pin) = chip.pin("int1")? {
        made = made.int1(pin);
    }
    chip.on_i2c_or_spi(made)
}

fn mcp23017(chip: &mut Chip<'_, '_>) -> Result<()> {
    let mut made = Mcp23017::new();
    if let Some(pin) = chip.pin("inta")? {
        made = made.inta(pin);
    }
    if let Some(pin) = chip.pin("intb")? {
        made = made.intb(pin);
    }
    chip.get("input", |value| {
        for (pin, level) in value.table()?.rest() {
            let number = pin.number(0..=15)?;
            made.set_input(number, level.level()?);
        }
        Ok(())
    })?;
    chip.on_i2c(made)
}

fn mpu6050(chip: &mut Chip<'_, '_>) -> Result<()> {
    let axes = |z, most: f64| {
        [("x", 0.0), ("y", 0.0), ("z", z)]
            .map(|(name, default)| Field::new(name, default).within(-most, most))
    };
    let still = |axes: [f64; 3]| axes.map(Quantity::Fixed);
    let g = chip.quantities("g", axes(1.0, 16.0))?;
    let turn = chip.quantities("degrees_a_second", axes(0.0, 2000.0))?;
    let g = g.unwrap_or_else(|| still([0.0, 0.0, 1.0]));
    let turn = turn.unwrap_or_else(|| still([0.0; 3]));
    let made = chip.bench.made;
    let mpu6050 = Mpu6050::following(move |time| {
        let at = |axis: &Quantity| axis.at(time.since(made)) as f32;
        Motion {
            g: g.each_ref().map(at),
            degrees_a_second: turn.each_ref().map(at),
        }
    });
    if let Some(celsius) = chip.celsius(-40.0, 85.0)? {
        mpu6050.set_celsius(celsius);
    }
    chip.on_i2c(mpu6050)
}

fn pca9685(chip: &mut Chip<'_, '_>) -> Result<()> {
    let mut made = Pca9685::new();
    if let Some(hertz) = chip.get("external_clock", Value::positive)? {
        made = made.external_clock(hertz);
    }
    chip.on_i2c(made)
}

fn ssd1306(chip: &mut Chip<'_, '_>) -> Result<()> {
    let sizes = [("128x64", 64), ("128x32", 32)];
    let mut made = match chip.get("size", |value| value.one_of("size", &sizes))? {
        Some(32) => Ssd1306::new_128x32(),
        _ => Ssd1306::new_128x64(),
    };
    if matches!(chip.site, Site::Spi { .. }) {
        if let Some(pin) = chip.pin("data_command")? {
            made = made.data_command(pin);
        }
    }
    if chip.get("shown", Value::bool)? == Some(true) {
        made = made.shown(&chip.bench.stub, &chip.site.to_string());
    }
    chip.on_i2c_or_spi(made)
}

fn tmp102(chip: &mut Chip<'_, '_>) -> Result<()> {
    let celsius = chip.quantity(Field::new("celsius", 25.0).within(-55.0, 150.0))?;
    chip.on_i2c(Tmp102::following(celsius))
}
