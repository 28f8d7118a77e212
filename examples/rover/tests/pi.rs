//! The same program on a kernel, as far as there are devices: lines of gpio-sim, a serial port, and a vcan, on which
//! somebody plays the brush.

use std::thread;
use std::time::Duration;

use circuits::Board;
use circuits::can::{Config as CanConfig, Frame, Id, Received};
use circuits::uart::framing::{Cobs, Framing};
use circuits_bench::Outside;
use gpiosim::{Bank, Level};

use crate::codec::Report;
use crate::config::Config;
use crate::rover::Rover;
use crate::stop::Stop;

const LINES: [&str; 7] = [
    "STOP",
    "LED",
    "MOTORS_ON",
    "LEFT_FORWARDS",
    "LEFT_BACKWARDS",
    "RIGHT_FORWARDS",
    "RIGHT_BACKWARDS",
];
const STOP: u32 = 0;
const MOTORS_ON: u32 = 2;
const LEFT_FORWARDS: u32 = 3;

fn sleep(millis: u64) {
    thread::sleep(Duration::from_millis(millis));
}

/// Beats ten times a second for so long, and is in whatever state it is told to be. Returns how fast it was to turn, at most.
fn play_brush(board: &Board, seconds: u64) -> f32 {
    let socket = board.can_socket("vcan0", &CanConfig::new()).unwrap();
    let (mut state, mut fastest) = (1, 0f32);
    for _ in 0..10 * seconds {
        let id = Id::standard(5 << 5 | 0x01).unwrap();
        let beat = Frame::new(id, &[0, 0, 0, 0, state, 0, 0, 0]).unwrap();
        socket.write(&beat, Duration::from_secs(1)).unwrap();
        let mut frames = [Received::empty(); 16];
        let count = socket.read_many(&mut frames, Duration::ZERO).unwrap_or(0);
        for frame in frames[..count].iter().filter_map(Received::frame) {
            match (frame.id().raw() & 0x1f, frame.data()) {
                (0x07, [told, ..]) => state = *told,
                (0x0d, [a, b, c, d, ..]) => {
                    fastest = fastest.max(f32::from_le_bytes([*a, *b, *c, *d]))
                }
                _ => {}
            }
        }
        sleep(100);
    }
    assert_eq!(state, 1, "idle in the end");
    fastest
}

/// The frames in what came over the wire.
fn reports(mut wire: &[u8]) -> Vec<Report> {
    let (mut framing, mut frame, mut reports) = (Cobs::new(), Vec::new(), Vec::new());
    while !wire.is_empty() {
        if framing.decode(&mut wire, &mut frame) == Ok(true) {
            reports.push(Report::decode(&frame).unwrap().0);
            frame.clear();
        }
    }
    reports
}

#[test]
#[ignore = "needs the emulated Pi"]
fn in_the_emulated_pi_it_drives_as_far_as_there_are_devices() {
    let mut bank = Bank::new(LINES.len() as u32, "rover");
    for (offset, name) in (0..).zip(LINES) {
        bank.name(offset, name);
    }
    let sim = gpiosim::builder().with_bank(&bank).live().unwrap();
    let chip = &sim.chips()[0];
    let board = Board::linux().unwrap();
    let config = Config::parse(include_str!("../pi.toml"), "pi.toml".as_ref()).unwrap();
    assert_eq!(config.absent(), ["encoders", "ranger", "imu"]);
    let is_on = |line| chip.get_level(line).unwrap() == Level::High;

    let (summary, fastest) = thread::scope(|scope| {
        let brush = scope.spawn(|| play_brush(&board, 5));
        let rover = Rover::open(&board, &config, true).unwrap();
        // A line of gpio-sim is pulled as its holder wants it: open, until a hand connects it to ground.
        chip.set_pull(STOP, Level::Low).unwrap();
        let hand = scope.spawn(|| {
            sleep(1500);
            let (mut forwards, mut looks) = (0, 0);
            while looks < 100 {
                forwards += u32::from(is_on(LEFT_FORWARDS));
                looks += 1;
                sleep(5);
            }
            // A third of the pace that it would have if it saw anything, of what it reaches.
            assert!(
                is_on(MOTORS_ON) && (5..50).contains(&forwards),
                "{forwards} of {looks}"
            );
            chip.set_pull(STOP, Level::High).unwrap();
            sleep(200);
            assert!(!is_on(MOTORS_ON) && !is_on(LEFT_FORWARDS));
        });
        let summary = rover.run(Some(4));
        hand.join().unwrap();
        (summary, brush.join().unwrap())
    });
    println!("{summary}");
    let stops: Vec<Stop> = summary.stops.iter().map(|(_, stop)| *stop).collect();
    assert_eq!(stops, [Stop::Emergency, Stop::Ended]);
    assert_eq!(fastest, 2.0);
    // 40 states, some 20 bytes each; up to the last word, for whoever has the port next is to find nothing.
    let port = Outside::here().uart();
    let mut wire = port.receive(400);
    let is_over = |wire: &[u8]| {
        let ended = |code| code == Stop::Ended.code().0;
        matches!(reports(wire).last(), Some(Report::Stopped { code, .. }) if ended(*code))
    };
    while !is_over(&wire) {
        wire.extend(port.receive(1));
    }
    let reports = reports(&wire);
    assert!(reports.len() > 12, "{reports:?}");
    assert!(summary.jitter.cycles + summary.jitter.missed >= 400);
}
