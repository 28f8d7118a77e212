//! What a device said when it was called, for the tests of devices.

use std::time::Duration;

use circuits_uart::ModemLines;
use circuits_wait::Time;

use super::device::Said;
use super::{Attention, Line};

impl Line {
    /// The end of a line at which nothing was said yet.
    pub(crate) fn at(time: Time) -> Line {
        let mut line = Line::new(Attention::default());
        line.time = time;
        line
    }

    /// The bytes that were sent, whatever came between them.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same as a text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes.clone()).unwrap()
    }

    /// For how long nothing was sent in between.
    pub(crate) fn pauses(&self) -> Duration {
        let pauses = self.said.iter().map(|said| match said {
            Said::Pause(duration) => *duration,
            _ => Duration::ZERO,
        });
        pauses.sum()
    }

    /// How the lines were set last, if they were.
    pub(crate) fn modem(&self) -> Option<ModemLines> {
        self.said.iter().rev().find_map(|said| match said {
            Said::Modem(lines) => Some(*lines),
            _ => None,
        })
    }
}
