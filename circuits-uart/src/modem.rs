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
