//! Lists what the machine has: `cargo run --example list_devices`; or what another one had, from
//! recordings: `… -- tests/recordings/pi/cold-plug.txt tests/recordings/pi/usb-serial.txt`

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use circuits::enumerate::{
    CanInterface, Devices, GpioChip, I2cAdapter, Recording, SerialPort, SpiController,
};
use circuits::stub::Stub;
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// Recordings, one after another, instead of this machine
    recordings: Vec<PathBuf>,
    /// Stop after this step of the last one: `plug another`
    #[arg(long, requires = "recordings")]
    until: Option<String>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let devices = match args.recordings.is_empty() {
        true => Board::from_env()?.devices()?,
        false => recorded(&args)?.devices()?,
    };
    // Not println: who reads it may stop in the middle.
    let mut out = io::stdout().lock();
    let machine = devices.machine();
    writeln!(
        out,
        "{}",
        machine.model.as_deref().unwrap_or("some machine")
    )?;
    for (what, value) in [
        ("serial number", &machine.serial_number),
        ("revision", &machine.revision),
    ] {
        if let Some(value) = value {
            writeln!(out, "{what} {value}")?;
        }
    }
    for (title, rows) in tables(&devices) {
        writeln!(
            out,
            "\n{title}{}",
            if rows.is_empty() { ": none" } else { "" }
        )?;
        for (name, text) in rows {
            writeln!(out, "  {name:<14} {text}")?;
        }
    }
    Ok(())
}

/// A virtual board that has seen all of it.
fn recorded(args: &Args) -> Result<Board, Failure> {
    let stub = Stub::virtual_time();
    for path in &args.recordings {
        for step in Recording::parse(&fs::read_to_string(path)?)?.steps() {
            stub.replay(step);
            if args.until.as_deref() == Some(step.name()) {
                break;
            }
        }
    }
    Ok(Board::from(&stub))
}

/// A name, and what there is to say of it.
type Row = (String, String);

fn tables(devices: &Devices) -> [(&'static str, Vec<Row>); 5] {
    let chips = devices.gpio_chips();
    let adapters = devices.i2c_adapters();
    let controllers = devices.spi_controllers();
    let ports = devices.serial_ports();
    let interfaces = devices.can_interfaces();
    [
        ("GPIO chips", chips.iter().map(chip).collect()),
        ("I2C adapters", adapters.iter().flat_map(adapter).collect()),
        (
            "SPI devices",
            controllers.iter().flat_map(controller).collect(),
        ),
        ("Serial ports", ports.iter().map(port).collect()),
        ("CAN interfaces", interfaces.iter().map(interface).collect()),
    ]
}

fn chip(chip: &GpioChip) -> Row {
    let label = chip.label.clone().or(chip.driver.clone());
    let lines = chip.lines.map(|lines| format!("{lines} lines"));
    (chip.name.clone(), words([label, lines]))
}

fn adapter(adapter: &I2cAdapter) -> Vec<Row> {
    let no_node = adapter.node.is_none();
    let hint = no_node.then(|| "no node: load the module i2c-dev".to_owned());
    let mut rows = vec![(
        adapter.name.clone(),
        words([adapter.description.clone(), hint]),
    )];
    for client in &adapter.clients {
        let address = client.address.map(|address| format!("  {address:#04x}"));
        let driver = client
            .driver
            .as_ref()
            .map(|driver| format!("the kernel's driver {driver} has it"));
        rows.push((
            address.unwrap_or_default(),
            words([client.name.clone(), driver]),
        ));
    }
    rows
}

fn controller(controller: &SpiController) -> Vec<Row> {
    let rows = controller.devices.iter().map(|device| {
        let name = device.spidev.clone().unwrap_or(device.name.clone());
        let kind = device.modalias.clone();
        (name, words([kind, device.unavailable()]))
    });
    rows.collect()
}

fn port(port: &SerialPort) -> Row {
    let usb = port.usb.as_ref().map(|usb| {
        let serial = usb
            .serial
            .as_ref()
            .map(|serial| format!(" serial number {serial}"));
        let name = usb.product_name.as_deref().unwrap_or("USB");
        let (vendor, product, socket) = (usb.vendor, usb.product, &usb.port);
        let serial = serial.unwrap_or_default();
        format!("{name} {vendor:04x}:{product:04x}{serial} at {socket}")
    });
    let aliases = (!port.aliases.is_empty()).then(|| format!("also {}", port.aliases.join(", ")));
    (
        port.name.clone(),
        words([port.driver.clone(), usb, aliases]),
    )
}

fn interface(interface: &CanInterface) -> Row {
    let driver = match interface.is_virtual {
        true => Some("virtual".to_owned()),
        false => interface.driver.clone(),
    };
    let link = interface.link.as_ref();
    let rate = link
        .and_then(|link| link.bitrate)
        .map(|rate| format!("{rate} bit/s"));
    let up = link.map(|link| if link.up { "up" } else { "down" }.to_owned());
    (interface.name.clone(), words([driver, rate, up]))
}

fn words<const N: usize>(words: [Option<String>; N]) -> String {
    let words: Vec<String> = words.into_iter().flatten().collect();
    words.join(", ")
}
