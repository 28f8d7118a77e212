use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard};

use circuits_wait::Time;
use rustix::termios::tcgetattr;

use super::{sys, termios};
use crate::FlowControl;
use crate::error::{EINVAL, ENOTTY, EOPNOTSUPP};

/// The longest, in characters: an FT2232H's.
const FIFO: u32 = 4096;

/// What a driver says of its transmitter, once it has nothing to give it any more: whether the last bit
/// has left.
///
/// Some drivers do not know, and some hardware never says yes, which the kernel has met, too
/// (`uart_wait_until_sent`): one that nobody stops, and that is not empty in the time in which a FIFO
/// is sent, is not asked any more.
#[derive(Debug, Default)]
pub(super) struct Transmitter(Mutex<Known>);

#[derive(Clone, Copy, Debug, Default)]
enum Known {
    /// It was given something, or may have been.
    #[default]
    Nothing,
    /// It was given nothing since then, and was not empty.
    Sending(Time),
    /// It does not say.
    Silent,
}

impl Transmitter {
    /// Notes that there is something to send.
    pub(super) fn fill(&self) {
        let mut known = self.known();
        if !matches!(*known, Known::Silent) {
            *known = Known::Nothing;
        }
    }

    /// Tells whether all has left that it was given, as far as that can be known.
    pub(super) fn is_empty(&self, tty: &File) -> io::Result<bool> {
        let mut known = self.known();
        if matches!(*known, Known::Silent) {
            return Ok(true);
        }
        match sys::transmitter_is_empty(tty) {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => match error.raw_os_error() {
                Some(EINVAL | ENOTTY | EOPNOTSUPP) => {
                    *known = Known::Silent;
                    return Ok(true);
                }
                _ => return Err(error),
            },
        }
        let now = Time::monotonic();
        let Known::Sending(since) = *known else {
            *known = Known::Sending(now);
            return Ok(false);
        };
        let config = termios::config(&tcgetattr(tty)?);
        let is_over = now.since(since) > config.character_time() * FIFO;
        if is_over && config.flow() == FlowControl::None {
            *known = Known::Silent;
            return Ok(true);
        }
        Ok(false)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}
