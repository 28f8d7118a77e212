//! When a fault happens: the same for all buses.

use std::time::Duration;

use circuits_wait::Time;

use crate::{Error, Result};

/// When a fault happens, of all the times at which it could: its opportunities.
///
/// Of those within its times so many pass; at each that follows it happens, or is drawn for; and after so many
/// times it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Occasion {
    /// How many opportunities pass before it.
    after: u32,
    /// How often it happens; `None`: without end.
    times: Option<u32>,
    /// As the board's trace has times.
    from: Duration,
    until: Option<Duration>,
    /// What is no probability is refused when the fault is scheduled.
    chance: Option<Result<Chance>>,
}

impl Occasion {
    /// The next opportunity, once.
    pub(crate) fn new() -> Occasion {
        Occasion {
            after: 0,
            times: Some(1),
            from: Duration::ZERO,
            until: None,
            chance: None,
        }
    }

    pub(crate) fn after(self, opportunities: u32) -> Occasion {
        Occasion {
            after: opportunities,
            ..self
        }
    }

    pub(crate) fn times(self, times: u32) -> Occasion {
        Occasion {
            times: Some(times),
            ..self
        }
    }

    pub(crate) fn always(self) -> Occasion {
        Occasion {
            times: None,
            ..self
        }
    }

    pub(crate) fn not_before(self, time: Duration) -> Occasion {
        Occasion { from: time, ..self }
    }

    pub(crate) fn until(self, time: Duration) -> Occasion {
        Occasion {
            until: Some(time),
            ..self
        }
    }

    pub(crate) fn chance(self, probability: f64, seed: u64) -> Occasion {
        Occasion {
            chance: Some(Chance::new(probability, seed)),
            ..self
        }
    }

    /// Whether it can be scheduled.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.chance {
            Some(Err(error)) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Whether it happens at the opportunity that is now, unless that is taken by another fault. Then what was to be
    /// next is for the next, and what was drawn does not come to pass.
    pub(crate) fn is_now(&mut self, now: Time, is_taken: bool) -> bool {
        let now = now.since(Time::ZERO);
        if now < self.from || self.is_over(now) {
            return false;
        }
        if let Some(after) = self.after.checked_sub(1) {
            self.after = after;
            return false;
        }
        // Drawn whatever others do: the moments of one fault are the same beside others.
        let is_drawn = match &mut self.chance {
            Some(Ok(chance)) => chance.draw(),
            Some(Err(_)) => false,
            None => true,
        };
        let happens = is_drawn && !is_taken;
        if let (true, Some(times)) = (happens, &mut self.times) {
            *times = times.saturating_sub(1);
        }
        happens
    }

    /// When its time begins.
    pub(crate) fn begins(&self) -> Duration {
        self.from
    }

    /// When its time begins, if that is still to come, and is the moment at which it happens whoever comes: it
    /// neither counts nor is drawn for.
    pub(crate) fn moment(&self, now: Time) -> Option<Duration> {
        let is_certain = self.after == 0 && self.chance.is_none();
        (is_certain && self.from > now.since(Time::ZERO)).then_some(self.from)
    }

    /// When its time is over.
    pub(crate) fn ends(&self) -> Option<Duration> {
        self.until
    }

    /// Whether it happens no more.
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        self.times == Some(0) || self.until.is_some_and(|until| until <= now)
    }
}

/// A coin that falls as its seed has it.
///
/// SplitMix64 (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014), written out: tests
/// rest on the moments that a seed gives, so they must be the same in all versions to come, which no crate promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chance {
    /// Of 2^53.
    probability: u64,
    state: u64,
}

impl Chance {
    /// As a `f64` has it, a number from 0 to 1 has 53 bits.
    const ONE: f64 = (1_u64 << 53) as f64;

    fn new(probability: f64, seed: u64) -> Result<Chance> {
        // Nor is what is not a number.
        if !(0.0..=1.0).contains(&probability) {
            return Err(Error::NoProbability {
                probability: probability.to_string(),
            });
        }
        Ok(Chance {
            probability: (probability * Chance::ONE) as u64,
            state: seed,
        })
    }

    fn draw(&mut self) -> bool {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) >> 11 < self.probability
    }
}

/// Takes the fault of the opportunity that is now, at this time of the trace, if there is one: the first of those
/// whose turn it is. `of` gives the occasion of each, and what it does, if it is one that could be now.
pub(crate) fn take<F, K>(
    faults: &mut Vec<F>,
    now: Time,
    of: impl Fn(&mut F) -> (&mut Occasion, Option<K>),
) -> Option<K> {
    let mut taken = None;
    faults.retain_mut(|fault| {
        let (occasion, kind) = of(fault);
        if kind.is_some() && occasion.is_now(now, taken.is_some()) {
            taken = kind;
        }
        !occasion.is_over(now.since(Time::ZERO))
    });
    taken
}

/// When a fault happens, as whoever makes it says: the same for all buses, but for what they call an opportunity.
macro_rules! setters {
    ($opportunities:literal) => {
        #[doc = concat!("So many ", $opportunities, " pass before it, of those that it could happen to.")]
        /// Default: none.
        #[must_use]
        pub fn after(self, count: u32) -> Self {
            Self {
                occasion: self.occasion.after(count),
                ..self
            }
        }

        #[doc = concat!("It happens so many times, with one after another of the ", $opportunities, " that it could happen to.")]
        /// Default: once.
        #[must_use]
        pub fn times(self, times: u32) -> Self {
            Self {
                occasion: self.occasion.times(times),
                ..self
            }
        }

        /// It happens again and again, until it is cleared or its [time](Self::until) is over. Those that were
        /// scheduled after it do not come to pass meanwhile.
        #[must_use]
        pub fn always(self) -> Self {
            Self {
                occasion: self.occasion.always(),
                ..self
            }
        }

        /// It does not happen before this time, counted from the making of the board, as its trace has it; what
        /// comes before does not count. Default: from now on.
        #[must_use]
        pub fn not_before(self, time: std::time::Duration) -> Self {
            Self {
                occasion: self.occasion.not_before(time),
                ..self
            }
        }

        /// It does not happen at this time, counted from the making of the board, or later, and is gone then.
        /// Default: without end.
        #[must_use]
        pub fn until(self, time: std::time::Duration) -> Self {
            Self {
                occasion: self.occasion.until(time),
                ..self
            }
        }

        #[doc = concat!("Each of the ", $opportunities, " that it could happen to it does with this probability,")]
        /// from 0 to 1; another is refused when the fault is scheduled. The same seed gives the same moments, in all
        /// versions, and beside other faults: what is drawn when another one happens does not come to pass. It
        /// happens once, if nothing else is said: noise has [`always`](Self::always). Faults with different seeds
        /// have nothing to do with each other.
        #[must_use]
        pub fn chance(self, probability: f64, seed: u64) -> Self {
            Self {
                occasion: self.occasion.chance(probability, seed),
                ..self
            }
        }

        /// Whether it can be scheduled.
        pub(crate) fn check(&self) -> crate::Result<()> {
            self.occasion.check()
        }
    };
}

pub(crate) use setters;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    /// The opportunities, one a millisecond, at which it happens.
    fn moments(mut occasion: Occasion, opportunities: u64) -> Vec<u64> {
        let mut moments = Vec::new();
        for moment in 0..opportunities {
            if occasion.is_now(at(moment), false) {
                moments.push(moment);
            }
        }
        moments
    }

    const MILLIS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn it_happens_after_so_many_and_so_often() {
        let new = Occasion::new;
        assert_eq!(moments(new(), 5), [0]);
        assert_eq!(moments(new().after(2), 5), [2]);
        assert_eq!(moments(new().after(2).times(2), 9), [2, 3]);
        assert_eq!(moments(new().after(3).always(), 6), [3, 4, 5]);
        assert_eq!(moments(new().times(0), 3), []);
        assert_eq!(moments(new().after(u32::MAX), 3), []);
    }

    #[test]
    fn it_happens_within_its_times() {
        let new = Occasion::new;
        assert_eq!(moments(new().not_before(MILLIS(3)), 9), [3]);
        let within = new().not_before(MILLIS(3)).until(MILLIS(6)).always();
        assert_eq!(moments(within, 9), [3, 4, 5]);
        let after = new().not_before(MILLIS(3)).after(2);
        assert_eq!(moments(after, 9), [5], "those before it do not count");
        assert_eq!(moments(new().until(Duration::ZERO), 9), []);
        assert_eq!(moments(new().after(5).until(MILLIS(5)), 9), []);
    }

    #[test]
    fn the_same_seed_gives_the_same_moments() {
        let noise = |seed| moments(Occasion::new().chance(0.1, seed).always(), 200);
        // Written down, for it must never be otherwise.
        assert_eq!(noise(7)[..5], [1, 26, 31, 36, 43]);
        assert_eq!(noise(7), noise(7));
        assert_ne!(noise(7), noise(8));
        assert_eq!(
            moments(Occasion::new().chance(0.1, 7).times(3), 200),
            [1, 26, 31]
        );
        let from = Occasion::new()
            .chance(0.1, 7)
            .after(10)
            .not_before(MILLIS(90))
            .times(2);
        assert_eq!(
            moments(from, 200),
            [101, 126],
            "it is drawn when it could be"
        );
    }

    #[test]
    fn it_happens_as_often_as_it_is_likely() {
        for probability in [0.01, 0.25, 0.5, 0.9] {
            for seed in [0, 1, 2, u64::MAX] {
                let happened = moments(Occasion::new().chance(probability, seed).always(), 20_000);
                let (count, expected) = (happened.len() as f64, probability * 20_000.0);
                // Four standard deviations.
                let far = 4.0 * (expected * (1.0 - probability)).sqrt();
                assert!(
                    (count - expected).abs() < far,
                    "{count} of {expected}, by {seed}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let count =
            |probability| moments(Occasion::new().chance(probability, 1).always(), 1000).len();
        assert_eq!([0.0, -0.0, f64::MIN_POSITIVE].map(count), [0; 3]);
        assert_eq!(count(1.0), 1000);
        for wrong in [-1.0, 1.5, f64::NAN, f64::INFINITY] {
            let error = Occasion::new().chance(wrong, 1).check().unwrap_err();
            let says = format!("{wrong} is no probability: it is to be 0 to 1");
            assert_eq!(error.to_string(), says);
        }
    }

    #[test]
    fn one_happens_at_a_time() {
        let new = Occasion::new;
        let mut faults = vec![
            ('a', new().after(1)),
            ('b', new().times(2)),
            ('c', new().until(MILLIS(3)).always()),
            ('d', new()),
        ];
        let happened: String = (0..6)
            .map(|moment| {
                let taken = take(&mut faults, at(moment), |(name, occasion)| {
                    (occasion, Some(*name))
                });
                taken.unwrap_or('-')
            })
            .collect();
        assert_eq!(happened, "babd--", "c was in time for nothing");
        assert!(faults.is_empty());
    }

    #[test]
    fn what_is_drawn_beside_another_does_not_come_to_pass() {
        let noise = Occasion::new().chance(0.1, 7).times(3);
        let mut faults = vec![('a', Occasion::new().after(1)), ('n', noise)];
        let mut happened = Vec::new();
        for moment in 0..200 {
            let taken = take(&mut faults, at(moment), |(name, occasion)| {
                (occasion, Some(*name))
            });
            happened.extend(taken.map(|name| (moment, name)));
        }
        assert_eq!(happened, [(1, 'a'), (26, 'n'), (31, 'n'), (36, 'n')]);
    }
}
