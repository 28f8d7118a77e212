//! Keeps a room warm: a TMP102 on `i2c-1`, a heater on `GPIO17`, a door contact on `GPIO27`.

pub mod proxy;

use std::error::Error;
use std::time::Duration;

use circuits::Board;
use circuits::embedded_hal::i2c::I2c;
use circuits::gpio::{Input, Output};
use circuits::i2c::Bus;

pub struct Thermostat {
    board: Board,
    sensor: Bus,
    heater: Output,
    door: Input,
}

impl Thermostat {
    pub fn new(board: &Board) -> Result<Thermostat, Box<dyn Error + Send + Sync>> {
        Ok(Thermostat {
            board: board.clone(),
            sensor: board.i2c_bus("i2c-1")?,
            heater: board.output("GPIO17")?,
            door: board.input("GPIO27")?,
        })
    }

    /// Heats below 20 °C and stops at 21 °C; a door that opens stops it at once. Ends when the
    /// board is interrupted, with the heater off.
    pub fn run(&mut self) -> Result<(), Box<dyn Error + Send + Sync>> {
        loop {
            let celsius = self.celsius()?;
            let open = self.door.get()?;
            if open || celsius >= 21.0 {
                self.heater.set(false)?;
            } else if celsius < 20.0 {
                self.heater.set(true)?;
            }
            match self.door.wait_edge(Duration::from_secs(10)) {
                Ok(_) => {}
                Err(error) if error.kind() == circuits::gpio::ErrorKind::Interrupted => {
                    self.heater.set(false)?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A sensor that does not answer gets another two tries: it may be slow to wake up.
    fn celsius(&mut self) -> Result<f32, Box<dyn Error + Send + Sync>> {
        let mut temperature = [0; 2];
        let mut tries = 1;
        while let Err(error) = self.sensor.write_read(0x48, &[0], &mut temperature) {
            if tries == 3 {
                return Err(error.into());
            }
            tries += 1;
            self.board.delay().sleep(Duration::from_millis(100))?;
        }
        Ok(f32::from(i16::from_be_bytes(temperature)) / 256.0)
    }
}

#[cfg(test)]
mod tests {
    use circuits::stub::Stub;
    use circuits::stub::chips::Tmp102;

    use super::*;

    type Result = std::result::Result<(), Box<dyn Error + Send + Sync>>;

    fn room() -> std::result::Result<(Stub, Tmp102), Box<dyn Error + Send + Sync>> {
        let sensor = Tmp102::new();
        let stub = Stub::virtual_time()
            .lines(["GPIO17", "GPIO27"])
            .i2c_device("i2c-1", 0x48, sensor.clone())?;
        Ok((stub, sensor))
    }

    /// Runs the thermostat, and a script beside it.
    fn beside(stub: &Stub, script: impl FnOnce() -> Result) -> Result {
        stub.run(|| {
            let mut thermostat = Thermostat::new(&Board::from(stub))?;
            let interrupt = Board::from(stub).interrupt()?;
            let running = stub.spawn("thermostat", move || thermostat.run())?;
            script()?;
            interrupt.raise();
            running.join()?
        })
    }

    #[test]
    fn an_hour_of_hysteresis() -> Result {
        let (stub, sensor) = room()?;
        beside(&stub, || {
            for (celsius, heats) in [
                (20.5, false),
                (19.9, true),
                (20.5, true),
                (21.0, false),
                (20.5, false),
            ] {
                sensor.set_celsius(celsius);
                stub.delay().sleep(Duration::from_secs(720))?;
                assert_eq!(stub.level("GPIO17")?, heats, "at {celsius} °C");
            }
            Ok(())
        })?;
        assert!(stub.clock().now().as_nanos() >= 3_600_000_000_000);
        Ok(())
    }

    #[test]
    fn an_open_door_stops_the_heater_at_once() -> Result {
        let (stub, sensor) = room()?;
        sensor.set_celsius(15.0);
        beside(&stub, || {
            stub.delay().sleep(Duration::from_secs(1))?;
            assert!(stub.level("GPIO17")?);
            stub.drive("GPIO27", true)?;
            stub.delay().sleep(Duration::from_millis(1))?;
            assert!(!stub.level("GPIO17")?);
            Ok(())
        })
    }

    #[test]
    fn the_heater_is_off_in_the_end() -> Result {
        let (stub, sensor) = room()?;
        sensor.set_celsius(15.0);
        let recording = stub.record();
        beside(&stub, || Ok(stub.delay().sleep(Duration::from_secs(60))?))?;
        assert!(!stub.level("GPIO17")?);
        assert!(
            recording.to_string().ends_with(
                "GPIO17: low\n60.000000 s  GPIO17: released\n60.000000 s  GPIO27: released\n"
            ),
            "{recording}"
        );
        Ok(())
    }

    #[test]
    fn a_sensor_that_is_pulled_out_is_an_error() -> Result {
        let (stub, _) = room()?;
        let error = beside(&stub, || {
            stub.delay().sleep(Duration::from_secs(1))?;
            stub.unplug_i2c("i2c-1", 0x48);
            Ok(stub.delay().sleep(Duration::from_secs(60))?)
        });
        assert!(
            error
                .unwrap_err()
                .to_string()
                .starts_with("no acknowledge from 0x48 on i2c-1")
        );
        Ok(())
    }
}
