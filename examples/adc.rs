//! Shows the eight channels of an MCP3008 once a second: `cargo run --example adc -- --count 3`

use std::time::Duration;

use circuits::spi::Config;
use circuits::{Board, Failure, prelude::*};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The device of the converter
    #[arg(long, default_value = "spidev0.1")]
    device: String,
    /// The volts on its pin VREF
    #[arg(long, default_value_t = 3.3)]
    reference: f32,
    /// How often to read them; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    // What it does at 2.7 V; at 5 V it is 3.6 MHz.
    let config = Config::new().speed_hz(1_350_000);
    let mut adc = board.spi_device(&args.device, &config)?;
    for reading in 0..args.count.unwrap_or(usize::MAX) {
        if reading > 0 {
            board.delay().sleep(Duration::from_secs(1))?;
            println!();
        }
        for channel in 0..8 {
            // A start bit, a single channel and its number; ten bits come at the end.
            let mut bytes = [1, 1 << 7 | channel << 4, 0];
            adc.transfer_in_place(&mut bytes)?;
            let code = u16::from_be_bytes([bytes[1] & 0b11, bytes[2]]);
            let volts = f32::from(code) * args.reference / 1024.0;
            let bar = "#".repeat(usize::from(code) / 32);
            println!("CH{channel}  {volts:.3} V  {bar}");
        }
    }
    Ok(())
}
