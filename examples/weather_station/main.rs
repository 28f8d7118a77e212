//! A weather station: a BME280, a screen, a clock, a button and an LED on a Raspberry Pi; the readings are printed, and
//! written to a file. `cargo run --example weather_station -- --interval "10 min"`
//!
//! Any part may be missing, fail, and come back: see [`station`](Station). On the virtual board the weather is that of a
//! day in April 2013, and the screen is in the terminal:
//! `CIRCUITS_BACKEND=stub cargo run --example weather_station -- --count 5`

mod bus;
mod clock;
mod config;
mod display;
mod frame;
mod history;
mod interval;
mod log;
mod page;
mod part;
mod reading;
mod retry;
mod screen;
mod sensor;
mod station;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use circuits::{Board, Failure};
use clap::Parser;

use crate::config::Config;
use crate::log::Log;
use crate::station::{Options, Outside, Station};

/// Measures the weather, shows it, and writes it to a file
#[derive(Parser)]
struct Args {
    /// How many readings to take, or to try; for ever, if not given
    #[arg(long)]
    count: Option<u64>,
    /// From one reading to the next: seconds, or as in "10 min", which is better for an SD card: each is a write to the
    /// disk, and one a second are 31 million a year
    #[arg(long, default_value = "1 s", value_parser = interval::parse)]
    interval: Duration,
    /// The file of the readings
    #[arg(long, default_value = "weather.csv")]
    log: PathBuf,
    /// A file for the picture of each page that was shown
    #[arg(long)]
    png: Option<PathBuf>,
    /// What the station is made of, in TOML; the full station on a Raspberry Pi, if not given
    #[arg(long)]
    config: Option<PathBuf>,
    /// Sets the clock by the system's time first, if that is not older than the clock's own
    #[arg(long)]
    set_clock: bool,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::full(),
    };
    // CIRCUITS_BACKEND=stub is this board, and a device is a device.
    let board = Board::from_env_or(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/weather_station/board.toml"
    ))?;
    // Ctrl-C, and SIGTERM, by which services are stopped.
    let end = board.interrupt()?;
    ctrlc::set_handler(move || end.raise())?;

    let options = Options {
        interval: args.interval,
        count: args.count,
        png: args.png,
        sets_clock: args.set_clock,
    };
    let outside = Outside {
        system_time: Box::new(SystemTime::now),
        out: Box::new(io::stdout()),
        say: Box::new(|text| {
            // Nobody may be there to read it.
            let _ = writeln!(io::stderr(), "{text}");
        }),
    };
    board.run(|| Station::new(&board, config, options, Log::new(&args.log), outside).run())
}
