//! Shows who is on an I2C bus, as i2cdetect does: `cargo run --example scan_i2c -- --bus i2c-1`
//!
//! A scan speaks to devices that it does not know, and some take it badly: look at what is on the bus
//! before.

use std::io::{self, Write};

use circuits::i2c::{Answer, Bus, ErrorKind, Method, Scan};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The bus, or the name of its adapter; if not given, the first that there is
    #[arg(long)]
    bus: Option<String>,
    /// Only list the buses
    #[arg(long)]
    list: bool,
    /// Ask all addresses by quick commands
    #[arg(long, conflicts_with = "read")]
    quick: bool,
    /// Ask all addresses by reading a byte
    #[arg(long)]
    read: bool,
    /// Ask also where that is known to harm parts
    #[arg(long)]
    even_if_harmful: bool,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    // Not println: who reads it may stop in the middle.
    let mut out = io::stdout().lock();
    if args.list {
        for bus in board.i2c_buses()? {
            let adapter = board.i2c().adapter(&bus)?;
            writeln!(out, "{bus}  {adapter}")?;
        }
        return Ok(());
    }
    let first = || Ok::<_, Failure>(board.i2c_buses()?.into_iter().next());
    let name = match args.bus {
        Some(bus) => bus,
        None => first()?.unwrap_or("i2c-1".into()),
    };
    let method = match (args.quick, args.read) {
        (true, _) => Method::Quick,
        (_, true) => Method::Read,
        _ => Method::Auto,
    };
    let scan = Scan::new()
        .method(method)
        .including_harmful(args.even_if_harmful);
    grid(&mut out, scan, &mut board.i2c_bus(&name)?)
}

/// Prints each address as soon as it has answered.
fn grid(out: &mut impl Write, scan: Scan, bus: &mut Bus) -> Result<(), Failure> {
    const ROW: usize = 16;
    write!(out, "     0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f")?;
    let mut at = 0;
    for (address, answer) in scan.on(bus) {
        let cell = match answer {
            Ok(Answer::Free) => "--".into(),
            Ok(Answer::Present) => format!("{address:02x}"),
            Ok(Answer::Owned { .. }) => "UU".into(),
            // One that holds the clock hides nobody behind it.
            Err(error) if error.kind() != ErrorKind::Removed => {
                eprintln!("{error}");
                "??".into()
            }
            Err(error) => return Err(error.into()),
            Ok(Answer::Skipped(why)) => {
                eprintln!("{address:#04x} was not asked: {why}");
                "  ".into()
            }
        };
        while at <= usize::from(address) {
            if at % ROW == 0 {
                write!(out, "\n{at:02x}:")?;
            }
            let is_this = at == usize::from(address);
            write!(out, " {}", if is_this { &cell } else { "  " })?;
            at += 1;
        }
        out.flush()?;
    }
    writeln!(out)?;
    Ok(())
}
