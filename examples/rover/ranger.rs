//! What is ahead, by an ultrasonic ranger HC-SR04.

use std::time::Duration;

use circuits::gpio::{self, Bias, Edge, EdgeDetection, Input, Output};
use circuits::prelude::*;
use circuits::wait::{Delay, Time};

use crate::config;
use crate::drain::drain;

/// How long a ranger is left alone, so that no echo of the last burst is taken for one of the next (its guide says 60 ms);
/// and after which there comes none.
const INTERVAL: Duration = Duration::from_millis(60);
const TRIGGER_US: u32 = 10;
/// In metres a second, at 20 °C.
const SPEED_OF_SOUND: f64 = 343.0;
/// More edges are not taken in a cycle, for which an echo has two: then they are noise.
const EDGES_A_CYCLE: u32 = 256;
/// It sees no farther; when nothing is there its pulse is longer than from here.
const FARTHEST: f64 = 4.0;

/// What a measurement says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sight {
    Metres(f64),
    /// Nothing within four metres.
    OutOfRange,
    /// It did not answer.
    NoEcho,
}

pub struct Ranger {
    trigger: Output,
    echo: Input,
    delay: Delay,
    /// When it was triggered, if it has not answered.
    asked: Option<Time>,
    next: Time,
    /// When the echo line went high.
    rose: Option<Time>,
    /// How often it did not answer.
    pub lost: u64,
}

impl Ranger {
    pub fn open(board: &Board, config: &config::Ranger) -> Result<Ranger, Failure> {
        // Without its wire the line would hear noise: so it is low, and nothing is heard.
        let both = gpio::Config::new()
            .edge_detection(EdgeDetection::Both)
            .bias(Bias::PullDown);
        Ok(Ranger {
            trigger: board.output(config.trigger.as_str())?,
            echo: board.input_with(config.echo.as_str(), &both)?,
            delay: board.delay(),
            asked: None,
            next: board.clock().now(),
            rose: None,
            lost: 0,
        })
    }

    /// Takes what has come since the last time, and triggers it when that is due. It waits for nothing but the length of
    /// a pulse: the edges have the kernel's times, however late they are looked at.
    pub fn look(&mut self, now: Time) -> Result<Option<Sight>, gpio::Error> {
        let mut sight = None;
        let next = || self.echo.try_edge();
        let is_all = drain(EDGES_A_CYCLE, next, |event| {
            match (event.edge(), self.rose.take()) {
                (Edge::Rising, _) => self.rose = Some(event.time()),
                // One that comes when it was given up already is no answer.
                (Edge::Falling, Some(rose)) if self.asked.take().is_some() => {
                    sight = Some(sight_of(event.time().since(rose)));
                }
                (Edge::Falling, _) => {}
            }
        })?;
        // A loose wire, and whatever it seems to say is no distance.
        if !is_all {
            (sight, self.asked, self.rose) = (None, Some(now), None);
        }
        if now >= self.next {
            if self.asked.is_some() {
                (self.asked, self.rose) = (None, None);
                self.lost += 1;
                sight = Some(Sight::NoEcho);
            }
            self.trigger.set(true)?;
            self.delay.delay_us(TRIGGER_US);
            self.trigger.set(false)?;
            self.asked = Some(now);
            self.next = now + INTERVAL;
        }
        Ok(sight)
    }
}

fn sight_of(echo: Duration) -> Sight {
    // There and back.
    let metres = echo.as_secs_f64() * SPEED_OF_SOUND / 2.0;
    match metres <= FARTHEST {
        true => Sight::Metres(metres),
        false => Sight::OutOfRange,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metre_is_nearly_six_milliseconds() {
        let Sight::Metres(metres) = sight_of(Duration::from_micros(5831)) else {
            panic!("a metre");
        };
        assert!((metres - 1.0).abs() < 1e-4);
        assert_eq!(sight_of(Duration::from_millis(38)), Sight::OutOfRange);
    }
}
