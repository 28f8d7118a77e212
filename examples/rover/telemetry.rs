//! The link to the ground station, which may be there or not: nothing here waits, and nothing that fails here stops the
//! rover.

use std::time::Duration;

use circuits::uart::framing::{Cobs, Framing};
use circuits::uart::{self, Error, ErrorKind, FlowControl, Port, Queue};
use circuits::wait::Time;
use circuits::{Board, Failure};

use crate::codec::{Command, Report};
use crate::config;

/// What is not gone by then will be too old: what comes while so much waits is dropped.
const WAITING: usize = 256;
/// A longer command is none.
const LONGEST: usize = 64;
/// How often a port that is gone is looked for.
const RETRY: Duration = Duration::from_secs(1);

pub struct Telemetry {
    board: Board,
    name: String,
    config: uart::Config,
    port: Option<Port>,
    opened: Time,
    framing: Cobs,
    /// What has come of a frame.
    frame: Vec<u8>,
    /// What is to be sent, as it goes over the wire.
    output: Vec<u8>,
    sequence: u8,
    /// Reports that were dropped.
    pub dropped: u64,
    /// Frames that were none, or no commands.
    pub damaged: u64,
    /// How often the port was lost.
    pub lost: u64,
}

impl Telemetry {
    pub fn open(board: &Board, config: &config::Telemetry) -> Result<Telemetry, Failure> {
        let settings = uart::Config::new().baud(config.baud);
        let settings = match config.flow_control {
            true => settings.flow_control(FlowControl::Hardware),
            false => settings,
        };
        Ok(Telemetry {
            port: Some(board.serial_port(&config.port, &settings)?),
            board: board.clone(),
            name: config.port.clone(),
            config: settings,
            opened: board.clock().now(),
            framing: Cobs::new().max_length(LONGEST),
            frame: Vec::new(),
            output: Vec::new(),
            sequence: 0,
            dropped: 0,
            damaged: 0,
            lost: 0,
        })
    }

    /// Tells the ground station something, if there is room.
    pub fn send(&mut self, report: &Report) {
        // Its number counts those that are dropped, too: so the other side knows.
        self.sequence = self.sequence.wrapping_add(1);
        if self.port.is_none() || self.output.len() > WAITING {
            self.dropped += 1;
            return;
        }
        let mut message = Vec::with_capacity(LONGEST);
        report.encode(self.sequence, &mut message);
        if self.framing.encode(&message, &mut self.output).is_err() {
            self.dropped += 1;
        }
        self.flush();
    }

    /// Has the port take what it has room for.
    pub fn flush(&mut self) {
        let Some(port) = &self.port else {
            return;
        };
        match port.write_within(&self.output, Duration::ZERO) {
            Ok(()) => self.output.clear(),
            // The rest of a frame that has begun goes first, whenever there is room again.
            Err(Error::TimedOut { written, .. }) => drop(self.output.drain(..written)),
            Err(error) => self.fail(&error),
        }
    }

    /// Returns the commands that have come since the last time.
    pub fn commands(&mut self, now: Time) -> Vec<Command> {
        if self.port.is_none() && now.since(self.opened) >= RETRY {
            self.opened = now;
            // It may be back. If not, it may be next time.
            self.port = self.board.serial_port(&self.name, &self.config).ok();
        }
        let mut commands = Vec::new();
        let Some(port) = &self.port else {
            return commands;
        };
        // More than comes in a cycle; what more there is waits in the port.
        let mut bytes = [0; 128];
        let mut rest = match port.read_within(&mut bytes, Duration::ZERO) {
            Ok(count) => &bytes[..count],
            Err(error) => {
                self.fail(&error);
                return commands;
            }
        };
        while !rest.is_empty() {
            let command = match self.framing.decode(&mut rest, &mut self.frame) {
                Ok(false) => continue,
                Ok(true) => Command::decode(&self.frame).ok(),
                Err(_) => None,
            };
            self.frame.clear();
            self.damaged += u64::from(command.is_none());
            commands.extend(command);
        }
        commands
    }

    fn fail(&mut self, error: &Error) {
        match error.kind() {
            // There is nothing, or no room.
            ErrorKind::TimedOut | ErrorKind::Interrupted => {}
            _ => {
                self.lost += 1;
                if let Some(port) = self.port.take() {
                    // Or closing might wait until it has left.
                    let _ = port.discard(Queue::Output);
                }
                // Each ends with a zero, and one of which a part has left is none.
                let waiting = self.output.iter().filter(|byte| **byte == 0).count();
                self.dropped += waiting as u64;
                self.output.clear();
                self.frame.clear();
                self.framing.reset();
            }
        }
    }
}

/// What was said last is worth a moment.
impl Drop for Telemetry {
    fn drop(&mut self) {
        self.flush();
        if let Some(port) = self.port.take() {
            let _ = port.close(Duration::from_millis(100));
        }
    }
}

#[cfg(test)]
mod tests {
    use circuits::stub::BoardFile;

    use super::*;

    #[test]
    fn what_waits_when_the_port_goes_is_counted() {
        let stub = BoardFile::parse(include_str!("board.toml")).unwrap();
        let stub = stub.build().unwrap();
        // Nobody takes anything.
        stub.plug_serial_cable("ttyUSB0", "ground").unwrap();
        let config = config::Telemetry {
            port: "ttyUSB0".into(),
            baud: 115_200,
            flow_control: true,
        };
        let mut telemetry = Telemetry::open(&Board::from(&stub), &config).unwrap();
        stub.run(|| {
            while telemetry.dropped == 0 {
                telemetry.send(&Report::Pong(0x0101_0101));
            }
            let waiting = telemetry.output.split_inclusive(|byte| *byte == 0).count();
            assert!(waiting > 5, "{waiting}");
            stub.remove_serial_port("ttyUSB0").unwrap();
            telemetry.flush();
            assert_eq!(telemetry.dropped, 1 + waiting as u64);
            assert_eq!((telemetry.lost, telemetry.output.len()), (1, 0));
        });
    }
}
