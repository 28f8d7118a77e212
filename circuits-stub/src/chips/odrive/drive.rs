//! What the controller knows, and does with it.

use std::time::Duration;

use circuits_can::Frame;
use circuits_wait::Time;

use super::Odrive;
use super::motor::{Limits, Motor, SetPoint};
use super::protocol::{self, Message, command};
use crate::can::{Attention, Controller};

pub(super) struct Drive {
    pub(super) axis: u8,
    pub(super) motor: Motor,
    pub(super) state: u8,
    /// Of the last procedure (`ODrive.ProcedureResult`).
    result: u8,
    pub(super) errors: u32,
    disarm_reason: u32,
    control: Control,
    input: Input,
    /// Of the supply.
    pub(super) volts: f32,
    torque_constant: f32,
    pub(super) heartbeats: Cycle,
    pub(super) estimates: Cycle,
    pub(super) watchdog: Option<Duration>,
    fed: Time,
    /// When it was connected.
    pub(super) began: Option<Time>,
    /// What is under way, a bit for each message: it sends nothing twice.
    pub(super) waiting: u32,
    /// What a test has done to it and was not seen to yet.
    pub(super) changes: Vec<Change>,
    pub(super) attention: Attention,
}

/// What is sent at an interval.
pub(super) struct Cycle {
    command: u8,
    pub(super) interval: Duration,
    last: Time,
}

#[derive(Clone, Copy)]
enum Control {
    Torque,
    Velocity,
    Position,
}

/// What it was told, each in its unit.
#[derive(Clone, Copy, Default)]
struct Input {
    position: f32,
    velocity: f32,
    torque: f32,
}

#[derive(Clone, Copy)]
pub(super) enum Change {
    Load(f32),
    Block(bool),
    Raise(u32),
}

/// States of an axis (`ODrive.AxisState`).
pub(super) const IDLE: u8 = 1;
const CALIBRATION: [u32; 3] = [3, 4, 7];
pub(super) const CLOSED_LOOP: u8 = 8;

/// `ODrive.ProcedureResult`.
pub(super) const SUCCESS: u8 = 0;
pub(super) const DISARMED: u8 = 3;
pub(super) const INVALID_STATE: u8 = 13;

/// Protocol 2 of firmware 0.6.10 on an ODrive Pro.
pub(super) const VERSION: [u8; 8] = [2, 4, 4, 58, 0, 6, 10, 0];

const CURRENT_LIMIT: f32 = 10.0;
const VELOCITY_LIMIT: f32 = 10.0;
/// What the phases have, in ohms.
pub(super) const RESISTANCE: f32 = 0.1;

impl Drive {
    pub(super) fn new(axis: u8) -> Drive {
        let torque_constant = 0.04;
        let cycle = |command, millis| Cycle {
            command,
            interval: Duration::from_millis(millis),
            last: Time::ZERO,
        };
        Drive {
            axis: axis & 0x3f,
            motor: Motor::new(Limits {
                velocity: VELOCITY_LIMIT,
                torque: CURRENT_LIMIT * torque_constant,
            }),
            state: IDLE,
            result: SUCCESS,
            errors: 0,
            disarm_reason: 0,
            control: Control::Velocity,
            input: Input::default(),
            volts: 24.0,
            torque_constant,
            heartbeats: cycle(command::HEARTBEAT, 100),
            estimates: cycle(command::GET_ENCODER_ESTIMATES, 10),
            watchdog: None,
            fed: Time::ZERO,
            began: None,
            waiting: 0,
            changes: Vec::new(),
            attention: Attention::default(),
        }
    }

    /// Lets the motor turn up to now, which it does as it was told until then.
    pub(super) fn catch_up(&mut self, now: Time) {
        let expires = self.expires().filter(|time| *time <= now);
        self.turn(expires.unwrap_or(now));
        if expires.is_some() {
            self.disarm(Odrive::WATCHDOG_TIMER_EXPIRED);
            self.turn(now);
        }
        for change in std::mem::take(&mut self.changes) {
            match change {
                Change::Load(torque) => self.motor.load = torque,
                Change::Block(stuck) => self.motor.blocked = stuck,
                Change::Raise(errors) => self.disarm(errors),
            }
        }
    }

    fn turn(&mut self, now: Time) {
        let set_point = self.set_point();
        self.motor.catch_up(now, set_point);
    }

    fn set_point(&self) -> SetPoint {
        let Input {
            position,
            velocity,
            torque,
        } = self.input;
        match self.control {
            _ if self.state != CLOSED_LOOP => SetPoint::Off,
            Control::Torque => SetPoint::Torque(torque),
            Control::Velocity => SetPoint::Velocity { velocity, torque },
            Control::Position => SetPoint::Position {
                position,
                velocity,
                torque,
            },
        }
    }

    /// When the watchdog will have had enough.
    pub(super) fn expires(&self) -> Option<Time> {
        let armed = self.state == CLOSED_LOOP;
        self.watchdog
            .filter(|_| armed)
            .map(|timeout| self.fed + timeout)
    }

    fn disarm(&mut self, errors: u32) {
        self.errors |= errors;
        if self.state == CLOSED_LOOP {
            self.disarm_reason |= errors;
            (self.state, self.result) = (IDLE, DISARMED);
        }
    }

    pub(super) fn obey(&mut self, message: Message, now: Time) {
        match message {
            Message::Estop => self.disarm(Odrive::ESTOP_REQUESTED),
            Message::SetAxisState(state) => self.request(state, now),
            Message::SetControllerMode { control, .. } => {
                self.control = match control {
                    1 => Control::Torque,
                    2 => Control::Velocity,
                    3 => Control::Position,
                    _ => self.control,
                };
            }
            Message::SetInputPos {
                position,
                velocity,
                torque,
            } => {
                self.fed = now;
                self.input = Input {
                    position,
                    velocity,
                    torque,
                };
            }
            Message::SetInputVel { velocity, torque } => {
                self.fed = now;
                (self.input.velocity, self.input.torque) = (velocity, torque);
            }
            Message::SetInputTorque(torque) => {
                self.fed = now;
                self.input.torque = torque;
            }
            Message::SetLimits { velocity, current } => {
                self.motor.limits = Limits {
                    velocity: velocity.abs(),
                    torque: current.abs() * self.torque_constant,
                };
            }
            Message::Reboot => {
                (self.state, self.result) = (IDLE, SUCCESS);
                (self.errors, self.disarm_reason) = (0, 0);
                self.input = Input::default();
            }
            Message::ClearErrors => (self.errors, self.disarm_reason) = (0, 0),
            Message::SetAbsolutePosition(position) => self.motor.set_position(position),
        }
    }

    fn request(&mut self, state: u32, now: Time) {
        self.fed = now;
        (self.state, self.result) = match state {
            1 => (IDLE, SUCCESS),
            8 if self.errors != 0 => (IDLE, DISARMED),
            8 => {
                // It stays where it is until it is told otherwise.
                if self.state != CLOSED_LOOP {
                    self.input = Input {
                        position: self.motor.position(now),
                        ..Input::default()
                    };
                }
                (CLOSED_LOOP, SUCCESS)
            }
            state if CALIBRATION.contains(&state) && self.errors == 0 => (IDLE, SUCCESS),
            _ => (IDLE, INVALID_STATE),
        };
    }

    /// What it answers to a remote frame, and sends by itself.
    fn answer(&self, command: u8, now: Time) -> Option<[u8; 8]> {
        let current = self.motor.torque() / self.torque_constant;
        Some(match command {
            command::GET_VERSION => VERSION,
            command::HEARTBEAT => {
                let errors = self.errors | self.disarm_reason;
                protocol::words(errors, u32::from_le_bytes([self.state, self.result, 0, 0]))
            }
            command::GET_ERROR => protocol::words(self.errors, self.disarm_reason),
            command::GET_ENCODER_ESTIMATES => {
                protocol::pair(self.motor.position(now), self.motor.velocity())
            }
            command::GET_IQ => protocol::pair(current, current),
            command::GET_TEMPERATURE => protocol::pair(30.0, 35.0),
            command::GET_BUS_VOLTAGE_CURRENT => {
                let power = self.motor.torque() * self.motor.velocity() * std::f32::consts::TAU
                    + current * current * RESISTANCE;
                protocol::pair(self.volts, power / self.volts)
            }
            command::GET_TORQUES => protocol::pair(self.input.torque, self.motor.torque()),
            _ => return None,
        })
    }

    /// Sends a message, unless it is under way already: it does not pile up when nobody acknowledges.
    pub(super) fn say(&mut self, command: u8, controller: &mut Controller) {
        let bit = 1 << command;
        let data = self.answer(command, controller.time());
        if let (Some(id), Some(data), 0) =
            (protocol::id(self.axis, command), data, self.waiting & bit)
        {
            if let Ok(frame) = Frame::new(id, &data) {
                controller.send(&frame);
                self.waiting |= bit;
            }
        }
    }
}

impl Cycle {
    /// The first one comes an interval later.
    pub(super) fn begin(&mut self, now: Time) {
        self.last = now;
    }

    pub(super) fn next(&self) -> Option<Time> {
        (!self.interval.is_zero()).then(|| self.last + self.interval)
    }

    /// Returns what is due.
    pub(super) fn due(&mut self, now: Time) -> Option<u8> {
        let due = self.next().filter(|time| *time <= now)?;
        // It was off for a while, perhaps.
        let is_late = due + self.interval <= now;
        self.last = if is_late { now } else { due };
        Some(self.command)
    }
}
