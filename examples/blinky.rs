//! Blinks an LED: `cargo run --example blinky -- --count 3`

use std::time::Duration;

use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The line of the LED
    #[arg(long, default_value = "GPIO17")]
    line: String,
    /// How often it blinks; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let led = board.output(&args.line)?;
    let delay = board.delay();
    for _ in 0..args.count.unwrap_or(usize::MAX) {
        led.set(true)?;
        delay.sleep(Duration::from_millis(500))?;
        led.set(false)?;
        delay.sleep(Duration::from_millis(500))?;
    }
    Ok(())
}
