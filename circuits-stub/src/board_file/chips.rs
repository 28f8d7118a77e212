//! Chips by the words that a file has for them. To add one is an entry in [`CHIPS`], and how it is made of its settings;
//! and a row in BOARDS.md.

use std::time::Duration;

use circuits_uart::{Config, Parity, StopBits};

use super::chip::Bus::{Can, I2c, Spi, Uart};
use super::chip::{Bus, Chip, Site};
use super::quantity::{Field, Quantity};
use super::source::{Result, Value};
use crate::chips::{
    Ads1115, Air, At24c, At24cSize, Bme280, Ds3231, Gps, Lis3dh, Max7219, Mcp2515, Mcp3008,
    Mcp23017, ModbusServer, Modem, Motion, Mpu6050, Odrive, Pca9685, Position, Registration,
    SdCard, Ssd1306, Tmc2209, Tmp102, W25q,
};

/// A chip that files know.
pub(super) struct Known {
    pub(super) word: &'static str,
    pub(super) on: &'static [Bus],
    pub(super) make: fn(&mut Chip<'_, '_>) -> Result<()>,
}

const fn known(
    word: &'static str,
    on: &'static [Bus],
    make: fn(&mut Chip<'_, '_>) -> Result<()>,
) -> Known {
    Known { word, on, make }
}

pub(super) const CHIPS: &[Known] = &[
    known("ads1115", &[I2c], ads1115),
    known("at24c01", &[I2c], |chip| at24c(chip, At24cSize::C01)),
    known("at24c02", &[I2c], |chip| at24c(chip, At24cSize::C02)),
    known("at24c04", &[I2c], |chip| at24c(chip, At24cSize::C04)),
    known("at24c08", &[I2c], |chip| at24c(chip, At24cSize::C08)),
    known("at24c16", &[I2c], |chip| at24c(chip, At24cSize::C16)),
    known("at24c32", &[I2c], |chip| at24c(chip, At24cSize::C32)),
    known("at24c64", &[I2c], |chip| at24c(chip, At24cSize::C64)),
    known("at24c128", &[I2c], |chip| at24c(chip, At24cSize::C128)),
    known("at24c256", &[I2c], |chip| at24c(chip, At24cSize::C256)),
    known("at24c512", &[I2c], |chip| at24c(chip, At24cSize::C512)),
    known("bme280", &[I2c, Spi], bme280),
    known("ds3231", &[I2c], ds3231),
    known("gps", &[Uart], gps),
    known("lis3dh", &[I2c, Spi], lis3dh),
    known("max7219", &[Spi], max7219),
    known("mcp23017", &[I2c], mcp23017),
    known("mcp2515", &[Spi], mcp2515),
    known("mcp3008", &[Spi], mcp3008),
    known("modbus_server", &[Uart], modbus_server),
    known("modem", &[Uart], modem),
    known("mpu6050", &[I2c], mpu6050),
    known("odrive", &[Can], odrive),
    known("pca9685", &[I2c], pca9685),
    known("sd_card", &[Spi], sd_card),
    known("ssd1306", &[I2c, Spi], ssd1306),
    known("tmc2209", &[Uart], tmc2209),
    known("tmp102", &[I2c], tmp102),
    known("w25q16jv", &[Spi], |chip| w25q(chip, W25q::w25q16jv())),
    known("w25q32jv", &[Spi], |chip| w25q(chip, W25q::w25q32jv())),
    known("w25q64jv", &[Spi], |chip| w25q(chip, W25q::w25q64jv())),
    known("w25q128jv", &[Spi], |chip| w25q(chip, W25q::w25q128jv())),
];

fn ads1115(chip: &mut Chip<'_, '_>) -> Result<()> {
    let mut made = Ads1115::new();
    for (input, volts) in chip.list("volts", 4)?.into_iter().enumerate() {
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
    if let Site::I2c { address, place, .. } = chip.site {
        if address % made.blocks() != 0 {
            let blocks = made.blocks();
            return Err(place.error(format_args!(
                "this is to be a multiple of {blocks}: it has so many addresses"
            )));
        }
    }
    let blocks: Vec<At24c> = (0..made.blocks()).map(|block| made.block(block)).collect();
    chip.on_i2c_blocks(&blocks)
}

fn bme280(chip: &mut Chip<'_, '_>) -> Result<()> {
    let fields = [
        Field::new("celsius", 25.0),
        Field::new("humidity", 45.0),
        Field::new("pascals", 101_325.0).or("hectopascals", 100.0),
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
    if let Some(celsius) = chip.number("celsius")? {
        made.set_celsius(celsius);
    }
    let now = chip.bench.made;
    chip.get("datetime", |value| {
        let set = made.set_datetime(now, value.datetime()?);
        set.map_err(|error| value.error(error))
    })?;
    let made = match chip.pin("interrupt_pin")? {
        Some(pin) => made.interrupt_pin(pin),
        None => made,
    };
    chip.on_i2c(made)
}

fn gps(chip: &mut Chip<'_, '_>) -> Result<()> {
    let fields = [
        Field::needed("latitude"),
        Field::needed("longitude"),
        Field::new("altitude", 0.0),
    ];
    let position = chip.settings.need("position")?;
    let [latitude, longitude, altitude] = Quantity::read_all(position, fields, &chip.bench.base)?;
    let position = move |time: Duration| Position {
        latitude: latitude.at(time),
        longitude: longitude.at(time),
        altitude: altitude.at(time),
    };
    let mut gps = Gps::new(position(Duration::ZERO));
    let made = chip.bench.made;
    gps.follow(move |time| position(time.since(made)));
    if let Some(baud) = chip.get("baud", |baud| baud.integer(1..=4_000_000))? {
        gps = gps.baud(baud);
    }
    if let Some(talker) = chip.get("talker", Value::text)? {
        gps = gps.talker(talker);
    }
    if let Some(satellites) = chip.get("satellites", |count| count.integer(0..=32))? {
        gps.set_satellites(satellites);
    }
    if let Some(period) = chip.get("period", Value::interval)? {
        gps.set_period(period);
    }
    chip.get("motion", |value| {
        let mut motion = value.table()?;
        let (speed, course) = (
            motion.need("speed")?.number()?,
            motion.need("course")?.number()?,
        );
        gps.set_motion(speed, course);
        motion.finish()
    })?;
    chip.get("datetime", |value| {
        gps.set_datetime(made, value.datetime()?)
            .map_err(|error| value.error(error))
    })?;
    chip.on_uart(gps)
}

fn lis3dh(chip: &mut Chip<'_, '_>) -> Result<()> {
    let fields = [
        Field::new("x", 0.0),
        Field::new("y", 0.0),
        Field::new("z", 1.0),
    ];
    let mut made = match chip.quantities("g", fields)? {
        Some(g) => {
            let made = chip.bench.made;
            Lis3dh::following(move |time| g.each_ref().map(|g| g.at(time.since(made)) as f32))
        }
        None => Lis3dh::new(),
    };
    if let Some(celsius) = chip.number("celsius")? {
        made.set_celsius(celsius);
    }
    if let Some(pin) = chip.pin("int1")? {
        made = made.int1(pin);
    }
    chip.on_i2c_or_spi(made)
}

fn max7219(chip: &mut Chip<'_, '_>) -> Result<()> {
    let chain = chip.get("chain", |chips| chips.integer(1..=255u8))?;
    chip.on_spi(Max7219::chain(chain.unwrap_or(1).into()))
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
    let made = Mcp3008::new(chip.number("reference")?.unwrap_or(3.3));
    for (channel, volts) in chip.list("volts", 8)?.into_iter().enumerate() {
        let volts = volts.follow(chip.bench.made);
        made.follow(channel, move |time| volts(time) as f32);
    }
    chip.on_spi(made)
}

fn modbus_server(chip: &mut Chip<'_, '_>) -> Result<()> {
    let made = ModbusServer::new(chip.need("unit", |unit| unit.integer(1..=247))?);
    let mut config = Config::new().baud(19_200).parity(Parity::Even);
    if let Some(baud) = chip.get("baud", |baud| baud.integer(1..=4_000_000))? {
        config = config.baud(baud);
    }
    let parities = [
        ("none", Parity::None),
        ("even", Parity::Even),
        ("odd", Parity::Odd),
    ];
    if let Some(parity) = chip.get("parity", |parity| parity.one_of("parity", &parities))? {
        config = config.parity(parity);
    }
    if chip.get("stop_bits", |bits| bits.integer(1..=2u8))? == Some(2) {
        config = config.stop_bits(StopBits::Two);
    }
    made.set_config(config);
    chip.get("input", |value| {
        value.registers(|register, number| made.set_input(register, number))
    })?;
    chip.get("holding", |value| {
        value.registers(|register, number| made.set_holding(register, number))
    })?;
    chip.on_uart(made)
}

fn modem(chip: &mut Chip<'_, '_>) -> Result<()> {
    let made = Modem::new();
    if let Some(dbm) = chip.get("signal", |dbm| dbm.integer(-150..=0))? {
        made.set_signal(dbm);
    }
    let registrations = [
        ("none", Registration::None),
        ("home", Registration::Home),
        ("searching", Registration::Searching),
        ("denied", Registration::Denied),
        ("unknown", Registration::Unknown),
        ("roaming", Registration::Roaming),
    ];
    let registration = chip.get("registration", |value| {
        value.one_of("registration", &registrations)
    })?;
    if let Some(registration) = registration {
        made.set_registration(registration);
    }
    if let Some(pin) = chip.get("lock_sim", Value::text)? {
        made.lock_sim(pin);
    }
    if chip.get("remove_sim", Value::bool)? == Some(true) {
        made.remove_sim();
    }
    if let Some(delay) = chip.interval("delay")? {
        made.set_delay(delay);
    }
    let now = chip.bench.made;
    chip.get("datetime", |value| {
        made.set_datetime(now, value.datetime()?)
            .map_err(|error| value.error(error))
    })?;
    chip.get("receive_sms", |value| {
        for mut sms in value.tables()? {
            let (from, text) = (sms.need("from")?.text()?, sms.need("text")?.text()?);
            sms.finish()?;
            made.receive_sms(from, text);
        }
        Ok(())
    })?;
    chip.on_uart(made)
}

fn mpu6050(chip: &mut Chip<'_, '_>) -> Result<()> {
    let axes = |z| {
        [
            Field::new("x", 0.0),
            Field::new("y", 0.0),
            Field::new("z", z),
        ]
    };
    let still = |axes: [f64; 3]| axes.map(Quantity::Fixed);
    let g = chip.quantities("g", axes(1.0))?;
    let turn = chip.quantities("degrees_a_second", axes(0.0))?;
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
    if let Some(celsius) = chip.number("celsius")? {
        mpu6050.set_celsius(celsius);
    }
    chip.on_i2c(mpu6050)
}

fn odrive(chip: &mut Chip<'_, '_>) -> Result<()> {
    let mut made = Odrive::new(chip.need("axis", |axis| axis.integer(0..=63))?);
    let heartbeat = chip.interval("heartbeat_every")?;
    let estimates = chip.interval("estimates_every")?;
    if let Some(time) = chip.interval("watchdog")? {
        made = made.watchdog(time);
    }
    if let Some(inertia) = chip.get("inertia", Value::positive)? {
        made = made.inertia(inertia as f32);
    }
    if let Some(volts) = chip.number("supply")? {
        made.set_supply(volts);
    }
    if let Some(torque) = chip.number("load")? {
        made.set_load(torque);
    }
    if chip.get("block", Value::bool)? == Some(true) {
        made.block(true);
    }
    let intervals = [
        heartbeat.unwrap_or(Duration::from_millis(100)),
        estimates.unwrap_or(Duration::from_millis(10)),
    ];
    let speak = |odrive: &Odrive, [heartbeat, estimates]: [Duration; 2]| {
        odrive
            .clone()
            .heartbeat_every(heartbeat)
            .estimates_every(estimates);
    };
    if chip.get("while_open", Value::bool)? != Some(true) {
        speak(&made, intervals);
        return chip.on_can(made);
    }
    speak(&made, [Duration::ZERO; 2]);
    chip.on_can(made.clone())?;
    let Site::Can { interface, .. } = chip.site else {
        return Ok(());
    };
    let (interface, mut speaks) = (interface.to_owned(), false);
    chip.bench.stub.every(LOOK, move |stub, _| {
        let is_open = stub.board().can.is_open(stub.board(), &interface);
        if std::mem::replace(&mut speaks, is_open) != is_open {
            speak(
                &made,
                if is_open {
                    intervals
                } else {
                    [Duration::ZERO; 2]
                },
            );
        }
    });
    Ok(())
}

/// How often a chip looks whether somebody listens.
const LOOK: Duration = Duration::from_millis(50);

fn pca9685(chip: &mut Chip<'_, '_>) -> Result<()> {
    let mut made = Pca9685::new();
    if let Some(hertz) = chip.get("external_clock", Value::positive)? {
        made = made.external_clock(hertz);
    }
    chip.on_i2c(made)
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

fn tmc2209(chip: &mut Chip<'_, '_>) -> Result<()> {
    let address = chip.get("address", |address| address.integer(0..=3))?;
    let mut made = Tmc2209::new(address.unwrap_or(0));
    if let Some(echo) = chip.get("echo", Value::bool)? {
        made = made.echo(echo);
    }
    if let Some(result) = chip.get("stall_guard", |result| result.integer(0..=510))? {
        made.set_stall_guard(result);
    }
    if let Some(flags) = chip.get("flags", |flags| flags.integer(0..=0xfff))? {
        made.set_flags(flags);
    }
    chip.on_uart(made)
}

fn tmp102(chip: &mut Chip<'_, '_>) -> Result<()> {
    let celsius = chip.quantity("celsius", 25.0)?;
    chip.on_i2c(Tmp102::following(celsius))
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
