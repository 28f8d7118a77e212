//! Reads an MCP3008, an analog-to-digital converter, whose chip select is any GPIO line:
//! `cargo run --example chip_select -- --line GPIO25 --channel 0`
//!
//! A controller has few chip selects, and its driver holds their lines. So the wires are a bus whose own
//! chip select rests, the line is an output, and embedded-hal-bus makes one device of both.

use circuits::gpio::Config as LineConfig;
use circuits::prelude::*;
use circuits::spi::{ChipSelect, Config};
use clap::Parser;
use embedded_hal_bus::spi::ExclusiveDevice;

#[derive(Parser)]
struct Args {
    /// The node by which the controller is opened
    #[arg(long, default_value = "spidev0.0")]
    bus: String,
    /// The line that selects the chip
    #[arg(long, default_value = "GPIO25")]
    line: String,
    /// Which of its eight inputs
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..8))]
    channel: u8,
    /// Let the node's own chip select move as well, if the controller cannot leave it alone
    #[arg(long)]
    beside: bool,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let own = match args.beside {
        true => ChipSelect::ActiveLow,
        false => ChipSelect::None,
    };
    let config = Config::new().speed_hz(1_350_000).chip_select(own);
    let bus = board.spi_bus(&args.bus, &config)?;
    let line = board.output_with(&*args.line, &LineConfig::new().initial(true))?;
    let mut adc = ExclusiveDevice::new(bus, line, board.delay())?;
    // A start bit, "single-ended", the channel; ten bits come back (datasheet DS21295, section 6.1).
    let mut bytes = [1, 0b1000_0000 | args.channel << 4, 0];
    adc.transfer_in_place(&mut bytes)?;
    let value = u16::from(bytes[1] & 0b11) << 8 | u16::from(bytes[2]);
    println!("channel {}: {value} of 1023", args.channel);
    Ok(())
}
