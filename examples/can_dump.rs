//! Prints what is on a CAN bus, as candump does, and what its errors mean:
//! `cargo run --example can_dump -- can0 200:7F0 --count 10`

use std::time::{Duration, UNIX_EPOCH};

use circuits::can::log::Entry;
use circuits::can::{AnyFrame, Config, ErrorMask, Filter, Frame, Received};
use circuits::{Board, Failure};
use clap::{Parser, ValueEnum};

#[derive(Parser)]
struct Args {
    /// The interface
    #[arg(default_value = "can0")]
    interface: String,
    /// Which frames, as candump has it: 123:7FF, or 123~7FF for all but these; all, if not given
    filters: Vec<Filter>,
    /// Whether a frame must be let through by all filters
    #[arg(long)]
    join: bool,
    /// Print when they came
    #[arg(short, long)]
    timestamp: Option<Timestamp>,
    /// Print lines that can_replay and canplayer read
    #[arg(short, long)]
    log: bool,
    /// End after so many
    #[arg(short = 'n', long)]
    count: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Timestamp {
    /// The time of the day
    Absolute,
    /// Since the one before
    Delta,
    /// Since the first
    Zero,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let mut config = Config::new().errors(ErrorMask::ALL).join_filters(args.join);
    if !args.filters.is_empty() {
        config = config.filters(args.filters.iter().copied());
    }
    let socket = board.can_socket(&args.interface, &config)?;
    let (mut first, mut last) = (None, None);
    for received in socket.iter().take(args.count.unwrap_or(usize::MAX)) {
        let received = received?;
        if received.lost() > 0 {
            eprintln!("{} frames were lost: this is too slow", received.lost());
        }
        let entry = Entry::of(&received, args.interface.as_str()).in_direction(None);
        if args.log {
            println!("{entry}");
            continue;
        }
        let since = |before: Option<Received>| match before {
            Some(before) => received.time() - before.time(),
            None => Duration::ZERO,
        };
        let time = args.timestamp.map(|timestamp| match timestamp {
            Timestamp::Absolute => absolute(&received),
            Timestamp::Delta => since(last),
            Timestamp::Zero => since(first),
        });
        if let Some(time) = time {
            print!(" ({:03}.{:06}) ", time.as_secs(), time.subsec_micros());
        }
        println!("  {}  {}", args.interface, shown(&received));
        if let AnyFrame::Error(error) = received.content() {
            println!("\t{error}");
        }
        first = first.or(Some(received));
        last = Some(received);
    }
    Ok(())
}

/// By the clock of the day; a virtual board has none.
fn absolute(received: &Received) -> Duration {
    match received.system_time() {
        Some(time) => time.duration_since(UNIX_EPOCH).unwrap_or_default(),
        None => Duration::from_nanos(received.time().as_nanos()),
    }
}

fn shown(received: &Received) -> String {
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!(" {byte:02X}"))
            .collect::<String>()
    };
    match received.content() {
        AnyFrame::Error(error) => {
            let class = 0x2000_0000 | error.class().bits();
            format!("{class:08X}   [8] {}   ERRORFRAME", hex(error.data()))
        }
        AnyFrame::Frame(frame) => format!("{}  {}", frame.id(), data(frame, &hex)),
    }
}

fn data(frame: &Frame, hex: &dyn Fn(&[u8]) -> String) -> String {
    let length = frame.data().len();
    match (frame.is_remote(), frame.is_fd()) {
        (true, _) => format!(" [{}]  remote request", frame.dlc()),
        (_, true) => format!("[{length:02}] {}", hex(frame.data())),
        _ => format!(" [{length}] {}", hex(frame.data())),
    }
}
