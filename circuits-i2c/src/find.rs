//! Which bus is meant by a name: the same on every backend.

use std::sync::Arc;

use crate::{Backend, Config, Error, ErrorKind, Handle, Linux, Result};

/// Lists the buses of this Linux machine, in the order of their numbers. None is opened.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] where there is no Linux.
pub fn list() -> Result<Vec<String>> {
    list_on(&Linux::for_bus(ALL)?)
}

/// Lists the buses of a backend, in the order of their numbers. None is opened.
///
/// ```
/// use circuits_stub::Stub;
///
/// let board = Stub::virtual_time().i2c_bus("i2c-10").i2c_bus("i2c-2");
/// assert_eq!(circuits_i2c::list_on(&board)?, ["i2c-2", "i2c-10"]);
/// # Ok::<(), circuits_i2c::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`]; [`Error::Unsupported`] if the backend knows no list.
pub fn list_on(backend: &dyn Backend) -> Result<Vec<String>> {
    let mut buses = backend.list().map_err(|source| match source.kind() {
        std::io::ErrorKind::Unsupported => Error::Unsupported {
            bus: ALL.into(),
            what: "lists of buses",
            source,
        },
        _ => Error::from_open(&ALL.into(), Vec::new, source),
    })?;
    buses.sort_by(|one, other| number(one).cmp(&number(other)));
    Ok(buses)
}

/// What stands for all buses where one is to be named.
const ALL: &str = "i2c-*";

/// The name without the number at its end, and the number.
fn number(name: &str) -> (&str, Option<u64>, &str) {
    let text = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (text, name[text.len()..].parse().ok(), name)
}

/// Opens the bus of this name or path, or else the one whose adapter has this name.
pub(crate) fn open(
    backend: &dyn Backend,
    wanted: &Arc<str>,
    config: &Config,
) -> Result<Box<dyn Handle>> {
    let open = |bus: &str| {
        let opened = backend.open(bus, config);
        let there = || list_on(backend).unwrap_or_default();
        opened.map_err(|error| Error::from_open(wanted, there, error))
    };
    let absent = match open(wanted) {
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        opened => return opened,
    };
    let buses = list_on(backend).unwrap_or_default();
    let is_meant = |bus: &String| backend.adapter(bus).is_ok_and(|name| *name == **wanted);
    let found: Vec<String> = buses.into_iter().filter(is_meant).collect();
    match &found[..] {
        [] => Err(absent),
        [one] => open(one),
        several => Err(Error::Ambiguous {
            bus: wanted.clone(),
            count: several.len(),
            buses: several.join(", ").into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_by_their_numbers() {
        let mut names = [
            "i2c-10",
            "i2c-9",
            "bus",
            "i2c-010",
            "i2c-99999999999999999999",
        ];
        names.sort_by(|one, other| number(one).cmp(&number(other)));
        assert_eq!(
            names,
            [
                "bus",
                "i2c-99999999999999999999",
                "i2c-9",
                "i2c-010",
                "i2c-10"
            ]
        );
    }
}
