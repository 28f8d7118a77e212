//! Serial ports.

use std::io::{Read, Write};
use std::time::Duration;

use circuits::Board;
use circuits::stub::Stub;
use circuits::stub::uart::{Controller, Fault as PortFault};
use circuits::uart::framing::{self, FrameError, Framed, Lines};
use circuits::uart::{Config, Error, FlowControl, Parity, Port};

use crate::cell::{Fault, Outcome, error, none, seen, told, unexpected};

const SOON: Duration = Duration::from_millis(100);

fn port(error: Error) -> Outcome {
    told(error.kind(), error)
}

/// What comes of what was sent, until nothing comes any more.
fn received(port: &Port) -> Result<String, Error> {
    let (mut text, mut buffer) = (String::new(), [0; 64]);
    loop {
        match port.read_within(&mut buffer, SOON) {
            Ok(count) => text.push_str(&String::from_utf8_lossy(&buffer[..count])),
            Err(Error::TimedOut { .. }) => return Ok(text),
            Err(error) => return Err(error),
        }
    }
}

const SENT: &[u8] = b"$GPGGA";

pub(crate) fn meet(fault: Fault) -> Outcome {
    let stub = Stub::virtual_time().serial_loop("ttyUSB0")?;
    let board = Board::from(&stub);
    let config = Config::new().report_errors(true);
    let open = || board.serial_port("ttyUSB0", &config);
    // What is read of what is sent, with a fault that is told.
    let damaged = |fault: PortFault, config: &Config| {
        let mut open = board.serial_port("ttyUSB0", config)?;
        stub.serial_fault("ttyUSB0", fault)?;
        open.write_all(SENT)?;
        port(error(received(&open))?)
    };
    // The same with one that is not.
    let wrong = |short: &'static str, fault: PortFault| {
        let mut open = open()?;
        stub.serial_fault("ttyUSB0", fault.after(1))?;
        open.write_all(SENT)?;
        let read = received(&open)?;
        let overruns = open.counters()?.overruns;
        let counted = match overruns {
            0 => String::new(),
            overruns => format!("; counters() says {overruns} overruns"),
        };
        let sent = String::from_utf8_lossy(SENT);
        seen(
            short,
            format!("reads {read:?} instead of {sent:?}{counted}"),
        )
    };
    match fault {
        Fault::NotThere => port(error(board.serial_port("ttyUSB7", &config))?),
        Fault::NoPermission => {
            let user = Board::from(&stub.without_permission());
            port(error(user.serial_port("ttyUSB0", &config))?)
        }
        Fault::InUse => {
            stub.hold_serial("ttyUSB0", "gpsd (pid 312)")?;
            port(error(open())?)
        }
        Fault::SameName => {
            none("a port is called by its driver and a number; who it is, Board::devices tells")
        }
        Fault::Unplugged => {
            let open = open()?;
            stub.remove_serial_port("ttyUSB0")?;
            port(error(open.read_within(&mut [0], SOON))?)
        }
        Fault::NoAnswer => {
            stub.unplug_serial("ttyUSB0");
            let mut open = open()?;
            open.write_all(SENT)?;
            port(error(open.read_within(&mut [0], SOON))?)
        }
        Fault::NoAnswerForAWhile => wrong("lost", PortFault::lost_byte().times(3)),
        Fault::BrownOut | Fault::HeldLow => damaged(PortFault::brk(), &config),
        Fault::HeldHigh => {
            let mut open = open()?;
            stub.serial_fault("ttyUSB0", PortFault::lost_byte().always())?;
            open.write_all(SENT)?;
            port(error(open.read_within(&mut [0], SOON))?)
        }
        Fault::NotFree => {
            none("each direction has its own wire; the bus of RS-485 is free when all keep quiet")
        }
        Fault::TimesOut => none("what is sent leaves at its baud rate, whoever listens"),
        Fault::Fails => none("a UART cannot fail; an adapter that does is *unplugged*"),
        Fault::Noise => wrong("wrong value", PortFault::flipped_bit()),
        Fault::CheckedNoise => damaged(
            PortFault::flipped_bit(),
            &config.clone().parity(Parity::Even),
        ),
        Fault::OtherSettings => {
            let board = Board::from(&stub.serial_cable("ttyS0", "ttyS1")?);
            let mut slow = board.serial_port("ttyS0", &config.clone().baud(9600))?;
            let fast = board.serial_port("ttyS1", &config.clone().baud(19_200))?;
            slow.write_all(SENT)?;
            port(error(received(&fast))?)
        }
        Fault::Contention => none("each direction has its own wire; on RS-485 it is *noise*"),
        Fault::Overflow => wrong("lost, and counted", PortFault::overrun(3)),
        Fault::TooMuch => {
            let mut lines = Framed::new(open()?, Lines::new().max_length(4));
            lines.get_mut().write_all(SENT)?;
            lines.get_mut().write_all(b"\n")?;
            let error = error(lines.read_frame().map(|frame| frame.map(<[u8]>::to_vec)))?;
            match error {
                framing::Error::Frame(error @ FrameError::TooLong { .. }) => {
                    told(format_args!("TooLong"), error)
                }
                error => Err(unexpected(error)),
            }
        }
        Fault::NotGranted => {
            let board = Board::from(&stub.serial_controller("ttyAMA0", Controller::pl011()));
            port(error(
                board.serial_port("ttyAMA0", &Config::new().baud(12_000_000)),
            )?)
        }
        Fault::BusOff => none("a port counts errors (counters), and does nothing about them"),
        Fault::Down => none("a port that is not enabled is not there"),
        Fault::NobodyReads => {
            stub.unplug_serial("ttyUSB0");
            let config = Config::new().flow_control(FlowControl::Hardware);
            let open = board.serial_port("ttyUSB0", &config)?;
            port(error(open.write_within(&[0; 100_000], SOON))?)
        }
        Fault::Nothing => port(error(open()?.read_within(&mut [0], SOON))?),
        Fault::Interrupted => {
            board.interrupt()?.raise();
            port(error(open()?.read_within(&mut [0], SOON))?)
        }
        Fault::Standstill => {
            let error = error(open()?.read(&mut [0]))?;
            match Error::of(&error) {
                Some(error) => told(error.kind(), error),
                None => Err(unexpected(error)),
            }
        }
    }
}
