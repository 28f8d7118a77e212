//! Blinks a lamp on a chip that comes and goes. `cargo run --example hotplug` plays a story on the
//! virtual board; `… -- watch` tells what is plugged into this machine.

use std::io::{self, Write};
use std::time::Duration;

use circuits::enumerate::{ChangeKind, Identity};
use circuits::gpio::{ErrorKind, Output};
use circuits::stub::Stub;
use circuits::{Board, Failure};
use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// A chip with a lamp is pulled out, and comes back under another name
    Story,
    /// What is plugged in, goes, and changes here
    Watch,
}

fn main() -> Result<(), Failure> {
    match Args::parse().what {
        None | Some(What::Story) => story(),
        Some(What::Watch) => watch(&Board::from_env()?),
    }
}

/// An application: it has its lamp back when the chip is back.
fn blink(board: &Board, chip: &Identity, times: u32) -> Result<(), Failure> {
    // Under whatever name it has, now or when it comes.
    let open = || {
        let timeout = Duration::from_secs(60);
        board.reconnect(chip, timeout, |name| {
            println!("{}  the lamp is on {name}", board.clock().now());
            board.output(format!("{name}:0"))
        })
    };
    let mut lamp: Output = open()?;
    for time in 0..times {
        match lamp.set(time % 2 == 0) {
            Err(error) if error.kind() == ErrorKind::Removed => {
                println!("{}  {error}", board.clock().now());
                lamp = open()?;
            }
            done => done?,
        }
        board.delay().sleep(Duration::from_millis(500))?;
    }
    Ok(())
}

/// What happens outside, in virtual time: it is over at once.
fn story() -> Result<(), Failure> {
    let stub = Stub::virtual_time()
        .chip("pinctrl", ["BUTTON"])
        .chip("lamps", ["LAMP"]);
    let board = Board::from(&stub);
    let lamps = board.devices()?.gpio_chips().remove(1).identity;
    stub.run(|| {
        let application = board.clone();
        let application = board.spawn("application", move || blink(&application, &lamps, 20))?;
        stub.delay().sleep(Duration::from_secs(2))?;
        stub.remove_chip("gpiochip1")?;
        stub.delay().sleep(Duration::from_secs(3))?;
        // Somebody else is faster.
        stub.plug_chip("relays", ["PUMP"]);
        stub.plug_chip("lamps", ["LAMP"]);
        application.join()??;
        let level = if stub.level("LAMP")? { "lit" } else { "dark" };
        println!("{}  the lamp is {level}", stub.clock().now());
        Ok(())
    })
}

fn watch(board: &Board) -> Result<(), Failure> {
    let mut watch = board.watch()?;
    // Not println: who reads it may stop in the middle.
    let mut out = io::stdout().lock();
    for change in &mut watch {
        let change = change?;
        let what = match change.kind() {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Moved => "moved",
            ChangeKind::Bound => "bound",
            ChangeKind::Unbound => "unbound",
            _ => "changed",
        };
        let device = change.device();
        let subsystem = device.subsystem().to_string_lossy();
        writeln!(out, "{what:<8} {subsystem:<10} {}", device.path().display())?;
    }
    Ok(())
}
