//! The record as a person reads it: one line an entry.

use std::fmt;
use std::io;

use circuits::can::{self, AnyFrame, Frame, InterfaceInfo};
use circuits::gpio::{Edge, Event};
use circuits::uart::{Counters, Interest, ModemLines, Queue, Received};
use circuits::wait::Time;

use super::record::{Answer, Call, Entry, Fault, Message, Place, Record, Transfer};
use super::settings::{can_settings, interface_settings, serial_settings, settings, spi_settings};

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries();
        entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

/// `0.100000 s  gpiochip0:17: set high`.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}: {}", self.answered, self.place, self.call)?;
        if let Call::Set { lines, levels } = self.call {
            write!(f, " {}", self.place.levels(lines, levels))?;
        }
        match (&self.call, &self.result) {
            (_, Err(fault)) => write!(f, ": {fault}"),
            (Call::Get { lines }, Ok(Answer::Levels(levels))) => {
                write!(f, ": {}", self.place.levels(*lines, *levels))
            }
            (_, Ok(Answer::Edges(events))) => {
                let edge = |event: &Event| {
                    let line = self.place.line(event.line());
                    let edge = match event.edge() {
                        Edge::Rising => "rising",
                        Edge::Falling => "falling",
                    };
                    format!("{line}{edge} at {}", event.time())
                };
                write!(f, ": {}", list(events, edge, ", "))
            }
            (_, Ok(Answer::Done)) => Ok(()),
            (_, Ok(answer)) => write!(f, ": {answer}"),
        }
    }
}

/// `gpiochip0:17`, as a line is asked for; `gpiochip0:17,27`; `i2c-1`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Machine => f.write_str("gpio"),
            Place::Buses => f.write_str("i2c"),
            Place::SpiDevices => f.write_str("spi"),
            Place::SerialPorts => f.write_str("serial"),
            Place::CanInterfaces => f.write_str("can"),
            Place::Chip(name)
            | Place::Bus(name)
            | Place::SpiDevice(name)
            | Place::SerialPort(name)
            | Place::CanInterface(name) => f.write_str(name),
            Place::Lines { chip, offsets } => {
                write!(f, "{chip}:{}", list(offsets, u32::to_string, ","))
            }
        }
    }
}

impl Place {
    /// The offset of a line that has others beside it, which is not there if the caller was wrong.
    fn line(&self, number: usize) -> String {
        match self {
            Place::Lines { offsets, .. } if offsets.len() == 1 && number == 0 => String::new(),
            Place::Lines { offsets, .. } if number < offsets.len() => {
                format!("{} ", offsets[number])
            }
            _ => format!("#{number} "),
        }
    }

    /// `high` of one line, `17 high, 27 low` of several.
    fn levels(&self, lines: u64, levels: u64) -> String {
        let has = |bits: u64, number: u32| bits >> number & 1 == 1;
        let level = |number: &u32| {
            let level = if has(levels, *number) { "high" } else { "low" };
            self.line(*number as usize) + level
        };
        let numbers: Vec<_> = (0..u64::BITS).filter(|n| has(lines, *n)).collect();
        list(&numbers, level, ", ")
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Chips => f.write_str("chips"),
            Call::ChipInfo => f.write_str("chip info"),
            Call::LineInfos => f.write_str("line infos"),
            Call::Request(request) => {
                let settings = list(&request.lines, |(_, config)| settings(config), "; ");
                write!(f, "request for {}: {settings}", request.consumer)
            }
            Call::Watch => f.write_str("watch"),
            Call::Get { .. } => f.write_str("get"),
            Call::Set { .. } => f.write_str("set"),
            Call::Configure(configs) => {
                write!(f, "configure: {}", list(configs, settings, "; "))
            }
            Call::Read => f.write_str("read"),
            Call::Block(None) => f.write_str("wait"),
            Call::Block(Some(time)) => write!(f, "wait until {time}"),
            Call::Poll => f.write_str("poll"),
            Call::Cancel => f.write_str("cancel"),
            Call::Release => f.write_str("release"),
            Call::Unwatch => f.write_str("unwatch"),
            Call::Open(_) => f.write_str("open"),
            Call::Transaction {
                address,
                messages,
                busy_until,
            } => {
                write!(f, "{address}: {}", list(messages, Message::to_string, ", "))?;
                busy(f, *busy_until)
            }
            Call::Buses => f.write_str("buses"),
            Call::Adapter => f.write_str("adapter"),
            Call::Owner(address) => write!(f, "{address}: owner"),
            Call::Smbus { address, call, .. } => write!(f, "{address}: {call:?}"),
            Call::Close => f.write_str("close"),
            Call::OpenSpi => f.write_str("open"),
            Call::TransactionSpi {
                transfers,
                busy_until,
            } => {
                f.write_str(&list(transfers, Transfer::to_string, ", "))?;
                busy(f, *busy_until)
            }
            Call::ConfigureSpi(config) => write!(f, "configure: {}", spi_settings(config)),
            Call::ConfigSpi => f.write_str("config"),
            Call::SpiDevices => f.write_str("devices"),
            Call::Absence => f.write_str("absence"),
            Call::OpenSerial { exclusive: true } => f.write_str("open exclusively"),
            Call::OpenSerial { exclusive: false } => f.write_str("open"),
            Call::SerialPorts => f.write_str("ports"),
            Call::Holder => f.write_str("holder"),
            Call::Write(bytes) => write!(f, "write{}", hex(bytes)),
            Call::Drain => f.write_str("drain"),
            Call::ConfigureSerial(config) => write!(f, "configure: {}", serial_settings(config)),
            Call::ConfigSerial => f.write_str("config"),
            Call::PutBack(config) => write!(f, "put back: {}", serial_settings(config)),
            Call::Waiting(queue) => write!(f, "waiting {}", buffer(*queue)),
            Call::Discard(queue) => write!(f, "discard {}", buffer(*queue)),
            Call::SetBreak(true) => f.write_str("begin a break"),
            Call::SetBreak(false) => f.write_str("end a break"),
            Call::ModemLines => f.write_str("modem lines"),
            Call::SetModemLines { rts, dtr } => {
                let lines = [("RTS", *rts), ("DTR", *dtr)];
                let set: Vec<_> = lines
                    .into_iter()
                    .filter_map(|(line, active)| Some((line, active?)))
                    .collect();
                let level = |&(line, active): &(&str, bool)| format!("{line} {}", level(active));
                write!(f, "set {}", list(&set, level, ", "))
            }
            Call::Counters => f.write_str("counters"),
            Call::BlockSerial(interest, None) => write!(f, "wait {}", wait(*interest)),
            Call::BlockSerial(interest, Some(time)) => {
                write!(f, "wait {} until {time}", wait(*interest))
            }
            Call::PollSerial(interest) => write!(f, "poll {}", wait(*interest)),
            Call::CancelSerial(interest) => write!(f, "cancel {}", wait(*interest)),
            Call::OpenCan(config) => write!(f, "open: {}", can_settings(config)),
            Call::CanInterfaces => f.write_str("interfaces"),
            Call::WriteFrames(frames) => {
                write!(f, "write {}", list(frames, Frame::to_string, ", "))
            }
            Call::ConfigureCan(config) => write!(f, "configure: {}", can_settings(config)),
            Call::ConfigCan => f.write_str("config"),
            Call::Lost => f.write_str("lost"),
            Call::BlockCan(interest, None) => write!(f, "wait {}", can_wait(*interest)),
            Call::BlockCan(interest, Some(time)) => {
                write!(f, "wait {} until {time}", can_wait(*interest))
            }
            Call::PollCan(interest) => write!(f, "poll {}", can_wait(*interest)),
            Call::CancelCan(interest) => write!(f, "cancel {}", can_wait(*interest)),
            Call::Link => f.write_str("link"),
            Call::InterfaceInfo => f.write_str("info"),
            Call::ConfigureInterface(config) => {
                write!(f, "configure: {}", interface_settings(config))
            }
            Call::SetUp(true) => f.write_str("take up"),
            Call::SetUp(false) => f.write_str("take down"),
            Call::Restart => f.write_str("restart"),
            Call::Cycle { frames, config } => {
                let frames = list(frames, Frame::to_string, ", ");
                write!(f, "send {frames} every {:?}", config.interval())?;
                match config.count() {
                    Some(count) => write!(f, ", {count} times"),
                    None => Ok(()),
                }
            }
            Call::SetFrames(frames) => {
                write!(f, "send {} instead", list(frames, Frame::to_string, ", "))
            }
            Call::EndCycle => f.write_str("send no more"),
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Write(bytes) => write!(f, "write{}", hex(bytes)),
            Message::Read(bytes) => write!(f, "read{}", hex(bytes)),
            Message::NotRead(length) => write!(f, "read {length} bytes"),
        }
    }
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Transfer::Write(bytes) => write!(f, "write{}", hex(bytes)),
            Transfer::Read {
                received: Some(bytes),
                ..
            } => write!(f, "read{}", hex(bytes)),
            Transfer::Read { length, .. } => write!(f, "read {length} bytes"),
            Transfer::Both { sent, received } => {
                write!(f, "transfer{}", hex(sent))?;
                match received {
                    Some(bytes) => write!(f, " to{}", hex(bytes)),
                    None => Ok(()),
                }
            }
            Transfer::Delay(ns) => write!(f, "wait {ns} ns"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done => f.write_str("done"),
            Answer::Chips(names) => f.write_str(&names.join(", ")),
            Answer::ChipInfo(info) => write!(f, "{info}"),
            Answer::LineInfos(infos) => match &infos[..] {
                [info] => write!(
                    f,
                    "{}, held by {}",
                    settings(info.config()),
                    info.consumer().unwrap_or("nobody")
                ),
                infos => write!(f, "of {} lines", infos.len()),
            },
            Answer::Levels(levels) => write!(f, "{levels:#b}"),
            Answer::Edges(events) => write!(f, "{} edges", events.len()),
            Answer::Change(change) => write!(
                f,
                "{} {:?} at {}",
                change.info().offset(),
                change.kind(),
                change.time()
            ),
            Answer::Buses(names) => f.write_str(&names.join(", ")),
            Answer::Adapter(name) => f.write_str(name),
            Answer::Owner(driver) => f.write_str(driver.as_deref().unwrap_or("nobody")),
            Answer::Reply(reply) => write!(f, "{reply:?}"),
            Answer::ConfigSpi(config) => f.write_str(&spi_settings(config)),
            Answer::SpiDevices(names) => f.write_str(&names.join(", ")),
            Answer::Absence(why) => write!(f, "{why}"),
            Answer::SerialPorts(names) => f.write_str(&names.join(", ")),
            Answer::Holder(holder) => f.write_str(holder.as_deref().unwrap_or("nobody")),
            Answer::Bytes(bytes) => f.write_str(hex(bytes).trim_start()),
            Answer::NoByte(Received::Damaged(byte)) => write!(f, "{byte:02x}, damaged"),
            Answer::NoByte(Received::Break) => f.write_str("a break"),
            Answer::NoByte(other) => write!(f, "{other:?}"),
            Answer::Taken(count) => write!(f, "{count} taken"),
            Answer::ConfigSerial(config) => f.write_str(&serial_settings(config)),
            Answer::Waiting(count) => write!(f, "{count} bytes"),
            Answer::ModemLines(lines) => f.write_str(&active(lines)),
            Answer::Counters(counters) => f.write_str(&counts(counters)),
            Answer::CanInterfaces(names) => f.write_str(&names.join(", ")),
            Answer::Frames(frames) => f.write_str(&list(frames, received, ", ")),
            Answer::ConfigCan(config) => f.write_str(&can_settings(config)),
            Answer::Lost(count) => write!(f, "{count} frames"),
            Answer::InterfaceInfo(info) => f.write_str(&interface(info)),
            Answer::TimedOut => f.write_str("nothing came"),
        }
    }
}

/// What the system says to the number.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            Some(number) => write!(f, "{}", io::Error::from_raw_os_error(number)),
            None => write!(f, "{}", self.kind),
        }
    }
}

/// The lines that are active.
fn active(lines: &ModemLines) -> String {
    let lines = [
        ("RTS", lines.rts),
        ("DTR", lines.dtr),
        ("CTS", lines.cts),
        ("DSR", lines.dsr),
        ("RI", lines.ri),
        ("CD", lines.cd),
    ];
    let active: Vec<_> = lines.iter().filter(|(_, active)| *active).collect();
    match &active[..] {
        [] => "none active".into(),
        active => format!(
            "{} active",
            list(active, |(line, _)| line.to_string(), ", ")
        ),
    }
}

/// What was counted at all.
fn counts(counters: &Counters) -> String {
    let counts = [
        (counters.received, "received"),
        (counters.sent, "sent"),
        (counters.framing_errors, "framing errors"),
        (counters.parity_errors, "parity errors"),
        (counters.breaks, "breaks"),
        (counters.overruns, "overruns"),
        (counters.buffer_overruns, "overruns of the buffer"),
        (counters.cts, "CTS"),
        (counters.dsr, "DSR"),
        (counters.ri, "RI"),
        (counters.cd, "CD"),
    ];
    let counted: Vec<_> = counts.iter().filter(|(count, _)| *count > 0).collect();
    match &counted[..] {
        [] => "nothing".into(),
        counted => list(counted, |(count, what)| format!("{count} {what}"), ", "),
    }
}

/// How a CAN interface is.
fn interface(info: &InterfaceInfo) -> String {
    let mut words = vec![if info.up { "up" } else { "down" }.to_string()];
    if let Some(state) = info.state {
        words.push(format!("{state:?}"));
    }
    if let Some(bitrate) = info.bitrate {
        words.push(format!("{bitrate} bit/s"));
    }
    if let Some(bitrate) = info.data_bitrate {
        words.push(format!("data {bitrate} bit/s"));
    }
    if let Some(counters) = info.error_counters {
        let (sent, received) = (counters.transmit, counters.receive);
        words.push(format!("errors {sent} sent, {received} received"));
    }
    words.join(", ")
}

/// A frame, and how many were lost before it.
fn received(received: &can::Received) -> String {
    let content = match received.content() {
        AnyFrame::Frame(frame) => frame.to_string(),
        AnyFrame::Error(error) => error.to_string(),
    };
    match received.lost() {
        0 => content,
        lost => format!("{content} after {lost} lost"),
    }
}

fn can_wait(interest: can::Interest) -> &'static str {
    match interest {
        can::Interest::Read => "to read",
        can::Interest::Write => "to write",
    }
}

fn wait(interest: Interest) -> &'static str {
    match interest {
        Interest::Read => "to read",
        Interest::Write => "to write",
        Interest::Drain => "to drain",
        Interest::Modem => "for a modem line",
    }
}

fn buffer(queue: Queue) -> &'static str {
    match queue {
        Queue::Input => "input",
        Queue::Output => "output",
        Queue::Both => "input and output",
    }
}

fn level(active: bool) -> &'static str {
    if active { "active" } else { "inactive" }
}

fn hex(bytes: &[u8]) -> String {
    list(bytes, |byte| format!(" {byte:02x}"), "")
}

fn busy(f: &mut fmt::Formatter<'_>, until: Option<Time>) -> fmt::Result {
    match until {
        Some(time) => write!(f, ", busy until {time}"),
        None => Ok(()),
    }
}

pub(super) fn list<T>(items: &[T], show: impl Fn(&T) -> String, between: &str) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(between)
}
