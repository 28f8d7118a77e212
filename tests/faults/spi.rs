//! SPI devices.

use std::time::Duration;

use circuits::Board;
use circuits::prelude::*;
use circuits::spi::{Config, Device, Error, Mode, Operation};
use circuits::stub::Stub;
use circuits::stub::chips::W25q;
use circuits::stub::spi::{Controller, Fault as NodeFault};

use crate::cell::{Fault, Outcome, error, none, seen, told, unexpected};

const MILLIS: Duration = Duration::from_millis(1);

fn device(error: Error) -> Outcome {
    told(error.kind(), error)
}

/// Who made a flash memory, and which it is.
fn id(flash: &mut Device) -> Result<[u8; 3], Error> {
    let mut id = [0; 3];
    flash.transaction(&mut [Operation::Write(&[0x9f]), Operation::Read(&mut id)])?;
    Ok(id)
}

pub(crate) fn meet(fault: Fault) -> Outcome {
    let stub = Stub::virtual_time()
        .spi_node("spidev0.1")?
        .spi_device("spidev0.0", W25q::w25q32jv())?;
    let board = Board::from(&stub);
    let config = Config::new();
    let open = || board.spi_device("spidev0.0", &config);
    let one = |fault: NodeFault| {
        stub.spi_fault("spidev0.0", fault)?;
        device(error(id(&mut open()?))?)
    };
    let other = |fault: NodeFault| {
        let mut flash = open()?;
        let right = id(&mut flash)?;
        stub.spi_fault("spidev0.0", fault)?;
        let wrong = id(&mut flash)?;
        seen(
            "wrong value",
            format!("reads {wrong:02x?} instead of {right:02x?}"),
        )
    };
    match fault {
        Fault::NotThere => device(error(board.spi_device("spidev7.0", &config))?),
        Fault::NoPermission => {
            let user = Board::from(&stub.without_permission());
            device(error(user.spi_device("spidev0.0", &config))?)
        }
        Fault::InUse => none(
            "any number of programs may open a node, and their messages take turns; a chip that a driver of the kernel has \
             has no node",
        ),
        Fault::SameName => none("a node is called by its controller and its chip select"),
        Fault::Unplugged => {
            let mut flash = open()?;
            stub.remove_spi_node("spidev0.0")?;
            device(error(id(&mut flash))?)
        }
        Fault::NoAnswer => {
            let id = id(&mut board.spi_device("spidev0.1", &config)?)?;
            seen(
                "wrong value",
                format!("reads {id:02x?}: there is no acknowledge"),
            )
        }
        Fault::NoAnswerForAWhile => {
            let mut flash = open()?;
            let gone = NodeFault::stuck_high().until(1000 * MILLIS).always();
            stub.spi_fault("spidev0.0", gone)?;
            let while_gone = id(&mut flash)?;
            stub.delay().sleep(1000 * MILLIS)?;
            let back = id(&mut flash)?;
            seen(
                "wrong value",
                format!("reads {while_gone:02x?} for a second, and then {back:02x?}"),
            )
        }
        Fault::BrownOut => other(NodeFault::stuck_low()),
        Fault::HeldLow => other(NodeFault::stuck_low()),
        Fault::HeldHigh => other(NodeFault::stuck_high()),
        Fault::NotFree => none("the controller alone has the wires"),
        Fault::TimesOut => one(NodeFault::timed_out()),
        Fault::Fails => one(NodeFault::failed()),
        Fault::Noise => other(NodeFault::flipped_bit()),
        Fault::CheckedNoise => {
            none("SPI has no checksum: some devices send one, and their drivers tell")
        }
        Fault::OtherSettings => {
            let mut flash = board.spi_device("spidev0.0", &Config::new().mode(Mode::Mode1))?;
            seen(
                "wrong value",
                format!("reads {:02x?} in the wrong mode", id(&mut flash)?),
            )
        }
        Fault::Contention => {
            none("the controller alone speaks; two devices that are selected at once are *noise*")
        }
        Fault::Overflow => {
            none("the controller gives the clock: what its FIFO loses is *the transfer fails*")
        }
        Fault::TooMuch => device(error(open()?.write(&[0; 4097]))?),
        Fault::NotGranted => {
            let board = Board::from(&stub.spi_controller("spidev1.0", Controller::bcm2835aux())?);
            let config = Config::new().mode(Mode::Mode1);
            device(error(board.spi_device("spidev1.0", &config))?)
        }
        Fault::BusOff => none("a controller counts no errors"),
        Fault::Down => none("a controller that is not enabled is not there"),
        Fault::NobodyReads => {
            none("SPI has no flow control: a device that is too slow loses what it is sent")
        }
        Fault::Nothing => none("whatever is read comes at once, if only 0xff"),
        Fault::Interrupted => {
            board.interrupt()?.raise();
            match id(&mut open()?) {
                Ok(_) => none("a message is not cut short: it ends by itself"),
                Err(error) => Err(unexpected(error)),
            }
        }
        Fault::Standstill => none("a message ends by itself"),
    }
}
