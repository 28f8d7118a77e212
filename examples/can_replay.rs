//! Plays a log of candump's with its timing: `cargo run --example can_replay -- drive.log --map can0=vcan0`

use std::fs::File;
use std::io::{BufReader, stdin};

use circuits::can::log::Reader;
use circuits::can::{Config, Replay};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The log; - is standard input
    log: String,
    /// What the log calls NAME goes to INTERFACE; without any, what is called can0 goes to can0
    #[arg(long, value_name = "NAME=INTERFACE", default_value = "can0=can0")]
    map: Vec<String>,
    /// How many times as fast
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let mut replay = Replay::on(board.can()).speed(args.speed);
    for map in &args.map {
        let Some((name, interface)) = map.split_once('=') else {
            return Err(format!("{map:?} is no NAME=INTERFACE").into());
        };
        // It receives nothing.
        let socket = board.can_socket(interface, &Config::new().filters([]))?;
        replay = replay.socket(name, socket);
    }
    let log: Box<dyn std::io::Read> = match args.log.as_str() {
        "-" => Box::new(stdin()),
        path => Box::new(File::open(path).map_err(|error| format!("{path}: {error}"))?),
    };
    for entry in Reader::new(BufReader::new(log)) {
        replay.write_entry(&entry?)?;
    }
    println!("{}", replay.summary());
    Ok(())
}
