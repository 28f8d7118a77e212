use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a [`BoardFile`](crate::BoardFile), and where: shown with the line, and the place in it.
///
/// ```
/// use circuits_stub::BoardFile;
///
/// let error = BoardFile::parse("board = \"raspbery-pi-5\"\n")?.build().unwrap_err();
/// assert_eq!((error.line(), error.column()), (Some(1), Some(9)));
/// assert_eq!(
///     error.to_string(),
///     "1:9: no board \"raspbery-pi-5\": did you mean \"raspberry-pi-5\"?\n\
///      1 | board = \"raspbery-pi-5\"\n  \
///        |         ^^^^^^^^^^^^^^^",
/// );
/// # Ok::<(), circuits_stub::BoardFileError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BoardFileError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    file: Option<PathBuf>,
    place: Option<Place>,
    message: String,
}

#[derive(Clone, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    /// The line.
    text: String,
    /// How many of its characters are meant.
    width: usize,
}

impl BoardFileError {
    /// Something that is not at any place: a file that cannot be read at all.
    pub(super) fn of_file(file: Option<&Path>, message: impl Into<String>) -> BoardFileError {
        BoardFileError(Box::new(Inner {
            file: file.map(Into::into),
            place: None,
            message: message.into(),
        }))
    }

    /// Something at a place of a text: from one byte to another.
    pub(super) fn at(
        file: Option<&Path>,
        text: &str,
        (from, to): (usize, usize),
        message: String,
    ) -> BoardFileError {
        // Wherever it is said to be, it is in the text.
        let within = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (from, to) = (within(from), within(to));
        let start = text[..from].rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        let end = to.clamp(from, from.max(start + line.len()));
        BoardFileError(Box::new(Inner {
            file: file.map(Into::into),
            place: Some(Place {
                line: text[..start].matches('\n').count() + 1,
                column: text[start..from].chars().count() + 1,
                text: line.into(),
                width: text[from..end].chars().count().max(1),
            }),
            message,
        }))
    }

    /// Returns the file, if the text is from one.
    pub fn path(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Returns the line that it is in, from 1 on; `None` if there is no such file.
    pub fn line(&self) -> Option<usize> {
        Some(self.0.place.as_ref()?.line)
    }

    /// Returns which character of the line it begins at, from 1 on.
    pub fn column(&self) -> Option<usize> {
        Some(self.0.place.as_ref()?.column)
    }

    /// Returns what is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl std::error::Error for BoardFileError {}

impl fmt::Display for BoardFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            file,
            place,
            message,
        } = &*self.0;
        if let Some(file) = file {
            write!(f, "{}:", file.display())?;
        }
        let Some(place) = place else {
            let space = if file.is_some() { " " } else { "" };
            return write!(f, "{space}{message}");
        };
        writeln!(f, "{}:{}: {message}", place.line, place.column)?;
        // The caret is below what it points at, whatever a tab is.
        let before = place.text.chars().take(place.column - 1);
        let before: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
        let number = place.line.to_string();
        let gutter = " ".repeat(number.len());
        writeln!(f, "{number} | {}", place.text)?;
        write!(f, "{gutter} | {before}{}", "^".repeat(place.width))
    }
}

/// As it is shown, so that tests show it when they fail.
impl fmt::Debug for BoardFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
