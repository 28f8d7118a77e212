//! The LED, for who has no ground station: it is lit while the rover drives, and blinks while it stands.

use std::time::Duration;

use circuits::gpio::Output;
use circuits::wait::Time;
use circuits::{Board, Failure};

use crate::config;

const BLINK: Duration = Duration::from_millis(100);

pub struct Led {
    line: Output,
    is_lit: bool,
}

impl Led {
    pub fn open(board: &Board, config: &config::Line) -> Result<Led, Failure> {
        Ok(Led {
            line: board.output(config.line.as_str())?,
            is_lit: false,
        })
    }

    pub fn show(&mut self, now: Time, is_driving: bool) {
        let half = now.as_nanos() / BLINK.as_nanos() as u64 % 2;
        let is_lit = is_driving || half == 0;
        // One that fails is no reason to do anything.
        if is_lit != std::mem::replace(&mut self.is_lit, is_lit) {
            let _ = self.line.set(is_lit);
        }
    }
}
