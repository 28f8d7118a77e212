use std::io;
use std::sync::Arc;

use embedded_hal::i2c::{NoAcknowledgeSource, Operation};

use crate::Address;

/// What an I2C call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a bus could not be opened or a transaction failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such bus.
    #[error("no I2C bus {bus:?} ({})", instead(there))]
    NotFound {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The buses that there are, as far as is known: `i2c-1, i2c-20`.
        there: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The adapters of several buses have this name.
    #[error("{count} I2C adapters are called {bus:?}: choose one of {buses}")]
    Ambiguous {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// How many there are.
        count: usize,
        /// Their names: `i2c-3, i2c-4`.
        buses: Arc<str>,
    },

    /// The user may not open the bus.
    #[error(
        "permission denied for I2C bus {bus:?}: add your user to the group that owns /dev/i2c-* (usually `i2c`), then log in anew"
    )]
    PermissionDenied {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// A driver of the kernel's has the device.
    #[error(
        "{address} on {bus} is in use: the kernel's driver {holder:?} has it (free it by writing its name, such as 1-0068, to /sys/bus/i2c/drivers/{holder}/unbind; or take \
         it nevertheless: device_even_if_owned)"
    )]
    InUse {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// The name of the driver.
        holder: Arc<str>,
    },

    /// No device answered at the address, or it refused a byte.
    #[error(
        "no acknowledge from {address} on {bus} (is the device there, powered, and at this address? or did it refuse a byte, or is it busy?)"
    )]
    NoAcknowledge {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// What the system said.
        source: io::Error,
    },

    /// Another controller won the bus.
    #[error(
        "arbitration lost on {bus} while it spoke to {address} (another controller is on the bus: try \
         again, or set Config::retries)"
    )]
    ArbitrationLost {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// What the system said.
        source: io::Error,
    },

    /// The transaction took too long: a device held the clock, or the bus is stuck.
    #[error("{address} on {bus} timed out (does something hold SCL or SDA low?)")]
    TimedOut {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// What the system said.
        source: io::Error,
    },

    /// The bus was busy for longer than it may be: a device or another controller keeps it.
    #[error(
        "{bus} was busy for too long when {address} was to be spoken to (does something hold SCL or SDA low?)"
    )]
    Busy {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// What the system said.
        source: io::Error,
    },

    /// The packet error code of SMBus is not that of the data.
    #[error(
        "packet error code of {address} on {bus} is wrong (noise, or a device that knows none)"
    )]
    Pec {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// What the system said.
        source: io::Error,
    },

    /// The device does not keep to the protocol: a block of SMBus has 1 to 32 bytes.
    #[error("{address} on {bus} does not keep to the protocol of SMBus")]
    Protocol {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// What the system said.
        source: io::Error,
    },

    /// The adapter is gone. Close the bus: the kernel waits for that.
    #[error(
        "I2C bus {bus:?} was removed (close it, and open it anew: Board::reconnect waits for it)"
    )]
    Removed {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The adapter, its driver or the system cannot do it.
    #[error("I2C bus {bus:?} does not support {what}")]
    Unsupported {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// What was asked of it.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// A transaction is larger than any bus takes.
    #[error("too much for a transaction on {bus}: {what}, of which there can be {limit}")]
    Limit {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// What there is too much of.
        what: &'static str,
        /// How much there can be.
        limit: usize,
    },

    /// What was asked for makes no sense.
    #[error("I2C bus {bus:?}: {what}")]
    Invalid {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// What is wrong with it.
        what: &'static str,
    },

    /// The transaction failed, and the driver does not say how.
    #[error(
        "{address} on {bus} failed, and the adapter's driver does not say how (a byte that was \
         refused, a clock that was held for too long, or noise?)"
    )]
    Vague {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// The device.
        address: Address,
        /// What the system said.
        source: io::Error,
    },

    /// The system failed in some other way.
    #[error("I2C bus {bus:?} failed")]
    Io {
        /// The bus, as it was asked for.
        bus: Arc<str>,
        /// What the system said.
        source: io::Error,
    },
}

/// What to do about a bus that is not there.
fn instead(there: &str) -> String {
    match there {
        "" => "enable I2C, on a Raspberry Pi by raspi-config, and load the module i2c-dev".into(),
        there => format!("there are: {there}"),
    }
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such bus.
    NotFound,
    /// Several adapters have this name.
    Ambiguous,
    /// The user may not open the bus.
    PermissionDenied,
    /// A driver of the kernel's has the device.
    InUse,
    /// No device answered at the address, or it refused a byte.
    NoAcknowledge,
    /// Another controller won the bus.
    ArbitrationLost,
    /// The transaction took too long.
    TimedOut,
    /// The bus was busy for too long.
    Busy,
    /// A packet error code was wrong.
    Pec,
    /// The device does not keep to the protocol.
    Protocol,
    /// The adapter is gone.
    Removed,
    /// The adapter, its driver or the system cannot do it.
    Unsupported,
    /// A transaction is larger than any bus takes.
    Limit,
    /// What was asked for makes no sense.
    Invalid,
    /// The transaction failed, and the driver does not say how.
    Vague,
    /// The system failed in some other way.
    Io,
}

// Linux's numbers, by which backends answer on every system (include/uapi/asm-generic/errno.h).
pub(crate) const ENXIO: i32 = 6;
pub(crate) const EAGAIN: i32 = 11;
const EIO: i32 = 5;
pub(crate) const EBUSY: i32 = 16;
pub(crate) const ENODEV: i32 = 19;
pub(crate) const ENOTTY: i32 = 25;
pub(crate) const EPROTO: i32 = 71;
const EBADMSG: i32 = 74;
pub(crate) const EOPNOTSUPP: i32 = 95;
const ETIMEDOUT: i32 = 110;
pub(crate) const EREMOTEIO: i32 = 121;

impl Error {
    /// Returns the kind of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::Ambiguous { .. } => ErrorKind::Ambiguous,
            Error::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Error::InUse { .. } => ErrorKind::InUse,
            Error::NoAcknowledge { .. } => ErrorKind::NoAcknowledge,
            Error::ArbitrationLost { .. } => ErrorKind::ArbitrationLost,
            Error::TimedOut { .. } => ErrorKind::TimedOut,
            Error::Busy { .. } => ErrorKind::Busy,
            Error::Pec { .. } => ErrorKind::Pec,
            Error::Protocol { .. } => ErrorKind::Protocol,
            Error::Removed { .. } => ErrorKind::Removed,
            Error::Unsupported { .. } => ErrorKind::Unsupported,
            Error::Limit { .. } => ErrorKind::Limit,
            Error::Invalid { .. } => ErrorKind::Invalid,
            Error::Vague { .. } => ErrorKind::Vague,
            Error::Io { .. } => ErrorKind::Io,
        }
    }

    /// Makes the error for what a backend answered when it was asked to open `bus`.
    pub fn from_open(
        bus: &Arc<str>,
        there: impl FnOnce() -> Vec<String>,
        source: io::Error,
    ) -> Error {
        let bus = bus.clone();
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::NotFound, _) | (_, Some(ENXIO | ENODEV)) => Error::NotFound {
                bus,
                there: there().join(", ").into(),
                source,
            },
            (io::ErrorKind::PermissionDenied, _) => Error::PermissionDenied { bus, source },
            (_, Some(ENOTTY)) => Error::Unsupported {
                bus,
                what: "I2C: this file is no adapter",
                source,
            },
            (io::ErrorKind::Unsupported, _) => Error::Unsupported {
                bus,
                what: "setting a timeout or retries",
                source,
            },
            _ => Error::Io { bus, source },
        }
    }

    /// Makes the error for what a backend answered to a transaction with `address`.
    ///
    /// The map is that of the kernel's page *I2C/SMBus Fault Codes*
    /// (Documentation/i2c/fault-codes.rst), and `EREMOTEIO`, which is not on it and by which most
    /// controllers tell of a missing acknowledge (i2c-bcm2835, i2c-designware, i2c-omap). `EIO` is *a
    /// rather vague error* there, and is [`Error::Vague`] here.
    pub fn from_io(bus: &Arc<str>, address: Address, source: io::Error) -> Error {
        let bus = bus.clone();
        match source.raw_os_error() {
            Some(ENXIO | EREMOTEIO) => Error::NoAcknowledge {
                bus,
                address,
                source,
            },
            Some(EAGAIN) => Error::ArbitrationLost {
                bus,
                address,
                source,
            },
            Some(ETIMEDOUT) => Error::TimedOut {
                bus,
                address,
                source,
            },
            Some(EBUSY) => Error::Busy {
                bus,
                address,
                source,
            },
            Some(EBADMSG) => Error::Pec {
                bus,
                address,
                source,
            },
            Some(EPROTO) => Error::Protocol {
                bus,
                address,
                source,
            },
            Some(EOPNOTSUPP) => Error::Unsupported {
                bus,
                what: "such a transaction",
                source,
            },
            Some(ENODEV) => Error::Removed { bus, source },
            Some(EIO) => Error::Vague {
                bus,
                address,
                source,
            },
            // No system call says so: a virtual clock does.
            _ if source.kind() == io::ErrorKind::Unsupported => Error::Unsupported {
                bus,
                what: OUTSIDE,
                source,
            },
            _ => Error::Io { bus, source },
        }
    }
}

impl Error {
    /// As [`Error::from_io`], and says what of the transaction it may be that the controller refuses:
    /// it does not tell.
    pub(crate) fn from_transaction(
        bus: &Arc<str>,
        address: Address,
        operations: &[Operation<'_>],
        source: io::Error,
    ) -> Error {
        let is_read = |operation: &Operation<'_>| matches!(operation, Operation::Read(_));
        let is_empty = |operation: &Operation<'_>| match operation {
            Operation::Read(buffer) => buffer.is_empty(),
            Operation::Write(bytes) => bytes.is_empty(),
        };
        // Neighbours are one message.
        let after_read = operations
            .iter()
            .skip_while(|one| !is_read(one))
            .any(|one| !is_read(one));
        let refused = match Error::from_io(bus, address, source) {
            Error::Unsupported { bus, source, .. } if source.raw_os_error().is_some() => {
                (bus, source)
            }
            other => return other,
        };
        Error::Unsupported {
            bus: refused.0,
            what: if after_read {
                "such a transaction: it has a read that is not the last message, which some controllers refuse (i2c-bcm2835): make several transactions of it, each with its read at the end"
            } else if operations.iter().any(is_empty) {
                "such a transaction: it has an empty message, which some controllers refuse (i2c-designware)"
            } else {
                "such a transaction"
            },
            source: refused.1,
        }
    }
}

/// What a future asks for that waits on a virtual board and does not take part in its time.
const OUTSIDE: &str = "waits by futures outside of the board's tasks (use Stub::block_on, Stub::task or Stub::block_on_with)";

impl embedded_hal::i2c::Error for Error {
    fn kind(&self) -> embedded_hal::i2c::ErrorKind {
        use embedded_hal::i2c::ErrorKind;

        match self {
            Error::NoAcknowledge { source, .. } if source.raw_os_error() == Some(ENXIO) => {
                ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address)
            }
            Error::NoAcknowledge { .. } => ErrorKind::NoAcknowledge(NoAcknowledgeSource::Unknown),
            Error::ArbitrationLost { .. } => ErrorKind::ArbitrationLoss,
            Error::TimedOut { .. } | Error::Busy { .. } | Error::Vague { .. } => ErrorKind::Bus,
            _ => ErrorKind::Other,
        }
    }
}
