//! The world around the rover, on a virtual board: walls, a body that rolls, and what its sensors would say.

use std::f64::consts::PI;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits::stub::chips::{Motion, Mpu6050, Pca9685};
use circuits::stub::parts::{Ranger, WheelEncoder};
use circuits::stub::{Error, Pin, Stub};
use serde::Deserialize;

use crate::config::Config;
use crate::geometry::{Wall, ahead, distance};
use crate::odometry::{Pose, wrapped};
use crate::report::Summary;
use crate::track::Track;

const STEP: Duration = Duration::from_millis(5);
/// What the wheels need to reach a new speed but for a third, driven and not.
const LAG: f64 = 0.12;
const COASTING: f64 = 0.25;
/// So much duty is for friction.
const FRICTION: f64 = 0.06;
/// How large the wheels are for what they should be: no two are alike.
const SIZES: [f64; 2] = [1.006, 0.998];
/// The battery when nothing is drawn, and what two motors that are held take from it.
const VOLTS: f64 = 7.4;
const SAG: f64 = 1.2;
/// Of the ranger: half of 30 degrees.
const CONE: f64 = PI / 12.0;
/// From its middle to its skin.
const RADIUS: f64 = 0.09;
/// What a cheap gyroscope says when nothing turns, and its noise, in degrees a second.
const BIAS: f64 = 1.3;
const NOISE: f64 = 0.1;

/// Where the walls are, and where it begins.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// Lines from point to point, in metres.
    walls: Vec<Vec<[f64; 2]>>,
    /// x, y, and degrees from x to y.
    start: [f64; 3],
    /// Of the noise.
    seed: u64,
    /// Something holds it, and its wheels slip.
    #[serde(default)]
    is_held: bool,
}

/// A handle of it.
#[derive(Clone)]
pub struct World(Arc<Mutex<State>>);

struct State {
    walls: Vec<Wall>,
    start: Pose,
    pose: Pose,
    /// Of the wheels, over the ground if they do not slip, in metres a second.
    speeds: [f64; 2],
    path: Track<Pose>,
    is_held: bool,
    is_touching: bool,
    touches: u32,
    noise: Noise,
    steps: u64,
}

/// What drives the bridge.
enum Inputs {
    Pca9685(Pca9685, [usize; 4]),
    Lines(Vec<Pin>),
}

/// What there is of the rover on the board. None of it keeps the board.
struct Body {
    enable: Option<Pin>,
    inputs: Inputs,
    encoders: [WheelEncoder; 2],
    imu: Mpu6050,
    ranger: Ranger,
    wheel_distance: f64,
    fastest: f64,
    metres_an_edge: f64,
}

impl World {
    /// Puts a world around a board, on which are what a rover of this configuration has: `motors` (a PCA9685, if it is not
    /// at lines), `left wheel`, `right wheel`, `ranger` and `imu`.
    pub fn around(stub: &Stub, config: &Config) -> Result<World, Box<dyn std::error::Error>> {
        let map: Map = toml::from_str(include_str!("world.toml"))?;
        World::with(stub, config, &map)
    }

    pub fn with(
        stub: &Stub,
        config: &Config,
        map: &Map,
    ) -> Result<World, Box<dyn std::error::Error>> {
        let body = Body::of(stub, config)?;
        let [x, y, degrees] = map.start;
        let start = Pose {
            x,
            y,
            heading: degrees.to_radians(),
        };
        let walls = map.walls.iter().flat_map(|wall| wall.windows(2));
        let world = World(Arc::new(Mutex::new(State {
            walls: walls.map(|ends| Wall::new(ends[0], ends[1])).collect(),
            start,
            pose: start,
            speeds: [0.0; 2],
            path: Track::default(),
            is_held: map.is_held,
            is_touching: false,
            touches: 0,
            noise: Noise(map.seed),
            steps: 0,
        })));
        world.lock().path.push(start);
        let (seen, eyes) = (world.clone(), body.ranger.clone());
        // Asked with each burst.
        eyes.follow(move |_| seen.lock().ahead());
        let moved = world.clone();
        stub.every(STEP, move |_, _| moved.lock().step(&body));
        Ok(world)
    }

    /// Where it is, as it is seen from where it began.
    pub fn pose(&self) -> Pose {
        let state = self.lock();
        state.seen_from_start(&state.pose)
    }

    /// Where it was, ten times a second, seen so.
    pub fn path(&self) -> Vec<[f64; 2]> {
        let state = self.lock();
        let path = state.path.iter().map(|pose| state.seen_from_start(pose));
        path.map(|pose| [pose.x, pose.y]).collect()
    }

    /// The walls, seen so.
    pub fn walls(&self) -> Vec<Wall> {
        let state = self.lock();
        let seen = |point: [f64; 2]| {
            let [x, y] = point;
            let seen = state.seen_from_start(&Pose { x, y, heading: 0.0 });
            [seen.x, seen.y]
        };
        let walls = state.walls.iter();
        walls
            .map(|wall| Wall::new(seen(wall.from), seen(wall.to)))
            .collect()
    }

    /// How often it has touched a wall.
    pub fn touches(&self) -> u32 {
        self.lock().touches
    }

    /// How far off the mark it is with where it believes that it is, and whether it has touched anything.
    pub fn verdict(&self, summary: &Summary) -> String {
        let (true_pose, believed) = (
            self.pose(),
            summary.path.last().copied().unwrap_or_default(),
        );
        let off = distance([true_pose.x, true_pose.y], [believed.x, believed.y]);
        let turned = wrapped(true_pose.heading - believed.heading).to_degrees();
        let touches = self.touches();
        format!(
            "it is {off:.2} m and {turned:.0} degrees off the mark, and has touched {touches} walls"
        )
    }

    /// How fast its wheels are, in metres a second.
    #[cfg(test)]
    pub fn speeds(&self) -> [f64; 2] {
        self.lock().speeds
    }

    /// A step that panicked is no reason for others to.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Body {
    fn of(stub: &Stub, config: &Config) -> Result<Body, Error> {
        let drive = config.drive.as_ref();
        let inputs = match drive.and_then(|drive| drive.lines.as_ref()) {
            Some(lines) => Inputs::Lines(
                lines
                    .iter()
                    .map(|line| stub.pin(line.as_str()))
                    .collect::<Result<_, _>>()?,
            ),
            None => {
                let pca9685 = drive.and_then(|drive| drive.pca9685.as_ref());
                let channels = pca9685.map_or([0, 1, 2, 3], |chip| chip.channels);
                Inputs::Pca9685(stub.part("motors")?, channels.map(usize::from))
            }
        };
        let enable = drive.and_then(|drive| drive.enable.as_ref());
        let edges = config
            .encoders
            .as_ref()
            .map_or(80, |encoders| encoders.edges_a_turn);
        Ok(Body {
            enable: enable.map(|line| stub.pin(line.as_str())).transpose()?,
            inputs,
            encoders: [stub.part("left wheel")?, stub.part("right wheel")?],
            imu: stub.part("imu")?,
            ranger: stub.part("ranger")?,
            wheel_distance: config.body.wheel_distance,
            fastest: config.body.fastest,
            metres_an_edge: PI * config.body.wheel_diameter / f64::from(edges),
        })
    }

    /// What is at the motors, from -1 to 1; `None`: the bridge sleeps.
    fn duties(&self) -> Option<[f64; 2]> {
        if self.enable.as_ref().is_some_and(|enable| !enable.level()) {
            return None;
        }
        let duty = |input: usize| match &self.inputs {
            Inputs::Pca9685(chip, channels) => chip.duty(channels[input]).unwrap_or(0.0),
            Inputs::Lines(lines) => f64::from(u8::from(lines[input].level())),
        };
        Some([duty(0) - duty(1), duty(2) - duty(3)])
    }
}

impl State {
    fn step(&mut self, body: &Body) {
        let seconds = STEP.as_secs_f64();
        let duties = body.duties();
        // What the motors draw is the more the slower they are for what they are given.
        let drawn: f64 = duties
            .iter()
            .flatten()
            .zip(self.speeds)
            .map(|(duty, speed)| (duty - speed / body.fastest).abs())
            .sum();
        let volts = VOLTS - SAG * drawn.min(2.0) / 2.0;
        let before = (self.speeds[0] + self.speeds[1]) / 2.0;
        for wheel in 0..2 {
            let duty = duties.map_or(0.0, |duties| duties[wheel]);
            let left = (duty.abs() - FRICTION).max(0.0).copysign(duty) / (1.0 - FRICTION);
            let goal = left * body.fastest * volts / VOLTS;
            let lag = if duty == 0.0 { COASTING } else { LAG };
            self.speeds[wheel] += (goal - self.speeds[wheel]) * seconds / lag;
            // Friction holds what is slow.
            if goal == 0.0 && self.speeds[wheel].abs() < 0.01 {
                self.speeds[wheel] = 0.0;
            }
        }
        let [left, right] = self.speeds;
        let (speed, turn) = match self.is_held {
            true => (0.0, 0.0),
            false => ((left + right) / 2.0, (right - left) / body.wheel_distance),
        };
        self.go(speed * seconds, turn * seconds);

        // Every other step is often enough for these.
        if self.steps % 2 == 0 {
            for ((encoder, speed), size) in body.encoders.iter().zip(self.speeds).zip(SIZES) {
                encoder.set_speed(speed / size / body.metres_an_edge);
            }
        }
        let acceleration = (speed - before) / seconds / 9.81;
        let noise = |noise: &mut Noise, scale: f64| (scale * noise.next()) as f32;
        body.imu.set_motion(Motion {
            g: [
                acceleration as f32 + noise(&mut self.noise, 0.01),
                (speed * turn / 9.81) as f32 + noise(&mut self.noise, 0.01),
                1.0 + noise(&mut self.noise, 0.01),
            ],
            degrees_a_second: [
                noise(&mut self.noise, NOISE),
                noise(&mut self.noise, NOISE),
                (turn.to_degrees() + BIAS) as f32 + noise(&mut self.noise, NOISE),
            ],
        });
        self.steps += 1;
        if self.steps % 20 == 0 {
            self.path.push(self.pose);
        }
    }

    /// Goes so far, and turns by so much. Against a wall it stays where it is, and its wheels slip.
    fn go(&mut self, way: f64, turn: f64) {
        let heading = self.pose.heading + turn / 2.0;
        let to = [
            self.pose.x + way * heading.cos(),
            self.pose.y + way * heading.sin(),
        ];
        let reach = |wall: &Wall, point| distance(wall.nearest(point), point);
        let here = [self.pose.x, self.pose.y];
        // Away from a wall it may go.
        let is_stopped = self.walls.iter().any(|wall| {
            let after = reach(wall, to);
            after < RADIUS && after < reach(wall, here)
        });
        self.touches += u32::from(is_stopped && !self.is_touching);
        self.is_touching = is_stopped;
        if !is_stopped {
            [self.pose.x, self.pose.y] = to;
        }
        self.pose.heading = wrapped(self.pose.heading + turn);
    }

    /// What the ranger sees from its middle, give or take some millimetres.
    fn ahead(&mut self) -> Option<f64> {
        let metres = ahead(&self.walls, &self.pose, CONE)?;
        Some((metres + 0.003 * self.noise.next()).max(0.0))
    }

    fn seen_from_start(&self, pose: &Pose) -> Pose {
        let (sin, cos) = self.start.heading.sin_cos();
        let (x, y) = (pose.x - self.start.x, pose.y - self.start.y);
        Pose {
            x: x * cos + y * sin,
            y: y * cos - x * sin,
            heading: wrapped(pose.heading - self.start.heading),
        }
    }
}

/// The same numbers for the same seed (xorshift64*; Vigna, 2014).
struct Noise(u64);

impl Noise {
    /// From a bell round 0, with a deviation of 1.
    fn next(&mut self) -> f64 {
        // The sum of three that are even, scaled: near enough, and nothing is very far out.
        let sum: f64 = (0..3).map(|_| self.even()).sum();
        2.0 * (sum - 1.5)
    }

    /// From 0 to 1.
    fn even(&mut self) -> f64 {
        // Zero would stay zero.
        self.0 = self.0.max(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
