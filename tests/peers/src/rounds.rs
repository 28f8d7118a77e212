use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};
use fastrand::Rng;

use crate::ratio::median;

/// The same orders and the same resamples at each run.
pub(crate) const SEED: u64 = 5;

/// What the bare calls of a round take at least.
const ROUND: Duration = Duration::from_millis(8);

/// How many turns everybody has in a round, where there are calls enough.
const TURNS: u32 = 64;

/// Makes so many calls, one after another, and returns how long they took.
pub(crate) type Batch = Box<dyn FnMut(u32) -> Result<Duration>>;

/// Makes a batch of a call. What looking at the clock takes, a system call on some machines, does not
/// count.
pub(crate) fn batch<E: Into<Error>>(mut call: impl FnMut() -> Result<(), E> + 'static) -> Batch {
    Box::new(move |calls| {
        let before = Instant::now();
        let start = Instant::now();
        for _ in 0..calls {
            call().map_err(Into::into)?;
        }
        Ok(start.elapsed().saturating_sub(start - before))
    })
}

/// Who is measured.
pub(crate) struct Competitor {
    name: &'static str,
    /// What it does, or why it does not.
    batch: Result<Batch, String>,
}

impl Competitor {
    /// One that may not work on this kernel.
    pub(crate) fn new(name: &'static str, batch: Result<Batch>) -> Competitor {
        Competitor {
            name,
            batch: batch.map_err(|why| why.to_string()),
        }
    }

    /// One that has no such operation.
    pub(crate) fn without(name: &'static str) -> Competitor {
        Competitor {
            name,
            batch: Err("-".into()),
        }
    }
}

/// Nanoseconds a call.
pub(crate) type Times = Vec<f64>;

/// What came out for an operation, in each round.
pub(crate) struct Measured {
    pub(crate) operation: &'static str,
    pub(crate) bare: Times,
    pub(crate) circuits: Times,
    /// By name; or why there are none.
    pub(crate) peers: Vec<(&'static str, Result<Times, String>)>,
}

/// How it is measured.
pub(crate) struct Rounds {
    rounds: u32,
    calls: Option<u32>,
    rng: Rng,
}

impl Rounds {
    pub(crate) fn new(rounds: u32, calls: Option<u32>) -> Rounds {
        Rounds {
            rounds,
            calls,
            rng: Rng::with_seed(SEED),
        }
    }

    /// Measures an operation. A machine that others use, too, is at times half as fast for a while:
    /// so turns are short, and are taken in another order each time, and what counts of a round is
    /// the median of its turns.
    pub(crate) fn measure(
        &mut self,
        operation: &'static str,
        mut bare: Batch,
        circuits: Batch,
        peers: Vec<Competitor>,
    ) -> Result<Measured> {
        let calls = match self.calls {
            Some(calls) => calls,
            None => enough(&mut bare)?,
        };
        let mut all = vec![
            Competitor::new("bare", Ok(bare)),
            Competitor::new("circuits", Ok(circuits)),
        ];
        all.extend(peers);
        let mut times = self.rounds(operation, &mut all, calls)?;
        let (bare, circuits) = (times.remove(0), times.remove(0));
        let peers = all.into_iter().skip(2).zip(times);
        Ok(Measured {
            operation,
            bare,
            circuits,
            peers: peers
                .map(|(peer, times)| (peer.name, peer.batch.map(|_| times)))
                .collect(),
        })
    }

    /// Measures some that all work, where no call is the bare one. Everybody makes as many calls as
    /// the first needs for a round.
    pub(crate) fn times(
        &mut self,
        operation: &'static str,
        mut all: Vec<Competitor>,
    ) -> Result<Vec<Times>> {
        let calls = match (self.calls, all.first_mut().map(|first| &mut first.batch)) {
            (None, Some(Ok(first))) => enough(first)?,
            (calls, _) => calls.unwrap_or(1),
        };
        self.rounds(operation, &mut all, calls)
    }

    /// Returns nanoseconds a call, in each round of each.
    fn rounds(
        &mut self,
        operation: &'static str,
        all: &mut [Competitor],
        calls: u32,
    ) -> Result<Vec<Times>> {
        let batch = (calls / TURNS).max(1);
        let mut times = vec![Times::new(); all.len()];
        for round in 0..=self.rounds {
            let turns = self.round(all, calls / batch, batch);
            let turns = turns.with_context(|| format!("cannot measure {operation}"))?;
            for (times, mut turns) in times.iter_mut().zip(turns) {
                // The first round warms up.
                if round > 0 && !turns.is_empty() {
                    times.push(median(&mut turns));
                }
            }
        }
        Ok(times)
    }

    /// Returns nanoseconds a call, in each turn of each.
    fn round(&mut self, all: &mut [Competitor], turns: u32, calls: u32) -> Result<Vec<Times>> {
        let mut times = vec![Times::new(); all.len()];
        let mut order: Vec<usize> = (0..all.len()).collect();
        for _ in 0..turns {
            self.rng.shuffle(&mut order);
            for &index in &order {
                let Competitor { name, batch } = &mut all[index];
                if let Ok(batch) = batch {
                    let took = batch(calls).context(*name)?;
                    times[index].push(took.as_nanos() as f64 / f64::from(calls));
                }
            }
        }
        Ok(times)
    }
}

/// How many calls a round needs, at the best of three: one in which the machine was busy is not long.
fn enough(batch: &mut Batch) -> Result<u32> {
    let mut calls = 1;
    while batch(calls)? < ROUND || batch(calls)? < ROUND || batch(calls)? < ROUND {
        calls *= 2;
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each call takes so many nanoseconds.
    fn slow(nanos: u64) -> Batch {
        Box::new(move |calls| Ok(Duration::from_nanos(nanos) * calls))
    }

    #[test]
    fn everybody_has_a_time_a_round_or_a_reason() {
        let peers = vec![
            Competitor::new("peer", Ok(slow(7))),
            Competitor::new("refused", Err(Error::msg("not here"))),
            Competitor::without("other"),
        ];
        let mut rounds = Rounds::new(3, Some(1000));
        let measured = rounds.measure("set", slow(5), slow(6), peers).unwrap();
        assert_eq!(measured.bare, [5.0; 3]);
        assert_eq!(measured.circuits, [6.0; 3]);
        let expected = [
            ("peer", Ok(vec![7.0; 3])),
            ("refused", Err("not here".into())),
            ("other", Err("-".into())),
        ];
        assert_eq!(measured.peers, expected);
    }

    #[test]
    fn a_call_that_fails_is_an_error() {
        let mut calls = 0;
        let fails = batch(move || {
            calls += 1;
            match calls {
                100.. => Err(Error::msg("gone")),
                _ => Ok(()),
            }
        });
        let peers = vec![Competitor::new("peer", Ok(fails))];
        let error = Rounds::new(3, Some(64)).measure("set", slow(5), slow(6), peers);
        let error = format!("{:#}", error.err().unwrap());
        assert_eq!(error, "cannot measure set: peer: gone");
    }

    #[test]
    fn a_round_has_calls_enough() {
        let calls = enough(&mut slow(10_000)).unwrap();
        assert!((800..1600).contains(&calls), "{calls}");
        assert_eq!(enough(&mut slow(30_000_000)).unwrap(), 1);
    }
}
