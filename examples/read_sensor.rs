//! Reads a TMP102 once a second: `cargo run --example read_sensor -- --count 3`

use std::time::Duration;

use circuits::{Board, Failure};
use clap::Parser;
use tmp1x2::{SlaveAddr, Tmp1x2};

#[derive(Parser)]
struct Args {
    /// The bus of the sensor, which is at address 0x48
    #[arg(long, default_value = "i2c-1")]
    bus: String,
    /// How often to read it; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let mut sensor = Tmp1x2::new(board.i2c_bus(&args.bus)?, SlaveAddr::default());
    for reading in 0..args.count.unwrap_or(usize::MAX) {
        if reading > 0 {
            board.delay().sleep(Duration::from_secs(1))?;
        }
        // The driver wraps the bus's error in a type of its own, which is no `std::error::Error`.
        let celsius = sensor
            .read_temperature()
            .map_err(|tmp1x2::Error::I2C(error)| error)?;
        println!("{celsius:.2} °C");
    }
    Ok(())
}
