use std::fmt;

#[cfg(doc)]
use crate::Error;
use crate::{Backend, Result};

/// Which line is meant: by its name, wherever it is, by its place on a chip, or by its pin.
///
/// | text | line |
/// | --- | --- |
/// | `GPIO17` | of this name, on any chip; of a Raspberry Pi also by this number, if its kernel names it otherwise |
/// | `gpiochip0:17`, `pinctrl-bcm2835:17` | at this offset of a chip, which is meant by its name or its label |
/// | `pinctrl-bcm2835:GPIO17` | of this name, on this chip |
/// | `header:11` | at this pin of a Raspberry Pi's header of 40 |
///
/// What is no such place is a name. A name that looks like a place is meant by [`LineSpec::name`].
/// `-` is no name: some boards call all lines so that are connected to nothing.
///
/// ```
/// use circuits_gpio::LineSpec;
///
/// assert_eq!(LineSpec::from("GPIO17"), LineSpec::name("GPIO17"));
/// assert_eq!(LineSpec::from("gpiochip0:17"), LineSpec::offset("gpiochip0", 17));
/// assert_eq!(LineSpec::from("header:11"), LineSpec::header(11));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(from = "written::Written", into = "written::Written")
)]
#[non_exhaustive]
pub enum LineSpec {
    /// The line of this name, on whichever chip it is.
    Name(String),
    /// The line of this name on a chip.
    On {
        /// The name or the label of the chip.
        chip: String,
        /// The name of the line.
        name: String,
    },
    /// The line at an offset of a chip.
    Offset {
        /// The name or the label of the chip.
        chip: String,
        /// The number of the line on the chip, from 0.
        offset: u32,
    },
    /// The line at a pin of the board's header.
    Header(u32),
}

impl LineSpec {
    /// Means the line called `name`.
    pub fn name(name: impl Into<String>) -> LineSpec {
        LineSpec::Name(name.into())
    }

    /// Means the line called `name` on the chip called `chip`, or labelled so.
    pub fn on(chip: impl Into<String>, name: impl Into<String>) -> LineSpec {
        LineSpec::On {
            chip: chip.into(),
            name: name.into(),
        }
    }

    /// Means line `offset` of the chip called `chip`, or labelled so.
    pub fn offset(chip: impl Into<String>, offset: u32) -> LineSpec {
        LineSpec::Offset {
            chip: chip.into(),
            offset,
        }
    }

    /// Means the line at a pin of the header.
    pub fn header(pin: u32) -> LineSpec {
        LineSpec::Header(pin)
    }

    /// Finds the one line that is meant: the name of its chip, and its offset there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NoChip`], [`Error::Ambiguous`] with the places of all;
    /// [`Error::Invalid`] for pins that are no lines; [`Error::PermissionDenied`] if it may be on a
    /// chip that one may not look at.
    pub fn find_on(&self, backend: &dyn Backend) -> Result<(String, u32)> {
        let place = crate::find::line(backend, self)?;
        Ok((place.chip, place.offset))
    }
}

impl From<&str> for LineSpec {
    fn from(text: &str) -> LineSpec {
        let Some((chip, line)) = text.rsplit_once(':') else {
            return LineSpec::name(text);
        };
        match line.parse() {
            Ok(pin) if chip == "header" => LineSpec::header(pin),
            Ok(offset) if !chip.is_empty() => LineSpec::offset(chip, offset),
            Err(_) if !chip.is_empty() && !line.is_empty() => LineSpec::on(chip, line),
            _ => LineSpec::name(text),
        }
    }
}

impl From<&String> for LineSpec {
    fn from(text: &String) -> LineSpec {
        text.as_str().into()
    }
}

impl From<String> for LineSpec {
    fn from(text: String) -> LineSpec {
        text.as_str().into()
    }
}

impl From<&LineSpec> for LineSpec {
    fn from(line: &LineSpec) -> LineSpec {
        line.clone()
    }
}

/// The text that means the line: `GPIO17`, `gpiochip0:17`.
impl fmt::Display for LineSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineSpec::Name(name) => f.write_str(name),
            LineSpec::On { chip, name } => write!(f, "{chip}:{name}"),
            LineSpec::Offset { chip, offset } => write!(f, "{chip}:{offset}"),
            LineSpec::Header(pin) => write!(f, "header:{pin}"),
        }
    }
}

/// How a line is written in a file: as its text, or, where that means another, in parts.
#[cfg(feature = "serde")]
mod written {
    use super::LineSpec;

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(untagged, deny_unknown_fields)]
    #[serde(
        expecting = "a line is text (`GPIO17`, `gpiochip0:17`, `header:11`), or has the parts `name`, \
                     `chip` and `name`, `chip` and `offset`, or `header`"
    )]
    pub(super) enum Written {
        Text(String),
        On { chip: String, name: String },
        Offset { chip: String, offset: u32 },
        Name { name: String },
        Header { header: u32 },
    }

    impl From<LineSpec> for Written {
        fn from(line: LineSpec) -> Written {
            let text = line.to_string();
            if LineSpec::from(&text) == line {
                return Written::Text(text);
            }
            match line {
                LineSpec::Name(name) => Written::Name { name },
                LineSpec::On { chip, name } => Written::On { chip, name },
                LineSpec::Offset { chip, offset } => Written::Offset { chip, offset },
                LineSpec::Header(header) => Written::Header { header },
            }
        }
    }

    impl From<Written> for LineSpec {
        fn from(written: Written) -> LineSpec {
            match written {
                Written::Text(text) => text.into(),
                Written::Name { name } => LineSpec::Name(name),
                Written::On { chip, name } => LineSpec::On { chip, name },
                Written::Offset { chip, offset } => LineSpec::Offset { chip, offset },
                Written::Header { header } => LineSpec::Header(header),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_is_a_name() {
        for name in ["", "-", ":", ":3", "gpiochip0:"] {
            assert_eq!(LineSpec::from(name), LineSpec::name(name));
        }
        assert_eq!(LineSpec::from("a:b:3"), LineSpec::offset("a:b", 3));
        assert_eq!(LineSpec::from("a:b"), LineSpec::on("a", "b"));
        for no_number in ["-1", "4294967296"] {
            let line = LineSpec::from(&*format!("chip:{no_number}"));
            assert_eq!(line, LineSpec::on("chip", no_number));
        }
    }

    #[test]
    fn text_means_what_it_is_the_text_of() {
        for text in ["GPIO17", "gpiochip0:17", "pinctrl-rp1:GPIO17", "header:11"] {
            assert_eq!(LineSpec::from(text).to_string(), text);
        }
    }
}
