//! The rover on its bench: a board, and hands that do something to it at a time.

use std::time::Duration;

use circuits::Board;
use circuits::stub::chips::{Odrive, Pca9685};
use circuits::stub::trace::Recording;
use circuits::stub::{BoardFile, Stub};

use crate::config::Config;
use crate::report::Summary;
use crate::rover::Rover;
use crate::stop::Stop;
use crate::world::{Map, World};

/// What a hand does.
type Deed = Box<dyn FnOnce(&Stub) + Send>;

pub struct Bench {
    pub stub: Stub,
    pub config: Config,
    pub restarts: bool,
    map: Option<Map>,
    hands: Vec<(Duration, Deed)>,
}

pub struct Outcome {
    pub summary: Summary,
    pub world: World,
    pub recording: Recording,
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Bench {
    pub fn new() -> Bench {
        let file = BoardFile::parse(include_str!("../board.toml")).unwrap();
        Bench {
            stub: file.build().unwrap(),
            config: Config::full().unwrap(),
            restarts: false,
            map: None,
            hands: Vec::new(),
        }
    }

    /// Has something done at a time of the board, which has some 0.2 s when the rover begins, and 0.7 when it drives.
    pub fn at(mut self, time: Duration, deed: impl FnOnce(&Stub) + Send + 'static) -> Bench {
        self.hands.push((time, Box::new(deed)));
        self
    }

    /// Has it be in another world, as world.toml says it.
    pub fn in_world(mut self, map: &str) -> Bench {
        self.map = Some(toml::from_str(map).unwrap());
        self
    }

    /// Has the rover drive, and everything recorded.
    pub fn run(self, seconds: u64) -> Outcome {
        let recording = self.stub.record();
        let (summary, world) = self.drive(seconds);
        Outcome {
            summary,
            world,
            recording,
        }
    }

    /// The same without a recording.
    pub fn run_unseen(self, seconds: u64) -> Summary {
        self.drive(seconds).0
    }

    fn drive(self, seconds: u64) -> (Summary, World) {
        let Bench {
            stub,
            config,
            restarts,
            map,
            hands,
        } = self;
        let board = Board::from(&stub);
        let world = match map {
            Some(map) => World::with(&stub, &config, &map),
            None => World::around(&stub, &config),
        };
        let world = world.unwrap();
        let summary = stub.run(|| {
            let hands: Vec<_> = hands
                .into_iter()
                .map(|(time, deed)| {
                    let stub_of_hand = stub.clone();
                    let hand = move || {
                        stub_of_hand.delay().sleep(time).unwrap();
                        deed(&stub_of_hand);
                    };
                    stub.spawn("hand", hand).unwrap()
                })
                .collect();
            let rover = Rover::open(&board, &config, restarts).unwrap();
            let summary = rover.run(Some(seconds));
            for hand in hands {
                hand.join().unwrap();
            }
            summary
        });
        (summary, world)
    }
}

impl Outcome {
    /// Why it stood, but for its time being over.
    pub fn stops(&self) -> Vec<Stop> {
        let stops = self.summary.stops.iter().map(|(_, stop)| *stop);
        stops.filter(|stop| *stop != Stop::Ended).collect()
    }

    /// When something was so first, from a time on: in the words of the board's trace.
    pub fn first(&self, from: Duration, what: &str) -> Option<Duration> {
        let entries = self.recording.entries();
        let mut times = entries.iter().filter_map(|entry| {
            let time = Duration::from_nanos(entry.time.as_nanos());
            (time >= from && entry.action.to_string().contains(what)).then_some(time)
        });
        times.next()
    }
}

/// Whether the motors are off by both ways.
pub fn is_off(stub: &Stub) -> [bool; 2] {
    let motors: Pca9685 = stub.part("motors").unwrap();
    let is_dark = (0..16).all(|channel| motors.duty(channel) == Some(0.0));
    [!stub.level("GPIO22").unwrap(), is_dark]
}

pub fn brush(stub: &Stub) -> Odrive {
    stub.part("brush").unwrap()
}
