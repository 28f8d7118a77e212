//! Lists the lines of all GPIO chips, and who holds them: `cargo run --example list_lines`

use std::io::{self, Write};

use circuits::gpio::{Bias, Chip, Direction, Drive, LineInfo};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// Only this chip, by its name or its label
    chip: Option<String>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let chips = match args.chip {
        Some(chip) => vec![chip],
        None => Chip::list_on(board.gpio())?,
    };
    // Not println: who reads it may stop in the middle.
    let mut out = io::stdout().lock();
    for name in chips {
        let chip = Chip::open_on(board.gpio(), &name)?;
        writeln!(out, "{}", chip.info())?;
        for line in chip.lines()? {
            let name = line.name().unwrap_or("-");
            let (offset, settings) = (line.offset(), settings(&line));
            writeln!(out, "{offset:>4}  {name:<16} {settings}")?;
        }
    }
    Ok(())
}

fn settings(line: &LineInfo) -> String {
    let config = line.config();
    let mut words = vec![match config.direction() {
        Direction::Input => "input".to_owned(),
        Direction::Output => "output".to_owned(),
    }];
    if config.is_active_low() {
        words.push("active-low".into());
    }
    words.extend(config.line_bias().map(|bias| match bias {
        Bias::Disabled => "floating".into(),
        Bias::PullUp => "pull-up".into(),
        Bias::PullDown => "pull-down".into(),
    }));
    match config.line_drive() {
        Drive::PushPull => {}
        Drive::OpenDrain => words.push("open-drain".into()),
        Drive::OpenSource => words.push("open-source".into()),
    }
    words.extend(line.consumer().map(|name| format!("held by {name:?}")));
    words.join(", ")
}
