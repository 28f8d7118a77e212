//! The board that is being made, and what is on it by now.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use circuits_gpio::{Backend, LineSpec};
use circuits_wait::Time;

use super::source::{Result, Value, hint};
use crate::{Error, Pin, Stub, i2c, spi};

pub(super) struct Workbench {
    pub(super) stub: Stub,
    /// Where files are that a file names.
    pub(super) base: PathBuf,
    pub(super) made: Time,
    /// What controllers can do that a file has set up: by the bus, and by the number of the controller.
    pub(super) adapters: BTreeMap<String, i2c::Controller>,
    pub(super) masters: BTreeMap<String, spi::Controller>,
}

impl Workbench {
    pub(super) fn new(stub: Stub, base: PathBuf) -> Workbench {
        Workbench {
            made: stub.clock().now(),
            stub,
            base,
            adapters: BTreeMap::new(),
            masters: BTreeMap::new(),
        }
    }

    /// A line of the board.
    pub(super) fn line(&self, value: Value<'_>) -> Result<LineSpec> {
        let line = LineSpec::from(value.text()?);
        match self.stub.pin(&line) {
            Ok(_) => Ok(line),
            Err(error) => Err(value.error(self.explained(&line, error))),
        }
    }

    /// Two lines of the board, which are not one and the same.
    pub(super) fn other_lines(&self, first: Value<'_>, second: Value<'_>) -> Result<[LineSpec; 2]> {
        let lines = [self.line(first)?, self.line(second)?];
        let [place, other] = lines.each_ref().map(|line| line.find_on(&self.stub).ok());
        match place == other {
            true => Err(second.error("this is the same line")),
            false => Ok(lines),
        }
    }

    /// What is wrong with a line, and what may have been meant.
    pub(super) fn explained(&self, line: &LineSpec, error: Error) -> String {
        match (&error, line) {
            (Error::NoLine { line: text }, LineSpec::Name(_)) => {
                let names = line_names(&self.stub);
                let hint = hint(text, names.iter().map(String::as_str));
                format!("no line {text:?}{hint}")
            }
            (_, LineSpec::Header(_)) => match line.find_on(&self.stub) {
                Err(circuits_gpio::Error::Invalid { what, .. }) => format!("{line}: {what}"),
                _ => error.to_string(),
            },
            _ => error.to_string(),
        }
    }

    /// A pin of a chip, at a line.
    pub(super) fn pin(&self, value: Value<'_>) -> Result<Pin> {
        let line = self.line(value)?;
        self.stub.pin(line).map_err(|error| value.error(error))
    }

    /// Gives a chip or a part its name.
    pub(super) fn name<P: Any + Clone + Send>(
        &self,
        name: Option<Value<'_>>,
        part: P,
    ) -> Result<()> {
        let Some(value) = name else {
            return Ok(());
        };
        let name = value.text()?;
        if name.is_empty() {
            return Err(value.error("a name has one character at least"));
        }
        if self.stub.is_part(name) {
            return Err(value.error(format_args!("there is a part {name:?} already")));
        }
        self.stub.name_part(name, part);
        Ok(())
    }
}

/// All names that lines have.
fn line_names(backend: &dyn Backend) -> Vec<String> {
    let chips = backend.chips().unwrap_or_default();
    let lines = chips
        .iter()
        .flat_map(|chip| backend.line_infos(chip).unwrap_or_default());
    lines
        .filter_map(|line| line.name().map(Into::into))
        .collect()
}

/// Reads a file. What is none, as a device is, may have no end.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path)?.is_file() {
        true => fs::read(path),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "no file")),
    }
}
