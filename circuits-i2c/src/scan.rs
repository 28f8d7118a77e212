use std::fmt;
use std::ops::RangeInclusive;

use embedded_hal::i2c::Operation;

use crate::smbus::{Call, Direction};
use crate::{Address, Bus, Error, ErrorKind, Functions, Result};

/// A look at who is on a bus: address after address is spoken to, as by `i2cdetect`.
///
/// I2C knows no way to ask who is there. A scan speaks to devices that nobody knows, and to some that
/// means something: it is a tool for the person at the bench, and nothing here does it unasked. By
/// default it keeps to the policy of `i2cdetect`, and leaves out what is in [`HAZARDS`].
///
/// ```
/// use circuits_i2c::{Answer, Bus, Config, Scan};
/// use circuits_stub::{Stub, chips::Tmp102};
///
/// let board = Stub::virtual_time()
///     .i2c_device("i2c-1", 0x48, Tmp102::new())?
///     .i2c_owner("i2c-1", 0x68, "rtc-ds1307");
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
///
/// // An address at a time: `len` is how many are left.
/// let scanning = Scan::new().on(&mut bus);
/// assert_eq!(scanning.len(), 112);
/// for (address, answer) in scanning {
///     match answer {
///         Ok(Answer::Present) => assert_eq!(address, 0x48),
///         Ok(Answer::Owned { driver }) => assert_eq!((address, &*driver), (0x68, "rtc-ds1307")),
///         Ok(Answer::Free) => {}
///         Ok(Answer::Skipped(why)) => println!("{address:#04x}: {why}"),
///         // Whoever holds the clock hides nobody behind it.
///         Err(error) => println!("{address:#04x}: {error}"),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    first: u8,
    last: u8,
    method: Method,
    left_out: Vec<u8>,
    harmful: bool,
}

/// How addresses are spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// By a quick command, but by reading a byte from 0x30 to 0x37 and from 0x50 to 0x5f, where
    /// EEPROMs are. Where the adapter knows no quick command a byte is read everywhere.
    #[default]
    Auto,
    /// By a quick command: the address, with the bit for writing, and nothing else (`i2cdetect -q`).
    Quick,
    /// By reading a byte (`i2cdetect -r`).
    Read,
}

/// What a scan found at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nobody acknowledged.
    Free,
    /// Somebody did.
    Present,
    /// A driver of the kernel's has the device; it was left alone.
    Owned {
        /// The driver's name.
        driver: String,
    },
    /// It was not asked.
    Skipped(Reason),
}

/// Why an address was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It was to be left out: [`Scan::without`].
    LeftOut,
    /// It would harm a part that may be there.
    Harmful(&'static Hazard),
    /// The adapter cannot ask so.
    Unsupported,
}

/// `the adapter cannot ask so`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::LeftOut => "it was to be left out",
            Reason::Harmful(hazard) => hazard.why,
            Reason::Unsupported => "the adapter cannot ask so",
        })
    }
}

/// Parts that are known to be harmed by being asked.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hazard {
    /// Where they are.
    pub addresses: RangeInclusive<u8>,
    /// By what they are harmed: [`Method::Quick`] or [`Method::Read`].
    pub method: Method,
    /// What happens to them.
    pub why: &'static str,
}

/// The parts that are known to be harmed (i2cdetect(8); the kernel's drivers/misc/eeprom/ee1004.c and
/// JEDEC's EE1002 for memory modules).
pub static HAZARDS: [Hazard; 4] = [
    Hazard {
        addresses: 0x30..=0x37,
        method: Method::Quick,
        why: "a write protects the EEPROM of a memory module for good",
    },
    Hazard {
        addresses: 0x54..=0x57,
        method: Method::Quick,
        why: "an AT24RF08 takes it for the beginning of a write, and is corrupted by the next read",
    },
    Hazard {
        addresses: 0x5c..=0x5c,
        method: Method::Quick,
        why: "the protection page of an AT24RF08 takes it for the beginning of a write",
    },
    Hazard {
        addresses: 0x69..=0x69,
        method: Method::Read,
        why: "clock generators that can only be written hang the bus",
    },
];

impl Scan {
    /// Makes a scan from 0x08 to 0x77, which is all but the reserved addresses.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Scan {
        Scan {
            first: 0x08,
            last: 0x77,
            method: Method::Auto,
            left_out: Vec::new(),
            harmful: false,
        }
    }

    /// Sets the addresses. Those below 0x08 and above 0x77 are reserved for other purposes, and above
    /// 0x7f there are none ([`Error::Invalid`]). A range that is empty, as one whose end is before its
    /// beginning, asks nobody.
    #[must_use]
    pub fn addresses(self, addresses: RangeInclusive<u8>) -> Scan {
        Scan {
            first: *addresses.start(),
            last: *addresses.end(),
            ..self
        }
    }

    /// Sets how they are asked. Default: [`Method::Auto`].
    #[must_use]
    pub fn method(self, method: Method) -> Scan {
        Scan { method, ..self }
    }

    /// Leaves an address out.
    #[must_use]
    pub fn without(mut self, address: u8) -> Scan {
        self.left_out.push(address);
        self
    }

    /// Sets whether addresses are asked as well where that is known to harm parts: see [`HAZARDS`].
    /// Default: they are not.
    #[must_use]
    pub fn including_harmful(self, harmful: bool) -> Scan {
        Scan { harmful, ..self }
    }

    /// Begins on a bus. It goes on as far as it is asked to.
    pub fn on(self, bus: &mut Bus) -> Scanning<'_> {
        Scanning {
            next: self.first.into(),
            scan: self,
            bus,
        }
    }

    /// How to ask at an address, or why not.
    fn plan(&self, address: u8, functions: Functions) -> Result<Method, Reason> {
        if self.left_out.contains(&address) {
            return Err(Reason::LeftOut);
        }
        let knows_quick = functions.contains(Functions::QUICK);
        let method = match (self.method, address) {
            (Method::Auto, 0x30..=0x37 | 0x50..=0x5f) => Method::Read,
            (Method::Auto, _) if !knows_quick => Method::Read,
            (Method::Auto, _) => Method::Quick,
            (chosen, _) => chosen,
        };
        let hazard = HAZARDS
            .iter()
            .find(|hazard| hazard.method == method && hazard.addresses.contains(&address));
        if let Some(hazard) = hazard.filter(|_| !self.harmful) {
            return Err(Reason::Harmful(hazard));
        }
        let can = match method {
            Method::Quick => knows_quick,
            _ => functions.contains(Functions::I2C) || functions.contains(Functions::READ_BYTE),
        };
        match can {
            true => Ok(method),
            false => Err(Reason::Unsupported),
        }
    }
}

/// A scan under way: an iterator that asks at the next address when it is asked to.
/// [`next_answer`](Scanning::next_answer) is the same for futures.
///
/// What is no answer ends nothing: an error is of one address, and the next one may be well. Who sees
/// that the bus is stuck or gone ends the loop.
#[derive(Debug)]
pub struct Scanning<'a> {
    scan: Scan,
    bus: &'a mut Bus,
    next: u16,
}

impl Iterator for Scanning<'_> {
    type Item = (u8, Result<Answer>);

    fn next(&mut self) -> Option<(u8, Result<Answer>)> {
        let address = self.address()?;
        let asked = match self.before(address) {
            Ok(method) if self.by_transaction() => {
                let mut byte = [0];
                self.bus
                    .run(address.into(), &mut [probe(method, &mut byte)])
            }
            Ok(method) => {
                let call = self.bus.call(address.into(), false, call(method));
                call.map(drop)
            }
            Err(answer) => return Some((address, answer)),
        };
        Some((address, answer(asked)))
    }

    /// Exact: how far it is, of how much.
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (u16::from(self.scan.last) + 1).saturating_sub(self.next);
        (left.into(), Some(left.into()))
    }
}

impl ExactSizeIterator for Scanning<'_> {}

impl Scanning<'_> {
    /// Asks at the next address; `None` after the last.
    ///
    /// # Cancellation safety
    /// What has been asked when the future is dropped is asked: the address is not asked again.
    pub async fn next_answer(&mut self) -> Option<(u8, Result<Answer>)> {
        let address = self.address()?;
        let asked = match self.before(address) {
            Ok(method) if self.by_transaction() => {
                let mut byte = [0];
                let mut operations = [probe(method, &mut byte)];
                self.bus.run_async(address.into(), &mut operations).await
            }
            Ok(method) => {
                let call = self.bus.call_async(address.into(), false, call(method));
                call.await.map(drop)
            }
            Err(answer) => return Some((address, answer)),
        };
        Some((address, answer(asked)))
    }

    fn address(&mut self) -> Option<u8> {
        let address = u8::try_from(self.next).ok()?;
        (address <= self.scan.last).then(|| {
            self.next += 1;
            address
        })
    }

    /// How to ask, or the answer without asking.
    fn before(&self, address: u8) -> Result<Method, Result<Answer>> {
        let functions = self.bus.functions();
        let method = self.scan.plan(address, functions);
        let method = method.map_err(|why| Ok(Answer::Skipped(why)))?;
        match self.bus.check_free(Address::SevenBit(address)) {
            Ok(()) => Ok(method),
            Err(Error::InUse { holder, .. }) => Err(Ok(Answer::Owned {
                driver: holder.to_string(),
            })),
            Err(error) => Err(Err(error)),
        }
    }

    /// Whether it is asked by plain transactions: one call of the system's, where SMBus needs two.
    fn by_transaction(&self) -> bool {
        self.bus.functions().contains(Functions::I2C)
    }
}

fn probe(method: Method, byte: &mut [u8; 1]) -> Operation<'_> {
    match method {
        Method::Quick => Operation::Write(&[]),
        _ => Operation::Read(byte),
    }
}

fn call(method: Method) -> Call {
    match method {
        Method::Quick => Call::Quick(Direction::Write),
        _ => Call::ReadByte,
    }
}

fn answer(asked: Result<()>) -> Result<Answer> {
    match asked {
        Ok(()) => Ok(Answer::Present),
        Err(error) if error.kind() == ErrorKind::NoAcknowledge => Ok(Answer::Free),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Functions = Functions::SMBUS_EMUL_ALL;

    /// `scan_i2c_bus`, tools/i2cdetect.c.
    #[test]
    fn it_asks_as_i2cdetect_does() {
        let scan = Scan::new();
        for address in 0x08..=0x77 {
            let wanted = match address {
                0x30..=0x37 | 0x50..=0x5f => Method::Read,
                _ => Method::Quick,
            };
            assert_eq!(scan.plan(address, ALL), Ok(wanted), "{address:#04x}");
        }
    }

    #[test]
    fn what_harms_is_left_out() {
        let harmful = |method| {
            let scan = Scan::new().method(method);
            let skipped = |address: &u8| {
                matches!(scan.plan(*address, ALL), Err(Reason::Harmful(_)))
                    && scan.clone().including_harmful(true).plan(*address, ALL) == Ok(method)
            };
            (0x08..=0x77).filter(skipped).collect::<Vec<u8>>()
        };
        let quick: Vec<u8> = (0x30..=0x37).chain(0x54..=0x57).chain([0x5c]).collect();
        assert_eq!(harmful(Method::Quick), quick);
        assert_eq!(harmful(Method::Read), [0x69]);
    }

    #[test]
    fn what_the_adapter_cannot_do_is_not_asked() {
        let no_quick = ALL.without(Functions::QUICK);
        assert_eq!(Scan::new().plan(0x48, no_quick), Ok(Method::Read));
        assert!(matches!(
            Scan::new().plan(0x69, no_quick),
            Err(Reason::Harmful(_))
        ));
        let quick = Scan::new().method(Method::Quick);
        assert_eq!(quick.plan(0x48, no_quick), Err(Reason::Unsupported));
        let no_read = ALL.without(Functions::READ_BYTE);
        assert_eq!(Scan::new().plan(0x50, no_read), Err(Reason::Unsupported));
        let without = Scan::new().without(0x48);
        assert_eq!(without.plan(0x48, ALL), Err(Reason::LeftOut));
    }
}
