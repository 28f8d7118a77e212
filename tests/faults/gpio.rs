//! Lines.

use std::time::Duration;

use circuits::Board;
use circuits::gpio::{Config, EdgeDetection, Error, Input};
use circuits::stub::Stub;
use circuits::stub::gpio::Fault as LineFault;

use crate::cell::{Cell, Fault, Outcome, error, none, run_of, seen, told};

const MILLIS: Duration = Duration::from_millis(1);

fn line(error: Error) -> Outcome {
    told(error.kind(), error)
}

/// How many edges come within a second, and how many were lost before them.
fn edges(input: &mut Input) -> Result<(usize, u32), Error> {
    let (mut count, mut lost) = (0, 0);
    while let Some(event) = input.wait_edge(1000 * MILLIS)? {
        count += 1;
        lost += event.lost();
    }
    Ok((count, lost))
}

/// What setting a line and asking for its level comes to, where it is not at the level that was set.
fn stuck(stub: &Stub, board: &Board, fault: LineFault, level: bool) -> Outcome {
    let lamp = board.output("LAMP")?;
    lamp.set(!level)?;
    stub.line_fault("LAMP", fault.always())?;
    lamp.set(level)?;
    seen(
        "wrong level",
        format!("set({level}) succeeds, and get() tells {}", lamp.get()?),
    )
}

pub(crate) fn meet(fault: Fault) -> Outcome {
    let stub = Stub::virtual_time()
        .lines(["LAMP", "BUTTON"])
        .expander("pcf8574", ["RELAY"]);
    let board = Board::from(&stub);
    let both = Config::new().edge_detection(EdgeDetection::Both);
    match fault {
        Fault::NotThere => line(error(board.output("LMAP"))?),
        Fault::NoPermission => {
            let user = Board::from(&stub.without_permission());
            line(error(user.output("LAMP"))?)
        }
        Fault::InUse => {
            let stub = stub.hog("LAMP", "spi0 CS0")?;
            line(error(Board::from(&stub).output("LAMP"))?)
        }
        Fault::SameName => {
            let board = Board::from(&stub.lines(["LAMP"]));
            line(error(board.output("LAMP"))?)
        }
        Fault::Unplugged => {
            let relay = board.output("RELAY")?;
            stub.remove_chip("gpiochip1")?;
            line(error(relay.set(true))?)
        }
        Fault::NoAnswer => {
            let relay = board.output("RELAY")?;
            stub.line_fault("RELAY", LineFault::no_acknowledge())?;
            line(error(relay.set(true))?)
        }
        Fault::NoAnswerForAWhile => {
            let relay = board.output("RELAY")?;
            stub.line_fault("RELAY", LineFault::no_acknowledge().times(3))?;
            let tries = [(); 5].map(|()| relay.set(true).err().map(|error| error.kind()));
            let (failed, kind) = run_of(&tries)?;
            told(kind, format!("from {failed} calls; the next one succeeds"))
        }
        Fault::BrownOut => none(
            "an expander's lines: as if it did not answer, and then its outputs are inputs until they are opened anew, \
             which no program is told",
        ),
        Fault::HeldLow => stuck(&stub, &board, LineFault::stuck_low(), true),
        Fault::HeldHigh => stuck(&stub, &board, LineFault::stuck_high(), false),
        Fault::NotFree => none("a line is no bus"),
        Fault::TimesOut => {
            let relay = board.output("RELAY")?;
            stub.line_fault("RELAY", LineFault::timed_out())?;
            line(error(relay.set(true))?)
        }
        Fault::Fails => {
            let relay = board.output("RELAY")?;
            stub.line_fault("RELAY", LineFault::failed())?;
            line(error(relay.get())?)
        }
        Fault::Noise => {
            let mut button = board.input_with("BUTTON", &both)?;
            stub.line_fault("BUTTON", LineFault::glitch(MILLIS))?;
            let (count, _) = edges(&mut button)?;
            seen("more edges", format!("{count} edges that nobody made"))
        }
        Fault::CheckedNoise => {
            let config = both.debounce(5 * MILLIS);
            let mut button = board.input_with("BUTTON", &config)?;
            stub.line_fault("BUTTON", LineFault::glitch(MILLIS))?;
            let (count, _) = edges(&mut button)?;
            seen(
                "nothing",
                format!("{count} edges: debouncing swallows what is shorter"),
            )
        }
        Fault::OtherSettings => {
            none("a level is a level; where it is wired upside down there is Config::active_low")
        }
        Fault::Contention => {
            let lamp = board.output("LAMP")?;
            stub.drive("LAMP", false)?;
            lamp.set(true)?;
            let level = lamp.get()?;
            seen(
                "wrong level",
                format!("set(true) succeeds, and get() tells {level}"),
            )
        }
        Fault::Overflow => {
            let mut button = board.input_with("BUTTON", &both)?;
            stub.play("BUTTON", (0..40).map(|step| (MILLIS, step % 2 == 0)))?;
            stub.delay().sleep(100 * MILLIS)?;
            let (count, lost) = edges(&mut button)?;
            seen(
                "lost, and counted",
                format!("{count} edges of 40, the first of which says lost() == {lost}"),
            )
        }
        Fault::TooMuch => {
            let names: Vec<String> = (0..65).map(|line| format!("L{line}")).collect();
            let board = Board::from(&stub.lines(names.clone()));
            let lines = names.into_iter().map(|name| (name, Config::input()));
            line(error(board.lines(lines))?)
        }
        Fault::NotGranted => line(error(board.input_with("RELAY", &both))?),
        Fault::BusOff => none("a line counts no errors"),
        Fault::Down => none("a chip that is not enabled is not there"),
        Fault::NobodyReads => none("a line that is set waits for nobody"),
        Fault::Nothing => match board.input("BUTTON")?.wait_edge(10 * MILLIS)? {
            None => seen(
                "no edge",
                "wait_edge returns Ok(None) when its timeout is over",
            ),
            Some(event) => Err(crate::cell::unexpected(event)),
        },
        Fault::Interrupted => {
            board.interrupt()?.raise();
            line(error(board.input("BUTTON")?.wait_edge(None))?)
        }
        Fault::Standstill => line(error(board.input("BUTTON")?.wait_edge(None))?),
    }
}

/// A set that is lost is the other half of one that fails, on kernels that do not tell.
#[test]
fn a_set_may_be_lost_without_a_word() -> Result<(), Box<dyn std::error::Error>> {
    let stub = Stub::virtual_time().expander("pcf8574", ["RELAY"]);
    let relay = Board::from(&stub).output("RELAY")?;
    stub.line_fault("RELAY", LineFault::lost_set())?;
    relay.set(true)?;
    assert!(!relay.get()?);
    assert!(matches!(meet(Fault::NoAnswer)?, Cell::Error { .. }));
    Ok(())
}
