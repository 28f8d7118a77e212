use std::fmt;

use crate::{Backend, Config, Direction, Error, LineSpec, Linux, Result, Watch};

/// What a chip says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ChipInfo {
    name: String,
    label: String,
    lines: u32,
}

impl ChipInfo {
    /// Makes it, as a backend reports it.
    pub fn new(name: impl Into<String>, label: impl Into<String>, lines: u32) -> ChipInfo {
        ChipInfo {
            name: name.into(),
            label: label.into(),
            lines,
        }
    }

    /// Returns the name, which may be another after the next start: `gpiochip0`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the label, which its driver gave it: `pinctrl-bcm2835`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns how many lines it has.
    pub fn lines(&self) -> u32 {
        self.lines
    }
}

impl fmt::Display for ChipInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] ({} lines)", self.name, self.label, self.lines)
    }
}

/// What a chip says of a line, whoever holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LineInfo {
    offset: u32,
    name: String,
    consumer: Option<String>,
    config: Config,
}

impl LineInfo {
    /// Makes it, as a backend reports it; `consumer` holds the line, and has no name if it is
    /// empty. Of the configuration counts what a chip can tell: not an output's level, which only
    /// its holder knows.
    pub fn new(
        offset: u32,
        name: impl Into<String>,
        consumer: Option<String>,
        config: Config,
    ) -> LineInfo {
        LineInfo {
            offset,
            name: name.into(),
            consumer,
            config,
        }
    }

    /// Returns the number of the line on its chip.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// Returns the name, which several lines may have; `None` if it has none.
    pub fn name(&self) -> Option<&str> {
        Some(&*self.name).filter(|name| is_name(name))
    }

    /// Returns who holds the line: `Some("")` if somebody does who gave no name.
    pub fn consumer(&self) -> Option<&str> {
        self.consumer.as_deref()
    }

    /// Tells whether somebody holds the line, another program or a driver.
    pub fn is_used(&self) -> bool {
        self.consumer.is_some()
    }

    /// Returns how it is set up: direction, bias, drive, edges, debouncing, and whether it is
    /// active-low.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// A chip, to be looked at: nothing of it is held.
///
/// ```
/// use circuits_gpio::Chip;
/// use circuits_stub::Stub;
///
/// let board = Stub::virtual_time().lines(["GPIO17", "GPIO27"]);
/// for name in Chip::list_on(&board)? {
///     let chip = Chip::open_on(&board, &name)?;
///     println!("{}", chip.info());
///     for line in chip.lines()? {
///         println!("{}: {:?} {:?}", line.offset(), line.name(), line.consumer());
///     }
/// }
/// # assert_eq!(Chip::list_on(&board)?, ["gpiochip0"]);
/// # Ok::<(), circuits_gpio::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chip<'a> {
    backend: &'a dyn Backend,
    info: ChipInfo,
}

impl<'a> Chip<'a> {
    /// Lists the names of the chips of a backend, in the order of their numbers. None is opened.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn list_on(backend: &dyn Backend) -> Result<Vec<String>> {
        let any = "gpiochip*".into();
        backend
            .chips()
            .map_err(|error| Error::from_io(&any, "a list of chips", error))
    }

    /// Opens the chip of this name or label.
    ///
    /// # Errors
    /// [`Error::NoChip`], [`Error::Ambiguous`] if several have the label,
    /// [`Error::PermissionDenied`].
    pub fn open_on(backend: &'a dyn Backend, name: &str) -> Result<Chip<'a>> {
        let line = name.into();
        let info = crate::find::chip(backend, name, &line)?;
        Ok(Chip { backend, info })
    }

    /// Returns what the chip says of itself.
    pub fn info(&self) -> &ChipInfo {
        &self.info
    }

    /// Returns what the chip says of all of its lines, in the order of their offsets.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    pub fn lines(&self) -> Result<Vec<LineInfo>> {
        let name = self.info.name.as_str();
        self.backend
            .line_infos(name)
            .map_err(|error| Error::from_io(&name.into(), "being looked at", error))
    }

    /// Tells who takes lines of the chip, gives them back, or sets them up anew.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    pub fn watch(&self) -> Result<Watch> {
        let name = self.info.name.as_str();
        let all: Vec<u32> = (0..self.info.lines).collect();
        Watch::on(self.backend, name.into(), name, &all)
    }
}

impl LineInfo {
    /// Looks at a line of this Linux machine without opening it, whoever holds it.
    ///
    /// # Errors
    /// As [`LineInfo::of_on`].
    pub fn of(line: impl Into<LineSpec>) -> Result<LineInfo> {
        let line = line.into();
        LineInfo::of_on(&Linux::here(&line)?, line)
    }

    /// Looks at a line of `backend` without opening it, whoever holds it.
    ///
    /// ```
    /// use circuits_gpio::{Config, LineInfo, Output};
    /// use circuits_stub::Stub;
    ///
    /// let board = Stub::virtual_time().lines(["GPIO17"]);
    /// let lamp = Output::open_on(&board, "GPIO17", &Config::new().consumer("lamp"))?;
    /// assert_eq!(LineInfo::of_on(&board, "GPIO17")?.consumer(), Some("lamp"));
    /// # Ok::<(), circuits_gpio::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NoChip`], [`Error::Ambiguous`], [`Error::PermissionDenied`].
    pub fn of_on(backend: &dyn Backend, line: impl Into<LineSpec>) -> Result<LineInfo> {
        let line = line.into();
        let place = crate::find::line(backend, &line)?;
        let info = backend.line_info(&place.chip, place.offset);
        info.map_err(|error| Error::from_io(&place.line, "being looked at", error))
    }

    /// Says in what it is not as somebody asked for, if in anything.
    pub(crate) fn differs_from(&self, asked: &Config) -> Option<&'static str> {
        let is = &self.config;
        let input = asked.direction() == Direction::Input;
        match () {
            () if is.direction() != asked.direction() => Some("this direction"),
            () if is.is_active_low() != asked.is_active_low() => Some("being active-low"),
            () if asked.line_bias().is_some() && is.line_bias() != asked.line_bias() => {
                Some("this bias")
            }
            () if is.line_drive() != asked.line_drive() => Some("this drive"),
            () if input && is.detected_edges() != asked.detected_edges() => {
                Some("detection of these edges")
            }
            () if input && is.debounce_period() != asked.debounce_period() => {
                Some("this debounce period")
            }
            () => None,
        }
    }
}

/// Whether it is a name, and not what lines have that have none.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name != "-"
}
