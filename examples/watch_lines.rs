//! Tells which programs and drivers take lines of a chip, and give them back:
//! `cargo run --example watch_lines -- --count 4`

use std::io::{self, Write};

use circuits::gpio::{ChangeKind, Direction};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The name of the chip, or its label
    #[arg(default_value = "gpiochip0")]
    chip: String,
    /// How many changes to wait for; for ever, if not given
    #[arg(long)]
    count: Option<usize>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let mut watch = board.gpio_chip(&args.chip)?.watch()?;
    let start = board.clock().now();
    // Not println: who reads it may stop in the middle.
    let mut out = io::stdout().lock();
    for change in (&mut watch)
        .into_iter()
        .take(args.count.unwrap_or(usize::MAX))
    {
        let change = change?;
        let (line, time) = (change.info(), change.time().since(start).as_secs_f32());
        let name = line.name().unwrap_or("-");
        let direction = match line.config().direction() {
            Direction::Input => "an input",
            Direction::Output => "an output",
        };
        let what = match (change.kind(), line.consumer()) {
            (ChangeKind::Requested, Some(who)) => format!("is now {direction} of {who:?}"),
            (ChangeKind::Released, _) => "is free".into(),
            (_, Some(who)) => format!("was set up anew, as {direction} of {who:?}"),
            (_, None) => "was set up anew".into(),
        };
        writeln!(out, "{time:.3} s: line {} ({name}) {what}", line.offset())?;
        if change.overflowed() {
            eprintln!("more has happened than fits: what came then is not known");
        }
    }
    Ok(())
}
