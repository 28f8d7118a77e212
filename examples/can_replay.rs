//! Plays a log of candump's with its timing: `cargo run --example can_replay -- drive.log --map can0=vcan0`

use std::fs::File;
use std::io::BufReader;

use circuits::can::log::Reader;
use circuits::can::{Config, Replay};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The log
    log: String,
    /// What is called so in the log goes to this interface; under its own name, if not given
    #[arg(long, value_name = "NAME=INTERFACE")]
    map: Vec<String>,
    /// How many times as fast
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
}
