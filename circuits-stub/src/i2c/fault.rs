use std::time::Duration;

use circuits_i2c::Address;
use circuits_wait::Time;

use crate::occasion::{self, Occasion, setters};

/// Something that goes wrong on a bus, with the next transaction and once, if nothing else is said: see
/// [`Stub::i2c_fault`](crate::Stub::i2c_fault).
///
/// ```
/// use circuits_i2c::{Bus, Config, ErrorKind};
/// use circuits_stub::{Stub, chips::Tmp102, i2c::Fault};
/// use embedded_hal::i2c::I2c;
/// use std::time::Duration;
///
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x48, Tmp102::new())?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
///
/// // Not the next transaction with the sensor, but the one after it.
/// board.i2c_fault("i2c-1", Fault::no_acknowledge_of_byte(2).at(0x48).after(1))?;
/// bus.write(0x48, &[3, 0x50, 0x00])?;
/// let error = bus.write(0x48, &[3, 0x50, 0x00]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
/// bus.write(0x48, &[3, 0x50, 0x00])?;
///
/// // A bad contact: from now on one in ten, by a seed, for a minute of the board's time; and then a brown-out.
/// let minute = Duration::from_secs(60);
/// board.i2c_fault("i2c-1", Fault::no_acknowledge().chance(0.1, 42).until(minute).always())?;
/// board.i2c_fault("i2c-1", Fault::brown_out(Duration::from_millis(200)).not_before(minute))?;
/// let failed = (0..100).filter(|_| bus.write(0x48, &[3, 0x60, 0x00]).is_err()).count();
/// assert_eq!(failed, 13);
/// board.delay().sleep(minute)?;
/// assert!(bus.write(0x48, &[3]).is_err());
/// board.delay().sleep(Duration::from_millis(200))?;
/// let mut limit = [0; 2];
/// bus.write_read(0x48, &[3], &mut limit)?;
/// assert_eq!(limit, [0x50, 0x00], "as after power-on");
///
/// // Three that the driver of the controller says nothing of.
/// board.i2c_fault("i2c-1", Fault::failed().times(3))?;
/// let kinds = [(); 4].map(|()| bus.write(0x48, &[3]).err().map(|error| error.kind()));
/// assert_eq!(kinds, [Some(ErrorKind::Vague), Some(ErrorKind::Vague), Some(ErrorKind::Vague), None]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) kind: Kind,
    address: Option<Address>,
    occasion: Occasion,
    /// When it happens by itself.
    pub(super) due: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    NoAddress,
    /// Counted over the whole transaction.
    NoByte(usize),
    ArbitrationLost,
    Stuck,
    Busy,
    Failed,
    FlippedBit,
    BrownOut(Duration),
}

impl Fault {
    /// Nobody acknowledges the address.
    pub fn no_acknowledge() -> Fault {
        Fault::new(Kind::NoAddress)
    }

    /// The device does not acknowledge this byte of what it is sent in the transaction, counted from
    /// 0. Where it is sent fewer, nothing happens.
    pub fn no_acknowledge_of_byte(byte: usize) -> Fault {
        Fault::new(Kind::NoByte(byte))
    }

    /// Another controller wins the bus while the address is sent. The adapter tries again as often
    /// as its retries say: each time is a transaction.
    pub fn arbitration_lost() -> Fault {
        Fault::new(Kind::ArbitrationLost)
    }

    /// A device holds the clock low until the adapter's timeout has passed.
    pub fn stuck() -> Fault {
        Fault::new(Kind::Stuck)
    }

    /// The bus is not free until the adapter's timeout has passed: the transaction does not begin.
    pub fn busy() -> Fault {
        Fault::new(Kind::Busy)
    }

    /// The transaction fails after the address, and the driver of the controller does not say how: the program has
    /// `EIO` (Documentation/i2c/fault-codes.rst calls it *rather vague*).
    pub fn failed() -> Fault {
        Fault::new(Kind::Failed)
    }

    /// Noise turns over the lowest bit of the last byte that is read, which nobody sees but by a
    /// packet error code. Where nothing is read, nothing happens.
    pub fn flipped_bit() -> Fault {
        Fault::new(Kind::FlippedBit)
    }

    /// The device that is spoken to loses its power, for so long: it does not acknowledge meanwhile, and has the
    /// registers then that it has [after power-on](super::Device::power). It loses it when the transaction begins, so
    /// the program sees it in any case.
    ///
    /// The case that hurts is the one that nobody sees: between two transactions. A brown-out of one
    /// [device](Fault::at) that is [not before](Fault::not_before) a time to come begins at that very time, whether or
    /// not anybody speaks to the device; if a transaction is on the bus then, when that is over. If nothing is at the
    /// address, that was it. One that lets transactions [pass](Fault::after), or happens by [chance](Fault::chance),
    /// still begins with a transaction, and so does each further [time](Fault::times) of it.
    ///
    /// ```
    /// use circuits_i2c::{Bus, Config};
    /// use circuits_stub::{Stub, chips::Tmp102, i2c::Fault};
    /// use embedded_hal::i2c::I2c;
    /// use std::time::Duration;
    ///
    /// let (minute, dip) = (Duration::from_secs(60), Duration::from_millis(50));
    /// let board = Stub::virtual_time().i2c_device("i2c-1", 0x48, Tmp102::new())?;
    /// board.i2c_fault("i2c-1", Fault::brown_out(dip).at(0x48).not_before(minute))?;
    /// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
    /// bus.write(0x48, &[3, 0x60, 0x00])?;
    /// board.delay().sleep(2 * minute)?;
    /// let mut limit = [0; 2];
    /// bus.write_read(0x48, &[3], &mut limit)?; // It answers,
    /// assert_eq!(limit, [0x50, 0x00]); // and has forgotten.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Without a fault there is [`Stub::power_i2c`](crate::Stub::power_i2c).
    pub fn brown_out(length: Duration) -> Fault {
        Fault::new(Kind::BrownOut(length))
    }

    /// Only transactions with this device count. Default: all.
    #[must_use]
    pub fn at(self, address: impl Into<Address>) -> Fault {
        Fault {
            address: Some(address.into()),
            ..self
        }
    }

    setters!("transactions");

    /// Has it happen by itself, if it does, from this time of the trace on, which is `made` after that of the clock.
    pub(super) fn plan(self, made: Time, shown: Time) -> Fault {
        let is_meant = matches!(self.kind, Kind::BrownOut(_)) && self.address.is_some();
        let moment = self.occasion.moment(shown).filter(|_| is_meant);
        Fault {
            due: moment.map(|moment| made + moment),
            ..self
        }
    }

    /// It is due: returns which device loses its power, and for how long, if one does.
    pub(super) fn begin(&mut self, shown: Time) -> Option<(Address, Duration)> {
        self.due = None;
        match (self.kind, self.address) {
            (Kind::BrownOut(length), Some(address)) if self.occasion.is_now(shown, false) => {
                Some((address, length))
            }
            _ => None,
        }
    }

    /// Whether it happens no more.
    pub(super) fn is_over(&self, shown: Time) -> bool {
        self.occasion.is_over(shown.since(Time::ZERO))
    }

    fn new(kind: Kind) -> Fault {
        Fault {
            kind,
            address: None,
            occasion: Occasion::new(),
            due: None,
        }
    }
}

/// Takes the fault of the transaction that comes now, if there is one.
pub(super) fn take(faults: &mut Vec<Fault>, address: Address, now: Time) -> Option<Kind> {
    occasion::take(faults, now, |fault| {
        let is_meant = fault.address.is_none_or(|only| only == address);
        (&mut fault.occasion, is_meant.then_some(fault.kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_one_after_another() {
        let mut faults = vec![
            Fault::stuck().after(1),
            Fault::arbitration_lost(),
            Fault::no_acknowledge(),
            Fault::flipped_bit().at(0x50),
        ];
        let mut at = |address: u8| take(&mut faults, address.into(), Time::ZERO);
        assert_eq!(at(0x48), Some(Kind::ArbitrationLost));
        assert_eq!(at(0x48), Some(Kind::Stuck));
        assert_eq!(at(0x48), Some(Kind::NoAddress));
        assert_eq!(at(0x48), None);
        assert_eq!(at(0x50), Some(Kind::FlippedBit));
        assert_eq!(at(0x50), None);
    }
}
