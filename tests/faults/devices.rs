//! What is plugged in, and what comes and goes.

use std::time::Duration;

use circuits::enumerate::{ChangeKind, Error, Filter, Identity};
use circuits::stub::Stub;
use circuits::{Board, ReconnectError, gpio};

use crate::cell::{Fault, Outcome, error, none, seen, told, unexpected};

const SOON: Duration = Duration::from_secs(1);

fn relays() -> Result<Identity, Box<dyn std::error::Error>> {
    Ok("gpio:gpio_chip@/devices/platform/relays.0".parse()?)
}

/// Opens the first line of a chip, when that is there.
fn reconnect(
    board: &Board,
    identity: &Identity,
) -> Result<gpio::Output, ReconnectError<gpio::Error>> {
    board.reconnect(identity, SOON, |chip| board.output(format!("{chip}:0")))
}

/// An error of the wait.
fn waited<T: std::fmt::Debug>(result: Result<T, ReconnectError<gpio::Error>>) -> Outcome {
    let error = error(result)?;
    match error {
        ReconnectError::Wait { source, .. } => told(source.kind(), source),
        other => Err(unexpected(other)),
    }
}

fn watched(error: Error) -> Outcome {
    told(error.kind(), error)
}

/// A serial adapter of this number is plugged in, all of which call themselves the same.
fn plug(stub: &Stub, number: u32) -> circuits::stub::Result<()> {
    let usb = format!("/devices/usb1/1-{number}");
    for event in [
        format!(
            "add@{usb}\0SUBSYSTEM=usb\0DEVTYPE=usb_device\0PRODUCT=403/6001/600\0ID_SERIAL_SHORT=A\0"
        ),
        format!("add@{usb}/1-{number}:1.0\0SUBSYSTEM=usb\0DEVTYPE=usb_interface\0"),
        format!(
            "add@{usb}/1-{number}:1.0/ttyUSB{number}/tty/ttyUSB{number}\0SUBSYSTEM=tty\0DEVNAME=ttyUSB{number}\0MAJOR=188\0"
        ),
    ] {
        stub.feed(event.as_bytes())?;
    }
    Ok(())
}

pub(crate) fn meet(fault: Fault) -> Outcome {
    let stub = Stub::virtual_time();
    let board = Board::from(&stub);
    match fault {
        Fault::NotThere => waited(reconnect(&board, &relays()?)),
        Fault::NoPermission => {
            let stub = stub.chip("relays", ["PUMP"]);
            let user = Board::from(&stub.without_permission());
            waited(reconnect(&user, &relays()?))
        }
        Fault::InUse => none("to list and to watch takes nothing from anybody"),
        Fault::SameName => {
            plug(&stub, 1)?;
            let port = board.devices()?.serial_ports().remove(0).identity;
            plug(&stub, 2)?;
            let open = |name: &str| board.output(name);
            waited(board.reconnect(&port, SOON, open))
        }
        Fault::Unplugged => {
            let stub = stub.chip("relays", ["PUMP"]);
            let mut watch = board.watch_with(Filter::new().subsystem("gpio"))?;
            stub.remove_chip("gpiochip0")?;
            let change = watch.wait_change(SOON)?.ok_or("no change")?;
            if change.kind() != ChangeKind::Removed {
                return Err(unexpected(change));
            }
            let name = change.device().name().to_string_lossy().into_owned();
            seen(
                "a change",
                format!("a change of the kind {:?}, of {name}", change.kind()),
            )
        }
        Fault::NoAnswerForAWhile => {
            let stub = stub.nodes_after(SOON / 2).chip("relays", ["PUMP"]);
            let refused = error(board.output("PUMP"))?.kind();
            reconnect(&board, &relays()?)?;
            let millis = stub.clock().now().as_nanos() / 1_000_000;
            seen(
                "later",
                format!(
                    "{refused:?} until udevd has set its permissions: reconnect waits for that, here {millis} ms"
                ),
            )
        }
        Fault::Overflow => {
            let stub = stub.uevent_queue(2048);
            let mut watch = board.watch()?;
            for chip in 0..100 {
                stub.plug_chip(&format!("chip{chip}"), ["A"]);
            }
            let mut changes = 0;
            while watch.wait_change(SOON)?.is_some() {
                changes += 1;
            }
            let counts = watch.counts();
            let known = watch.devices().gpio_chips().len();
            seen(
                "looked at again",
                format!(
                    "of 100 chips {known} are known: counts() says {} overflows and {} looks at /sys, and the difference comes \
                     as {changes} changes",
                    counts.overflows, counts.rescans
                ),
            )
        }
        Fault::Nothing => match board.watch()?.wait_change(SOON)? {
            None => seen(
                "no change",
                "wait_change returns Ok(None) when its timeout is over",
            ),
            Some(change) => Err(unexpected(change)),
        },
        Fault::Interrupted => {
            board.interrupt()?.raise();
            watched(error(board.watch()?.wait_change(None))?)
        }
        Fault::Standstill => watched(error(board.watch()?.wait_change(None))?),
        Fault::NoAnswer | Fault::BrownOut => {
            none("the kernel does not ask devices whether they are well")
        }
        Fault::HeldLow
        | Fault::HeldHigh
        | Fault::NotFree
        | Fault::OtherSettings
        | Fault::Contention => {
            none("there is no wire: a USB device that is cut off is *unplugged*")
        }
        Fault::Noise | Fault::CheckedNoise => {
            none("what the kernel tells is not damaged on its way")
        }
        Fault::TimesOut | Fault::Fails => none("to list reads files that are in memory"),
        Fault::TooMuch => none("there is no limit to devices, nor to who watches them"),
        Fault::NotGranted => none("there is nothing to be set up"),
        Fault::BusOff | Fault::Down => {
            none("a device that is switched off is there; its bus tells")
        }
        Fault::NobodyReads => {
            none("a watch only listens; who does not read it is *more comes than is taken*")
        }
    }
}
