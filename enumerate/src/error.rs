use std::io;
use std::path::PathBuf;

/// What a call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why devices could not be listed, watched or waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to list.
    #[error("there are no devices in {path}: is sysfs mounted?")]
    NotFound {
        /// Where they were looked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The user may not open a node that is there.
    #[error(
        "permission denied for {node}: add your user to the group that owns it, then log in anew; or install a udev rule that gives it one",
        node = node.display()
    )]
    PermissionDenied {
        /// The node.
        node: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Several devices are known by this.
    #[error("{what} are {count} devices: choose one by its place, {places}")]
    Ambiguous {
        /// What they are known by.
        what: String,
        /// How many there are.
        count: usize,
        /// What they are known by where they are.
        places: String,
    },

    /// What was waited for did not come in time.
    #[error("{what} did not come in time")]
    TimedOut {
        /// What it is.
        what: String,
    },

    /// Whoever fed the uevents does so no more.
    #[error("the feed of uevents has ended")]
    Ended,

    /// The board was interrupted while this waited.
    #[error("the wait for {what} was interrupted")]
    Interrupted {
        /// What was waited for.
        what: String,
    },

    /// Nothing can happen any more on the virtual board.
    #[error("{what} is waited for for ever")]
    Deadlock {
        /// What was waited for.
        what: String,
        /// Who waits for what.
        source: io::Error,
    },

    /// The backend or the system cannot do it.
    #[error("{what} cannot be had here")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What the system said.
        source: io::Error,
    },

    /// What was given makes no sense.
    #[error("{what}")]
    Invalid {
        /// What is wrong with it.
        what: String,
    },

    /// The system failed in some other way.
    #[error("{what} failed")]
    Io {
        /// What was asked for.
        what: String,
        /// What the system said.
        source: io::Error,
    },
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is nothing to list.
    NotFound,
    /// The user may not open a node that is there.
    PermissionDenied,
    /// Several devices are known by this.
    Ambiguous,
    /// What was waited for did not come in time.
    TimedOut,
    /// Whoever fed the uevents does so no more.
    Ended,
    /// The board was interrupted while this waited.
    Interrupted,
    /// Nothing can happen any more on the virtual board.
    Deadlock,
    /// The backend or the system cannot do it.
    Unsupported,
    /// What was given makes no sense.
    Invalid,
    /// The system failed in some other way.
    Io,
}

impl Error {
    /// Returns the kind of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotFound { .. } => ErrorKind::NotFound,
            Error::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Error::Ambiguous { .. } => ErrorKind::Ambiguous,
            Error::TimedOut { .. } => ErrorKind::TimedOut,
            Error::Ended => ErrorKind::Ended,
            Error::Interrupted { .. } => ErrorKind::Interrupted,
            Error::Deadlock { .. } => ErrorKind::Deadlock,
            Error::Unsupported { .. } => ErrorKind::Unsupported,
            Error::Invalid { .. } => ErrorKind::Invalid,
            Error::Io { .. } => ErrorKind::Io,
        }
    }

    /// Makes the error for what a backend answered when it was asked for `what`.
    pub fn from_io(what: impl Into<String>, source: io::Error) -> Error {
        let what = what.into();
        match source.kind() {
            io::ErrorKind::Interrupted => Error::Interrupted { what },
            io::ErrorKind::Deadlock => Error::Deadlock { what, source },
            io::ErrorKind::UnexpectedEof => Error::Ended,
            io::ErrorKind::Unsupported => Error::Unsupported { what, source },
            _ => Error::Io { what, source },
        }
    }
}
