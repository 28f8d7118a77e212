use std::io;
use std::sync::Arc;

/// What a call of a serial port returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a port could not be opened, set up, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such port.
    #[error("no serial port {port:?} (circuits_uart::list tells which there are)")]
    NotFound {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The user may not open the port.
    #[error(
        "permission denied for serial port {port:?}: add your user to the group that owns it (usually `dialout`), then log in anew"
    )]
    PermissionDenied {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// Somebody holds the port already.
    #[error("serial port {port:?} is in use{}", by(holder))]
    InUse {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// Who holds it, if it can be known: `gpsd (pid 312)`.
        holder: Option<Arc<str>>,
        /// What the system said.
        source: io::Error,
    },

    /// The port is gone. It does not come back on this handle: open it anew. What had come and was not read
    /// by then the kernel has thrown away; the virtual board hands it out first.
    #[error("serial port {port:?} was removed (open it anew: Board::reconnect waits for it)")]
    Removed {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The other end closed: of a pseudo-terminal, for one. What came before has been read, unless the kernel
    /// threw it away: that of the user's side of a pseudo-terminal, when the controlling side closes.
    #[error("the other end of serial port {port:?} was closed")]
    HungUp {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What the system said.
        source: io::Error,
    },

    /// The hardware, its driver or the system cannot do it.
    #[error("serial port {port:?} does not support {what}")]
    Unsupported {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What was asked of it.
        what: &'static str,
        /// What the system said, if it said anything.
        source: io::Error,
    },

    /// The hardware has no baud rate that is near enough: within 2 %, which a character of ten bits
    /// survives.
    #[error(
        "serial port {port:?} does not support {asked} baud: its driver takes {granted} instead"
    )]
    Baud {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What was asked for.
        asked: u32,
        /// What the port took instead.
        granted: u32,
    },

    /// More came at once than may.
    #[error("{what} on serial port {port:?} is longer than {limit} bytes")]
    Limit {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What is too long.
        what: &'static str,
        /// How long it may be.
        limit: usize,
    },

    /// A time was over before it was done.
    #[error("serial port {port:?} timed out{}", after(*written))]
    TimedOut {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// How many bytes had been taken over to be sent by then.
        written: usize,
    },

    /// A byte came with a parity or framing error: noise, or another baud rate than the sender's.
    #[error(
        "serial port {port:?} received {byte:#04x} with a parity or framing error (noise, or another baud rate, parity or \
         number of bits than the sender's)"
    )]
    Damaged {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What of the byte could be read.
        byte: u8,
    },

    /// A break came: the line was held low for longer than a character.
    #[error(
        "serial port {port:?} received a break (its line was pulled low: on purpose, or the other end has no power)"
    )]
    Break {
        /// The port, as it was asked for.
        port: Arc<str>,
    },

    /// The board was interrupted while this waited.
    #[error("the wait on serial port {port:?} was interrupted")]
    Interrupted {
        /// The port, as it was asked for.
        port: Arc<str>,
    },

    /// Nothing can happen any more on the virtual board.
    #[error("serial port {port:?} waits for ever")]
    Deadlock {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// Who waits for what.
        source: io::Error,
    },

    /// What was asked for makes no sense.
    #[error("serial port {port:?}: {what}")]
    Invalid {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What is wrong with it.
        what: &'static str,
    },

    /// The system failed in some other way.
    #[error("serial port {port:?} failed")]
    Io {
        /// The port, as it was asked for.
        port: Arc<str>,
        /// What the system said.
        source: io::Error,
    },
}

fn by(holder: &Option<Arc<str>>) -> String {
    match holder {
        Some(holder) => format!(": {holder} holds it"),
        None => String::new(),
    }
}

fn after(written: usize) -> String {
    match written {
        0 => String::new(),
        written => format!(" after {written} bytes had been written"),
    }
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such port.
    NotFound,
    /// The user may not open the port.
    PermissionDenied,
    /// Somebody holds the port already.
    InUse,
    /// The port is gone.
    Removed,
    /// The other end closed.
    HungUp,
    /// The hardware, its driver or the system cannot do it; a baud rate as well.
    Unsupported,
    /// More came at once than may.
    Limit,
    /// A time was over before it was done.
    TimedOut,
    /// A byte came with a parity or framing error.
    Damaged,
    /// A break came.
    Break,
    /// The board was interrupted while this waited.
    Interrupted,
    /// Nothing can happen any more on the virtual board.
    Deadlock,
    /// What was asked for makes no sense.
    Invalid,
    /// The system failed in some other way.
    Io,
}

// Linux's numbers, by which backends answer on every system (include/uapi/asm-generic/errno.h).
pub(crate) const EIO: i32 = 5;
const ENXIO: i32 = 6;
pub(crate) const EAGAIN: i32 = 11;
pub(crate) const EBUSY: i32 = 16;
pub(crate) const ENODEV: i32 = 19;
pub(crate) const EINVAL: i32 = 22;
pub(crate) const ENOTTY: i32 = 25;
pub(crate) const EOPNOTSUPP: i32 = 95;

impl Error {
    /// Returns the kind of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Error::InUse { .. } => ErrorKind::InUse,
            Error::Removed { .. } => ErrorKind::Removed,
            Error::HungUp { .. } => ErrorKind::HungUp,
            Error::Unsupported { .. } | Error::Baud { .. } => ErrorKind::Unsupported,
            Error::Limit { .. } => ErrorKind::Limit,
            Error::TimedOut { .. } => ErrorKind::TimedOut,
            Error::Damaged { .. } => ErrorKind::Damaged,
            Error::Break { .. } => ErrorKind::Break,
            Error::Interrupted { .. } => ErrorKind::Interrupted,
            Error::Deadlock { .. } => ErrorKind::Deadlock,
            Error::Invalid { .. } => ErrorKind::Invalid,
            Error::Io { .. } => ErrorKind::Io,
        }
    }

    /// Returns the error that is inside one of std's, as the calls of std's traits have it.
    ///
    /// ```
    /// use circuits_stub::Stub;
    /// use circuits_uart::{Config, Error, ErrorKind, Port};
    /// use std::io::Read;
    ///
    /// let board = Stub::virtual_time().serial_port("ttyUSB0");
    /// let mut port = Port::open_on(&board, "ttyUSB0", &Config::new())?;
    /// board.remove_serial_port("ttyUSB0")?;
    /// let error = port.read(&mut [0]).unwrap_err();
    /// assert_eq!(Error::of(&error).map(Error::kind), Some(ErrorKind::Removed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of(error: &io::Error) -> Option<&Error> {
        error.get_ref()?.downcast_ref()
    }

    /// Makes the error for what a backend answered when it was asked to open `port`.
    pub fn from_open(
        port: &Arc<str>,
        holder: impl FnOnce() -> Option<String>,
        source: io::Error,
    ) -> Error {
        let port = port.clone();
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::NotFound, _) | (_, Some(ENXIO | ENODEV)) => {
                Error::NotFound { port, source }
            }
            (io::ErrorKind::PermissionDenied, _) => Error::PermissionDenied { port, source },
            (_, Some(EBUSY | EAGAIN)) => Error::InUse {
                port,
                holder: holder().map(Into::into),
                source,
            },
            (_, Some(ENOTTY)) => Error::Unsupported {
                port,
                what: "serial communication: this file is no terminal",
                source,
            },
            (_, Some(EIO)) => Error::Unsupported {
                port,
                what: "serial communication: the driver has no hardware for this port",
                source,
            },
            _ => Error::Io { port, source },
        }
    }

    /// Makes the error for what a backend answered when `what` was asked of a port that is open.
    pub fn from_io(port: &Arc<str>, what: &'static str, source: io::Error) -> Error {
        let port = port.clone();
        match (source.kind(), source.raw_os_error()) {
            (_, Some(EIO)) => Error::HungUp { port, source },
            (_, Some(ENODEV | ENXIO)) => Error::Removed { port, source },
            (_, Some(EINVAL | ENOTTY | EOPNOTSUPP)) => Error::Unsupported { port, what, source },
            (io::ErrorKind::Interrupted, _) => Error::Interrupted { port },
            (io::ErrorKind::Deadlock, None) => Error::Deadlock { port, source },
            // No system call says so without a number: a virtual clock does.
            (io::ErrorKind::Unsupported, None) => Error::Unsupported {
                port,
                what: OUTSIDE,
                source,
            },
            _ => Error::Io { port, source },
        }
    }
}

/// What a future asks for that waits on a virtual board and does not take part in its time.
const OUTSIDE: &str = "waits by futures outside of the board's tasks (use Stub::block_on, Stub::task or Stub::block_on_with)";

/// For std's traits: the error is inside, and the kind says what it can.
///
/// | kind | std's |
/// | --- | --- |
/// | [`TimedOut`](ErrorKind::TimedOut) | [`TimedOut`](io::ErrorKind::TimedOut) |
/// | [`Removed`](ErrorKind::Removed) | [`NotConnected`](io::ErrorKind::NotConnected) |
/// | [`HungUp`](ErrorKind::HungUp) | [`BrokenPipe`](io::ErrorKind::BrokenPipe) |
/// | [`Damaged`](ErrorKind::Damaged), [`Break`](ErrorKind::Break), [`Limit`](ErrorKind::Limit) | [`InvalidData`](io::ErrorKind::InvalidData) |
/// | [`InUse`](ErrorKind::InUse) | [`ResourceBusy`](io::ErrorKind::ResourceBusy) |
/// | [`Invalid`](ErrorKind::Invalid) | [`InvalidInput`](io::ErrorKind::InvalidInput) |
/// | [`Interrupted`](ErrorKind::Interrupted) | [`Other`](io::ErrorKind::Other): std's loops try again what is [`Interrupted`](io::ErrorKind::Interrupted), for as long as it is |
/// | others | of the same name, or [`Other`](io::ErrorKind::Other) |
///
/// It takes memory, as std's errors do: who lets reads time out all the time has
/// [`read_within`](crate::Port::read_within).
impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        let kind = match error.kind() {
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied,
            ErrorKind::InUse => io::ErrorKind::ResourceBusy,
            ErrorKind::Removed => io::ErrorKind::NotConnected,
            ErrorKind::HungUp => io::ErrorKind::BrokenPipe,
            ErrorKind::Unsupported => io::ErrorKind::Unsupported,
            ErrorKind::Damaged | ErrorKind::Break | ErrorKind::Limit => io::ErrorKind::InvalidData,
            ErrorKind::Deadlock => io::ErrorKind::Deadlock,
            ErrorKind::Invalid => io::ErrorKind::InvalidInput,
            ErrorKind::Interrupted | ErrorKind::Io => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
