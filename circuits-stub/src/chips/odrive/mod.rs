mod drive;
mod motor;
mod protocol;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_can::{Frame, State};
use circuits_wait::Time;

use self::drive::{Change, Drive};
use crate::can::{Controller, Node};

/// ODrive's controller of a motor, which speaks CANSimple (as firmware 0.6 does,
/// <https://docs.odriverobotics.com/v/latest/manual/can-protocol.html>), with a motor on it that turns.
///
/// An identifier is the axis, 0 to 62, shifted left by five, and the message. It sends a heartbeat (0x01) every
/// 100 ms, with its errors, its state and the result of the last procedure, and what its encoder estimates (0x09)
/// every 10 ms, in turns and turns a second; and answers remote frames: version (0x00), heartbeat, errors (0x03),
/// encoder, currents (0x14), temperatures (0x15), voltage and current of the supply (0x17), torques (0x1c). It obeys
/// emergency stop (0x02), axis states (0x07), controller modes (0x0b: torque, velocity, position), set
/// points (0x0c to 0x0e), limits (0x0f), reboot (0x16), clear errors (0x18) and absolute position (0x19).
///
/// The motor turns in closed-loop control (state 8) only. It follows its set point with a lag of 50 ms, as far as
/// the torque reaches: 10 A at 0.04 N m/A, and not faster than 10 turns a second, until limits are
/// set. What a test does to it ([`block`](Odrive::block), [`raise`](Odrive::raise) and so on) is done at once when it is on
/// a bus.
///
/// Set points and states feed its [watchdog](Odrive::watchdog). Calibrations succeed at once. Ramps, trajectories
/// and other input modes, mirroring, homing, endpoints (SDO) and addressing are not there, nor is the gain of the
/// position, which is 5 turns a second for a turn; input modes are not looked at.
///
/// Clones are the same controller.
///
/// ```
/// use circuits_can::{Config, Frame, Id, Socket};
/// use circuits_stub::{Stub, chips::Odrive};
/// use std::time::Duration;
///
/// let drive = Odrive::new(3);
/// let stub = Stub::virtual_time().can_node("can0", drive.clone())?;
/// let can0 = Socket::open_on(&stub, "can0", &Config::new())?;
/// let message = |command: u16| Id::standard(3 << 5 | command);
/// // Closed-loop control, and one turn a second.
/// can0.write(&Frame::new(message(0x07)?, &8u32.to_le_bytes())?, None)?;
/// let velocity = [1.0f32.to_le_bytes(), 0.0f32.to_le_bytes()].concat();
/// can0.write(&Frame::new(message(0x0d)?, &velocity)?, None)?;
/// stub.delay().sleep(Duration::from_secs(1))?;
/// assert!((drive.velocity(stub.clock().now()) - 1.0).abs() < 0.001);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Odrive(Arc<Mutex<Drive>>);

impl Odrive {
    /// The error `WATCHDOG_TIMER_EXPIRED` (`ODrive.Error`).
    pub const WATCHDOG_TIMER_EXPIRED: u32 = 0x0100_0000;
    /// The error `ESTOP_REQUESTED`.
    pub const ESTOP_REQUESTED: u32 = 0x0200_0000;

    /// Makes a controller for an axis, of whose number six bits count, at 24 V, with a rotor of 1 kg cm².
    pub fn new(axis: u8) -> Odrive {
        Odrive(Arc::new(Mutex::new(Drive::new(axis))))
    }

    /// Sets at what interval it sends its heartbeat, a millisecond at least; zero: only when it is asked. Default: 100 ms.
    pub fn heartbeat_every(self, interval: Duration) -> Odrive {
        let interval = possible(interval);
        let before = std::mem::replace(&mut self.lock().heartbeats.interval, interval);
        self.asked_anew(before != interval)
    }

    /// Sets at what interval it sends what its encoder estimates, a millisecond at least; zero: only when it is asked.
    /// Default: 10 ms.
    pub fn estimates_every(self, interval: Duration) -> Odrive {
        let interval = possible(interval);
        let before = std::mem::replace(&mut self.lock().estimates.interval, interval);
        self.asked_anew(before != interval)
    }

    /// Sets after what time in closed-loop control without a set point or state it stops, with an error. Default:
    /// never.
    pub fn watchdog(self, time: Duration) -> Odrive {
        self.lock().watchdog = Some(time);
        self
    }

    /// Sets the moment of inertia of all that turns, in kg m². Default: 0.0001.
    pub fn inertia(self, inertia: f32) -> Odrive {
        self.lock().motor.inertia = inertia;
        self
    }

    /// Sets the voltage of the supply. Default: 24 V.
    pub fn set_supply(&self, volts: f32) {
        self.lock().volts = volts;
    }

    /// Sets what the load takes, whichever way it turns, in N m. Default: nothing.
    pub fn set_load(&self, torque: f32) {
        self.change(Change::Load(torque.abs()));
    }

    /// Has the shaft stick, or lets it go.
    pub fn block(&self, stuck: bool) {
        self.change(Change::Block(stuck));
    }

    /// Has an error happen, or several: the bits of `ODrive.Error`. It stops, until the errors are cleared and it is told
    /// to go on.
    pub fn raise(&self, errors: u32) {
        self.change(Change::Raise(errors));
    }

    /// Returns the errors that are not cleared yet.
    pub fn errors(&self) -> u32 {
        self.lock().errors
    }

    /// Returns the state of the axis (`ODrive.AxisState`): 1 is idle, 8 is closed-loop control.
    pub fn state(&self) -> u8 {
        self.lock().state
    }

    /// Returns how fast the motor turns at a time of the board, in turns a second.
    pub fn velocity(&self, now: Time) -> f32 {
        let mut drive = self.lock();
        drive.catch_up(now);
        drive.motor.velocity()
    }

    /// Returns how far the motor has turned by a time of the board, in turns.
    pub fn position(&self, now: Time) -> f32 {
        let mut drive = self.lock();
        drive.catch_up(now);
        drive.motor.position(now)
    }

    /// Returns what torque the motor exerts at a time of the board, in N m.
    pub fn torque(&self, now: Time) -> f32 {
        let mut drive = self.lock();
        drive.catch_up(now);
        drive.motor.torque()
    }

    fn change(&self, change: Change) {
        self.lock().changes.push(change);
        self.draw_attention();
    }

    fn asked_anew(self, is_changed: bool) -> Odrive {
        if is_changed {
            self.draw_attention();
        }
        self
    }

    fn draw_attention(&self) {
        // Not while it is locked: it is asked now.
        let attention = self.lock().attention.clone();
        attention.draw();
    }

    fn lock(&self) -> MutexGuard<'_, Drive> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// It counts intervals in milliseconds.
fn possible(interval: Duration) -> Duration {
    match interval.is_zero() {
        true => interval,
        false => interval.max(Duration::from_millis(1)),
    }
}

impl Node for Odrive {
    fn receive(&mut self, frame: &Frame, controller: &mut Controller) {
        let now = controller.time();
        let mut drive = self.lock();
        let Some((_, command)) = protocol::address(frame).filter(|(axis, _)| *axis == drive.axis)
        else {
            return;
        };
        drive.catch_up(now);
        if frame.is_remote() {
            drive.say(command, controller);
        } else if let Some(message) = protocol::read(command, frame.data()) {
            drive.obey(message, now);
        }
    }

    fn sent(&mut self, frame: &Frame, _: &mut Controller) {
        if let Some((_, command)) = protocol::address(frame) {
            self.lock().waiting &= !(1 << command);
        }
    }

    fn state_changed(&mut self, controller: &mut Controller) {
        if controller.state() == State::BusOff {
            controller.abort();
            self.lock().waiting = 0;
            controller.restart();
        }
    }

    fn next(&self) -> Option<Time> {
        let drive = self.lock();
        if drive.began.is_none() || !drive.changes.is_empty() {
            return Some(Time::ZERO);
        }
        let due = [
            drive.heartbeats.next(),
            drive.estimates.next(),
            drive.expires(),
        ];
        due.into_iter().flatten().min()
    }

    fn act(&mut self, controller: &mut Controller) {
        let now = controller.time();
        let mut drive = self.lock();
        if drive.began.is_none() {
            drive.began = Some(now);
            drive.attention = controller.attention();
            drive.heartbeats.begin(now);
            drive.estimates.begin(now);
        }
        drive.catch_up(now);
        let due = [drive.heartbeats.due(now), drive.estimates.due(now)];
        for command in due.into_iter().flatten() {
            drive.say(command, controller);
        }
    }
}

impl fmt::Debug for Odrive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drive = self.lock();
        f.debug_struct("Odrive")
            .field("axis", &drive.axis)
            .field("state", &drive.state)
            .field("errors", &format_args!("{:#x}", drive.errors))
            .finish_non_exhaustive()
    }
}
