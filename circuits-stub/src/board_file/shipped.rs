//! Boards that come with the crate.

use super::source::Source;

/// By their names: those of their files.
pub(super) const BOARDS: [(&str, &str); 4] = [
    (
        "raspberry-pi-3b",
        include_str!("../../boards/raspberry-pi-3b.toml"),
    ),
    (
        "raspberry-pi-4b",
        include_str!("../../boards/raspberry-pi-4b.toml"),
    ),
    (
        "raspberry-pi-5",
        include_str!("../../boards/raspberry-pi-5.toml"),
    ),
    (
        "raspberry-pi-zero-2-w",
        include_str!("../../boards/raspberry-pi-zero-2-w.toml"),
    ),
];

/// What a board's file says.
pub(super) fn source(name: &str) -> Option<Source> {
    let (_, text) = BOARDS.iter().find(|(board, _)| *board == name)?;
    Some(Source {
        file: Some(format!("{name}.toml").into()),
        text: (*text).to_owned(),
    })
}
