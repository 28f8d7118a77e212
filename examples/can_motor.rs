//! Turns a motor by an ODrive on CAN, watches its heartbeat, and stops it whatever happens:
//! `cargo run --example can_motor -- --velocity 2 --seconds 3`

use std::time::Duration;

use circuits::can::{Config, Error, ErrorKind, ErrorMask, Filter, Frame, Id, Socket};
use circuits::{Board, Failure};
use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The interface
    #[arg(long, default_value = "can0")]
    interface: String,
    /// Which axis the controller is
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..63))]
    axis: u16,
    /// Turns a second
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
    velocity: f32,
    /// For how long
    #[arg(long, default_value_t = 3)]
    seconds: u32,
}

/// Messages of CANSimple, the protocol of ODrive controllers: an identifier is the axis, and one of these.
const HEARTBEAT: u16 = 0x01;
const SET_STATE: u16 = 0x07;
const ENCODER: u16 = 0x09;
const SET_VELOCITY: u16 = 0x0d;

const IDLE: u32 = 1;
const CLOSED_LOOP: u32 = 8;

/// It beats every 100 ms; who misses three beats is gone.
const SILENCE: Duration = Duration::from_millis(350);

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let board = Board::from_env()?;
    let axis = Axis::open(&board, &args)?;
    axis.send(SET_STATE, &CLOSED_LOOP.to_le_bytes())?;
    let turned = axis.turn(&board, &args);
    // Whatever came of it.
    let stopped = axis.stop();
    turned.and(stopped)
}

struct Axis {
    socket: Socket,
    number: u16,
}

impl Axis {
    fn open(board: &Board, args: &Args) -> Result<Axis, Failure> {
        // What the axis says, and what the bus does: that it is off is nothing to go on with.
        let config = Config::new()
            .filters([Filter::masked(Id::standard(args.axis << 5)?, 0x7e0)])
            .errors(ErrorMask::BUS_OFF)
            .timeout(SILENCE);
        let socket = board.can_socket(&args.interface, &config)?;
        Ok(Axis {
            socket,
            number: args.axis,
        })
    }

    fn send(&self, message: u16, data: &[u8]) -> Result<(), Error> {
        let id = Id::standard(self.number << 5 | message)?;
        self.socket.write(&Frame::new(id, data)?, SILENCE)
    }

    /// Has it rest, and waits until it says so itself.
    fn stop(&self) -> Result<(), Failure> {
        self.send(SET_VELOCITY, &[0; 8])?;
        self.send(SET_STATE, &IDLE.to_le_bytes())?;
        loop {
            let frame = self.socket.read_frame(SILENCE)?;
            match (frame.id().raw() as u16 & 0x1f, frame.data()) {
                (HEARTBEAT, &[_, _, _, _, state, ..]) if u32::from(state) == IDLE => return Ok(()),
                _ => {}
            }
        }
    }

    fn turn(&self, board: &Board, args: &Args) -> Result<(), Failure> {
        let clock = board.clock();
        let end = clock.now() + Duration::from_secs(args.seconds.into());
        let mut velocity = [0; 8];
        velocity[..4].copy_from_slice(&args.velocity.to_le_bytes());
        let mut beat = clock.now();
        let mut turned = None;
        while clock.now() < end {
            let received = match self.socket.read(SILENCE) {
                Err(error) if error.kind() == ErrorKind::TimedOut => return Err(silent(error)),
                received => received?,
            };
            if let Some(error) = received.error() {
                return Err(format!("the bus: {error}").into());
            }
            let Some(frame) = received.frame() else {
                continue;
            };
            match (frame.id().raw() as u16 & 0x1f, frame.data()) {
                (HEARTBEAT, &[a, b, c, d, state, ..]) => {
                    beat = received.time();
                    match u32::from_le_bytes([a, b, c, d]) {
                        0 => {}
                        errors => return Err(format!("the axis has errors: {errors:#x}").into()),
                    }
                    // It obeys in this state only. Being told the velocity feeds its watchdog.
                    if u32::from(state) == CLOSED_LOOP {
                        self.send(SET_VELOCITY, &velocity)?;
                    }
                    if let Some((position, velocity)) = turned {
                        println!("{position:.2} turns, {velocity:.2} turns/s");
                    }
                }
                (ENCODER, &[a, b, c, d, e, f, g, h]) => {
                    let position = f32::from_le_bytes([a, b, c, d]);
                    turned = Some((position, f32::from_le_bytes([e, f, g, h])));
                }
                _ => {}
            }
            if received.time().since(beat) > SILENCE {
                return Err("the axis sends no heartbeat any more".into());
            }
        }
        Ok(())
    }
}

fn silent(error: Error) -> Failure {
    format!("the axis says nothing ({error})").into()
}
