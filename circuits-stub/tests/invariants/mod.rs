//! What must hold for any text of a board file: for tests/fuzz, and for those that are drawn in each `cargo test`.

use circuits_stub::BoardFile;

/// It makes a board, or is refused at a place that is in it.
pub(crate) fn board_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let built = BoardFile::parse(&text).and_then(|file| file.virtual_time().build());
    let Err(error) = built else {
        return;
    };
    let (line, column) = (error.line(), error.column());
    let (Some(line), Some(column)) = (line, column) else {
        panic!("no place: {error}");
    };
    // What a board that it grows from is said to have cannot be wrong.
    assert_eq!(error.path(), None, "{error}");
    // A line more than there are is the end of the file.
    let text = text
        .split('\n')
        .nth(line - 1)
        .unwrap_or_else(|| panic!("{error}"));
    assert!(column <= text.chars().count() + 1, "{error}");
    assert!(
        !error.message().is_empty() && !error.message().contains('\n'),
        "{error:?}"
    );
    assert_eq!(error.to_string().lines().count(), 3, "{error}");
}

/// Boards to begin with: all that the reference has, and the sample.
pub(crate) fn boards() -> impl Iterator<Item = &'static str> {
    let blocks = include_str!("../../BOARDS.md").split("```toml\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    blocks.chain([include_str!("../../boards/sample.toml")])
}
