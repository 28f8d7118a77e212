use std::f32::consts::TAU;
use std::time::Duration;

use circuits_wait::Time;

/// A motor with what it turns, and the loop that controls it: what is left of a real one when current, heat
/// and noise are left out.
///
/// It moves in steps of a millisecond, counted from the start of time: however often it is looked at, it
/// is the same.
#[derive(Clone, Debug)]
pub(super) struct Motor {
    /// Up to when it has moved.
    time: Time,
    /// In turns, and turns a second.
    position: f32,
    velocity: f32,
    /// What it exerted in the last step, in newton metres.
    torque: f32,
    /// In kilogram square metres.
    pub(super) inertia: f32,
    /// What friction takes, whatever the direction, in newton metres.
    pub(super) load: f32,
    /// The shaft is stuck.
    pub(super) blocked: bool,
    pub(super) limits: Limits,
}

/// In turns a second, and newton metres.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) velocity: f32,
    pub(super) torque: f32,
}

/// What it is to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum SetPoint {
    /// It is switched off, and coasts.
    Off,
    Torque(f32),
    Velocity {
        velocity: f32,
        torque: f32,
    },
    Position {
        position: f32,
        velocity: f32,
        torque: f32,
    },
}

const STEP: Duration = Duration::from_millis(1);
const SECONDS: f32 = 0.001;
/// With which the velocity follows.
const LAG: f32 = 0.05;
/// Turns a second for each turn that is left: a quarter of what the lag would bear without overshooting.
pub(super) const POSITION_GAIN: f32 = 5.0;

impl Motor {
    pub(super) fn new(limits: Limits) -> Motor {
        Motor {
            time: Time::ZERO,
            position: 0.0,
            velocity: 0.0,
            torque: 0.0,
            inertia: 1e-4,
            load: 0.0,
            blocked: false,
            limits,
        }
    }

    /// Moves on to `now`, or not, if that is over.
    pub(super) fn catch_up(&mut self, now: Time, set_point: SetPoint) {
        // Who stands and is not told to move stands for however long.
        if self.velocity == 0.0 && matches!(set_point, SetPoint::Off) {
            self.torque = 0.0;
            let steps = now.since(self.time).as_nanos() / STEP.as_nanos();
            self.time = self.time + STEP * u32::try_from(steps).unwrap_or(u32::MAX);
        }
        while self.time + STEP <= now {
            self.step(set_point);
            self.time = self.time + STEP;
        }
    }

    fn step(&mut self, set_point: SetPoint) {
        // What a newton metre makes, in turns a second each second.
        let per_torque = 1.0 / (TAU * self.inertia);
        let most = self.limits.torque;
        let torque = match set_point {
            SetPoint::Off => 0.0,
            SetPoint::Torque(torque) => {
                let too_fast = self.velocity.abs() >= self.limits.velocity;
                match too_fast && torque * self.velocity > 0.0 {
                    true => self.friction(torque),
                    false => torque,
                }
            }
            SetPoint::Velocity { velocity, torque } => self.follow(velocity, torque, per_torque),
            SetPoint::Position {
                position,
                velocity,
                torque,
            } => {
                let velocity = velocity + POSITION_GAIN * (position - self.position);
                self.follow(velocity, torque, per_torque)
            }
        };
        self.torque = limited(torque, most);
        let before = self.velocity;
        if self.blocked {
            self.velocity = 0.0;
        } else if before == 0.0 {
            // It sticks until it is overcome.
            let left = (self.torque.abs() - self.load).max(0.0);
            self.velocity = left.copysign(self.torque) * per_torque * SECONDS;
        } else {
            let net = self.torque - self.load.copysign(before);
            let after = before + net * per_torque * SECONDS;
            // Friction stops it, and does not turn it round.
            self.velocity = if after * before < 0.0 && self.torque.abs() <= self.load {
                0.0
            } else {
                after
            };
        }
        self.position += (before + self.velocity) / 2.0 * SECONDS;
    }

    /// What it takes to come nearer to a velocity, by what a lag has left after a step; it knows the
    /// load, as an integrator does after a while.
    fn follow(&self, velocity: f32, torque: f32, per_torque: f32) -> f32 {
        let velocity = limited(velocity, self.limits.velocity);
        let gap = velocity - self.velocity;
        if self.blocked && gap != 0.0 {
            // An integrator would end there.
            return self.limits.torque.copysign(gap);
        }
        let part = 1.0 - (-SECONDS / LAG).exp();
        let wanted = gap * part / SECONDS / per_torque;
        wanted + torque + self.friction(velocity)
    }

    /// What it takes against the load where it moves, or else where it is to move.
    fn friction(&self, towards: f32) -> f32 {
        match self.velocity {
            0.0 if towards == 0.0 => 0.0,
            0.0 => self.load.copysign(towards),
            velocity => self.load.copysign(velocity),
        }
    }

    /// In turns, with what it has moved since the last step.
    pub(super) fn position(&self, now: Time) -> f32 {
        self.position + self.velocity * now.since(self.time).as_secs_f32().min(SECONDS)
    }

    pub(super) fn set_position(&mut self, position: f32) {
        self.position = position;
    }

    /// In turns a second.
    pub(super) fn velocity(&self) -> f32 {
        self.velocity
    }

    /// In newton metres.
    pub(super) fn torque(&self) -> f32 {
        self.torque
    }
}

/// A value within a limit both ways. Limits come over the bus, and may be negative, or no numbers.
fn limited(value: f32, most: f32) -> f32 {
    value.abs().min(most.abs()).copysign(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn motor() -> Motor {
        Motor::new(Limits {
            velocity: 10.0,
            torque: 0.4,
        })
    }

    fn after(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    fn turning(velocity: f32) -> SetPoint {
        SetPoint::Velocity {
            velocity,
            torque: 0.0,
        }
    }

    fn is_near(a: f32, b: f32) {
        assert!((a - b).abs() < 0.005 * b.abs().max(0.2), "{a}, not {b}");
    }

    #[test]
    fn velocity_follows_with_a_lag() {
        let mut motor = motor();
        motor.catch_up(after(50), turning(2.0));
        is_near(motor.velocity(), 2.0 * (1.0 - (-1.0f32).exp()));
        motor.catch_up(after(1000), turning(2.0));
        is_near(motor.velocity(), 2.0);
        is_near(motor.position(after(1000)), 2.0 - 2.0 * LAG);
        motor.catch_up(after(2000), turning(-20.0));
        is_near(motor.velocity(), -10.0);
    }

    #[test]
    fn it_is_the_same_however_often_it_is_looked_at() {
        let (mut once, mut often) = (motor(), motor());
        once.catch_up(after(300), turning(3.0));
        (0..=3000).for_each(|tenth| {
            let time = Time::ZERO + Duration::from_micros(100 * tenth);
            often.catch_up(time, turning(3.0));
        });
        assert_eq!(once.velocity(), often.velocity());
        assert_eq!(once.position(after(300)), often.position(after(300)));
    }

    #[test]
    fn limited_torque_takes_its_time() {
        let mut heavy = motor();
        heavy.inertia = 0.01;
        // 0.4 N m at 0.01 kg m²: 40 rad/s².
        heavy.catch_up(after(500), turning(10.0));
        is_near(heavy.velocity(), 20.0 / TAU);
        assert_eq!(heavy.torque(), 0.4);
    }

    #[test]
    fn a_load_is_overcome_or_not() {
        let mut motor = motor();
        motor.load = 0.3;
        motor.catch_up(after(1000), turning(2.0));
        is_near(motor.velocity(), 2.0);
        is_near(motor.torque(), 0.3);
        motor.load = 0.5;
        motor.catch_up(after(2000), turning(2.0));
        assert_eq!((motor.velocity(), motor.torque()), (0.0, 0.4));
        motor.load = 0.1;
        motor.catch_up(after(3000), turning(-2.0));
        is_near(motor.velocity(), -2.0);
        is_near(motor.torque(), -0.1);
        // Switched off, it coasts, and stops.
        motor.catch_up(after(4000), SetPoint::Off);
        assert_eq!((motor.velocity(), motor.torque()), (0.0, 0.0));
    }

    #[test]
    fn without_a_load_it_coasts_for_ever() {
        let mut motor = motor();
        motor.catch_up(after(1000), turning(2.0));
        let velocity = motor.velocity();
        motor.catch_up(after(9000), SetPoint::Off);
        assert_eq!(motor.velocity(), velocity);
    }

    #[test]
    fn a_shaft_that_is_stuck_stays() {
        let mut motor = motor();
        motor.blocked = true;
        motor.catch_up(after(1000), turning(10.0));
        assert_eq!((motor.velocity(), motor.position(after(1000))), (0.0, 0.0));
        assert_eq!(motor.torque(), 0.4);
    }

    #[test]
    fn torque_alone_accelerates_up_to_the_limit() {
        let mut motor = motor();
        motor.inertia = 0.01;
        motor.catch_up(after(500), SetPoint::Torque(0.1));
        is_near(motor.velocity(), 5.0 / TAU);
        motor.catch_up(after(20_000), SetPoint::Torque(0.1));
        is_near(motor.velocity(), 10.0);
    }

    #[test]
    fn a_position_is_reached() {
        let mut motor = motor();
        let target = SetPoint::Position {
            position: 3.25,
            velocity: 0.0,
            torque: 0.0,
        };
        motor.catch_up(after(500), target);
        let there = motor.position(after(500));
        assert!(there > 2.0 && there < 3.25, "{there}");
        motor.catch_up(after(3000), target);
        is_near(motor.position(after(3000)), 3.25);
        motor.catch_up(after(60_000), target);
        is_near(motor.position(after(60_000)), 3.25);
    }

    #[test]
    fn limits_that_are_no_limits_hurt_nobody() {
        for limit in [f32::NAN, f32::NEG_INFINITY, -2.0, 0.0] {
            let mut motor = motor();
            motor.limits.velocity = limit;
            let fast = SetPoint::Velocity {
                velocity: 5.0,
                torque: limit,
            };
            motor.catch_up(after(500), fast);
        }
        assert_eq!(limited(-5.0, -2.0), -2.0);
        assert_eq!(limited(5.0, f32::NAN), 5.0);
    }
}
