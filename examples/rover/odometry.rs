//! Where the rover is, by what its wheels and its gyroscope say.

use std::f64::consts::{PI, TAU};

/// A place, in metres, and where it looks: in radians from x to y.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    pub x: f64,
    pub y: f64,
    pub heading: f64,
}

impl Pose {
    /// What is so far ahead.
    pub fn ahead(&self, metres: f64) -> [f64; 2] {
        [
            self.x + metres * self.heading.cos(),
            self.y + metres * self.heading.sin(),
        ]
    }
}

/// Returns the same direction, from -π to π.
pub fn wrapped(angle: f64) -> f64 {
    (angle + PI).rem_euclid(TAU) - PI
}

#[derive(Clone, Debug)]
pub struct Odometry {
    wheel_distance: f64,
    pose: Pose,
    distance: f64,
    /// Radians, whichever way.
    turned: f64,
}

impl Odometry {
    /// It is at the origin, and looks along x.
    pub fn new(wheel_distance: f64) -> Odometry {
        Odometry {
            wheel_distance,
            pose: Pose::default(),
            distance: 0.0,
            turned: 0.0,
        }
    }

    /// Its wheels have gone so many metres, and it has turned by so much if that is known: wheels slip, a gyroscope does not.
    pub fn go(&mut self, [left, right]: [f64; 2], turned: Option<f64>) {
        let way = (left + right) / 2.0;
        let turned = turned.unwrap_or((right - left) / self.wheel_distance);
        // Along the chord: half of the turn comes before the way.
        let heading = self.pose.heading + turned / 2.0;
        self.pose.x += way * heading.cos();
        self.pose.y += way * heading.sin();
        self.pose.heading = wrapped(self.pose.heading + turned);
        self.distance += way.abs();
        self.turned += turned.abs();
    }

    pub fn pose(&self) -> Pose {
        self.pose
    }

    /// How far it has gone, in metres.
    pub fn distance(&self) -> f64 {
        self.distance
    }

    /// How far it has turned, in whole turns, whichever way.
    pub fn turns(&self) -> f64 {
        self.turned / TAU
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-3
    }

    #[test]
    fn round_a_circle_it_comes_back() {
        let mut odometry = Odometry::new(0.2);
        // Round a point half a metre to its left.
        let steps = 1000.0;
        for _ in 0..1000 {
            odometry.go([TAU * 0.4 / steps, TAU * 0.6 / steps], None);
        }
        let Pose { x, y, heading } = odometry.pose();
        assert!(
            near(x, 0.0) && near(y, 0.0) && near(heading, 0.0),
            "{:?}",
            odometry.pose()
        );
        assert!(near(odometry.distance(), TAU / 2.0) && near(odometry.turns(), 1.0));
    }

    #[test]
    fn a_quarter_ends_where_it_should() {
        let mut odometry = Odometry::new(0.2);
        for _ in 0..100 {
            odometry.go([PI / 2.0 * 0.4 / 100.0, PI / 2.0 * 0.6 / 100.0], None);
        }
        let Pose { x, y, heading } = odometry.pose();
        assert!(
            near(x, 0.5) && near(y, 0.5) && near(heading, PI / 2.0),
            "{:?}",
            odometry.pose()
        );
    }

    #[test]
    fn wheels_that_slip_do_not_turn_it() {
        let mut odometry = Odometry::new(0.2);
        odometry.go([0.0, 0.1], Some(0.0));
        assert_eq!(
            odometry.pose(),
            Pose {
                x: 0.05,
                ..Pose::default()
            }
        );
    }

    #[test]
    fn angles_are_wrapped() {
        assert!(near(wrapped(3.0 * PI / 2.0), -PI / 2.0));
        assert!(near(wrapped(-7.0), TAU - 7.0));
        assert_eq!(wrapped(1.0), 1.0);
    }
}
