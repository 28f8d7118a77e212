//! What is at the other end of serial lines.

use std::time::Duration;

use circuits_uart::{Config, Parity, StopBits};

use super::{Known, known};
use crate::board_file::chip::Bus::Uart;
use crate::board_file::chip::Chip;
use crate::board_file::quantity::{Field, Quantity};
use crate::board_file::source::{Result, Value};
use crate::chips::{Gps, ModbusServer, Modem, Position, Registration, Tmc2209};

pub(super) const CHIPS: &[Known] = &[
    known("gps", &[Uart], gps),
    known("modbus_server", &[Uart], modbus_server),
    known("modem", &[Uart], modem),
    known("tmc2209", &[Uart], tmc2209),
];

fn gps(chip: &mut Chip<'_, '_>) -> Result<()> {
    let fields = [
        Field::needed("latitude").within(-90.0, 90.0),
        Field::needed("longitude").within(-180.0, 180.0),
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
        gps.set_datetime(made, value.datetime(2099)?)
            .map_err(|error| value.error(error))
    })?;
    chip.on_uart(gps)
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
        made.set_datetime(now, value.datetime(2099)?)
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
