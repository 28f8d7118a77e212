use std::io;
use std::sync::Arc;

use crate::{ErrorFrame, FrameError};

/// What a call of a socket or an interface returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a socket could not be opened, read or written, or an interface not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such interface.
    #[error(
        "no CAN interface {interface:?} (`ip link` or Board::can_interfaces tells which there are)"
    )]
    NotFound {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The user may not. To open a socket needs no permission as a rule; to set an interface up does.
    #[error(
        "permission denied for CAN interface {interface:?}: {what}{}",
        permitted(what, interface)
    )]
    PermissionDenied {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What the user may not.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// The interface is down.
    #[error(
        "CAN interface {interface:?} is down (Interface::up, or as root: `ip link set {interface} up`)"
    )]
    Down {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The interface is up, and can be set up only while it is down; or it was to be restarted and is not bus-off.
    #[error("CAN interface {interface:?} is in use: {what}")]
    InUse {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What would have to be otherwise.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// The interface is gone. It does not come back on this socket: open it anew.
    #[error(
        "CAN interface {interface:?} was removed (open it anew: Board::reconnect waits for it)"
    )]
    Removed {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The hardware, its driver or the system cannot do it.
    #[error("CAN interface {interface:?} does not support {what}")]
    Unsupported {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What was asked of it.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },

    /// The controller has no bit rate that is near enough: within half a percent.
    #[error(
        "CAN interface {interface:?} does not support {asked} bit/s: its controller takes {granted} instead"
    )]
    Bitrate {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What was asked for.
        asked: u32,
        /// What the controller took instead.
        granted: u32,
    },

    /// More was asked for than there may be.
    #[error("{what} of CAN interface {interface:?}: {limit} at most")]
    Limit {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What is too much.
        what: &'static str,
        /// How much it may be.
        limit: usize,
    },

    /// A time was over before it was done.
    #[error("CAN interface {interface:?} timed out{}", after(*written))]
    TimedOut {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// How many frames had been taken over to be sent by then.
        written: usize,
    },

    /// Frames were lost, because the socket's buffer was full. What is read next came after them.
    #[error(
        "{count} frames were lost on CAN interface {interface:?}: they were not read in time (Config::receive_buffer, Config::filters)"
    )]
    Lost {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// How many.
        count: u32,
    },

    /// The controller reports an error.
    #[error("CAN interface {interface:?}: {error}")]
    Bus {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What it reports.
        error: ErrorFrame,
    },

    /// The board was interrupted while this waited.
    #[error("the wait on CAN interface {interface:?} was interrupted")]
    Interrupted {
        /// The interface, as it was asked for.
        interface: Arc<str>,
    },

    /// Nothing can happen any more on the virtual board.
    #[error("CAN interface {interface:?} waits for ever")]
    Deadlock {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// Who waits for what.
        source: io::Error,
    },

    /// There is no such frame.
    #[error(transparent)]
    Frame(#[from] FrameError),

    /// What was asked for makes no sense.
    #[error("CAN interface {interface:?}: {what}")]
    Invalid {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What is wrong with it.
        what: &'static str,
    },

    /// The system failed in some other way.
    #[error("CAN interface {interface:?} failed")]
    Io {
        /// The interface, as it was asked for.
        interface: Arc<str>,
        /// What the system said.
        source: io::Error,
    },
}

/// What asks for a permission that only a sandbox takes away.
const OPENING: &str = "opening it";

fn permitted(what: &str, interface: &str) -> String {
    match what {
        OPENING => {
            " (no user needs a permission for this: a container, seccomp or SELinux forbids it)"
                .into()
        }
        _ => format!(
            " needs CAP_NET_ADMIN (as root: `ip link set {interface} up type can bitrate 500000`; for good: systemd.network(5), [CAN])"
        ),
    }
}

fn after(written: usize) -> String {
    match written {
        0 => String::new(),
        written => format!(" after {written} frames had been written"),
    }
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such interface.
    NotFound,
    /// The user may not.
    PermissionDenied,
    /// The interface is down.
    Down,
    /// The interface is up, and can be set up only while it is down; or is not bus-off.
    InUse,
    /// The interface is gone.
    Removed,
    /// The hardware, its driver or the system cannot do it; a bit rate as well.
    Unsupported,
    /// More was asked for than there may be.
    Limit,
    /// A time was over before it was done.
    TimedOut,
    /// Frames were lost.
    Lost,
    /// The controller reports an error.
    Bus,
    /// The board was interrupted while this waited.
    Interrupted,
    /// Nothing can happen any more on the virtual board.
    Deadlock,
    /// What was asked for makes no sense; a frame that there is not as well.
    Invalid,
    /// The system failed in some other way.
    Io,
}

// Linux's numbers, by which backends answer on every system (include/uapi/asm-generic/errno.h).
pub(crate) const ENXIO: i32 = 6;
pub(crate) const EBUSY: i32 = 16;
pub(crate) const ENODEV: i32 = 19;
pub(crate) const EINVAL: i32 = 22;
const EDOM: i32 = 33;
const ERANGE: i32 = 34;
const EPROTONOSUPPORT: i32 = 93;
pub(crate) const EOPNOTSUPP: i32 = 95;
const EAFNOSUPPORT: i32 = 97;
pub(crate) const ENETDOWN: i32 = 100;

impl Error {
    /// Returns the kind of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Error::Down { .. } => ErrorKind::Down,
            Error::InUse { .. } => ErrorKind::InUse,
            Error::Removed { .. } => ErrorKind::Removed,
            Error::Unsupported { .. } | Error::Bitrate { .. } => ErrorKind::Unsupported,
            Error::Limit { .. } => ErrorKind::Limit,
            Error::TimedOut { .. } => ErrorKind::TimedOut,
            Error::Lost { .. } => ErrorKind::Lost,
            Error::Bus { .. } => ErrorKind::Bus,
            Error::Interrupted { .. } => ErrorKind::Interrupted,
            Error::Deadlock { .. } => ErrorKind::Deadlock,
            Error::Frame(_) | Error::Invalid { .. } => ErrorKind::Invalid,
            Error::Io { .. } => ErrorKind::Io,
        }
    }

    /// Makes the error for what a backend answered when it was asked to open `interface`.
    pub fn from_open(interface: &Arc<str>, source: io::Error) -> Error {
        let interface = interface.clone();
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::NotFound, _) | (_, Some(ENODEV | ENXIO)) => {
                Error::NotFound { interface, source }
            }
            (_, Some(EAFNOSUPPORT | EPROTONOSUPPORT)) => Error::Unsupported {
                interface,
                what: "CAN: the kernel has no sockets for it (as root: `modprobe can-raw can-bcm`)",
                source,
            },
            _ => Error::from_io(&interface, OPENING, source),
        }
    }

    /// Makes the error for what a backend answered when `what` was asked of an interface.
    pub fn from_io(interface: &Arc<str>, what: &'static str, source: io::Error) -> Error {
        let interface = interface.clone();
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::PermissionDenied, _) => Error::PermissionDenied {
                interface,
                what,
                source,
            },
            (_, Some(ENETDOWN)) => Error::Down { interface, source },
            (_, Some(ENODEV | ENXIO)) => Error::Removed { interface, source },
            (_, Some(EBUSY)) => Error::InUse {
                interface,
                what: "take it down first (Interface::down)",
                source,
            },
            (_, Some(EINVAL | EOPNOTSUPP | EDOM | ERANGE)) => Error::Unsupported {
                interface,
                what,
                source,
            },
            (io::ErrorKind::Interrupted, _) => Error::Interrupted { interface },
            (io::ErrorKind::Deadlock, None) => Error::Deadlock { interface, source },
            // No system call says so without a number: a virtual clock does.
            (io::ErrorKind::Unsupported, None) => Error::Unsupported {
                interface,
                what: OUTSIDE,
                source,
            },
            _ => Error::Io { interface, source },
        }
    }
}

/// What a future asks for that waits on a virtual board and does not take part in its time.
const OUTSIDE: &str = "waits by futures outside of the board's tasks (use Stub::block_on, Stub::task or Stub::block_on_with)";
