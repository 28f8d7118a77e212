use std::fmt;

/// Which line is meant: by its name, wherever it is, or by its place on a chip.
///
/// Text is taken as `chip:offset` where it ends in a colon and a number (`gpiochip0:17`), else as a
/// name (`GPIO17`). A name that looks like a place is meant by [`LineSpec::name`].
///
/// ```
/// use circuits_gpio::LineSpec;
///
/// assert_eq!(LineSpec::from("GPIO17"), LineSpec::name("GPIO17"));
/// assert_eq!(LineSpec::from("gpiochip0:17"), LineSpec::offset("gpiochip0", 17));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LineSpec {
    /// The line of this name, on whichever chip it is.
    Name(String),
    /// The line at an offset of a chip, which is meant by its name (`gpiochip0`).
    Offset {
        /// The name of the chip.
        chip: String,
        /// The number of the line on the chip, from 0.
        offset: u32,
    },
}

impl LineSpec {
    /// Means the line called `name`.
    pub fn name(name: impl Into<String>) -> LineSpec {
        LineSpec::Name(name.into())
    }

    /// Means line `offset` of the chip called `chip`.
    pub fn offset(chip: impl Into<String>, offset: u32) -> LineSpec {
        LineSpec::Offset {
            chip: chip.into(),
            offset,
        }
    }
}

impl From<&str> for LineSpec {
    fn from(text: &str) -> LineSpec {
        match text
            .rsplit_once(':')
            .map(|(chip, offset)| (chip, offset.parse()))
        {
            Some((chip, Ok(offset))) if !chip.is_empty() => LineSpec::offset(chip, offset),
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
            LineSpec::Offset { chip, offset } => write!(f, "{chip}:{offset}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_is_a_name() {
        for name in [
            "",
            "-",
            ":",
            ":3",
            "a:b",
            "chip:-1",
            "chip:4294967296",
            "gpiochip0:",
        ] {
            assert_eq!(LineSpec::from(name), LineSpec::name(name));
        }
        assert_eq!(LineSpec::from("a:b:3"), LineSpec::offset("a:b", 3));
    }
}
