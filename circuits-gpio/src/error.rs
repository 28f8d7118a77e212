use std::io;
use std::sync::Arc;

/// What a GPIO call returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a line could not be opened or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such line.
    #[error("there is no line {line:?} (gpioinfo lists the lines of all GPIO chips)")]
    NotFound {
        /// The line, as it was asked for.
        line: Arc<str>,
    },

    /// The machine has no GPIO chip, or not the one that was asked for.
    #[error("no GPIO chip {chip} to open line {line:?} on (gpiodetect lists them)")]
    NoChip {
        /// The line, as it was asked for.
        line: Arc<str>,
        /// Where a chip was looked for: `/dev/gpiochip0`, `/dev/gpiochip*`.
        chip: Arc<str>,
    },

    /// Several lines have this name; one of them is to be named by its place.
    #[error("{count} lines are called {line:?}: choose one of {places}")]
    Ambiguous {
        /// The name, as it was asked for.
        line: Arc<str>,
        /// How many lines have it.
        count: usize,
        /// Where they are: `gpiochip0:17, gpiochip1:17`.
        places: Arc<str>,
    },

    /// The user may not open the chip.
    #[error(
        "permission denied for line {line:?}: add your user to the group that owns /dev/gpiochip* (usually `gpio`), then log in anew"
    )]
    PermissionDenied {
        /// The line, as it was asked for.
        line: Arc<str>,
        /// What the kernel said.
        source: io::Error,
    },

    /// Somebody holds the line already.
    #[error("line {line:?} is in use{}", by(holder))]
    InUse {
        /// The line, as it was asked for.
        line: Arc<str>,
        /// The consumer that holds it, if it can be known.
        holder: Option<Arc<str>>,
        /// What the kernel said.
        source: io::Error,
    },

    /// The chip is gone.
    #[error("the chip of line {line:?} was removed (open it anew: Board::reconnect waits for it)")]
    Removed {
        /// The line, as it was asked for.
        line: Arc<str>,
        /// What the kernel said.
        source: io::Error,
    },

    /// The chip, its driver or the system cannot do it.
    #[error("line {line:?} does not support {what}")]
    Unsupported {
        /// The line, as it was asked for.
        line: Arc<str>,
        /// What was asked of it.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },

    /// It is more than the kernel can do at once.
    #[error(
        "lines {:?}: {what}; at most {limit} can be opened together",
        few(line)
    )]
    Limit {
        /// The lines, as they were asked for.
        line: Arc<str>,
        /// What there are too many of.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },

    /// What was asked for makes no sense.
    #[error("line {line:?}: {what}")]
    Invalid {
        /// The line, as it was asked for.
        line: Arc<str>,
        /// What is wrong with it.
        what: &'static str,
    },

    /// The board was interrupted while this waited.
    #[error("the wait on line {line:?} was interrupted")]
    Interrupted {
        /// The line, as it was asked for.
        line: Arc<str>,
    },

    /// Nothing can happen any more on the virtual board.
    #[error("line {line:?} waits for ever")]
    Deadlock {
        /// The line, as it was asked for.
        line: Arc<str>,
        /// Who waits for what.
        source: io::Error,
    },

    /// The system failed in some other way: the chip of a port expander did not answer, for one.
    #[error("line {line:?} failed{}", because(source))]
    Io {
        /// The line, as it was asked for.
        line: Arc<str>,
        /// What the kernel said.
        source: io::Error,
    },
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such line or chip.
    NotFound,
    /// Several lines have this name.
    Ambiguous,
    /// The user may not open the chip.
    PermissionDenied,
    /// Somebody holds the line already.
    InUse,
    /// The chip is gone.
    Removed,
    /// The chip, its driver or the system cannot do it.
    Unsupported,
    /// It is more than the kernel can do at once.
    Limit,
    /// What was asked for makes no sense.
    Invalid,
    /// The board was interrupted while this waited.
    Interrupted,
    /// Nothing can happen any more on the virtual board.
    Deadlock,
    /// The system failed in some other way.
    Io,
}

impl Error {
    /// Returns the kind of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotFound { .. } | Error::NoChip { .. } => ErrorKind::NotFound,
            Error::Ambiguous { .. } => ErrorKind::Ambiguous,
            Error::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Error::InUse { .. } => ErrorKind::InUse,
            Error::Removed { .. } => ErrorKind::Removed,
            Error::Unsupported { .. } => ErrorKind::Unsupported,
            Error::Limit { .. } => ErrorKind::Limit,
            Error::Invalid { .. } => ErrorKind::Invalid,
            Error::Interrupted { .. } => ErrorKind::Interrupted,
            Error::Deadlock { .. } => ErrorKind::Deadlock,
            Error::Io { .. } => ErrorKind::Io,
        }
    }

    /// Makes the error for what a backend answered when it was asked for `what` on `line`.
    ///
    /// The kernel's GPIO character device says `EBUSY` for a line that is held, `ENODEV` once the
    /// chip is gone, `ENXIO` for edges of a line without an interrupt, `EOPNOTSUPP` for what the
    /// driver lacks (drivers/gpio/gpiolib-cdev.c). What the bus of a port expander says it hands on.
    pub fn from_io(line: &Arc<str>, what: &'static str, source: io::Error) -> Error {
        const ENXIO: i32 = 6;
        const ENODEV: i32 = 19;
        let line = line.clone();
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::PermissionDenied, _) => Error::PermissionDenied { line, source },
            (io::ErrorKind::ResourceBusy, _) => Error::InUse {
                line,
                holder: None,
                source,
            },
            (io::ErrorKind::Interrupted, _) => Error::Interrupted { line },
            (io::ErrorKind::Deadlock, _) => Error::Deadlock { line, source },
            // No system call says so: a virtual clock does.
            (io::ErrorKind::Unsupported, None) => Error::Unsupported {
                line,
                what: OUTSIDE,
                source,
            },
            (_, Some(ENXIO)) => Error::Unsupported {
                line,
                what: NO_INTERRUPT,
                source,
            },
            (io::ErrorKind::Unsupported, _) => Error::Unsupported { line, what, source },
            (_, Some(ENODEV)) => Error::Removed { line, source },
            _ => Error::Io { line, source },
        }
    }
}

/// What a future asks for that waits on a virtual board and does not take part in its time.
const OUTSIDE: &str = "waits by futures outside of the board's tasks (use Stub::block_on, Stub::task or Stub::block_on_with)";

/// What is asked for where edges or debouncing are.
const NO_INTERRUPT: &str =
    "edge detection: its chip has no interrupt (ask for its level at intervals instead)";

/// What a number says that comes from the bus of an expander (Documentation/i2c/fault-codes.rst).
fn because(source: &io::Error) -> &'static str {
    const EIO: i32 = 5;
    const ETIMEDOUT: i32 = 110;
    const EREMOTEIO: i32 = 121;
    match source.raw_os_error() {
        Some(EREMOTEIO) => ": its chip does not answer (is the expander there, and powered?)",
        Some(ETIMEDOUT) => ": the bus of its chip timed out (does something hold it low?)",
        Some(EIO) => ": its chip could not be spoken to (noise on the bus of an expander?)",
        _ => "",
    }
}

/// The first and the last of many names.
fn few(lines: &str) -> String {
    let names: Vec<&str> = lines.split(", ").collect();
    match names[..] {
        [first, second, _, _, .., last] => format!("{first}, {second}, … {last}"),
        _ => lines.to_owned(),
    }
}

fn by(holder: &Option<Arc<str>>) -> String {
    let Some(holder) = holder else {
        return String::new();
    };
    match selected_by(holder) {
        Some(bus) => format!(
            ": {holder:?} holds it, as a chip select: open the SPI device, or take the line from the \
             driver (on a Raspberry Pi by `dtoverlay={bus}-0cs` in config.txt)"
        ),
        None => format!(": {holder:?} holds it"),
    }
}

/// Which SPI bus selects a device by a line that is held so (`spi_get_gpio_descs`,
/// drivers/spi/spi.c): `spi0` of `spi0 CS0`.
fn selected_by(holder: &str) -> Option<&str> {
    let (bus, number) = holder.split_once(" CS")?;
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    (is_number(bus.strip_prefix("spi")?) && is_number(number)).then_some(bus)
}

impl embedded_hal::digital::Error for Error {
    /// embedded-hal knows no other kind for pins.
    fn kind(&self) -> embedded_hal::digital::ErrorKind {
        embedded_hal::digital::ErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_lines_are_is_told_in_short() {
        assert_eq!(few("A, B, C, D, E"), "A, B, … E");
        assert_eq!(few("A, B"), "A, B");
    }

    #[test]
    fn what_the_bus_of_an_expander_says_is_told() {
        let told = |number| {
            let error = io::Error::from_raw_os_error(number);
            Error::from_io(&"RELAY".into(), "being set", error).to_string()
        };
        assert!(told(121).ends_with("(is the expander there, and powered?)"));
        assert!(told(110).contains("timed out"));
        assert_eq!(told(34), r#"line "RELAY" failed"#);
    }

    #[test]
    fn who_holds_a_line_is_told_and_what_to_do() {
        let told = |holder: Option<&str>| {
            Error::InUse {
                line: "GPIO8".into(),
                holder: holder.map(Into::into),
                source: io::ErrorKind::ResourceBusy.into(),
            }
            .to_string()
        };
        assert_eq!(told(None), r#"line "GPIO8" is in use"#);
        let lamp = told(Some("lamp CS1"));
        assert_eq!(lamp, r#"line "GPIO8" is in use: "lamp CS1" holds it"#);
        assert!(told(Some("spi0 CS0")).contains("dtoverlay=spi0-0cs"));
    }
}
