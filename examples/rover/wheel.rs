//! How far and how fast the wheels turn, by the edges of their encoders.

use std::collections::VecDeque;
use std::f64::consts::PI;
use std::time::Duration;

use circuits::gpio::{self, Edge, EdgeDetection, Event, Lines};
use circuits::wait::Time;
use circuits::{Board, Failure};

use crate::config;
use crate::drain::drain;
use crate::stop::{SIDES, Side, Stop};

/// A wheel that is driven gets on by a slot in this time.
const STUCK_AFTER: Duration = Duration::from_millis(300);
/// Less than that may not move it at all.
const DRIVEN: f64 = 0.2;
/// A slot, over which the unequal parts of it even out.
const SLOT: i64 = 4;
/// More edges of both wheels are not taken in a cycle, in which a rover at full speed has five: the loop must go on,
/// however many come.
const EDGES_A_CYCLE: u32 = 256;
/// Who has no edge in this time stands.
const STANDS_AFTER: Duration = Duration::from_millis(250);

/// Both wheels. All lines are taken together, so that their edges are in one queue, in their order.
pub struct Wheels {
    lines: Lines,
    wheels: [Wheel; 2],
    metres_an_edge: f64,
    /// Edges that came faster than they were read.
    pub lost: u64,
}

struct Wheel {
    levels: [bool; 2],
    /// In edges; backwards is less.
    position: i64,
    /// Until where `taken` has told.
    told: i64,
    /// The last edges, and where each led: a slot of them, and one more.
    edges: VecDeque<(Time, i64)>,
    /// Since when it is where it is, but for a slot.
    progress: (Time, i64),
}

impl Wheels {
    pub fn open(
        board: &Board,
        config: &config::Encoders,
        diameter: f64,
    ) -> Result<Wheels, Failure> {
        let both = gpio::Config::input().edge_detection(EdgeDetection::Both);
        let names = config.left.iter().chain(&config.right);
        let lines = board.lines(names.map(|line| (line.as_str(), both.clone())))?;
        let levels = lines.get()?;
        let now = board.clock().now();
        let wheel = |first: u32| Wheel {
            levels: [first, first + 1].map(|line| levels >> line & 1 == 1),
            position: 0,
            told: 0,
            edges: VecDeque::with_capacity(SLOT as usize + 1),
            progress: (now, 0),
        };
        Ok(Wheels {
            lines,
            wheels: [wheel(0), wheel(2)],
            metres_an_edge: PI * diameter / f64::from(config.edges_a_turn),
            lost: 0,
        })
    }

    /// Takes what edges there are, and returns how far each wheel has gone since the last time, in metres.
    pub fn read(&mut self) -> Result<[f64; 2], Stop> {
        let next = || self.lines.try_edge();
        let is_all = drain(EDGES_A_CYCLE, next, |event| {
            // What is lost is lost: nobody knows of which wheel, nor which way. But it is told.
            self.lost += u64::from(event.lost());
            self.wheels[event.line() / 2].turn(&event);
        });
        // No wheels are as fast: a line that is loose makes noise, and nobody knows where they are.
        if !is_all.map_err(|_| Stop::EncodersLost)? {
            return Err(Stop::EncodersLost);
        }
        let scale = self.metres_an_edge;
        Ok(self.wheels.each_mut().map(|wheel| {
            let told = std::mem::replace(&mut wheel.told, wheel.position);
            (wheel.position - told) as f64 * scale
        }))
    }

    /// Returns how fast they turn, in metres a second.
    pub fn speeds(&self, now: Time) -> [f64; 2] {
        let scale = self.metres_an_edge;
        self.wheels.each_ref().map(|wheel| wheel.speed(now) * scale)
    }

    /// Whoever stood until now is not stuck for that.
    pub fn start(&mut self, now: Time) {
        for wheel in &mut self.wheels {
            wheel.progress = (now, wheel.position);
        }
    }

    /// Finds out whether a wheel is driven and does not turn.
    pub fn check(&mut self, now: Time, duties: [f64; 2]) -> Result<(), Stop> {
        let wheels = self.wheels.iter_mut().zip(duties).zip(SIDES);
        for ((wheel, duty), side) in wheels {
            wheel.check(now, duty, side)?;
        }
        Ok(())
    }
}

impl Wheel {
    /// Takes an edge: which way it was is told by the level of the other line.
    fn turn(&mut self, event: &Event) {
        let (line, level) = (event.line() % 2, event.edge() == Edge::Rising);
        self.levels[line] = level;
        // Turned forwards the first line rises while the other is low, and the other while this one is high.
        let is_forwards = (level == self.levels[1 - line]) == (line == 1);
        self.position += if is_forwards { 1 } else { -1 };
        if self.edges.len() > SLOT as usize {
            self.edges.pop_front();
        }
        self.edges.push_back((event.time(), self.position));
    }

    /// In edges a second, by the kernel's times of the edges: counted in ten milliseconds one edge more or less would be a
    /// half of it.
    fn speed(&self, now: Time) -> f64 {
        let recent = |edge: &&(Time, i64)| now.since(edge.0) < STANDS_AFTER;
        let (Some(first), Some(last)) = (self.edges.iter().find(recent), self.edges.back()) else {
            return 0.0;
        };
        let (time, edges) = (last.0.since(first.0), last.1 - first.1);
        if time.is_zero() {
            return 0.0;
        }
        let speed = edges as f64 / time.as_secs_f64();
        // No edge for longer than there should be: it is slower by now.
        let quiet = now.since(last.0).as_secs_f64();
        let fastest = if quiet > 0.0 { 1.0 / quiet } else { f64::MAX };
        speed.clamp(-fastest, fastest)
    }

    fn check(&mut self, now: Time, duty: f64, side: Side) -> Result<(), Stop> {
        let (since, position) = self.progress;
        let gone = self.position - position;
        let is_along = (gone > 0) == (duty > 0.0);
        // There and back is no progress: so it looks when one of the two lines is dead. Nor is the wrong way: so it looks
        // when they are swapped, and the controller would drive it ever faster. A wheel that is to turn round may roll on
        // for as long as one that begins to may stand.
        if duty.abs() < DRIVEN || gone.abs() >= SLOT && is_along {
            self.progress = (now, self.position);
        } else if gone.abs() >= SLOT {
            self.progress = (since, self.position);
        }
        match now.since(self.progress.0) > STUCK_AFTER {
            true => Err(Stop::EncoderStuck(side)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel() -> Wheel {
        Wheel {
            levels: [false; 2],
            position: 0,
            told: 0,
            edges: VecDeque::new(),
            progress: (Time::ZERO, 0),
        }
    }

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    fn edge(line: u32, edge: Edge, millis: u64) -> Event {
        Event::new(line, edge, at(millis), 0, 0)
    }

    /// Both ways round, as the datasheets draw it.
    #[test]
    fn four_edges_are_a_slot_whichever_way() {
        use Edge::{Falling, Rising};
        let forwards = [(0, Rising), (1, Rising), (0, Falling), (1, Falling)];
        let backwards = [(1, Rising), (0, Rising), (1, Falling), (0, Falling)];
        let mut wheel = wheel();
        for (line, which) in forwards.into_iter().cycle().take(8) {
            wheel.turn(&edge(line, which, 0));
        }
        assert_eq!(wheel.position, 8);
        for (line, which) in backwards.into_iter().cycle().take(12) {
            // Those of the right wheel are lines 2 and 3.
            wheel.turn(&edge(line + 2, which, 0));
        }
        assert_eq!(wheel.position, -4);
    }

    #[test]
    fn the_speed_is_that_of_the_last_slot() {
        use Edge::{Falling, Rising};
        let mut wheel = wheel();
        assert_eq!(wheel.speed(at(0)), 0.0);
        let slots = [(0, Rising), (1, Rising), (0, Falling), (1, Falling)];
        for (number, (line, which)) in (1..=9).zip(slots.into_iter().cycle()) {
            wheel.turn(&edge(line, which, 10 * number));
        }
        assert_eq!(wheel.speed(at(90)), 100.0);
        assert_eq!(wheel.speed(at(100)), 100.0);
        assert_eq!(wheel.speed(at(190)), 10.0, "the next one would have come");
        assert_eq!(wheel.speed(at(1000)), 0.0);
    }

    #[test]
    fn a_dead_line_is_no_progress() {
        let mut wheel = wheel();
        for step in 0..40 {
            let which = if step % 2 == 0 {
                Edge::Rising
            } else {
                Edge::Falling
            };
            wheel.turn(&edge(0, which, 10 * step));
            let checked = wheel.check(at(10 * step), 0.5, Side::Right);
            assert_eq!(checked.is_err(), step > 30, "step {step}");
        }
        assert_eq!(wheel.check(at(400), 0.1, Side::Right), Ok(()), "not driven");
    }
}
