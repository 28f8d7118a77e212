//! The brush, whose motor is at an ODrive on CAN.

use std::time::Duration;

use circuits::can::{Config, Error, ErrorKind, ErrorMask, Filter, Frame, Id, Received, Socket};
use circuits::wait::Time;
use circuits::{Board, Failure};

use crate::config;
use crate::stop::Stop;

/// Messages of CANSimple, the protocol of ODrive controllers: an identifier is the axis, and one of these.
const HEARTBEAT: u16 = 0x01;
const SET_STATE: u16 = 0x07;
const SET_VELOCITY: u16 = 0x0d;
const CLEAR_ERRORS: u16 = 0x18;

const IDLE: u8 = 1;
const CLOSED_LOOP: u8 = 8;

/// It beats every 100 ms: who misses two beats, and nearly a third, is gone.
const SILENCE: Duration = Duration::from_millis(300);
/// How often it is told what to do, which feeds its watchdog.
const FEED: Duration = Duration::from_millis(50);

/// So often 32 frames are taken in a cycle, in which a bus at a megabit has room for a hundred at most.
const ROUNDS_A_CYCLE: u32 = 8;

pub struct Brush {
    socket: Socket,
    axis: u16,
    velocity: f32,
    beat: Option<Time>,
    state: u8,
    errors: u32,
    is_off: bool,
    fed: Option<Time>,
    /// Commands for which there was no room, and frames that were not read in time.
    pub lost: u64,
}

impl Brush {
    pub fn open(board: &Board, config: &config::Brush) -> Result<Brush, Failure> {
        let axis = u16::from(config.axis);
        // What the axis says, and whether the bus is there.
        let settings = Config::new()
            .filters([Filter::masked(Id::standard(axis << 5)?, 0x7e0)])
            .errors(ErrorMask::BUS_OFF | ErrorMask::RESTARTED);
        Ok(Brush {
            socket: board.can_socket(&config.interface, &settings)?,
            axis,
            velocity: config.turns_a_second,
            beat: None,
            state: IDLE,
            errors: 0,
            is_off: false,
            fed: None,
            lost: 0,
        })
    }

    /// Takes what has come since the last time.
    pub fn listen(&mut self) -> Result<(), Stop> {
        let mut frames = [Received::empty(); 32];
        // Whoever floods the bus must not hold the loop up: what is left over waits, and is lost when there is no more room.
        for _ in 0..ROUNDS_A_CYCLE {
            let count = match self.socket.read_many(&mut frames, Duration::ZERO) {
                Ok(count) => count,
                Err(error) => return nothing_more(&error),
            };
            for received in &frames[..count] {
                self.take(received);
            }
            if self.is_off {
                return Err(Stop::BusOff);
            }
        }
        Ok(())
    }

    fn take(&mut self, received: &Received) {
        self.lost += u64::from(received.lost());
        if let Some(error) = received.error() {
            if error.class().includes(ErrorMask::BUS_OFF) {
                self.is_off = true;
            }
            if error.class().includes(ErrorMask::RESTARTED) {
                self.is_off = false;
            }
        }
        let Some(frame) = received.frame() else {
            return;
        };
        if let (HEARTBEAT, &[a, b, c, d, state, ..]) =
            (frame.id().raw() as u16 & 0x1f, frame.data())
        {
            self.beat = Some(received.time());
            self.errors = u32::from_le_bytes([a, b, c, d]);
            self.state = state;
            // Who hears somebody is on the bus, whatever was.
            self.is_off = false;
        }
    }

    /// Finds out whether it is there and well.
    pub fn check(&self, now: Time) -> Result<(), Stop> {
        let is_silent = self.beat.is_none_or(|beat| now.since(beat) > SILENCE);
        match (self.is_off, is_silent, self.errors) {
            (true, ..) => Err(Stop::BusOff),
            (_, true, _) => Err(Stop::BrushSilent),
            (.., 0) => Ok(()),
            (.., errors) => Err(Stop::BrushFault(errors)),
        }
    }

    /// Has it forget its errors, of which it says so with its next beat.
    pub fn clear(&mut self) {
        self.send(CLEAR_ERRORS, &[]);
    }

    /// Has it turn on.
    pub fn sweep(&mut self, now: Time) {
        if self.fed.is_some_and(|fed| now.since(fed) < FEED) {
            return;
        }
        self.fed = Some(now);
        if self.state != CLOSED_LOOP {
            self.send(SET_STATE, &u32::from(CLOSED_LOOP).to_le_bytes());
        }
        let mut velocity = [0; 8];
        velocity[..4].copy_from_slice(&self.velocity.to_le_bytes());
        self.send(SET_VELOCITY, &velocity);
    }

    /// Has it rest, as long as it says that it does not: a command may find no room, or the bus be dead. If it never hears
    /// that, its watchdog sees to it, if it has one: an ODrive's is off as it comes (`enable_watchdog`).
    pub fn keep_at_rest(&mut self, now: Time) {
        if self.state != IDLE && self.fed.is_none_or(|fed| now.since(fed) >= FEED) {
            self.rest(now);
        }
    }

    /// Has it rest at once.
    pub fn rest(&mut self, now: Time) {
        self.fed = Some(now);
        self.send(SET_VELOCITY, &[0; 8]);
        self.send(SET_STATE, &u32::from(IDLE).to_le_bytes());
    }

    /// Sends a command if there is room: a bus on which nobody acknowledges must not hold the loop up.
    fn send(&mut self, message: u16, data: &[u8]) {
        let frame = Id::standard(self.axis << 5 | message).and_then(|id| Frame::new(id, data));
        let sent = frame
            .map_err(Error::from)
            .and_then(|frame| self.socket.write(&frame, Duration::ZERO));
        if sent.is_err() {
            self.lost += 1;
        }
    }
}

/// Nothing has come, or nothing will.
fn nothing_more(error: &Error) -> Result<(), Stop> {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(()),
        _ => Err(Stop::CanLost),
    }
}
