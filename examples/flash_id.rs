//! Asks a flash memory who it is: `cargo run --example flash_id -- --dump 64`

use circuits::spi::{Config, Operation};
use circuits::{Board, Failure, prelude::*};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The device
    #[arg(long, default_value = "spidev0.0")]
    device: String,
    /// The clock, in Hz
    #[arg(long, default_value_t = 1_000_000)]
    speed: u32,
    /// How many bytes to show, from the first one on
    #[arg(long, default_value_t = 0)]
    dump: u32,
}

/// What all of them know (JESD216, JEP106).
const READ_IDENTIFIER: u8 = 0x9f;
const READ: u8 = 0x03;

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let config = Config::new().speed_hz(args.speed);
    let mut flash = board.spi_device(&args.device, &config)?;

    let mut id = [0; 3];
    let mut operations = [
        Operation::Write(&[READ_IDENTIFIER]),
        Operation::Read(&mut id),
    ];
    flash.transaction(&mut operations)?;
    let [manufacturer, kind, capacity] = id;
    let name = match manufacturer {
        0x00 | 0xff => return Err(format!("nobody answers on {}", args.device).into()),
        0x01 => "Infineon (Spansion)",
        0x1f => "Renesas (Adesto)",
        0x20 => "Micron or XMC",
        0x9d => "ISSI",
        0xbf => "Microchip (SST)",
        0xc2 => "Macronix",
        0xc8 => "GigaDevice",
        0xef => "Winbond",
        _ => "manufacturer unknown",
    };
    // So it is with most: the number of bits of an address.
    let size = match capacity {
        10..20 => format!("{} KiB", 1 << (capacity - 10)),
        20..=24 => format!("{} MiB", 1 << (capacity - 20)),
        _ => "size unknown".into(),
    };
    println!("{manufacturer:02x} {kind:02x} {capacity:02x}: {name}, {size}");

    for address in (0..args.dump.min(1 << 24)).step_by(16) {
        let mut bytes = [0; 16];
        let bytes = &mut bytes[..(args.dump - address).min(16) as usize];
        let [_, high, middle, low] = address.to_be_bytes();
        let command = [READ, high, middle, low];
        flash.transaction(&mut [Operation::Write(&command), Operation::Read(bytes)])?;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
        let shown = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        };
        let text: String = bytes.iter().map(shown).collect();
        println!("{address:06x}  {hex:48} {text}");
    }
    Ok(())
}
