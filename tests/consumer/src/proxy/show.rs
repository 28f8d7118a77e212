//! The record as a person reads it: one line an entry.

use std::fmt;
use std::io;

use circuits::gpio::{Config, Direction, Drive, Edge, EdgeDetection, Event};
use circuits::spi;
use circuits::wait::Time;

use super::record::{Answer, Call, Entry, Fault, Message, Place, Record, Transfer};

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
            Place::Chip(name) | Place::Bus(name) | Place::SpiDevice(name) => f.write_str(name),
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
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes| list(bytes, |byte: &u8| format!(" {byte:02x}"), "");
        match self {
            Message::Write(bytes) => write!(f, "write{}", hex(bytes)),
            Message::Read(bytes) => write!(f, "read{}", hex(bytes)),
            Message::NotRead(length) => write!(f, "read {length} bytes"),
        }
    }
}

impl fmt::Display for Transfer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes| list(bytes, |byte: &u8| format!(" {byte:02x}"), "");
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

/// How a line is to be; what is as always goes without saying.
fn settings(config: &Config) -> String {
    let mut words = Vec::new();
    match config.direction() {
        Direction::Input => words.push("input".into()),
        Direction::Output if config.initial_level() => words.push("output, high".into()),
        Direction::Output => words.push("output, low".into()),
    }
    if config.is_active_low() {
        words.push("active-low".into());
    }
    if let Some(bias) = config.line_bias() {
        words.push(format!("bias {bias:?}"));
    }
    if config.line_drive() != Drive::default() {
        words.push(format!("drive {:?}", config.line_drive()));
    }
    if config.detected_edges() != EdgeDetection::default() {
        words.push(format!("edges {:?}", config.detected_edges()));
    }
    if !config.debounce_period().is_zero() {
        words.push(format!("debounce {:?}", config.debounce_period()));
    }
    words.join(", ")
}

/// How an SPI device is to be; what is as always goes without saying.
fn spi_settings(config: &spi::Config) -> String {
    let usual = spi::Config::new();
    let mut words = vec![
        format!("{:?}", config.clock_mode()),
        format!("{} Hz", config.max_speed_hz()),
    ];
    if config.word_bits() != usual.word_bits() {
        words.push(format!("words of {} bits", config.word_bits()));
    }
    if config.order() != usual.order() {
        words.push(format!("order {:?}", config.order()));
    }
    if config.selects() != usual.selects() {
        words.push(format!("chip select {:?}", config.selects()));
    }
    if config.is_three_wire() {
        words.push("three wires".into());
    }
    if config.is_loopback() {
        words.push("loopback".into());
    }
    if config.splits() {
        words.push("split".into());
    }
    words.join(", ")
}

fn busy(f: &mut fmt::Formatter<'_>, until: Option<Time>) -> fmt::Result {
    match until {
        Some(time) => write!(f, ", busy until {time}"),
        None => Ok(()),
    }
}

fn list<T>(items: &[T], show: impl Fn(&T) -> String, between: &str) -> String {
    items.iter().map(show).collect::<Vec<_>>().join(between)
}
