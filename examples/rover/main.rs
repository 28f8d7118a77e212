//! A rover that drives about, keeps off walls, and sweeps: two motors with encoders, an ultrasonic ranger, an IMU, an
//! emergency stop, telemetry, and a brush on CAN. Without any of it:
//! `CIRCUITS_BACKEND=stub cargo run --example rover -- --seconds 30`
//!
//! It drives half a second after it was started, without being told to: put it on the floor first. `go` is for after a stop.
//! One that is to wait is started with its emergency stop pressed.
//!
//! `rover` is the loop, at 100 Hz, and what is done when something is wrong; `pilot` what it wants. `config` says what is on
//! it, `parts` has it: `drive` the motors, `wheel` their encoders, `ranger`, `imu`, `button`, `brush`, `led`, and `telemetry`
//! with its `codec`. `odometry`, `pi` and `jitter` are arithmetic. `stop` is why it stands, `report` what came of it, and
//! `picture` draws that; a `track` is where it was. `world` is around it on a virtual board, and `tests` are what happens there.

// A program has no outside.
#![allow(unreachable_pub)]

mod brush;
mod button;
mod codec;
mod config;
mod drain;
mod drive;
mod geometry;
mod imu;
mod jitter;
mod led;
mod odometry;
mod parts;
mod pi;
mod picture;
mod pilot;
mod ranger;
mod report;
mod rover;
mod stop;
mod telemetry;
#[cfg(test)]
mod tests;
mod track;
mod wheel;
mod world;

use std::path::PathBuf;

use circuits::{Board, Failure};
use clap::Parser;

use crate::config::Config;
use crate::rover::{Rover, tell};
use crate::world::World;

/// The board that CIRCUITS_BACKEND=stub gives.
const BOARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/rover/board.toml");

#[derive(Parser)]
struct Args {
    /// For how long it drives; until Ctrl-C, if not given
    #[arg(long)]
    seconds: Option<u64>,
    /// What is on the rover, and where; everything, as in rover.toml, if not given
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where the picture of its path goes
    #[arg(long, default_value = "rover.svg")]
    picture: PathBuf,
    /// Goes on when the emergency stop is let go, without being told to
    #[arg(long)]
    restart: bool,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let config = match &args.config {
        Some(file) => Config::read(file)?,
        None => Config::full()?,
    };
    let board = Board::from_env_or(BOARD)?;
    let world = world_around(&board, &config);
    let end = board.interrupt()?;
    ctrlc::set_handler(move || end.raise())?;
    for part in config.absent() {
        tell(format_args!("without {part}"));
    }
    let summary = board.run(|| {
        let rover = Rover::open(&board, &config, args.restart)?;
        Ok::<_, Failure>(rover.run(args.seconds))
    })?;
    tell(format_args!("{}", summary.to_string().trim_end()));
    if let Some(world) = &world {
        tell(format_args!("truth       {}", world.verdict(&summary)));
    }
    picture::draw(&args.picture, &summary, world.as_ref())?;
    tell(format_args!("picture     {}", args.picture.display()));
    match summary.is_off {
        true => Ok(()),
        false => {
            Err("the motors could not be switched off, and may be on: cut their current".into())
        }
    }
}

/// On a virtual board there is a world around it, if the board has what the rover has.
fn world_around(board: &Board, config: &Config) -> Option<World> {
    match World::around(board.stub()?, config) {
        Ok(world) => Some(world),
        Err(error) => {
            tell(format_args!("without a world: {error}"));
            None
        }
    }
}
