//! Boards that come with the crate.

use super::source::Source;

pub(super) const BOARDS: &[(&str, &str)] = &[];

/// The text of a board.
pub(super) fn source(name: &str) -> Option<Source> {
    let (_, text) = BOARDS.iter().find(|(board, _)| *board == name)?;
    Some(Source {
        file: Some(format!("{name}.toml").into()),
        text: (*text).to_owned(),
    })
}
