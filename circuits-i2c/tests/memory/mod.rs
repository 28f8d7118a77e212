//! An EEPROM that takes no time, as QEMU's.

use std::time::Duration;

use circuits_stub::i2c::{Acknowledge, Device, Transfer};
use circuits_wait::Time;

/// A memory as the 24C32 (4 KiB, addresses of two bytes): while it writes, it does not answer.
#[derive(Debug)]
pub(crate) struct Memory {
    cells: Vec<u8>,
    at: usize,
    /// How many bytes of the address have come.
    byte: usize,
    is_written: bool,
    busy_until: Time,
    time: Duration,
}

impl Memory {
    /// Makes an empty one that takes so long to write.
    pub(crate) fn writing_for(time: Duration) -> Memory {
        Memory {
            time,
            cells: vec![0xff; 4096],
            at: 0,
            byte: 0,
            is_written: false,
            busy_until: Time::ZERO,
        }
    }
}

impl Device for Memory {
    fn start(&mut self, _: Transfer, time: Time) -> Acknowledge {
        if time < self.busy_until {
            return Acknowledge::No;
        }
        self.byte = 0;
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        match self.byte {
            0 => self.at = self.at & 0xff | usize::from(byte) << 8,
            1 => self.at = self.at & !0xff | usize::from(byte),
            _ => {
                let len = self.cells.len();
                self.cells[self.at % len] = byte;
                // Within its page.
                self.at = self.at & !31 | (self.at + 1) & 31;
                self.is_written = true;
            }
        }
        self.byte += 1;
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let byte = self.cells[self.at % self.cells.len()];
        self.at = (self.at + 1) % self.cells.len();
        byte
    }

    fn stop(&mut self, time: Time) {
        if std::mem::take(&mut self.is_written) {
            self.busy_until = time + self.time;
        }
    }
}
