//! How late things are, in a fixed amount of memory.

use std::fmt;
use std::time::Duration;

use circuits::wait::Time;

/// Durations by their size: eight steps from each power of two to the next, so what is told of them is an eighth too
/// much at most.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: [u64; 8 * 40],
    count: u64,
    sum: Duration,
    min: Duration,
    max: Duration,
}

impl Histogram {
    pub fn new() -> Histogram {
        Histogram {
            counts: [0; 8 * 40],
            count: 0,
            sum: Duration::ZERO,
            min: Duration::MAX,
            max: Duration::ZERO,
        }
    }

    pub fn add(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let last = self.counts.len() - 1;
        self.counts[step(nanos).min(last)] += 1;
        self.count += 1;
        self.sum += duration;
        self.min = self.min.min(duration);
        self.max = self.max.max(duration);
    }

    #[cfg(test)]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// Returns what so many of a hundred are not longer than.
    pub fn percentile(&self, percent: u64) -> Duration {
        let wanted = (self.count * percent).div_ceil(100);
        let mut passed = 0;
        for (step, count) in self.counts.iter().enumerate() {
            passed += count;
            if passed >= wanted && *count > 0 {
                return Duration::from_nanos(end(step)).min(self.max);
            }
        }
        self.max
    }
}

/// The step that a number of nanoseconds is in: the number of its bits, and the three bits after the first.
fn step(nanos: u64) -> usize {
    match nanos.checked_ilog2() {
        Some(bits @ 3..) => (8 * (bits - 2) + (nanos >> (bits - 3)) as u32 % 8) as usize,
        _ => nanos as usize,
    }
}

/// The largest number that is in a step.
fn end(step: usize) -> u64 {
    let (bits, part) = (step as u32 / 8 + 2, step as u64 % 8);
    match step {
        0..8 => step as u64,
        _ => ((8 + part + 1) << (bits - 3)) - 1,
    }
}

/// `min 0.010 ms, mean 0.020 ms, p99 0.042 ms, max 0.084 ms`.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count == 0 {
            return f.write_str("none");
        }
        let mean = self.sum.as_secs_f64() / self.count as f64;
        let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
        write!(
            f,
            "min {:.3} ms, mean {:.3} ms, p99 {:.3} ms, max {:.3} ms",
            millis(self.min),
            mean * 1e3,
            millis(self.percentile(99)),
            millis(self.max),
        )
    }
}

/// When each cycle is due, and what came of that.
#[derive(Clone, Debug)]
pub struct Jitter {
    period: Duration,
    due: Time,
    /// How late cycles begin.
    pub late: Histogram,
    /// How long they take.
    pub busy: Histogram,
    pub cycles: u64,
    /// Cycles that there were none of, because the one before took too long.
    pub missed: u64,
}

impl Jitter {
    /// The first cycle is due now.
    pub fn new(now: Time, period: Duration) -> Jitter {
        Jitter {
            period,
            due: now,
            late: Histogram::new(),
            busy: Histogram::new(),
            cycles: 0,
            missed: 0,
        }
    }

    /// A cycle begins.
    pub fn begin(&mut self, now: Time) {
        self.late.add(now.since(self.due));
        self.cycles += 1;
    }

    /// A cycle that began then is over: returns when the next one is due. That is counted from the first one on, not from
    /// now: what is late once does not make all that follow late.
    pub fn end(&mut self, began: Time, now: Time) -> Time {
        self.busy.add(now.since(began));
        self.due = self.due + self.period;
        while self.due + self.period <= now {
            self.due = self.due + self.period;
            self.missed += 1;
        }
        self.due
    }
}

/// A line for each.
impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.period.as_millis();
        writeln!(
            f,
            "cycles      {} of {millis} ms, {} missed",
            self.cycles, self.missed
        )?;
        writeln!(f, "  late by   {}", self.late)?;
        write!(f, "  busy for  {}", self.busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_an_eighth_after_its_beginning_at_most() {
        let mut before = None;
        for nanos in (0..5000).chain([u64::from(u32::MAX), 1 << 40]) {
            let step = step(nanos);
            assert!(before <= Some(step), "{nanos}");
            before = Some(step);
            assert!(
                end(step) >= nanos && end(step) <= nanos + nanos / 8,
                "{nanos} in {step}"
            );
        }
    }

    #[test]
    fn of_a_hundred_ninety_nine_are_not_longer() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.to_string(), "none");
        (1..=99).for_each(|_| histogram.add(Duration::from_micros(100)));
        histogram.add(Duration::from_millis(5));
        let p99 = histogram.percentile(99).as_micros();
        assert!((100..=112).contains(&p99), "{p99}");
        assert_eq!(histogram.percentile(100), Duration::from_millis(5));
        let text = histogram.to_string();
        assert!(text.starts_with("min 0.100 ms, mean 0.149 ms"), "{text}");
    }

    #[test]
    fn a_late_cycle_does_not_make_the_next_one_late() {
        let period = Duration::from_millis(10);
        let at = |millis| Time::ZERO + Duration::from_millis(millis);
        let mut jitter = Jitter::new(at(0), period);
        jitter.begin(at(0));
        assert_eq!(jitter.end(at(0), at(3)), at(10));
        jitter.begin(at(14));
        assert_eq!(jitter.end(at(14), at(16)), at(20));
        jitter.begin(at(20));
        // It took so long that two more would have been due.
        assert_eq!(jitter.end(at(20), at(55)), at(50));
        assert_eq!((jitter.cycles, jitter.missed), (3, 2));
        assert_eq!(jitter.late.max(), Duration::from_millis(4));
        assert_eq!(jitter.busy.max(), Duration::from_millis(35));
    }
}
