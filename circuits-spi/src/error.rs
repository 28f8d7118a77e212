use std::io;
use std::sync::Arc;

use crate::Absence;

/// What an SPI call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a device could not be opened or set up, or a transaction failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such device.
    #[error("no SPI device {device:?} ({absence})")]
    NotFound {
        /// The device, as it was asked for.
        device: Arc<str>,
        /// Why it is not there.
        absence: Absence,
        /// What the system said.
        source: io::Error,
    },

    /// The user may not open the device.
    #[error(
        "permission denied for SPI device {device:?}: add your user to the group that owns /dev/spidev* (usually `spi`), then log in anew"
    )]
    PermissionDenied {
        /// The device, as it was asked for.
        device: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The device is gone, or its driver is. It does not come back on this handle: open it anew.
    #[error("SPI device {device:?} was removed (open it anew: Board::reconnect waits for it)")]
    Removed {
        /// The device, as it was asked for.
        device: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The controller, its driver or the system cannot do it.
    #[error("SPI device {device:?} does not support {what}")]
    Unsupported {
        /// The device, as it was asked for.
        device: Arc<str>,
        /// What was asked of it.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// A transaction is larger than a message can be; nothing was sent.
    #[error(
        "too much for a message to {device:?}: {what}, of which there can be {limit}, each transfer \
         taking a multiple of {each} ({cure})"
    )]
    Limit {
        /// The device, as it was asked for.
        device: Arc<str>,
        /// What there is too much of.
        what: &'static str,
        /// How much there can be.
        limit: usize,
        /// Of how much each transfer takes a multiple.
        each: usize,
        /// What to do.
        cure: &'static str,
    },

    /// The controller did not come to an end.
    #[error(
        "SPI device {device:?} timed out: its controller did not come to an end (the kernel's log says more: dmesg)"
    )]
    TimedOut {
        /// The device, as it was asked for.
        device: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// What was asked for makes no sense.
    #[error("SPI device {device:?}: {what}")]
    Invalid {
        /// The device, as it was asked for.
        device: Arc<str>,
        /// What is wrong with it.
        what: &'static str,
    },

    /// The system failed in some other way: the controller lost data, for one.
    #[error("SPI device {device:?} failed{}", because(source))]
    Io {
        /// The device, as it was asked for.
        device: Arc<str>,
        /// What the system said.
        source: io::Error,
    },
}

/// What `EIO` says (`dw_spi_check_status`, drivers/spi/spi-dw-core.c).
fn because(source: &io::Error) -> &'static str {
    match source.raw_os_error() {
        Some(EIO) => {
            ": its controller lost data (send less at a time, or more slowly; the kernel's log says more: dmesg)"
        }
        _ => "",
    }
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such device.
    NotFound,
    /// The user may not open the device.
    PermissionDenied,
    /// The device is gone.
    Removed,
    /// The controller, its driver or the system cannot do it.
    Unsupported,
    /// A transaction is larger than a message can be.
    Limit,
    /// The controller did not come to an end.
    TimedOut,
    /// What was asked for makes no sense.
    Invalid,
    /// The system failed in some other way.
    Io,
}

// Linux's numbers, by which backends answer on every system (include/uapi/asm-generic/errno.h).
const EIO: i32 = 5;
const ENXIO: i32 = 6;
const ENODEV: i32 = 19;
pub(crate) const EINVAL: i32 = 22;
const ENOTTY: i32 = 25;
const EMSGSIZE: i32 = 90;
const EOPNOTSUPP: i32 = 95;
const ESHUTDOWN: i32 = 108;
const ETIMEDOUT: i32 = 110;

/// What to do about a message that is too long.
pub(crate) const MANY_BYTES: &str = "send less at a time; if chip select may become inactive in \
    between, set Config::split; or raise spidev.bufsiz on the kernel's command line";
pub(crate) const MANY_TRANSFERS: &str = "send fewer operations at a time: reads and writes that take \
    turns, and delays, are one transfer each, long delays several; if chip select may become \
    inactive in between, set Config::split";

impl Error {
    /// Returns the kind of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Error::Removed { .. } => ErrorKind::Removed,
            Error::Unsupported { .. } => ErrorKind::Unsupported,
            Error::Limit { .. } => ErrorKind::Limit,
            Error::TimedOut { .. } => ErrorKind::TimedOut,
            Error::Invalid { .. } => ErrorKind::Invalid,
            Error::Io { .. } => ErrorKind::Io,
        }
    }

    /// Makes the error for what a backend answered when it was asked to open `device`.
    pub fn from_open(
        device: &Arc<str>,
        absence: impl FnOnce() -> Absence,
        source: io::Error,
    ) -> Error {
        let device = device.clone();
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::NotFound, _) | (_, Some(ENXIO | ENODEV)) => Error::NotFound {
                device,
                absence: absence(),
                source,
            },
            (io::ErrorKind::PermissionDenied, _) => Error::PermissionDenied { device, source },
            (_, Some(ENOTTY)) => Error::Unsupported {
                device,
                what: "SPI: this file is no node of spidev",
                source,
            },
            _ => Error::Io { device, source },
        }
    }

    /// Makes the error for what a backend answered to a transaction, or when it was set up.
    pub fn from_io(device: &Arc<str>, source: io::Error) -> Error {
        let device = device.clone();
        match source.raw_os_error() {
            Some(ESHUTDOWN | ENODEV) => Error::Removed { device, source },
            Some(EINVAL | EOPNOTSUPP) => Error::Unsupported {
                device,
                what: "such a transaction with these settings",
                source,
            },
            Some(ENOTTY) => Error::Unsupported {
                device,
                what: "SPI: this file is no node of spidev",
                source,
            },
            Some(EMSGSIZE) => Error::Unsupported {
                device,
                what: "so long a message: its controller takes less than spidev",
                source,
            },
            Some(ETIMEDOUT) => Error::TimedOut { device, source },
            // No system call says so without a number: a virtual clock does.
            None if source.kind() == io::ErrorKind::Unsupported => Error::Unsupported {
                device,
                what: OUTSIDE,
                source,
            },
            _ => Error::Io { device, source },
        }
    }
}

/// What a future asks for that waits on a virtual board and does not take part in its time.
const OUTSIDE: &str = "waits by futures outside of the board's tasks (use Stub::block_on, Stub::task or Stub::block_on_with)";

/// embedded-hal has no kind for what can go wrong here.
impl embedded_hal::spi::Error for Error {
    fn kind(&self) -> embedded_hal::spi::ErrorKind {
        embedded_hal::spi::ErrorKind::Other
    }
}
