//! The ground station, at the other end of the cable.

use std::sync::Arc;
use std::time::Duration;

use circuits::stub::Stub;
use circuits::uart::framing::{Cobs, Framed, Framing};
use circuits::uart::{Config, Port};

use crate::codec::{Command, Report};

#[derive(Clone)]
pub struct Ground(Arc<Port>);

impl Ground {
    /// Connects it to the rover.
    pub fn of(stub: &Stub) -> Ground {
        stub.plug_serial_cable("ttyAMA0", "ground").unwrap();
        Ground::open(stub)
    }

    pub fn open(stub: &Stub) -> Ground {
        let config = Config::new().timeout(Duration::ZERO);
        Ground(Arc::new(Port::open_on(stub, "ground", &config).unwrap()))
    }

    pub fn say(&self, command: Command) {
        let (mut message, mut wire) = (Vec::new(), Vec::new());
        command.encode(0, &mut message);
        Cobs::new().encode(&message, &mut wire).unwrap();
        self.0.write_within(&wire, Duration::from_secs(1)).unwrap();
    }

    /// Returns what has come since the last time, and how many frames were none.
    pub fn heard(&self) -> (Vec<Report>, usize) {
        let (mut reports, mut damaged) = (Vec::new(), 0);
        let mut frames = Framed::new(&*self.0, Cobs::new());
        loop {
            let frame = frames.read_frame();
            match frame.map(|frame| frame.map(Report::decode)) {
                Ok(Some(Ok((report, _)))) => reports.push(report),
                Ok(Some(Err(_))) | Err(circuits::uart::framing::Error::Frame(_)) => damaged += 1,
                // There is no more.
                Ok(None) | Err(_) => return (reports, damaged),
            }
        }
    }
}

/// Those that say that it stands: the codes.
pub fn stopped(reports: &[Report]) -> Vec<u8> {
    let codes = reports.iter().filter_map(|report| match report {
        Report::Stopped { code, .. } => Some(*code),
        _ => None,
    });
    codes.collect()
}

/// How many said that it drives, and that it does not.
pub fn states(reports: &[Report]) -> [usize; 2] {
    [true, false].map(|drives| {
        let states = reports.iter().filter(|report| match report {
            Report::State(state) => state.is_driving == drives,
            _ => false,
        });
        states.count()
    })
}
