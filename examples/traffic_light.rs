//! A traffic light, whose lamps change all at the same time:
//! `cargo run --example traffic_light -- --count 1`

use std::time::Duration;

use circuits::gpio::{Config, Release};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The lines of red, yellow and green
    #[arg(long, value_delimiter = ',', default_values = ["GPIO17", "GPIO22", "GPIO23"])]
    lines: Vec<String>,
    /// How often it goes round; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

const RED: u64 = 0b001;
const YELLOW: u64 = 0b010;
const GREEN: u64 = 0b100;

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    // It goes dark when the program ends.
    let lamp = Config::output()
        .consumer("traffic light")
        .on_release(Release::Level(false));
    let lamps = board.lines(args.lines.iter().map(|line| (line, lamp.clone())))?;
    let delay = board.delay();
    for _ in 0..args.count.unwrap_or(usize::MAX) {
        for (lit, tenths) in [(RED, 10), (RED | YELLOW, 3), (GREEN, 10), (YELLOW, 3)] {
            lamps.set(lit)?;
            delay.sleep(Duration::from_millis(100 * tenths))?;
        }
    }
    Ok(())
}
