//! When to try again what has failed, and what to say of it.

use std::fmt::Display;
use std::time::Duration;

use circuits::wait::Time;

use crate::interval;

/// A second after the first failure, and then twice as long each time, up to a quarter of a minute: who plugs a sensor
/// in sees it work, and a bus that hangs for a second each time does not keep the button from being seen.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What was told is not told again for a minute, and then for twice as long each time, up to six hours: neither
/// a sensor that is gone for a year fills the journal, nor one with a loose contact.
const FIRST_QUIET: Duration = Duration::from_secs(60);
const LONGEST_QUIET: Duration = Duration::from_secs(6 * 3600);

/// Of one thing that may fail. It waits for nothing itself, and knows no clock.
#[derive(Debug)]
pub(crate) struct Retry {
    what: &'static str,
    outage: Option<Outage>,
    last_failure: Option<Time>,
    last_told: Option<Time>,
    quiet: Duration,
    /// How many failures nobody was told of.
    untold: u64,
    /// All of them.
    failures: u64,
}

/// From a failure to the next success.
#[derive(Debug)]
struct Outage {
    began: Time,
    failures: u64,
    next: Time,
    wait: Duration,
    is_told: bool,
}

impl Retry {
    pub(crate) fn new(what: &'static str) -> Retry {
        Retry {
            what,
            outage: None,
            last_failure: None,
            last_told: None,
            quiet: FIRST_QUIET,
            untold: 0,
            failures: 0,
        }
    }

    /// When it is to be tried again; `None` if it works.
    pub(crate) fn next(&self) -> Option<Time> {
        self.outage.as_ref().map(|outage| outage.next)
    }

    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.next().is_none_or(|next| next <= now)
    }

    /// Has it tried at once, for something has changed.
    pub(crate) fn hurry(&mut self, now: Time) {
        if let Some(outage) = &mut self.outage {
            (outage.next, outage.wait) = (now, FIRST_WAIT);
        }
    }

    /// How often it has failed since the program began.
    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// Notes a failure, and returns what to say, if it is time to say something.
    pub(crate) fn failed(&mut self, now: Time, error: &dyn Display) -> Option<String> {
        // It was well for long: this is something new.
        let is_new = |last: Time| now.since(last) > LONGEST_QUIET;
        if self.last_failure.is_none_or(is_new) {
            (self.quiet, self.last_told) = (FIRST_QUIET, None);
        }
        self.last_failure = Some(now);
        self.failures += 1;
        let outage = self.outage.get_or_insert(Outage {
            began: now,
            failures: 0,
            next: now,
            wait: FIRST_WAIT,
            is_told: false,
        });
        outage.failures += 1;
        outage.next = now + outage.wait;
        outage.wait = (outage.wait * 2).min(LONGEST_WAIT);
        if self
            .last_told
            .is_some_and(|told| now.since(told) < self.quiet)
        {
            self.untold += 1;
            return None;
        }
        if self.last_told.is_some() {
            self.quiet = (self.quiet * 2).min(LONGEST_QUIET);
        }
        self.last_told = Some(now);
        outage.is_told = true;
        let text = match std::mem::take(&mut self.untold) {
            0 => format!("{}: {error}", self.what),
            1 => format!("{}: {error} (and once more before)", self.what),
            untold => format!("{}: {error} (and {untold} more times before)", self.what),
        };
        Some(text)
    }

    /// Notes that it went well, and returns what to say, if a failure was told of.
    pub(crate) fn worked(&mut self, now: Time) -> Option<String> {
        let outage = self.outage.take()?;
        if !outage.is_told {
            return None;
        }
        // Those of this outage are in the count that follows.
        self.untold = self.untold.saturating_sub(outage.failures);
        let failures = match outage.failures {
            1 => "one failure".into(),
            failures => format!("{failures} failures"),
        };
        let lasted = interval::show(now.since(outage.began));
        Some(format!(
            "{}: works again, after {failures} in {lasted}",
            self.what
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Duration::from_secs(seconds)
    }

    /// Tries as often as it is due until a time, and returns when, and what was said.
    fn fails(retry: &mut Retry, from: u64, until: u64) -> (Vec<u64>, Vec<String>) {
        let (mut times, mut said) = (Vec::new(), Vec::new());
        for second in from..until {
            if retry.is_due(at(second)) {
                times.push(second);
                said.extend(retry.failed(at(second), &"gone"));
            }
        }
        (times, said)
    }

    #[test]
    fn it_waits_longer_each_time() {
        let mut retry = Retry::new("sensor");
        let (times, said) = fails(&mut retry, 0, 110);
        assert_eq!(times, [0, 1, 3, 7, 15, 30, 45, 60, 75, 90, 105]);
        assert_eq!(said[0], "sensor: gone");
        assert_eq!(said[1], "sensor: gone (and 6 more times before)");
        let back = retry.worked(at(110)).unwrap();
        assert_eq!(back, "sensor: works again, after 11 failures in 1 min 50 s");
        assert_eq!(retry.worked(at(111)), None);
        // It begins anew.
        retry.failed(at(300), &"gone");
        assert_eq!(retry.next(), Some(at(301)));
    }

    #[test]
    fn a_month_without_it_is_no_flood() {
        let mut retry = Retry::new("sensor");
        let (mut now, mut said) = (Time::ZERO, 0);
        while now < at(30 * 86_400) {
            said += usize::from(retry.failed(now, &"gone").is_some());
            now = retry.next().unwrap();
        }
        // Four a day, and some more on the first.
        assert!((120..140).contains(&said), "{said}");
        assert!(retry.failures() > 150_000);
    }

    #[test]
    fn a_loose_contact_is_no_flood() {
        let mut retry = Retry::new("sensor");
        let mut said = Vec::new();
        for second in (0..86_400).step_by(10) {
            said.extend(retry.failed(at(second), &"gone"));
            said.extend(retry.worked(at(second + 1)));
        }
        assert!((10..30).contains(&said.len()), "{said:#?}");
        assert_eq!(said[0], "sensor: gone");
        assert_eq!(said[1], "sensor: works again, after one failure in 1 s");
        assert_eq!(said[2], "sensor: gone (and 5 more times before)");
        // After a day without one it is news again.
        assert!(retry.failed(at(2 * 86_400), &"gone").is_some());
        assert_eq!(retry.quiet, FIRST_QUIET);
    }

    #[test]
    fn who_knows_better_has_it_tried_at_once() {
        let mut retry = Retry::new("sensor");
        fails(&mut retry, 0, 100);
        assert!(!retry.is_due(at(100)));
        retry.hurry(at(100));
        assert!(retry.is_due(at(100)));
        retry.failed(at(100), &"gone");
        assert_eq!(retry.next(), Some(at(101)));
    }
}
