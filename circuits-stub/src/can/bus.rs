//! A bus, and what is on it: one frame after another.

use std::time::Duration;

use circuits_can::Frame;
use circuits_wait::Time;

use super::bits::Rates;
use super::flaw::Flaw;
use super::state::State;
use super::station::BITRATE;

/// The wires that some controllers and nodes are on.
#[derive(Debug)]
pub(super) struct Bus {
    pub(super) phase: Phase,
    /// What is on it, in its phases `Frame`.
    pub(super) attempt: Attempt,
    /// For how long it was busy, and since when that counts.
    pub(super) busy: Duration,
    counted_since: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is on it, from then on.
    Free { from: Time },
    /// The first bit of a frame is on it. Whoever has something to send by the end of it takes part in the arbitration.
    Start { start: Time, end: Time },
    /// A frame is on it.
    Frame,
    /// An error-passive controller tries again and again, from then on, each time for so long, and nobody is there
    /// to acknowledge: nothing comes of it until something changes. So long of each time the bus is busy.
    Stalled {
        sender: u64,
        from: Time,
        each: Duration,
        busy: Duration,
    },
}

/// A frame on the bus.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) start: Time,
    pub(super) frame: Option<Frame>,
    pub(super) rates: Rates,
    /// Who wants to send.
    pub(super) contenders: Vec<u64>,
    /// Who sends it: more than one, if they send the same bits, as far as that has come out.
    pub(super) senders: Vec<u64>,
    /// Who hears it and found nothing wrong with it yet.
    pub(super) hears: Vec<u64>,
    /// What will be found wrong with it, by whom and when, in this order.
    pub(super) errors: Vec<Found>,
    /// When it is acknowledged, and whether it was.
    pub(super) acknowledge: Time,
    pub(super) is_acknowledged: bool,
    /// Who sends it does not see that.
    pub(super) is_blind: bool,
    pub(super) end: Time,
}

/// Something wrong with a frame, which somebody finds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) time: Time,
    pub(super) by: u64,
    pub(super) flaw: Flaw,
}

impl Attempt {
    fn new() -> Attempt {
        Attempt {
            start: Time::ZERO,
            frame: None,
            rates: Rates {
                nominal: BITRATE,
                data: BITRATE,
            },
            contenders: Vec::new(),
            senders: Vec::new(),
            hears: Vec::new(),
            errors: Vec::new(),
            acknowledge: Time::ZERO,
            is_acknowledged: false,
            is_blind: false,
            end: Time::ZERO,
        }
    }

    /// It is over. The memory that it has is for the next one.
    pub(super) fn clear(&mut self) {
        self.frame = None;
        self.contenders.clear();
        self.senders.clear();
        self.hears.clear();
        self.errors.clear();
        (self.is_acknowledged, self.is_blind) = (false, false);
    }
}

/// What one has to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Sender,
    Receiver,
}

impl Bus {
    pub(super) fn new(now: Time) -> Bus {
        Bus {
            phase: Phase::Free { from: now },
            attempt: Attempt::new(),
            busy: Duration::ZERO,
            counted_since: now,
        }
    }

    /// When the next thing happens with the frame that is on it.
    pub(super) fn step(&self) -> Time {
        let attempt = &self.attempt;
        let next = match attempt.is_acknowledged {
            true => attempt.end,
            false => attempt.acknowledge,
        };
        attempt
            .errors
            .first()
            .map_or(next, |found| next.min(found.time))
    }

    /// The same, if the frame will be acknowledged, which nobody sees.
    pub(super) fn step_seen(&self) -> Time {
        let attempt = &self.attempt;
        let first = attempt.errors.first();
        first.map_or(attempt.end, |found| attempt.end.min(found.time))
    }

    /// It was busy from one time to another.
    pub(super) fn count(&mut self, start: Time, end: Time) {
        self.busy += end.since(start.max(self.counted_since));
    }

    /// How much of the time it was busy, since it was asked last.
    pub(super) fn load(&mut self, now: Time) -> f64 {
        let since = self.counted_since;
        let (under_way, ahead) = match self.phase {
            Phase::Start { start, .. } => (now.since(start.max(since)), Duration::ZERO),
            Phase::Frame => (now.since(self.attempt.start.max(since)), Duration::ZERO),
            // What is counted already is not over yet.
            Phase::Free { from } | Phase::Stalled { from, .. } => (Duration::ZERO, from.since(now)),
        };
        let ahead = ahead.min(self.busy);
        let busy = self.busy + under_way - ahead;
        self.busy = ahead;
        self.counted_since = now;
        match now.since(since) {
            Duration::ZERO => 0.0,
            all => busy.as_secs_f64() / all.as_secs_f64(),
        }
    }
}

impl State {
    /// Takes what is on a bus from it, to be put back, while those who are on it are told.
    pub(super) fn take_attempt(&mut self, bus: u64, phase: Phase) -> Option<Attempt> {
        let bus = self.buses.get_mut(&bus)?;
        bus.phase = phase;
        Some(std::mem::replace(&mut bus.attempt, Attempt::new()))
    }

    pub(super) fn put_attempt(&mut self, bus: u64, attempt: Attempt) {
        if let Some(bus) = self.buses.get_mut(&bus) {
            bus.attempt = attempt;
        }
    }
}
