//! Which line is meant by a name, a place or a pin: the same on every backend.

use std::io;
use std::sync::Arc;

use crate::chip::is_name;
use crate::{Backend, ChipInfo, Error, LineSpec, Result, header};

/// A line that was found.
pub(crate) struct Place {
    /// The name of its chip.
    pub(crate) chip: String,
    pub(crate) offset: u32,
    /// As it was asked for.
    pub(crate) line: Arc<str>,
}

/// Finds the one line that is meant.
pub(crate) fn line(backend: &dyn Backend, wanted: &LineSpec) -> Result<Place> {
    let line: Arc<str> = wanted.to_string().into();
    let (chip, offset) = match wanted {
        LineSpec::Name(name) => by_name(backend, name, &line)?,
        LineSpec::On { chip: on, name } => {
            on_chip(backend, &chip(backend, on, &line)?, name, &line)?
        }
        LineSpec::Offset { chip: of, offset } => (chip(backend, of, &line)?, *offset),
        LineSpec::Header(pin) => by_pin(backend, *pin, &line)?,
    };
    if offset >= chip.lines() {
        return Err(Error::NotFound { line });
    }
    Ok(Place {
        chip: chip.name().into(),
        offset,
        line,
    })
}

/// Finds lines that are to be on one chip, and different: its name, and their offsets.
pub(crate) fn on_one_chip(
    backend: &dyn Backend,
    wanted: &[LineSpec],
    all: &Arc<str>,
) -> Result<(String, Vec<u32>)> {
    let invalid = |line: &Arc<str>, what| Error::Invalid {
        line: line.clone(),
        what,
    };
    let (mut chip, mut offsets) = (None, Vec::new());
    for wanted in wanted {
        let place = line(backend, wanted)?;
        if *chip.get_or_insert_with(|| place.chip.clone()) != place.chip {
            let what = "it is on another chip than the lines before it, and only those of one chip can be opened together";
            return Err(invalid(&place.line, what));
        }
        if offsets.contains(&place.offset) {
            let what = "it is named twice, if by other words";
            return Err(invalid(&place.line, what));
        }
        offsets.push(place.offset);
    }
    match chip {
        Some(chip) => Ok((chip, offsets)),
        None => Err(invalid(all, "there is no line to open")),
    }
}

/// Finds the chip of this name, or else of this label.
pub(crate) fn chip(backend: &dyn Backend, wanted: &str, line: &Arc<str>) -> Result<ChipInfo> {
    let name = wanted.strip_prefix("/dev/").unwrap_or(wanted);
    match backend.chip_info(name) {
        Err(error) if is_absence(&error) => {}
        found => return found.map_err(|error| Error::from_io(line, LOOKED_AT, error)),
    }
    let (chips, failed) = chips(backend, line)?;
    let labelled = chips.into_iter().filter(|chip| chip.label() == wanted);
    let found = labelled
        .map(|chip| (chip.name().to_owned(), chip))
        .collect();
    only(found, failed, line, || {
        no_chip(line, &format!("/dev/{name}"))
    })
}

/// The line of this name on any chip; else, on a Raspberry Pi, the one of this number.
fn by_name(backend: &dyn Backend, name: &str, line: &Arc<str>) -> Result<(ChipInfo, u32)> {
    let (chips, mut failed) = chips(backend, line)?;
    let mut found = Vec::new();
    for chip in &chips {
        match named(backend, chip, name) {
            Ok(offsets) => found.extend(places(chip, offsets)),
            Err(error) if is_absence(&error) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let number = header::by_number(name).filter(|_| found.is_empty());
    if let Some(number) = number {
        let headers = chips.iter().filter(|chip| header::is_header(chip.label()));
        found.extend(headers.flat_map(|chip| places(chip, vec![number])));
    }
    only(found, failed, line, || Error::NotFound {
        line: line.clone(),
    })
}

/// The line of this name on a chip; else, if it is a Raspberry Pi's, the one of this number.
fn on_chip(
    backend: &dyn Backend,
    chip: &ChipInfo,
    name: &str,
    line: &Arc<str>,
) -> Result<(ChipInfo, u32)> {
    let mut offsets =
        named(backend, chip, name).map_err(|error| Error::from_io(line, LOOKED_AT, error))?;
    if offsets.is_empty() && header::is_header(chip.label()) {
        offsets.extend(header::by_number(name));
    }
    let found = places(chip, offsets).collect();
    only(found, None, line, || Error::NotFound { line: line.clone() })
}

fn by_pin(backend: &dyn Backend, pin: u32, line: &Arc<str>) -> Result<(ChipInfo, u32)> {
    let offset = header::by_pin(pin).map_err(|what| Error::Invalid {
        line: line.clone(),
        what,
    })?;
    let (chips, failed) = chips(backend, line)?;
    let headers = chips.iter().filter(|chip| header::is_header(chip.label()));
    let found = headers
        .flat_map(|chip| places(chip, vec![offset]))
        .collect();
    only(found, failed, line, || {
        no_chip(line, "of a board whose header is known")
    })
}

/// The offsets of the lines of a chip that have this name.
fn named(backend: &dyn Backend, chip: &ChipInfo, name: &str) -> io::Result<Vec<u32>> {
    if !is_name(name) {
        return Ok(Vec::new());
    }
    let lines = backend.line_infos(chip.name())?;
    let matching = lines.iter().filter(|line| line.name() == Some(name));
    Ok(matching.map(|line| line.offset()).collect())
}

/// Lines, with the texts that mean them and no other.
fn places(chip: &ChipInfo, offsets: Vec<u32>) -> impl Iterator<Item = (String, (ChipInfo, u32))> {
    let place = |offset| {
        let text = format!("{}:{offset}", chip.name());
        (text, (chip.clone(), offset))
    };
    offsets.into_iter().map(place)
}

/// The chips there are, and why one could not be looked at.
fn chips(backend: &dyn Backend, line: &Arc<str>) -> Result<(Vec<ChipInfo>, Option<io::Error>)> {
    let fail = |error| Error::from_io(line, LOOKED_AT, error);
    let (mut chips, mut failed) = (Vec::new(), None);
    let names = backend.chips().map_err(fail)?;
    if names.is_empty() {
        return Err(no_chip(line, "/dev/gpiochip*"));
    }
    for name in names {
        match backend.chip_info(&name) {
            Ok(chip) => chips.push(chip),
            // Unplugged since they were listed, it is no place to look.
            Err(error) if is_absence(&error) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Ok((chips, failed))
}

/// The only one that was found. If there is none, a chip that could not be looked at may have it.
fn only<T>(
    mut found: Vec<(String, T)>,
    failed: Option<io::Error>,
    line: &Arc<str>,
    none: impl FnOnce() -> Error,
) -> Result<T> {
    match (found.len(), failed) {
        (1, _) => Ok(found.remove(0).1),
        (0, Some(error)) => Err(Error::from_io(line, LOOKED_AT, error)),
        (0, None) => Err(none()),
        (count, _) => {
            let places: Vec<_> = found.into_iter().map(|(place, _)| place).collect();
            Err(Error::Ambiguous {
                line: line.clone(),
                count,
                places: places.join(", ").into(),
            })
        }
    }
}

const LOOKED_AT: &str = "being looked for";

fn no_chip(line: &Arc<str>, chip: &str) -> Error {
    Error::NoChip {
        line: line.clone(),
        chip: chip.into(),
    }
}

/// Whether an error says that there is no such chip, or no longer.
fn is_absence(error: &io::Error) -> bool {
    // include/uapi/asm-generic/errno-base.h
    const ENXIO: i32 = 6;
    const ENODEV: i32 = 19;
    error.kind() == io::ErrorKind::NotFound || matches!(error.raw_os_error(), Some(ENXIO | ENODEV))
}
