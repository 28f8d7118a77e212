//! What the rover wants: to drive on, and to turn away from what is ahead.

use std::time::Duration;

use circuits::wait::Time;

use crate::config::Pace;
use crate::odometry::wrapped;
use crate::ranger::Sight;
use crate::stop::Stop;

/// How the body is to move: forwards in metres a second, and to the left in radians a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wish {
    pub forwards: f64,
    pub turn: f64,
}

/// For how long nothing may be known of what is ahead, until it drives slower, and until it stands. It goes on when the
/// ranger answers again.
const SLOWER_AFTER: Duration = Duration::from_millis(250);
const STANDS_AFTER: Duration = Duration::from_secs(1);
/// What slower is, of what it would do.
const SLOWER: f64 = 0.3;
/// An obstacle that soon after the last one is the other wall of a corner: then it turns on the same way.
const CORNER: Duration = Duration::from_millis(1500);
/// After a turn it looks, until two bursts were sent from where it looks now.
const LOOKS_FOR: Duration = Duration::from_millis(200);
/// It need not turn more precisely than that, in radians; nor slower.
const PRECISE: f64 = 0.05;
const SLOWEST_TURN: f64 = 0.7;

/// A turn that takes that long, and twice as long as it should, gets nowhere; after so many of them it is wedged.
const TURNS_FOR: Duration = Duration::from_secs(4);
const LONGEST_TURN: Duration = Duration::from_secs(60);
const WEDGED_AFTER: u32 = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Doing {
    Drive,
    /// It turns to this heading, and gives that up then.
    Turn(f64, Time),
    Look(Time),
}

pub struct Pilot {
    pace: Pace,
    has_ranger: bool,
    doing: Doing,
    /// The last two distances, of which the smaller one counts: an echo may miss.
    ahead: [Option<f64>; 2],
    /// When anything was known of what is ahead. At first nothing is, and it stands.
    seen: Option<Time>,
    turned: Time,
    /// Turns that got nowhere, one after another.
    vain: u32,
    to_the_left: bool,
    /// What it has turned away from.
    pub obstacles: u32,
}

impl Pilot {
    pub fn new(pace: Pace, has_ranger: bool) -> Pilot {
        Pilot {
            pace,
            has_ranger,
            doing: Doing::Drive,
            ahead: [None; 2],
            seen: None,
            turned: Time::ZERO,
            vain: 0,
            to_the_left: true,
            obstacles: 0,
        }
    }

    /// It begins anew, after it stood: what it saw before may be gone, and something else there.
    pub fn start(&mut self, now: Time) {
        self.doing = Doing::Look(now);
        self.ahead = [None; 2];
        self.seen = None;
        self.vain = 0;
    }

    pub fn see(&mut self, now: Time, sight: Sight) {
        let metres = match sight {
            Sight::Metres(metres) => Some(metres),
            Sight::OutOfRange => None,
            Sight::NoEcho => return,
        };
        self.ahead = [self.ahead[1], metres];
        self.seen = Some(now);
    }

    /// How far it is to what is ahead, if anything is in sight.
    pub fn ahead(&self) -> Option<f64> {
        self.ahead.into_iter().flatten().reduce(f64::min)
    }

    /// Whether it stands because it sees nothing.
    pub fn is_blind(&self, now: Time) -> bool {
        self.has_ranger && self.is_older(now, STANDS_AFTER)
    }

    /// Whether what it knows is older than that.
    fn is_older(&self, now: Time, age: Duration) -> bool {
        self.seen.is_none_or(|seen| now.since(seen) > age)
    }

    /// Finds out whether it turns and turns, and its wheels slip.
    pub fn check(&self) -> Result<(), Stop> {
        match self.vain < WEDGED_AFTER {
            true => Ok(()),
            false => Err(Stop::Wedged),
        }
    }

    pub fn wish(&mut self, now: Time, heading: f64) -> Wish {
        if self.is_blind(now) {
            return Wish::default();
        }
        match self.doing {
            Doing::Drive => {}
            Doing::Turn(to, until) => {
                let left = wrapped(to - heading);
                let is_there = left.abs() <= PRECISE;
                if !is_there && now < until {
                    // Three radians a second for each that is left: it does not overshoot.
                    let turn = (3.0 * left.abs()).max(SLOWEST_TURN).min(self.pace.turn);
                    return Wish {
                        forwards: 0.0,
                        turn: turn.copysign(left),
                    };
                }
                if is_there {
                    self.turned = now;
                    self.vain = 0;
                } else {
                    self.vain += 1;
                }
                self.doing = Doing::Look(now);
            }
            Doing::Look(_) => {}
        }
        if let Doing::Look(since) = self.doing {
            if now.since(since) < LOOKS_FOR {
                return Wish::default();
            }
            self.doing = Doing::Drive;
        }
        let ahead = self.ahead();
        if ahead.is_some_and(|ahead| ahead < self.pace.turn_at) {
            self.turn_away(now, heading);
            return Wish::default();
        }
        Wish {
            forwards: self.speed(now, ahead),
            turn: 0.0,
        }
    }

    fn turn_away(&mut self, now: Time, heading: f64) {
        let is_corner = self.turned > Time::ZERO && now.since(self.turned) < CORNER;
        if !is_corner {
            self.to_the_left = !self.to_the_left;
        }
        // Not always the same angle, or it would go to and fro between two walls for ever.
        let degrees = 70.0 + f64::from(self.obstacles * 37 % 50);
        let degrees = if self.to_the_left { degrees } else { -degrees };
        let angle = degrees.to_radians();
        let twice = Duration::try_from_secs_f64(2.0 * angle.abs() / self.pace.turn);
        let until = now
            + twice
                .unwrap_or(Duration::MAX)
                .clamp(TURNS_FOR, LONGEST_TURN);
        self.doing = Doing::Turn(wrapped(heading + angle), until);
        self.obstacles += 1;
    }

    fn speed(&self, now: Time, ahead: Option<f64>) -> f64 {
        let Pace {
            cruise,
            slow_from,
            turn_at,
            ..
        } = self.pace;
        let is_dim = !self.has_ranger || self.is_older(now, SLOWER_AFTER);
        let free = match ahead {
            Some(ahead) => ((ahead - turn_at) / (slow_from - turn_at)).clamp(SLOWER, 1.0),
            None => 1.0,
        };
        cruise * if is_dim { SLOWER } else { free }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::ZERO + Duration::from_millis(millis)
    }

    fn pilot() -> Pilot {
        Pilot::new(Pace::default(), true)
    }

    fn forwards(pilot: &mut Pilot, now: Time) -> f64 {
        pilot.wish(now, 0.0).forwards
    }

    #[test]
    fn it_drives_slower_the_nearer_something_is() {
        let mut pilot = pilot();
        pilot.see(at(0), Sight::OutOfRange);
        assert_eq!(forwards(&mut pilot, at(0)), 0.35);
        let mut last = 1.0;
        for metres in [0.7, 0.6, 0.5] {
            pilot.see(at(0), Sight::Metres(metres));
            let speed = forwards(&mut pilot, at(0));
            assert!(speed < last && speed > 0.1, "{speed} at {metres}");
            last = speed;
        }
    }

    #[test]
    fn it_turns_away_looks_and_drives_on() {
        let mut pilot = pilot();
        pilot.see(at(0), Sight::Metres(0.39));
        assert_eq!(pilot.wish(at(0), 0.0), Wish::default());
        assert_eq!(pilot.obstacles, 1);
        let Wish { forwards, turn } = pilot.wish(at(10), 0.0);
        assert_eq!((forwards, turn), (0.0, -2.0));
        // Nearly there it turns slower.
        let nearly = -70f64.to_radians() + 0.1;
        assert_eq!(pilot.wish(at(20), nearly).turn, -SLOWEST_TURN);
        assert_eq!(pilot.wish(at(30), nearly - 0.09), Wish::default());
        // What it sees then is something else.
        pilot.see(at(100), Sight::OutOfRange);
        pilot.see(at(160), Sight::Metres(1.5));
        assert_eq!(pilot.wish(at(240), nearly).forwards, 0.35);
    }

    /// A pace that is slower than the slowest is what it was told.
    #[test]
    fn it_turns_as_slowly_as_it_is_told() {
        let pace = Pace {
            turn: 0.5,
            ..Pace::default()
        };
        let mut pilot = Pilot::new(pace, true);
        pilot.see(at(0), Sight::Metres(0.3));
        pilot.wish(at(0), 0.0);
        assert_eq!(pilot.wish(at(10), 0.0).turn, -0.5);
    }

    #[test]
    fn before_it_has_seen_anything_it_stands() {
        let mut pilot = pilot();
        assert_eq!(forwards(&mut pilot, at(0)), 0.0);
        pilot.see(at(10), Sight::OutOfRange);
        assert_eq!(forwards(&mut pilot, at(10)), 0.35);
        // What it saw before it stood is of no use.
        pilot.start(at(20));
        assert_eq!(forwards(&mut pilot, at(500)), 0.0);
        pilot.see(at(510), Sight::OutOfRange);
        assert_eq!(forwards(&mut pilot, at(510)), 0.35);
    }

    #[test]
    fn a_turn_that_gets_nowhere_is_given_up() {
        let mut pilot = pilot();
        let mut given_up = Vec::new();
        for time in (0..20_000).step_by(50).map(at) {
            pilot.see(time, Sight::Metres(0.2));
            let before = pilot.vain;
            pilot.wish(time, 0.0);
            if pilot.vain > before {
                given_up.push(time);
                assert_eq!(pilot.check().is_err(), pilot.vain >= 3);
            }
        }
        // Between two it looks.
        assert_eq!(given_up[..3], [at(4000), at(8200), at(12_400)]);
        pilot.start(at(20_000));
        assert_eq!(pilot.check(), Ok(()));
    }

    #[test]
    fn out_of_a_corner_it_turns_the_same_way() {
        let mut pilot = pilot();
        pilot.see(at(0), Sight::Metres(0.3));
        pilot.wish(at(0), 0.0);
        let Doing::Turn(first, _) = pilot.doing else {
            panic!("{:?}", pilot.doing);
        };
        pilot.wish(at(500), first);
        pilot.see(at(600), Sight::Metres(0.3));
        pilot.wish(at(710), first);
        let Doing::Turn(second, _) = pilot.doing else {
            panic!("{:?}", pilot.doing);
        };
        assert!(
            first < 0.0 && wrapped(second - first) < 0.0,
            "{first} {second}"
        );
    }

    #[test]
    fn one_echo_that_misses_is_no_free_way() {
        let mut pilot = pilot();
        pilot.see(at(0), Sight::Metres(0.6));
        pilot.see(at(60), Sight::OutOfRange);
        assert!(forwards(&mut pilot, at(60)) < 0.3);
        pilot.see(at(120), Sight::OutOfRange);
        assert_eq!(forwards(&mut pilot, at(120)), 0.35);
    }

    #[test]
    fn it_stands_when_it_sees_nothing_and_goes_on() {
        let mut pilot = pilot();
        pilot.see(at(0), Sight::OutOfRange);
        pilot.see(at(60), Sight::NoEcho);
        assert_eq!(forwards(&mut pilot, at(200)), 0.35);
        assert_eq!(forwards(&mut pilot, at(300)), 0.35 * SLOWER);
        assert_eq!(forwards(&mut pilot, at(1100)), 0.0);
        assert!(pilot.is_blind(at(1100)));
        pilot.see(at(2000), Sight::OutOfRange);
        assert_eq!(forwards(&mut pilot, at(2000)), 0.35);
    }
}
