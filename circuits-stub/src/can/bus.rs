//! What goes over a bus, one frame after another: who sends, who hears it, and what comes of it.

use std::time::Duration;

use circuits_can::{AnyFrame, Frame, Location, Mode, Violation};
use circuits_wait::Time;

use super::bits::{Bits, ERROR_DELIMITER, ERROR_FLAG, INTERMISSION, Rates, SUSPEND};
use super::fault::{self, Kind};
use super::node::Failure;
use super::report;
use super::state::State;
use super::station::{BITRATE, Mismatch};
use crate::stub::Board;
use crate::trace::{Action, BusError};

/// The wires that some controllers and nodes are on.
#[derive(Debug)]
pub(super) struct Bus {
    pub(super) phase: Phase,
    /// What is on it, in its phases `Frame`.
    attempt: Attempt,
    /// For how long it was busy, and since when that counts.
    pub(super) busy: Duration,
    pub(super) counted_since: Time,
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
struct Attempt {
    start: Time,
    frame: Option<Frame>,
    rates: Rates,
    /// Who sends it: more than one, if they send the same bits.
    senders: Vec<u64>,
    /// Who hears it and found nothing wrong with it yet.
    hears: Vec<u64>,
    /// What will be found wrong with it, by whom and when, in this order.
    errors: Vec<Found>,
    /// When it is acknowledged, and whether it was.
    acknowledge: Time,
    is_acknowledged: bool,
    /// Who does not see that it is.
    is_blind: bool,
    end: Time,
}

#[derive(Clone, Copy, Debug)]
struct Found {
    time: Time,
    by: u64,
    flaw: Flaw,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) error: BusError,
    pub(super) violation: Violation,
    pub(super) location: Location,
}

impl Flaw {
    /// Who sends it sees another bit.
    const BIT: Flaw = Flaw::new(BusError::Bit, Violation::Bit, Location::DATA);
    /// The same, because another one has made it dominant.
    const OVERWRITTEN: Flaw = Flaw::new(
        BusError::Bit,
        Violation::RecessiveBit,
        Location::UNSPECIFIED,
    );
    pub(super) const STUFF: Flaw = Flaw::new(BusError::Stuff, Violation::Stuff, Location::DATA);
    /// There are six equal bits, of which nobody knows what they were to be.
    const FLAG: Flaw = Flaw::new(BusError::Stuff, Violation::Stuff, Location::UNSPECIFIED);
    const FORM: Flaw = Flaw::new(BusError::Form, Violation::Form, Location::CRC_DELIMITER);
    /// It is of CAN FD.
    const FORMAT: Flaw = Flaw::new(BusError::Form, Violation::Form, Location::RESERVED_0);
    const CRC: Flaw = Flaw::new(
        BusError::Crc,
        Violation::Unspecified,
        Location::CRC_SEQUENCE,
    );
    pub(super) const NO_ACKNOWLEDGE: Flaw = Flaw::new(
        BusError::NoAcknowledge,
        Violation::Unspecified,
        Location::ACKNOWLEDGE_SLOT,
    );

    pub(super) const fn new(error: BusError, violation: Violation, location: Location) -> Flaw {
        Flaw {
            error,
            violation,
            location,
        }
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
            attempt: Attempt {
                start: now,
                frame: None,
                rates: Rates {
                    nominal: BITRATE,
                    data: BITRATE,
                },
                senders: Vec::new(),
                hears: Vec::new(),
                errors: Vec::new(),
                acknowledge: now,
                is_acknowledged: false,
                is_blind: false,
                end: now,
            },
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
    fn count(&mut self, start: Time, end: Time) {
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
    /// At what rates frames go over a bus that are sent by one without a rate of its own: those of the first interface
    /// on it that has any.
    fn rates_on(&self, bus: u64) -> Rates {
        let interfaces = || {
            let on_it = self.stations.values().filter(move |one| one.bus == bus);
            on_it.filter(|one| one.settings().is_some())
        };
        let nominal = interfaces().find_map(|one| one.rates().0);
        let nominal = nominal.unwrap_or(BITRATE);
        Rates {
            nominal,
            data: interfaces()
                .find_map(|one| one.rates().1)
                .unwrap_or(nominal),
        }
    }

    /// At what rates one sends.
    pub(super) fn rates_of(&self, station: u64) -> Rates {
        let Some(one) = self.stations.get(&station) else {
            return self.rates_on(0);
        };
        let common = self.rates_on(one.bus);
        let (nominal, data) = one.rates();
        Rates {
            nominal: nominal.unwrap_or(common.nominal),
            data: data.unwrap_or(common.data),
        }
    }

    /// When one of those on a bus that is free from then on begins to send, if there is one that will.
    pub(super) fn begins(&self, bus: u64, from: Time) -> Option<Time> {
        let mut first = None;
        for one in self.stations.values().filter(|one| one.bus == bus) {
            let Some(pending) = one.queue.front().filter(|_| one.is_heard()) else {
                continue;
            };
            let begins = pending.since.max(one.joins).max(one.suspended).max(from);
            if first.is_none_or(|first| begins < first) {
                first = Some(begins);
            }
        }
        first
    }

    /// The first bit of a frame is on a bus.
    pub(super) fn begin(&mut self, bus: u64, now: Time) {
        let first = self.contenders(bus, now, now).next();
        let rates = match first {
            Some(first) => self.rates_of(first),
            None => return,
        };
        if let Some(bus) = self.buses.get_mut(&bus) {
            let end = now + rates.nominal(1);
            bus.phase = Phase::Start { start: now, end };
        }
    }

    /// Who has something to send on a bus: before `end`, and may begin at `start`.
    fn contenders(&self, bus: u64, start: Time, end: Time) -> impl Iterator<Item = u64> {
        let on_it = self.stations.iter().filter(move |(_, one)| {
            let is_ready = one
                .queue
                .front()
                .is_some_and(|pending| pending.since <= end);
            one.bus == bus
                && is_ready
                && one.is_heard()
                && one.joins <= start
                && one.suspended <= start
        });
        on_it.map(|(id, _)| *id)
    }

    /// The frame as one puts it on the bus.
    fn sent_by(&self, station: u64) -> Option<Frame> {
        let one = self.stations.get(&station)?;
        let frame = one.says(&one.queue.front()?.frame);
        let is_passive = one.is_passive() || frame.is_from_error_passive();
        Some(frame.error_state_indicator(is_passive))
    }

    /// The first bit of a frame is over: who has the smallest identifier goes on.
    pub(super) fn decide(&mut self, bus: u64, start: Time, board: &Board, now: Time) {
        let Some(mut attempt) = self.take_attempt(bus) else {
            return;
        };
        let contenders: Vec<u64> = self.contenders(bus, start, now).collect();
        // A classic frame goes before one of CAN FD: where that says so, it has a dominant bit.
        let key = |state: &State, id: u64| {
            let frame = state.sent_by(id)?;
            Some((frame.arbitration(), frame.is_fd()))
        };
        let best = contenders
            .iter()
            .filter_map(|id| Some((key(self, *id)?, *id)));
        let Some((best, first)) = best.min() else {
            // It has gone meanwhile.
            self.put_attempt(bus, attempt, Phase::Free { from: now });
            return;
        };
        attempt.start = start;
        attempt.rates = self.rates_of(first);
        let is_sender = |id: &u64| {
            key(self, *id) == Some(best) && self.rates_of(*id).nominal == attempt.rates.nominal
        };
        attempt
            .senders
            .extend(contenders.iter().copied().filter(is_sender));
        for (id, one) in &self.stations {
            let is_there = one.bus == bus && one.is_there() && one.joins <= start;
            if is_there && !attempt.senders.contains(id) {
                attempt.hears.push(*id);
            }
        }
        self.plan(first, &mut attempt);
        for id in &attempt.senders {
            if let Some(one) = self.stations.get_mut(id) {
                one.is_sending = true;
            }
        }
        let lost: Vec<u64> = contenders
            .into_iter()
            .filter(|id| attempt.hears.contains(id))
            .collect();
        self.put_attempt(bus, attempt, Phase::Frame);
        for id in lost {
            let key = key(self, id).map_or(0, |key| key.0);
            let bit = (key ^ best.0).leading_zeros() as u8;
            self.report(id, &report::lost_arbitration(bit), now);
            self.not_sent(id, Failure::LostArbitration, board, now);
        }
    }

    /// Finds out how long the frame is, and what will be wrong with it.
    fn plan(&mut self, first: u64, attempt: &mut Attempt) {
        let is_iso = self.stations.get(&first).is_none_or(|one| one.is_iso());
        let Some(mut frame) = self.sent_by(first) else {
            return;
        };
        let mut bits = Bits::of(&frame, is_iso);
        let (start, rates) = (attempt.start, attempt.rates);
        // Of several senders, who has a recessive bit where another one has a dominant one sees an error.
        let others: Vec<_> = attempt
            .senders
            .iter()
            .filter_map(|id| Some((*id, self.sent_by(*id)?)))
            .collect();
        for (_, other) in &others {
            let theirs = Bits::of(other, is_iso);
            if let Some((_, true)) = bits.difference(&theirs) {
                (frame, bits) = (*other, theirs);
            }
        }
        for (id, other) in &others {
            if let Some((bit, _)) = Bits::of(other, is_iso).difference(&bits) {
                attempt.errors.push(Found {
                    time: start + bits.time(bit + 1, rates),
                    by: *id,
                    flaw: Flaw::OVERWRITTEN,
                });
            }
        }
        let at = |bit: usize| start + bits.time(bit, rates);
        let in_data = at(bits.data + 1);
        for id in &attempt.senders {
            let faults = self.stations.get_mut(id).map(|one| &mut one.faults);
            match faults.and_then(|faults| fault::take(faults, Role::Sender)) {
                Some(Kind::Bit) => attempt.errors.push(Found {
                    time: in_data,
                    by: *id,
                    flaw: Flaw::BIT,
                }),
                Some(Kind::NoAcknowledge) => attempt.is_blind = true,
                _ => {}
            }
        }
        let crc = at(bits.acknowledged() + 1);
        for id in &attempt.hears {
            let Some(one) = self.stations.get_mut(id) else {
                continue;
            };
            let mismatch = one.mismatch(&frame, rates, is_iso);
            let fault = fault::take(&mut one.faults, Role::Receiver);
            let (time, flaw) = match (mismatch, fault) {
                // Six of its bits are equal soon.
                (Some(Mismatch::Rate), _) => (at(12), Flaw::FLAG),
                (Some(Mismatch::Format), _) => (at(bits.format + 2), Flaw::FORMAT),
                (Some(Mismatch::Data), _) => (at(bits.switch() + 6), Flaw::STUFF),
                (Some(Mismatch::Crc), _) => (crc, Flaw::CRC),
                (None, Some(Kind::Stuff)) => (in_data, Flaw::STUFF),
                (None, Some(Kind::Form)) => (at(bits.acknowledged() - 1), Flaw::FORM),
                (None, Some(Kind::Crc)) => (crc, Flaw::CRC),
                (None, Some(Kind::Overrun)) => {
                    one.overruns = true;
                    continue;
                }
                (None, _) => continue,
            };
            attempt.errors.push(Found {
                time,
                by: *id,
                flaw,
            });
        }
        attempt.errors.sort_by_key(|found| found.time);
        attempt.acknowledge = at(bits.acknowledged());
        attempt.end = at(bits.all());
        attempt.frame = Some(frame);
    }

    /// The next thing happens with the frame that is on a bus.
    pub(super) fn step(&mut self, bus: u64, board: &Board, now: Time) {
        let Some(it) = self.buses.get_mut(&bus) else {
            return;
        };
        let attempt = &mut it.attempt;
        if attempt
            .errors
            .first()
            .is_some_and(|found| found.time <= now)
        {
            let found = attempt.errors.remove(0);
            self.found(bus, found, board, now);
        } else if !attempt.is_acknowledged {
            match self.is_acknowledged(bus) {
                true => {
                    if let Some(it) = self.buses.get_mut(&bus) {
                        it.attempt.is_acknowledged = true;
                    }
                }
                false => self.fail(bus, None, Flaw::NO_ACKNOWLEDGE, board, now),
            }
        } else {
            self.succeed(bus, board, now);
        }
    }

    /// Whether somebody acknowledges the frame that is on a bus, or its sender does without.
    pub(super) fn is_acknowledged(&self, bus: u64) -> bool {
        let Some(Bus { attempt, .. }) = self.buses.get(&bus) else {
            return false;
        };
        let does_without = attempt.senders.iter().any(|id| {
            let one = self.stations.get(id);
            one.is_some_and(|one| one.has(Mode::PresumeAcknowledge) || one.has(Mode::Loopback))
        });
        // Who finds something wrong with it later has acknowledged it nevertheless.
        let acknowledges = |id: &u64| self.stations.get(id).is_some_and(|one| one.is_heard());
        does_without || !attempt.is_blind && attempt.hears.iter().any(acknowledges)
    }

    /// Somebody finds something wrong with the frame that is on a bus.
    fn found(&mut self, bus: u64, found: Found, board: &Board, now: Time) {
        let Found { by, flaw, .. } = found;
        let Some(one) = self.stations.get(&by) else {
            return;
        };
        let disturbs = one.is_heard() && !one.is_passive();
        let Some(Bus { attempt, .. }) = self.buses.get_mut(&bus) else {
            return;
        };
        let is_sender = attempt.senders.contains(&by);
        let is_only = attempt.senders == [by];
        if !is_sender && !attempt.hears.contains(&by) {
            return;
        }
        if disturbs || is_only {
            return self.fail(bus, Some(by), flaw, board, now);
        }
        // The others do not see that.
        attempt.senders.retain(|id| *id != by);
        attempt.hears.retain(|id| *id != by);
        let role = match is_sender {
            true => Role::Sender,
            false => Role::Receiver,
        };
        self.count_error(by, role, false, flaw, board, now);
        if is_sender {
            let rates = self.rates_of(by);
            let end = self.buses.get(&bus).map_or(now, |bus| bus.attempt.end);
            if let Some(one) = self.stations.get_mut(&by) {
                one.is_sending = false;
                one.suspended = end + rates.nominal(INTERMISSION + SUSPEND);
            }
            self.not_sent(by, Failure::Error, board, now);
        }
    }

    /// Counts and tells an error of one. Says whether anything changed by it.
    fn count_error(
        &mut self,
        id: u64,
        role: Role,
        is_first: bool,
        flaw: Flaw,
        board: &Board,
        now: Time,
    ) -> bool {
        let Some(one) = self.stations.get_mut(&id) else {
            return false;
        };
        let before = (one.state(), one.counters);
        match role {
            // Who is error-passive and alone stays so (ISO 11898-1): this is no reason to be bus-off.
            Role::Sender if flaw == Flaw::NO_ACKNOWLEDGE && one.is_passive() => {}
            Role::Sender => one.count_sent_error(),
            Role::Receiver => one.count_received_error(is_first),
        }
        let counters = one.counters;
        let is_told = match one.has(Mode::BusErrorReporting) {
            true => self.report(id, &report::bus_error(flaw, role, counters), now),
            false => false,
        };
        let is_changed = counters != before.1;
        self.changed(id, before, board, now);
        is_told || is_changed
    }

    /// The frame that is on a bus is destroyed, or nobody has acknowledged it.
    fn fail(&mut self, bus: u64, by: Option<u64>, flaw: Flaw, board: &Board, now: Time) {
        let Some(mut attempt) = self.take_attempt(bus) else {
            return;
        };
        let nominal = |bits: u32| attempt.rates.nominal(bits);
        let is_active = |id: &u64| {
            let one = self.stations.get(id);
            one.is_some_and(|one| one.is_heard() && !one.is_passive())
        };
        // The flags of the others come after the first one.
        let all = attempt.senders.iter().chain(&attempt.hears);
        let others = all.filter(|id| Some(**id) != by).any(is_active);
        let flags = match by.is_some() && others {
            true => 2 * ERROR_FLAG,
            false => ERROR_FLAG,
        };
        let free = now + nominal(flags + ERROR_DELIMITER + INTERMISSION);
        let name = by.or_else(|| attempt.senders.first().copied());
        let name = name.and_then(|id| Some(self.stations.get(&id)?.name.clone()));
        let mut is_changed = false;
        for id in &attempt.hears {
            let is_first = Some(*id) == by;
            let flaw = if is_first { flaw } else { Flaw::FLAG };
            if by.is_some() || attempt.is_blind {
                is_changed |=
                    self.count_error(*id, Role::Receiver, is_first && others, flaw, board, now);
            }
        }
        for id in &attempt.senders {
            let flaw = match by {
                Some(by) if by != *id => Flaw::OVERWRITTEN,
                _ => flaw,
            };
            is_changed |= self.count_error(*id, Role::Sender, false, flaw, board, now);
        }
        if let (true, Some(station), Some(frame)) = (is_changed, name, attempt.frame) {
            board.tell_at(now, || Action::CanError {
                station,
                frame,
                error: flaw.error,
            });
        }
        let (start, rates) = (attempt.start, attempt.rates);
        let senders = std::mem::take(&mut attempt.senders);
        let is_blind = attempt.is_blind;
        self.put_attempt(bus, attempt, Phase::Free { from: free });
        if let Some(bus) = self.buses.get_mut(&bus) {
            bus.count(start, free);
        }
        for id in &senders {
            let Some(one) = self.stations.get_mut(id) else {
                continue;
            };
            one.is_sending = false;
            if one.is_passive() {
                one.suspended = free + rates.nominal(SUSPEND);
            }
            let is_told = is_changed || one.is_one_shot();
            let why = match flaw.error {
                BusError::NoAcknowledge => Failure::NoAcknowledge,
                _ => Failure::Error,
            };
            if is_told {
                self.not_sent(*id, why, board, now);
            }
        }
        if let ([sender], false, false) = (&senders[..], is_changed, is_blind) {
            self.stall(bus, *sender, start, free);
        }
    }

    /// If nothing will come of trying again, has it be tried again without looking at it.
    fn stall(&mut self, bus: u64, sender: u64, start: Time, free: Time) {
        let Some(one) = self.stations.get(&sender) else {
            return;
        };
        let is_hopeless = |(id, other): (&u64, &super::station::Station)| {
            *id == sender || other.bus != bus || !other.is_heard()
        };
        let is_stuck = one.is_passive()
            && !one.is_one_shot()
            && !one.queue.is_empty()
            && one.faults.is_empty()
            && self.stations.iter().all(is_hopeless);
        let from = one.suspended;
        if let (true, Some(bus)) = (is_stuck, self.buses.get_mut(&bus)) {
            bus.phase = Phase::Stalled {
                sender,
                from,
                each: from.since(start),
                busy: free.since(start),
            };
        }
    }

    /// Has a bus on which nothing comes of trying again be looked at again.
    pub(super) fn resume(&mut self, bus: u64, now: Time) -> bool {
        let Some(bus) = self.buses.get_mut(&bus) else {
            return false;
        };
        let Phase::Stalled {
            sender,
            from,
            each,
            busy,
        } = bus.phase
        else {
            return false;
        };
        let times = now.since(from).as_nanos() / each.as_nanos().max(1);
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        bus.busy += busy * times;
        bus.phase = Phase::Free {
            from: from + each * times,
        };
        // Those whose buffers were full have lost what told of it.
        let one = self.stations.get(&sender);
        if let Some(one) = one.filter(|one| one.has(Mode::BusErrorReporting)) {
            let error = report::bus_error(Flaw::NO_ACKNOWLEDGE, Role::Sender, one.counters);
            let content = AnyFrame::Error(error);
            for socket in self
                .sockets_of(sender)
                .filter(|socket| socket.wants(&content))
            {
                socket.lose(times.into());
            }
        }
        true
    }

    /// The frame that is on a bus is over, and all is well.
    fn succeed(&mut self, bus: u64, board: &Board, now: Time) {
        let Some(mut attempt) = self.take_attempt(bus) else {
            return;
        };
        let senders = std::mem::take(&mut attempt.senders);
        let hears = std::mem::take(&mut attempt.hears);
        let (start, rates, frame) = (attempt.start, attempt.rates, attempt.frame);
        let free = now + rates.nominal(INTERMISSION);
        self.put_attempt(bus, attempt, Phase::Free { from: free });
        if let Some(bus) = self.buses.get_mut(&bus) {
            bus.count(start, free);
        }
        let Some(frame) = frame else {
            return;
        };
        for id in &senders {
            if let Some(one) = self.stations.get_mut(id) {
                let from = one.name.clone();
                board.tell_at(now, || Action::CanFrame {
                    from,
                    start: board.shown(start),
                    frame,
                });
            }
        }
        for id in senders {
            self.sent(id, free + rates.nominal(SUSPEND), board, now);
        }
        for id in hears {
            self.received(id, &frame, board, now);
        }
    }

    /// Somebody is on a bus no more: what it sends breaks off.
    pub(super) fn leave(&mut self, id: u64, board: &Board, now: Time) {
        let Some(one) = self.stations.get_mut(&id) else {
            return;
        };
        one.is_sending = false;
        let bus = one.bus;
        self.resume(bus, now);
        let Some(it) = self.buses.get_mut(&bus) else {
            return;
        };
        if it.phase != Phase::Frame {
            return;
        }
        let attempt = &mut it.attempt;
        attempt.hears.retain(|other| *other != id);
        let count = attempt.senders.len();
        attempt.senders.retain(|other| *other != id);
        if count > 0 && attempt.senders.is_empty() {
            // The bus is recessive from now on, which is one bit too many soon.
            let first = attempt.hears.first().copied();
            self.fail(bus, first, Flaw::FLAG, board, now);
        }
    }

    /// Takes what is on a bus from it, to be put back.
    fn take_attempt(&mut self, bus: u64) -> Option<Attempt> {
        let attempt = &mut self.buses.get_mut(&bus)?.attempt;
        let empty = Attempt {
            start: attempt.start,
            frame: None,
            rates: attempt.rates,
            senders: Vec::new(),
            hears: Vec::new(),
            errors: Vec::new(),
            acknowledge: attempt.start,
            is_acknowledged: false,
            is_blind: false,
            end: attempt.start,
        };
        Some(std::mem::replace(attempt, empty))
    }

    fn put_attempt(&mut self, bus: u64, attempt: Attempt, phase: Phase) {
        if let Some(bus) = self.buses.get_mut(&bus) {
            bus.phase = phase;
            bus.attempt = attempt;
            if phase != Phase::Frame {
                let attempt = &mut bus.attempt;
                attempt.frame = None;
                attempt.senders.clear();
                attempt.hears.clear();
                attempt.errors.clear();
                (attempt.is_acknowledged, attempt.is_blind) = (false, false);
            }
        }
    }
}
