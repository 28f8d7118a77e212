//! What comes of a frame that is on a bus.

use circuits_can::{AnyFrame, Mode};
use circuits_wait::Time;

use super::bits::{ERROR_DELIMITER, ERROR_FLAG, INTERMISSION, SUSPEND};
use super::bus::{Bus, Found, Phase, Role};
use super::flaw::Flaw;
use super::node::Failure;
use super::report;
use super::state::State;
use super::station::Station;
use crate::stub::Board;
use crate::trace::{Action, BusError};

impl State {
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
        // Not who has seen another checksum.
        let is_wrong_for = |id: &u64| attempt.errors.iter().any(|found| found.by == *id);
        let acknowledges = |id: &u64| {
            let one = self.stations.get(id);
            one.is_some_and(|one| one.is_heard()) && !is_wrong_for(id)
        };
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
        let Some(Bus { attempt, .. }) = self.buses.get(&bus) else {
            return;
        };
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
        let bits = flags + ERROR_DELIMITER + INTERMISSION;
        let free = now + attempt.rates.nominal(bits);
        let Some(mut attempt) = self.take_attempt(bus, Phase::Free { from: free }) else {
            return;
        };
        let finder = by.or_else(|| attempt.senders.first().copied());
        let finder = finder.and_then(|id| Some(self.stations.get(&id)?.name.clone()));
        let mut is_changed = false;
        for id in &attempt.hears {
            if self.stations.get(id).is_some_and(Station::is_heard) {
                let is_first = Some(*id) == by;
                let own = attempt.errors.iter().find(|found| found.by == *id);
                let flaw = match is_first {
                    true => flaw,
                    false => own.map_or(Flaw::FLAG, |found| found.flaw),
                };
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
        if let (true, Some(station), Some(frame)) = (is_changed, finder, attempt.frame) {
            board.tell_at(now, || Action::CanError {
                station,
                frame,
                error: flaw.error,
            });
        }
        let why = match flaw.error {
            BusError::NoAcknowledge => Failure::NoAcknowledge,
            _ => Failure::Error,
        };
        for id in &attempt.senders {
            let Some(one) = self.stations.get_mut(id) else {
                continue;
            };
            one.is_sending = false;
            if one.is_passive() {
                one.suspended = free + attempt.rates.nominal(SUSPEND);
            }
            if is_changed || one.is_one_shot() {
                self.not_sent(*id, why, board, now);
            }
        }
        if let Some(bus) = self.buses.get_mut(&bus) {
            bus.count(attempt.start, free);
        }
        if let ([sender], false, false) = (&attempt.senders[..], is_changed, attempt.is_blind) {
            self.stall(bus, *sender, attempt.start, free);
        }
        attempt.clear();
        self.put_attempt(bus, attempt);
    }

    /// If nothing will come of trying again, has it be tried again without looking at it.
    fn stall(&mut self, bus: u64, sender: u64, start: Time, free: Time) {
        let Some(one) = self.stations.get(&sender) else {
            return;
        };
        let is_hopeless =
            |(id, other): (&u64, &Station)| *id == sender || other.bus != bus || !other.is_heard();
        let is_stuck = one.is_passive()
            && !one.is_one_shot()
            && !one.queue.is_empty()
            && !one.faults.iter().any(|fault| fault.is_of(Role::Sender))
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
        let Some(Bus { attempt, .. }) = self.buses.get(&bus) else {
            return;
        };
        let free = now + attempt.rates.nominal(INTERMISSION);
        let Some(mut attempt) = self.take_attempt(bus, Phase::Free { from: free }) else {
            return;
        };
        if let Some(bus) = self.buses.get_mut(&bus) {
            bus.count(attempt.start, free);
        }
        let start = attempt.start;
        if let Some(frame) = attempt.frame {
            for one in attempt
                .senders
                .iter()
                .filter_map(|id| self.stations.get(id))
            {
                board.tell_at(now, || Action::CanFrame {
                    from: one.name.clone(),
                    start: board.shown(start),
                    frame,
                });
            }
            let goes_on = free + attempt.rates.nominal(SUSPEND);
            for id in &attempt.senders {
                self.sent(*id, goes_on, board, now);
            }
            for id in &attempt.hears {
                self.received(*id, &frame, board, now);
            }
        }
        attempt.clear();
        self.put_attempt(bus, attempt);
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
}
