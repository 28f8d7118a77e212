//! What is said of buses: `[[i2c]]`, `[[spi]]`, `[[uart]]` and `[[can]]`. Each table is a device there, or the bus itself.

use circuits_can::InterfaceConfig;

use super::chip::{self, Site};
use super::source::{Result, Table, Value};
use super::workbench::Workbench;
use crate::trace::Action;
use crate::{i2c, spi, uart};

/// Controllers by the names of their constructors.
type Controllers<C> = [(&'static str, fn() -> C)];

const ADAPTERS: &Controllers<i2c::Controller> = &[
    ("bcm2835", i2c::Controller::bcm2835),
    ("designware", i2c::Controller::designware),
    ("i801", i2c::Controller::i801),
];

const MASTERS: &Controllers<spi::Controller> = &[
    ("bcm2835", spi::Controller::bcm2835),
    ("bcm2835aux", spi::Controller::bcm2835aux),
    ("designware", spi::Controller::designware),
];

const PORTS: &Controllers<uart::Controller> = &[
    ("pl011", uart::Controller::pl011),
    ("mini_uart", uart::Controller::mini_uart),
    ("usb", uart::Controller::usb),
];

/// The first of these keys that a table has is in a wrong place.
fn misplaced(table: &mut Table<'_>, keys: &[&'static str], why: &str) -> Result<()> {
    // Others are not asked for: whoever misspells a key is not told of them.
    let key = keys.iter().find(|key| table.has(key));
    match key.and_then(|key| table.take(key)) {
        Some(value) => Err(value.error(why)),
        None => Ok(()),
    }
}

/// Whether something is connected: what says that it is not would be in the way of nothing.
fn is_true(value: Value<'_>) -> Result<()> {
    match value.bool()? {
        true => Ok(()),
        false => Err(value.error("this is true, or the key is not there")),
    }
}

pub(super) fn i2c(bench: &mut Workbench, mut table: Table<'_>) -> Result<()> {
    let place = table.need("bus")?;
    let bus = place.text()?;
    let number: Option<u16> = bus
        .strip_prefix("i2c-")
        .and_then(|number| number.parse().ok());
    if number.is_none_or(|number| format!("i2c-{number}") != bus) {
        return Err(place.error(format_args!("{bus:?} is no name of an I2C bus, like i2c-1")));
    }
    let Some(kind) = table.take("chip") else {
        return adapter(bench, table, bus);
    };
    let why = "this is of the bus, which has a table of its own, without a chip";
    misplaced(&mut table, &["controller", "frequency", "adapter"], why)?;
    let place = table.need("address")?;
    let address = place.integer(0..=0x7f_u8)?;
    if let Some(driver) = table.take("held_by") {
        bench.stub.clone().i2c_owner(bus, address, driver.text()?);
    }
    let site = Site::I2c {
        bus,
        address,
        place,
    };
    chip::put(bench, table, kind, site)
}

fn adapter(bench: &mut Workbench, mut table: Table<'_>, bus: &str) -> Result<()> {
    misplaced(
        &mut table,
        &["address", "name", "held_by"],
        "this is of a device, which needs the key chip",
    )?;
    let mut controller = match table.take("controller") {
        Some(value) => value.one_of("controller", ADAPTERS)?(),
        None => bench
            .adapters
            .remove(bus)
            .unwrap_or_else(i2c::Controller::new),
    };
    if let Some(hertz) = table.take("frequency") {
        controller = controller.frequency(hertz.integer(1..=5_000_000)?);
    }
    if let Some(name) = table.take("adapter") {
        controller = controller.adapter(name.text()?);
    }
    table.finish()?;
    bench.stub.clone().i2c_controller(bus, controller.clone());
    bench.adapters.insert(bus.into(), controller);
    Ok(())
}

pub(super) fn spi(bench: &mut Workbench, mut table: Table<'_>) -> Result<()> {
    let place = table.need("node")?;
    let node = place.text()?;
    bench
        .stub
        .plug_spi_node(node)
        .map_err(|error| place.error(error))?;
    let Some(kind) = table.take("chip") else {
        return master(bench, table, node);
    };
    let why = "this is of the controller, which has a table of its own, without a chip";
    misplaced(&mut table, &["controller", "bufsiz"], why)?;
    let select = table.take("select");
    let site = Site::Spi {
        node,
        select: select.map(|line| bench.line(line)).transpose()?,
        place: select.unwrap_or(place),
    };
    chip::put(bench, table, kind, site)
}

fn master(bench: &mut Workbench, mut table: Table<'_>, node: &str) -> Result<()> {
    misplaced(
        &mut table,
        &["select", "name"],
        "this is of a device, which needs the key chip",
    )?;
    // Of all its nodes.
    let number = node.split('.').next().unwrap_or(node);
    let before = bench.masters.remove(number);
    let (kind, bufsiz) = (table.take("controller"), table.take("bufsiz"));
    let is_set = kind.is_some() || bufsiz.is_some() || before.is_some();
    let mut controller = match kind {
        Some(value) => value.one_of("controller", MASTERS)?(),
        None => before.unwrap_or_else(spi::Controller::new),
    };
    if let Some(bytes) = bufsiz {
        controller = controller.bufsiz(bytes.integer(1..=1 << 24)?);
    }
    table.finish()?;
    if is_set {
        // It is called as nodes are.
        let _ = bench.stub.clone().spi_controller(node, controller.clone());
        bench.masters.insert(number.into(), controller);
    }
    Ok(())
}

pub(super) fn uart(bench: &mut Workbench, mut table: Table<'_>) -> Result<()> {
    let place = table.need("port")?;
    let port = place.node("a serial port", "ttyAMA0")?;
    bench.stub.plug_serial_port(port);
    if let Some(value) = table.take("controller") {
        let controller = value.one_of("controller", PORTS)?;
        bench.stub.clone().serial_controller(port, controller());
    }
    if let Some(holder) = table.take("held_by") {
        let held = bench.stub.hold_serial(port, holder.text()?);
        held.map_err(|error| place.error(error))?;
    }
    if let Some(kind) = table.take("chip") {
        let why = "a chip is connected to the port already";
        misplaced(&mut table, &["loop", "cable", "pty"], why)?;
        return chip::put(bench, table, kind, Site::Uart { port, place });
    }
    let stub = &bench.stub;
    let connect = |value: Value<'_>, other: &str| {
        stub.plug_serial_cable(port, other)
            .map_err(|error| value.error(error))
    };
    if let Some(value) = table.take("loop") {
        is_true(value)?;
        connect(value, port)?;
    }
    if let Some(value) = table.take("cable") {
        let other = value.node("a serial port", "ttyAMA0")?;
        if other == port {
            return Err(value.error("this is the port itself: loop = true connects it to itself"));
        }
        connect(value, other)?;
    }
    if let Some(value) = table.take("pty") {
        is_true(value)?;
        if stub.board().schedule.is_virtual() {
            let what = "other programs, for which a pseudo-terminal is, have no virtual time: say time = \"real\"";
            return Err(value.error(what));
        }
        let path = stub.serial_pty(port).map_err(|error| value.error(error))?;
        let port = port.into();
        stub.board().keep_to_tell(Action::Pty { port, path });
    }
    table.finish()
}

pub(super) fn can(bench: &mut Workbench, mut table: Table<'_>) -> Result<()> {
    const LIKE: (&str, &str) = ("a CAN interface", "can0");
    let stub = &bench.stub;
    if table.has("interfaces") {
        let why = "interfaces, which are on one bus, have a table for themselves";
        let keys = [
            "interface",
            "chip",
            "name",
            "vcan",
            "bitrate",
            "data_bitrate",
            "restart_after",
        ];
        misplaced(&mut table, &keys, why)?;
    }
    if let Some(list) = table.take("interfaces") {
        table.finish()?;
        let interfaces = list.list()?;
        if interfaces.len() < 2 {
            return Err(list.error("this is to be two interfaces, or more"));
        }
        for pair in interfaces.windows(2) {
            let names = [pair[0].node(LIKE.0, LIKE.1)?, pair[1].node(LIKE.0, LIKE.1)?];
            if names[0] == names[1] {
                return Err(pair[1].error("this is the same interface"));
            }
            stub.plug_can_bus(names)
                .map_err(|error| pair[1].error(error))?;
        }
        return Ok(());
    }
    let place = table.need("interface")?;
    let interface = place.node(LIKE.0, LIKE.1)?;
    let is_vcan = table.take("vcan").map(|value| value.bool()).transpose()?;
    match is_vcan {
        Some(true) => stub.plug_vcan(interface),
        _ => stub.plug_can_interface(interface),
    }
    let keys = ["bitrate", "data_bitrate", "restart_after"];
    let [bitrate, data_bitrate, restart_after] = keys.map(|key| table.take(key));
    if let Some(value) = bitrate.or(data_bitrate).or(restart_after) {
        if is_vcan == Some(true) {
            return Err(value.error("a vcan has no wires, and nothing to be set up"));
        }
        let mut config = InterfaceConfig::new();
        if let Some(rate) = bitrate {
            config = config.bitrate(rate.integer(1..=1_000_000)?);
        }
        if let Some(rate) = data_bitrate {
            config = config.data_bitrate(rate.integer(1..=20_000_000)?);
        }
        if let Some(time) = restart_after {
            config = config.restart_after(time.duration()?);
        }
        let configured = stub.clone().can_configure(interface, &config);
        configured.map_err(|error| value.error(sentence(&error)))?;
    }
    match table.take("chip") {
        Some(kind) => chip::put(bench, table, kind, Site::Can { interface, place }),
        None => table.finish(),
    }
}

/// An error with its causes.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
