use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use circuits_gpio::Change;

use super::{ENODEV, errno};
use crate::time::Signal;

/// How many changes the kernel keeps (`gpio_chardev_data.events`, drivers/gpio/gpiolib-cdev.c).
const KEPT: usize = 32;

/// Lines that a program watches.
#[derive(Debug)]
pub(super) struct Watching {
    pub(super) id: u64,
    /// Indices of `State::lines`.
    pub(super) lines: Vec<usize>,
    changes: VecDeque<Change>,
    /// The chip is gone.
    pub(super) is_removed: bool,
    pub(super) signal: Arc<Signal>,
}

impl Watching {
    pub(super) fn new(id: u64, lines: Vec<usize>, signal: &Arc<Signal>) -> Watching {
        Watching {
            id,
            lines,
            changes: VecDeque::with_capacity(KEPT),
            is_removed: false,
            signal: signal.clone(),
        }
    }

    /// Queues a change; where there is no room, it is the newest that is dropped.
    pub(super) fn push(&mut self, change: Change) {
        if self.changes.len() < KEPT {
            self.changes.push_back(change);
            self.signal.raise();
        } else if let Some(last) = self.changes.pop_back() {
            self.changes.push_back(last.overflowing());
        }
    }

    pub(super) fn read(&mut self) -> io::Result<Change> {
        match self.is_removed {
            true => Err(errno(ENODEV)),
            false => self
                .changes
                .pop_front()
                .ok_or_else(|| io::ErrorKind::WouldBlock.into()),
        }
    }
}
