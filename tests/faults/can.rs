//! CAN interfaces.

use std::time::Duration;

use circuits::Board;
use circuits::can::{Config, Error, ErrorMask, Frame, Id, InterfaceConfig, Mode, Socket};
use circuits::stub::Stub;
use circuits::stub::can::Fault as FrameFault;

use crate::cell::{Fault, Outcome, error, none, seen, told};

const SOON: Duration = Duration::from_millis(100);

fn interface(error: Error) -> Outcome {
    told(error.kind(), error)
}

fn frame(id: u16) -> Result<Frame, circuits::can::FrameError> {
    Frame::new(Id::standard(id)?, &[1, 2, 3])
}

pub(crate) fn meet(fault: Fault) -> Outcome {
    let stub = Stub::virtual_time().can_bus(["can0", "can1"])?;
    let board = Board::from(&stub);
    let all = Config::new().errors(ErrorMask::ALL);
    let both = || -> Result<(Socket, Socket), Error> {
        Ok((
            board.can_socket("can0", &all)?,
            board.can_socket("can1", &all)?,
        ))
    };
    match fault {
        Fault::NotThere => interface(error(board.can_socket("can7", &all))?),
        Fault::NoPermission => {
            let user = Board::from(&stub.without_permission());
            interface(error(user.can_interface("can0")?.down())?)
        }
        Fault::InUse => {
            let config = InterfaceConfig::new().bitrate(250_000);
            interface(error(board.can_interface("can0")?.configure(&config))?)
        }
        Fault::SameName => none("of interfaces of one name there is one"),
        Fault::Unplugged => {
            let (can0, _) = both()?;
            stub.remove_can_interface("can0")?;
            interface(error(can0.read_frame(SOON))?)
        }
        Fault::NoAnswer | Fault::HeldHigh => {
            let (can0, _) = both()?;
            stub.cut_can("can0")?;
            can0.write(&frame(1)?, SOON)?;
            interface(error(can0.read_frame(SOON))?)
        }
        Fault::NoAnswerForAWhile | Fault::BrownOut => {
            let (can0, can1) = (
                board.can_socket("can0", &Config::new())?,
                board.can_socket("can1", &Config::new())?,
            );
            stub.cut_can("can1")?;
            can0.write(&frame(1)?, SOON)?;
            board.delay().sleep(SOON)?;
            stub.mend_can("can1")?;
            let late = can1.read(SOON)?.time().as_nanos() / 1_000_000;
            seen(
                "later",
                format!(
                    "the controller tries again by itself: the frame comes after {late} ms, when it is heard"
                ),
            )
        }
        Fault::HeldLow | Fault::BusOff => {
            let config = Config::new().errors(ErrorMask::BUS_OFF);
            let can0 = board.can_socket("can0", &config)?;
            stub.can_fault("can0", FrameFault::bit_error().always())?;
            can0.write(&frame(1)?, SOON)?;
            interface(error(can0.read_frame(SOON))?)
        }
        Fault::NotFree => {
            none("a frame waits for those that go before it, which is *nobody takes what is sent*")
        }
        Fault::TimesOut => none("a controller tries again until it is bus-off, or told to stop"),
        Fault::Fails => none("each frame that fails is sent again by the controller"),
        Fault::Noise => none("each frame has a checksum"),
        Fault::CheckedNoise => {
            // Only who asks for it is told of each error.
            let reports = InterfaceConfig::new().mode(Mode::BusErrorReporting, true);
            let can1 = board.can_interface("can1")?;
            can1.down()?;
            can1.configure(&reports)?;
            can1.up()?;
            let (can0, can1) = both()?;
            stub.can_fault("can1", FrameFault::crc_error())?;
            can0.write(&frame(1)?, SOON)?;
            let told = error(can1.read_frame(SOON))?;
            let frame = can1.read_frame(SOON)?;
            seen(
                "nothing",
                format!(
                    "the controllers send it again: {frame} comes as it was sent; with Mode::BusErrorReporting also {told}"
                ),
            )
        }
        Fault::OtherSettings => {
            let can1 = board.can_interface("can1")?;
            can1.down()?;
            can1.configure(&InterfaceConfig::new().bitrate(250_000))?;
            can1.up()?;
            let (can0, _can1) = both()?;
            can0.write(&frame(1)?, SOON)?;
            interface(error(can0.read_frame(SOON))?)
        }
        Fault::Contention => {
            let (can0, can1) = both()?;
            can0.write(&frame(2)?, SOON)?;
            can1.write(&frame(1)?, SOON)?;
            let told = interface(error(can0.read_frame(SOON))?)?;
            // The other one's, and then its own goes.
            can0.read_frame(SOON)?;
            can1.read_frame(SOON)?;
            Ok(told)
        }
        Fault::Overflow => {
            let (can0, _) = both()?;
            let small = Config::new().receive_buffer(2048);
            let can1 = board.can_socket("can1", &small)?;
            for id in 0..100 {
                can0.write(&frame(id)?, SOON)?;
            }
            board.delay().sleep(SOON)?;
            let lost = loop {
                if let Err(error) = can1.read_frame(SOON) {
                    break error;
                }
                can0.write(&frame(100)?, SOON)?;
            };
            interface(lost)
        }
        Fault::TooMuch => {
            let nine = Frame::new(Id::standard(1)?, &[0; 9]);
            interface(Error::from(error(nine)?))
        }
        Fault::NotGranted => {
            let can0 = board.can_interface("can0")?;
            can0.down()?;
            interface(error(
                can0.configure(&InterfaceConfig::new().bitrate(790_000)),
            )?)
        }
        Fault::Down => {
            let can0 = board.can_socket("can0", &all)?;
            board.can_interface("can0")?.down()?;
            interface(error(can0.write(&frame(1)?, SOON))?)
        }
        Fault::NobodyReads => {
            let can0 = board.can_socket("can0", &Config::new())?;
            stub.cut_can("can0")?;
            let full = loop {
                if let Err(error) = can0.write(&frame(1)?, SOON) {
                    break error;
                }
            };
            interface(full)
        }
        Fault::Nothing => interface(error(both()?.0.read_frame(SOON))?),
        Fault::Interrupted => {
            board.interrupt()?.raise();
            interface(error(both()?.0.read_frame(None))?)
        }
        Fault::Standstill => interface(error(both()?.0.read_frame(None))?),
    }
}
