//! How what happened reads: an entry a line.

use std::fmt;

use circuits_can::State;
use circuits_gpio::Direction;
use circuits_spi::ChipSelect;

use super::{Action, Entry, Exchange, Message};

/// `0.500000 s  GPIO17: high`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}", self.time, self.action)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Request {
                line,
                consumer,
                direction: Direction::Input,
            } => write!(f, "{line}: input of {consumer:?}"),
            Action::Request {
                line,
                consumer,
                direction: Direction::Output,
            } => write!(f, "{line}: output of {consumer:?}"),
            Action::Configure {
                line,
                direction: Direction::Input,
            } => write!(f, "{line}: set up anew as an input"),
            Action::Configure {
                line,
                direction: Direction::Output,
            } => write!(f, "{line}: set up anew as an output"),
            Action::Release { line } => write!(f, "{line}: released"),
            Action::Set { lines } => {
                for (number, (line, level)) in lines.iter().enumerate() {
                    let separator = if number == 0 { "" } else { ", " };
                    write!(f, "{separator}{line}: {}", name(*level))?;
                }
                Ok(())
            }
            Action::Drive {
                line,
                level: Some(level),
            } => write!(f, "{line}: driven {} from outside", name(*level)),
            Action::Drive { line, level: None } => write!(f, "{line}: not driven from outside"),
            Action::Contention { lines } => {
                write!(f, "{}: driven high and low", lines.join(", "))
            }
            Action::AddChip { chip: name } | Action::AddBus { bus: name } => {
                write!(f, "{name}: added")
            }
            Action::RemoveChip { chip: name } | Action::RemoveBus { bus: name } => {
                write!(f, "{name}: removed")
            }
            Action::Plug { bus, address } => write!(f, "{bus} {address}: plugged in"),
            Action::Unplug { bus, address } => write!(f, "{bus} {address}: unplugged"),
            Action::Power { bus, address, on } => {
                let power = if *on { "on" } else { "off" };
                write!(f, "{bus} {address}: power {power}")
            }
            Action::I2c {
                bus,
                address,
                messages,
                end,
                ..
            } => {
                write!(f, "{bus} {address}:")?;
                for message in messages {
                    let (verb, bytes) = match message {
                        Message::Write(bytes) => ("write", bytes),
                        Message::Read(bytes) => ("read", bytes),
                    };
                    write!(f, " {verb}")?;
                    for byte in bytes {
                        write!(f, " {byte:02x}")?;
                    }
                    f.write_str(",")?;
                }
                write!(f, " {end}")
            }
            Action::Spi {
                device,
                chip_select,
                exchanges,
                ..
            } => {
                let is_selected = *chip_select != ChipSelect::None;
                write!(f, "{device}:")?;
                if is_selected {
                    f.write_str(" select,")?;
                }
                for (number, exchange) in exchanges.iter().enumerate() {
                    if number > 0 {
                        f.write_str(",")?;
                    }
                    match exchange {
                        Exchange::Write(written) => write!(f, " write{}", Hex(written))?,
                        Exchange::Read(read) => write!(f, " read{}", Hex(read))?,
                        Exchange::Transfer { written, read } => {
                            write!(f, " write{} and read{}", Hex(written), Hex(read))?;
                        }
                        Exchange::Delay(time) => write!(f, " wait {time:?}")?,
                    }
                }
                match (is_selected, exchanges.is_empty()) {
                    (true, false) => f.write_str(", deselect"),
                    (true, true) => f.write_str(" deselect"),
                    (false, _) => Ok(()),
                }
            }
            Action::SerialConfigure { port, config } => write!(f, "{port}: {config}"),
            Action::SerialSend { port, bytes, .. } => write!(f, "{port}: send{}", Text(bytes)),
            Action::SerialReceived { port, bytes, .. } => {
                write!(f, "{port}: receive{}", Text(bytes))
            }
            Action::DamageReceived { port, byte } => {
                write!(f, "{port}: receive {byte:02x}, damaged")
            }
            Action::BreakReceived { port } => write!(f, "{port}: receive a break"),
            Action::Overrun { port } => write!(f, "{port}: full, what comes is lost"),
            Action::Break { port, on: true } => write!(f, "{port}: break begins"),
            Action::Break { port, on: false } => write!(f, "{port}: break ends"),
            Action::ModemLines {
                port,
                before,
                lines,
            } => {
                write!(f, "{port}:")?;
                let mut separator = "";
                for (line, was, is) in [
                    ("RTS", before.rts, lines.rts),
                    ("DTR", before.dtr, lines.dtr),
                    ("CTS", before.cts, lines.cts),
                    ("DSR", before.dsr, lines.dsr),
                    ("RI", before.ri, lines.ri),
                    ("CD", before.cd, lines.cd),
                ] {
                    if was != is {
                        let is = if is { "active" } else { "inactive" };
                        write!(f, "{separator} {line} {is}")?;
                        separator = ",";
                    }
                }
                Ok(())
            }
            Action::AddNode { node } => write!(f, "{node}: plugged in"),
            Action::RemoveNode { node } => write!(f, "{node}: unplugged"),
            Action::CanUp {
                interface,
                bitrate: Some(bitrate),
            } => write!(f, "{interface}: up at {bitrate} bit/s"),
            Action::CanUp {
                interface,
                bitrate: None,
            } => write!(f, "{interface}: up"),
            Action::CanDown { interface } => write!(f, "{interface}: down"),
            Action::CanFrame { from, frame, .. } => write!(f, "{from}: send {frame}"),
            Action::CanError {
                station,
                frame,
                error,
            } => write!(f, "{station}: {error}: {frame}"),
            Action::CanState {
                station,
                state,
                counters,
            } => {
                let state = match state {
                    State::ErrorActive => "error-active",
                    State::ErrorWarning => "error-warning",
                    State::ErrorPassive => "error-passive",
                    State::BusOff => "bus-off",
                    State::Stopped => "stopped",
                    _ => "asleep",
                };
                let (sent, received) = (counters.transmit, counters.receive);
                write!(
                    f,
                    "{station}: {state} (errors: {sent} sent, {received} received)"
                )
            }
            Action::Pty { port, path } => write!(f, "{port} is {}", path.display()),
            Action::Fault { of, what } => write!(f, "{of}: fault: {what}"),
            Action::Note(text) => f.write_str(text),
        }
    }
}

/// ` "$GPGGA\r\n"`, or in hex what is no text.
struct Text<'a>(&'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t');
        match self.0.iter().all(is_text) {
            true => write!(f, " \"{}\"", self.0.escape_ascii()),
            false => write!(f, "{}", Hex(self.0)),
        }
    }
}

/// ` 9f 00`.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, " {byte:02x}"))
    }
}

fn name(level: bool) -> &'static str {
    if level { "high" } else { "low" }
}
