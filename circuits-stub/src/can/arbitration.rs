//! Who goes first on a bus, how long that takes, and what will be wrong with it.

use circuits_can::Frame;
use circuits_wait::Time;

use super::bits::{Bits, Rates};
use super::bus::{Attempt, Found, Phase, Role};
use super::fault::{self, Kind};
use super::flaw::Flaw;
use super::node::Failure;
use super::report;
use super::state::State;
use super::station::{BITRATE, Mismatch};
use crate::stub::Board;

impl State {
    /// At what rates frames go over a bus that are sent by one without a rate of its own: those of the first interface
    /// on it that has any.
    pub(super) fn rates_on(&self, bus: u64) -> Rates {
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
        let Some(mut attempt) = self.take_attempt(bus, Phase::Free { from: now }) else {
            return;
        };
        attempt.contenders.extend(self.contenders(bus, start, now));
        // A classic frame goes before one of CAN FD: where that says so, it has a dominant bit.
        let key = |id: u64| {
            let frame = self.sent_by(id)?;
            Some((frame.arbitration(), frame.is_fd()))
        };
        let contenders = attempt.contenders.iter();
        let best = contenders.filter_map(|id| Some((key(*id)?, *id))).min();
        let Some((best, first)) = best else {
            // It has gone meanwhile.
            return self.put_attempt(bus, attempt);
        };
        attempt.start = start;
        attempt.rates = self.rates_of(first);
        for id in &attempt.contenders {
            let is_in_step = self.rates_of(*id).nominal == attempt.rates.nominal;
            if key(*id) == Some(best) && is_in_step {
                attempt.senders.push(*id);
            }
        }
        for (id, one) in &self.stations {
            let is_there = one.bus == bus && one.is_there() && one.joins <= start;
            if is_there && !attempt.senders.contains(id) {
                attempt.hears.push(*id);
            }
        }
        self.plan(first, &mut attempt, board.shown(start));
        for id in &attempt.senders {
            if let Some(one) = self.stations.get_mut(id) {
                one.is_sending = true;
            }
        }
        let mut contenders = std::mem::take(&mut attempt.contenders);
        contenders.retain(|id| attempt.hears.contains(id));
        self.put_attempt(bus, attempt);
        if let Some(bus) = self.buses.get_mut(&bus) {
            bus.phase = Phase::Frame;
        }
        for id in &contenders {
            let frame = self.sent_by(*id);
            let differs = frame.map_or(0, |frame| frame.arbitration() ^ best.0);
            let bit = differs.leading_zeros() as u8;
            self.report(*id, &report::lost_arbitration(bit), now);
            self.not_sent(*id, Failure::LostArbitration, board, now);
        }
        contenders.clear();
        if let Some(bus) = self.buses.get_mut(&bus) {
            bus.attempt.contenders = contenders;
        }
    }

    /// Finds out how long the frame is, and what will be wrong with it, which begins at this time of the trace.
    fn plan(&mut self, first: u64, attempt: &mut Attempt, shown: Time) {
        let is_iso = self.stations.get(&first).is_none_or(|one| one.is_iso());
        let Some(mut frame) = self.sent_by(first) else {
            return;
        };
        let mut bits = Bits::of(&frame, is_iso);
        let (start, rates) = (attempt.start, attempt.rates);
        // Of several senders, who has a recessive bit where another one has a dominant one sees an error.
        if attempt.senders.len() > 1 {
            for other in attempt.senders.iter().filter_map(|id| self.sent_by(*id)) {
                let theirs = Bits::of(&other, is_iso);
                if let Some((_, true)) = bits.difference(&theirs) {
                    (frame, bits) = (other, theirs);
                }
            }
            for id in &attempt.senders {
                let theirs = self.sent_by(*id).map(|other| Bits::of(&other, is_iso));
                let differs = theirs.and_then(|theirs| theirs.difference(&bits));
                attempt.errors.extend(differs.map(|(bit, _)| Found {
                    time: start + bits.time(bit + 1, rates),
                    by: *id,
                    flaw: Flaw::OVERWRITTEN,
                }));
            }
        }
        let at = |bit: usize| start + bits.time(bit, rates);
        let in_data = at(bits.data + 1);
        for id in &attempt.senders {
            let faults = self.stations.get_mut(id).map(|one| &mut one.faults);
            match faults.and_then(|faults| fault::take(faults, Role::Sender, &frame, shown)) {
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
            let fault = fault::take(&mut one.faults, Role::Receiver, &frame, shown);
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
}
