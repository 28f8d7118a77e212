use circuits::{Board, Failure};
use thermostat::Thermostat;

fn main() -> Result<(), Failure> {
    Thermostat::new(&Board::from_env()?)?.run()?;
    Ok(())
}
