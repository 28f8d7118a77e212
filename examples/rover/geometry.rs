//! Walls, and how far they are.

use crate::odometry::{Pose, wrapped};

/// From one end to the other, in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wall {
    pub from: [f64; 2],
    pub to: [f64; 2],
}

impl Wall {
    pub const fn new(from: [f64; 2], to: [f64; 2]) -> Wall {
        Wall { from, to }
    }

    /// The point of it that is nearest to another one.
    pub fn nearest(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [[ax, ay], [bx, by]] = [self.from, self.to];
        let (dx, dy) = (bx - ax, by - ay);
        let along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy);
        let along = along.clamp(0.0, 1.0);
        [ax + along * dx, ay + along * dy]
    }

    /// Where a ray from a place, in a direction, meets it: how far away.
    fn meets(&self, from: [f64; 2], direction: f64) -> Option<f64> {
        let (sin, cos) = direction.sin_cos();
        let (dx, dy) = (self.to[0] - self.from[0], self.to[1] - self.from[1]);
        let cross = cos * dy - sin * dx;
        if cross.abs() < 1e-12 {
            return None;
        }
        let (ox, oy) = (self.from[0] - from[0], self.from[1] - from[1]);
        let distance = (ox * dy - oy * dx) / cross;
        let along = (ox * sin - oy * cos) / cross;
        (distance >= 0.0 && (0.0..=1.0).contains(&along)).then_some(distance)
    }
}

pub fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// How far the nearest of the walls is that is within a cone: so many radians to both sides of where the pose looks. It
/// is met by an edge of the cone, or else its nearest point or an end is inside.
pub fn ahead(walls: &[Wall], pose: &Pose, half_angle: f64) -> Option<f64> {
    let eye = [pose.x, pose.y];
    let is_inside = |point: &[f64; 2]| {
        let direction = (point[1] - eye[1]).atan2(point[0] - eye[0]);
        wrapped(direction - pose.heading).abs() <= half_angle
    };
    let of_wall = |wall: &Wall| {
        let edges = [-half_angle, half_angle].map(|edge| wall.meets(eye, pose.heading + edge));
        let points = [wall.from, wall.to, wall.nearest(eye)];
        let points = points.iter().filter(|point| is_inside(point));
        let points = points.map(|point| distance(eye, *point));
        edges.into_iter().flatten().chain(points).reduce(f64::min)
    };
    walls.iter().filter_map(of_wall).reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: [Wall; 1] = [Wall::new([1.0, -1.0], [1.0, 1.0])];

    fn at(x: f64, y: f64, degrees: f64) -> Pose {
        Pose {
            x,
            y,
            heading: degrees.to_radians(),
        }
    }

    fn seen(walls: &[Wall], pose: Pose) -> Option<f64> {
        ahead(walls, &pose, 15f64.to_radians()).map(|metres| (metres * 1000.0).round() / 1000.0)
    }

    #[test]
    fn straight_ahead_it_is_as_far_as_it_is() {
        assert_eq!(seen(&WALL, at(0.0, 0.0, 0.0)), Some(1.0));
        assert_eq!(seen(&WALL, at(0.0, 0.0, 180.0)), None);
        assert_eq!(seen(&WALL, at(2.0, 0.5, 180.0)), Some(1.0));
    }

    #[test]
    fn at_an_angle_the_nearer_edge_of_the_cone_meets_it() {
        // 45 less 15 degrees from the perpendicular.
        assert_eq!(seen(&WALL, at(0.0, 0.0, 45.0)), Some(1.155));
        // Along the wall it is met beside.
        assert_eq!(seen(&WALL, at(0.9, 0.0, 90.0)), Some(0.386));
    }

    #[test]
    fn the_end_of_a_wall_is_seen_too() {
        let thin = [Wall::new([1.0, 0.05], [2.0, 0.05])];
        assert_eq!(seen(&thin, at(0.0, 0.0, 0.0)), Some(1.001));
        assert_eq!(seen(&thin, at(0.0, 0.0, 20.0)), None);
    }

    #[test]
    fn the_nearest_wall_counts() {
        let walls = [WALL[0], Wall::new([0.5, -1.0], [0.5, 1.0])];
        assert_eq!(seen(&walls, at(0.0, 0.0, 0.0)), Some(0.5));
    }
}
