use std::io;
use std::time::Duration;

use crate::port::lock;
use crate::wait::Wait;
use crate::{Error, Interest, Port, Result};

/// The levels of a port's modem lines: true is active, which is the low level of a TTL wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ModemLines {
    /// Request to send, which this end sets.
    pub rts: bool,
    /// Data terminal ready, which this end sets.
    pub dtr: bool,
    /// Clear to send.
    pub cts: bool,
    /// Data set ready.
    pub dsr: bool,
    /// Ring indicator.
    pub ri: bool,
    /// Carrier detect.
    pub cd: bool,
}

/// What a driver counts (`struct serial_icounter_struct`, include/uapi/linux/serial.h).
///
/// A [`Port`](crate::Port) counts from its opening on. The counts wrap around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Counters {
    /// Bytes that came.
    pub received: u32,
    /// Bytes that were sent.
    pub sent: u32,
    /// Bytes that came with a framing error: no stop bit.
    pub framing_errors: u32,
    /// Bytes that came with a parity error.
    pub parity_errors: u32,
    /// Breaks that came.
    pub breaks: u32,
    /// Bytes that were lost because the hardware's FIFO was full; some drivers count the times.
    pub overruns: u32,
    /// Bytes that were lost because nobody read them in time.
    pub buffer_overruns: u32,
    /// Changes of *clear to send*.
    pub cts: u32,
    /// Changes of *data set ready*.
    pub dsr: u32,
    /// Changes of the *ring indicator*; some drivers count the ends of rings alone.
    pub ri: u32,
    /// Changes of *carrier detect*.
    pub cd: u32,
}

impl Counters {
    /// Returns what was counted since then.
    #[must_use]
    pub fn since(&self, then: &Counters) -> Counters {
        Counters {
            received: self.received.wrapping_sub(then.received),
            sent: self.sent.wrapping_sub(then.sent),
            framing_errors: self.framing_errors.wrapping_sub(then.framing_errors),
            parity_errors: self.parity_errors.wrapping_sub(then.parity_errors),
            breaks: self.breaks.wrapping_sub(then.breaks),
            overruns: self.overruns.wrapping_sub(then.overruns),
            buffer_overruns: self.buffer_overruns.wrapping_sub(then.buffer_overruns),
            cts: self.cts.wrapping_sub(then.cts),
            dsr: self.dsr.wrapping_sub(then.dsr),
            ri: self.ri.wrapping_sub(then.ri),
            cd: self.cd.wrapping_sub(then.cd),
        }
    }

    /// How many bytes were lost on the way in, as far as the driver counts them.
    pub fn lost(&self) -> u32 {
        self.overruns.wrapping_add(self.buffer_overruns)
    }

    /// The counts of the modem lines alone.
    pub(crate) fn modem(&self) -> [u32; 4] {
        [self.cts, self.dsr, self.ri, self.cd]
    }
}

/// Which modem lines changed, and how they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModemChange {
    /// How often each of the lines changed since it was looked at last; a pulse is two. Other counts
    /// are 0.
    pub changes: Counters,
    /// How they are now.
    pub lines: ModemLines,
}

/// Modem lines, and what is counted.
impl Port {
    /// Returns the modem lines, those that this end sets and those that it reads.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there are none; [`Error::HungUp`], [`Error::Removed`].
    pub fn modem_lines(&self) -> Result<ModemLines> {
        let lines = self.handle.modem_lines();
        lines.map_err(self.failed("modem lines"))
    }

    /// Makes *request to send* active or not.
    ///
    /// # Errors
    /// As [`modem_lines`](Port::modem_lines).
    pub fn set_rts(&self, active: bool) -> Result<()> {
        let set = self.handle.set_modem_lines(Some(active), None);
        set.map_err(self.failed("setting RTS"))
    }

    /// Makes *data terminal ready* active or not.
    ///
    /// # Errors
    /// As [`modem_lines`](Port::modem_lines).
    pub fn set_dtr(&self, active: bool) -> Result<()> {
        let set = self.handle.set_modem_lines(None, Some(active));
        set.map_err(self.failed("setting DTR"))
    }

    /// Returns what was counted since the port was opened: bytes, errors, losses, changes of modem lines.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the driver does not count; [`Error::HungUp`], [`Error::Removed`].
    pub fn counters(&self) -> Result<Counters> {
        let counters = self.handle.counters().map_err(self.failed("counting"))?;
        Ok(counters.since(&self.before.unwrap_or_default()))
    }

    /// Blocks until a modem line changes, or the time is over (`None`). Changes are counted from the last
    /// time on that this told of one, from the opening at first: none is lost, and short ones are told
    /// together.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the driver does not count them; [`Error::HungUp`], [`Error::Removed`],
    /// [`Error::Interrupted`].
    pub fn wait_modem_change(
        &self,
        timeout: impl Into<Option<Duration>>,
    ) -> Result<Option<ModemChange>> {
        let deadline = timeout.into().map(|timeout| self.clock.now() + timeout);
        let mut changes = None;
        let ready = self.handle.ready(Interest::Modem);
        let in_time = ready.block(deadline, &mut || self.look_at_modem(&mut changes));
        match self.in_time(MODEM, in_time) {
            Err(Error::TimedOut { .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(()) => self.modem_change(changes).map(Some),
        }
    }

    /// Waits until a modem line changes, as [`wait_modem_change`](Port::wait_modem_change).
    ///
    /// # Errors
    /// As [`wait_modem_change`](Port::wait_modem_change), but it is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has told of no change: the next one does.
    pub async fn next_modem_change(&mut self) -> Result<ModemChange> {
        let mut changes = None;
        let ready = self.handle.ready(Interest::Modem);
        let mut look = || self.look_at_modem(&mut changes);
        let looked = Wait::new(ready).until(|cx| ready.poll(cx, &mut look)).await;
        looked.map_err(self.failed(MODEM))?;
        self.modem_change(changes)
    }

    fn look_at_modem(&self, changes: &mut Option<Counters>) -> io::Result<()> {
        let now = self.handle.counters()?;
        let mut seen = lock(&self.seen);
        if now.modem() == seen.modem() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        *changes = Some(now.since(&seen));
        *seen = now;
        Ok(())
    }

    fn modem_change(&self, changes: Option<Counters>) -> Result<ModemChange> {
        let Counters {
            cts, dsr, ri, cd, ..
        } = changes.unwrap_or_default();
        Ok(ModemChange {
            changes: Counters {
                cts,
                dsr,
                ri,
                cd,
                ..Counters::default()
            },
            lines: self.modem_lines()?,
        })
    }
}

const MODEM: &str = "telling of changes of modem lines";
