//! The emergency stop: a button between a line and ground that opens when it is pressed. So a wire that breaks stops the
//! rover, too.

use circuits::gpio::{self, Bias, Edge, EdgeDetection, Input};
use circuits::wait::{Clock, Time};
use circuits::{Board, Failure};

use crate::config;
use crate::stop::Stop;

pub struct Button {
    line: Input,
}

impl Button {
    pub fn open(board: &Board, config: &config::Line) -> Result<Button, Failure> {
        // No debouncing: it stops at the first edge, and what bounces after it stops it again.
        let config_of_line = gpio::Config::new()
            .bias(Bias::PullUp)
            .edge_detection(EdgeDetection::Both);
        Ok(Button {
            line: board.input_with(config.line.as_str(), &config_of_line)?,
        })
    }

    /// Whether it is let alone.
    pub fn check(&self) -> Result<(), Stop> {
        match self.line.get() {
            Ok(false) => Ok(()),
            Ok(true) => Err(Stop::Emergency),
            Err(_) => Err(Stop::ButtonLost),
        }
    }

    /// Waits until a time, or until it is pressed: what the loop does between two cycles. So nothing stops the rover later
    /// than the next cycle would, and this at once.
    pub fn wait(&mut self, until: Time, clock: &dyn Clock) -> Result<(), Stop> {
        loop {
            match self.line.wait_edge(until.since(clock.now())) {
                Ok(None) => return Ok(()),
                Ok(Some(event)) if event.edge() == Edge::Rising => return Err(Stop::Emergency),
                Ok(Some(_)) => {}
                Err(gpio::Error::Interrupted { .. }) => return Err(Stop::Interrupted),
                Err(_) => return Err(Stop::ButtonLost),
            }
        }
    }
}
