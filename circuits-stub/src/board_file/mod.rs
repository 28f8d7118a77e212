//! Boards as data: a file says what is on the board.
//!
//! `source` is a file as it is read, which knows where everything is; `error` tells of what is wrong there. The board
//! is made on the `workbench`: `lines` and `buses` are what a file says of these, `chip` is a chip while it is made,
//! and `chips` has all of them by name; `parts` are what is connected to lines, `faults` what goes wrong. What chips
//! measure is a `quantity`, which may come from `samples`, and is within its `extent`. `shipped` are boards that come with the crate. `traced` is what a
//! program prints of what happens.

mod buses;
mod chip;
mod chips;
mod error;
mod extent;
mod faults;
mod lines;
mod parts;
mod quantity;
mod samples;
mod shipped;
mod source;
mod traced;
mod workbench;

use std::io;
use std::path::{Path, PathBuf};

pub use self::error::BoardFileError;
use self::source::{Result, Source, Table, hint};
use self::traced::Traced;
use self::workbench::Workbench;
use crate::Stub;
use crate::trace::Action;

#[doc = include_str!("../../BOARDS.md")]
#[derive(Clone, Debug)]
pub struct BoardFile {
    source: Source,
    base: PathBuf,
    is_virtual: bool,
    traced: Traced,
}

impl BoardFile {
    /// Reads a file. Other files that it names are looked for in its folder.
    ///
    /// # Errors
    /// There is no such file, or it is none of TOML. What it says of the board is looked at when that is
    /// [built](BoardFile::build).
    pub fn read(path: impl AsRef<Path>) -> Result<BoardFile> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| unread(path, &error))?;
        let source = Source {
            file: Some(path.into()),
            text,
        };
        let base = path.parent().unwrap_or(Path::new(""));
        Ok(BoardFile::new(source)?.base(base))
    }

    /// Takes what a file would say. Files that it names are looked for in the current folder, or in that of
    /// [`base`](BoardFile::base).
    ///
    /// # Errors
    /// As [`read`](BoardFile::read).
    pub fn parse(text: &str) -> Result<BoardFile> {
        BoardFile::new(Source {
            file: None,
            text: text.into(),
        })
    }

    /// Lists the boards that come with this crate, by the names that files have for them.
    ///
    /// ```
    /// use circuits_gpio::{Config, Output};
    /// use circuits_stub::BoardFile;
    ///
    /// for name in BoardFile::shipped() {
    ///     let stub = BoardFile::shipped_named(name)?.virtual_time().build()?;
    ///     let lamp = Output::open_on(&stub, "header:11", &Config::new())?;
    ///     lamp.set(true)?;
    ///     assert!(stub.level("GPIO17")?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        shipped::BOARDS.iter().map(|(name, _)| *name)
    }

    /// Returns a board that comes with this crate.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn shipped_named(name: &str) -> Result<BoardFile> {
        match shipped::source(name) {
            Some(source) => BoardFile::new(source),
            None => Err(BoardFileError::of_file(None, no_board(name))),
        }
    }

    fn new(mut source: Source) -> Result<BoardFile> {
        // Some editors begin with a mark that nobody sees, nor counts.
        if let Some(text) = source.text.strip_prefix('\u{feff}') {
            source.text = text.to_owned();
        }
        let (mut is_virtual, mut traced) = (false, Traced::All);
        let document = source.parse()?;
        let mut table = Table::new(&source, 0..source.text.len(), document.get_ref());
        if let Some(time) = table.take("time") {
            is_virtual = time.one_of("time", &[("virtual", true), ("real", false)])?;
        }
        if let Some(trace) = table.take("trace") {
            traced = Traced::read(trace)?;
        }
        drop(document);
        Ok(BoardFile {
            source,
            base: PathBuf::new(),
            is_virtual,
            traced,
        })
    }

    /// Sets where files are looked for that the text names.
    pub fn base(self, folder: impl Into<PathBuf>) -> BoardFile {
        BoardFile {
            base: folder.into(),
            ..self
        }
    }

    /// Has the board be in virtual time, whatever the file says.
    pub fn virtual_time(self) -> BoardFile {
        BoardFile {
            is_virtual: true,
            ..self
        }
    }

    /// Has the board be in real time, whatever the file says.
    pub fn real_time(self) -> BoardFile {
        BoardFile {
            is_virtual: false,
            ..self
        }
    }

    /// Tells whether anything that happens on the board is to be printed by a program that runs on it, as
    /// `Board::from_env` of the crate circuits does.
    pub fn is_traced(&self) -> bool {
        self.traced.is_any()
    }

    /// Tells whether this is, where the file has kinds of what happens: `trace = ["gpio", "notes"]`. There are `gpio`, `i2c`,
    /// `spi`, `uart`, `can`, `hotplug` and `notes`, which are what screens show, what programs note, and faults that nothing else
    /// tells of; what fails on a bus is told with the bus.
    pub fn traces(&self, action: &Action) -> bool {
        self.traced.has(action)
    }

    /// Returns what the file says.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Makes the board.
    ///
    /// # Errors
    /// What is wrong, at its place in the file.
    pub fn build(&self) -> Result<Stub> {
        let stub = match self.is_virtual {
            true => Stub::virtual_time(),
            false => Stub::real_time(),
        };
        let mut bench = Workbench::new(stub, self.base.clone());
        lay_out(&mut bench, &self.source)?;
        Ok(bench.stub)
    }
}

/// Puts what a file says on the board, and before that what is on the board that it grows from.
fn lay_out(bench: &mut Workbench, source: &Source) -> Result<()> {
    let document = source.parse()?;
    let mut table = Table::new(source, 0..source.text.len(), document.get_ref());
    // They were looked at before.
    table.take("time");
    table.take("trace");
    if let Some(board) = table.take("board") {
        let name = board.text()?;
        let Some(shipped) = shipped::source(name) else {
            return Err(board.error(no_board(name)));
        };
        lay_out(bench, &shipped)?;
    }
    if let Some(model) = table.take("model") {
        bench.stub.clone().model(model.text()?);
    }
    for chip in tables(&mut table, "chip")? {
        lines::chip(bench, chip)?;
    }
    if let Some(lines) = table.take("lines") {
        lines::lines(bench, lines.table()?)?;
    }
    for wire in tables(&mut table, "wire")? {
        lines::wire(bench, wire)?;
    }
    for device in tables(&mut table, "i2c")? {
        buses::i2c(bench, device)?;
    }
    for device in tables(&mut table, "spi")? {
        buses::spi(bench, device)?;
    }
    for device in tables(&mut table, "uart")? {
        buses::uart(bench, device)?;
    }
    for device in tables(&mut table, "can")? {
        buses::can(bench, device)?;
    }
    for part in tables(&mut table, "part")? {
        parts::put(bench, part)?;
    }
    for fault in tables(&mut table, "fault")? {
        faults::put(bench, fault)?;
    }
    if let Some(header) = table.take("header") {
        lines::header(bench, header.table()?)?;
    }
    table.finish()
}

/// A file that is not there may be meant to be a board that is shipped.
fn unread(path: &Path, error: &io::Error) -> BoardFileError {
    if path.as_os_str().is_empty() {
        let what = "the name of the board's file is missing, like board.toml in stub:board.toml";
        return BoardFileError::of_file(None, what);
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let mut shipped = BoardFile::shipped().filter(|_| error.kind() == io::ErrorKind::NotFound);
    let hint = match shipped.find(|name| Some(*name) == stem) {
        Some(name) => format!(
            "; {name} is a shipped board, which is had by a file with board = {name:?}, or by BoardFile::shipped_named"
        ),
        None => String::new(),
    };
    BoardFileError::of_file(Some(path), format!("this cannot be read: {error}{hint}"))
}

fn no_board(name: &str) -> String {
    format!("no board {name:?}{}", hint(name, BoardFile::shipped()))
}

/// Each of `[[key]]`.
fn tables<'a>(table: &mut Table<'a>, key: &'static str) -> Result<Vec<Table<'a>>> {
    match table.take(key) {
        Some(value) => value.tables(),
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::chips;
    use super::parts::PARTS;
    use super::*;

    const REFERENCE: &str = include_str!("../../BOARDS.md");

    #[test]
    fn all_blocks_of_the_reference_are_boards() {
        let blocks = REFERENCE.split("```toml\n").skip(1);
        let blocks: Vec<&str> = blocks
            .filter_map(|block| block.split("```").next())
            .collect();
        assert!(blocks.len() >= 6);
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boards");
        for block in blocks {
            let file = BoardFile::parse(block).and_then(|file| file.base(&base).build());
            file.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    #[test]
    fn all_that_is_known_is_in_the_reference() {
        let chips = chips::all().map(|known| known.word);
        let parts = PARTS.iter().map(|(word, _)| *word);
        for word in chips.chain(parts).chain(BoardFile::shipped()) {
            let quoted = [format!("`{word}`"), format!("`\"{word}\"`")];
            let is_there = quoted.iter().any(|quoted| REFERENCE.contains(quoted));
            assert!(is_there, "{word} is not in BOARDS.md");
        }
    }

    /// The modules of a text of Rust.
    fn modules(text: &str) -> impl Iterator<Item = &str> {
        let modules = text.lines().filter_map(|line| line.strip_prefix("mod "));
        modules.filter_map(|name| name.strip_suffix(';'))
    }

    #[test]
    fn all_chips_and_parts_are_known() {
        for module in modules(include_str!("../chips/mod.rs")) {
            let is_none = ["picture", "utc"].contains(&module);
            let mut words = chips::all().map(|known| known.word);
            assert!(
                is_none || words.any(|word| word.starts_with(module)),
                "{module}"
            );
        }
        for module in modules(include_str!("../parts/mod.rs")) {
            let mut words = PARTS.iter().map(|(word, _)| *word);
            assert!(words.any(|word| word == module), "{module}");
        }
    }

    #[test]
    fn all_faults_are_known_and_in_the_reference() {
        let known = include_str!("faults.rs");
        let (_, reference) = REFERENCE.split_once("# Faults").unwrap();
        let mut count = 0;
        for (bus, text) in [
            ("i2c", include_str!("../i2c/fault.rs")),
            ("spi", include_str!("../spi/fault.rs")),
            ("uart", include_str!("../uart/fault.rs")),
            ("can", include_str!("../can/fault.rs")),
            ("gpio", include_str!("../gpio/fault.rs")),
        ] {
            let functions = text
                .lines()
                .filter_map(|line| line.trim().strip_prefix("pub fn "));
            let makes =
                functions.filter(|line| line.contains("-> Fault") && !line.contains("self"));
            for name in makes.filter_map(|line| line.split('(').next()) {
                let call = format!("{bus}::Fault::{name}(");
                assert!(known.contains(&call), "{call}");
                assert!(known.contains(&format!("\"{name}\"")), "{name}");
                assert!(reference.contains(&format!("`{name}`")), "{name}");
                count += 1;
            }
        }
        assert!(count >= 30, "{count}");
    }
}
