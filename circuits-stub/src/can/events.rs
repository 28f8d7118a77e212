//! What happens on buses by itself, one thing after another.
//!
//! It is done when somebody looks, or by the board when the time has come ([`State::next`]): each thing as of its own
//! time.

use circuits_wait::Time;

use super::bus::{Bus, Phase};
use super::state::State;
use super::station::{Owner, Station};
use crate::stub::Board;

/// What happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The next thing on a bus.
    Bus(u64),
    /// The driver restarts a controller that is bus-off.
    Restart(u64),
    /// A node acts.
    Act(u64),
    /// The next frame of a cycle is due.
    Cycle(u64),
}

/// Of what there may be nothing of yet, keeps what is first.
fn sooner<T: PartialOrd>(first: &mut Option<T>, other: T) {
    if first.as_ref().is_none_or(|first| other < *first) {
        *first = Some(other);
    }
}

impl State {
    /// The first thing that happens by itself, where that of a bus is when this says.
    fn first_of(&self, of_bus: fn(&State, u64, &Bus) -> Option<Time>) -> Option<(Time, Event)> {
        let mut first = None;
        for (id, bus) in &self.buses {
            if let Some(time) = of_bus(self, *id, bus) {
                sooner(&mut first, (time, Event::Bus(*id)));
            }
        }
        for (id, one) in &self.stations {
            match &one.owner {
                Owner::Interface(settings) => {
                    if let Some(time) = settings.restarts {
                        sooner(&mut first, (time, Event::Restart(*id)));
                    }
                }
                Owner::Node(attached) => {
                    if let Some(time) = attached.next {
                        sooner(&mut first, (time, Event::Act(*id)));
                    }
                }
            }
        }
        for (id, cycle) in &self.cycles {
            if let Some(time) = cycle.next {
                sooner(&mut first, (time, Event::Cycle(*id)));
            }
        }
        first
    }

    /// When something happens next that may have consequences for others.
    pub(super) fn next(&self) -> Option<Time> {
        self.first_of(State::bus_seen).map(|(time, _)| time)
    }

    fn next_event(&self) -> Option<(Time, Event)> {
        self.first_of(State::bus_next)
    }

    /// When the next thing happens on a bus.
    fn bus_next(&self, id: u64, bus: &Bus) -> Option<Time> {
        match bus.phase {
            Phase::Free { from } => self.begins(id, from),
            Phase::Start { end, .. } => Some(end),
            Phase::Frame => Some(bus.step()),
            Phase::Stalled { .. } => None,
        }
    }

    /// The same, of what somebody sees: not that a frame begins, nor that it is acknowledged.
    fn bus_seen(&self, id: u64, bus: &Bus) -> Option<Time> {
        let next = self.bus_next(id, bus)?;
        Some(match bus.phase {
            Phase::Free { .. } => next + self.rates_on(id).nominal(1),
            Phase::Frame if self.is_acknowledged(id) => bus.step_seen(),
            _ => next,
        })
    }

    /// Does what happens by itself until now.
    pub(super) fn advance(&mut self, board: &Board, now: Time) {
        while let Some((time, event)) = self.next_event().filter(|next| next.0 <= now) {
            if self
                .concerns(event)
                .is_some_and(|bus| self.resume(bus, time))
            {
                // What happened there by then comes first.
                continue;
            }
            self.happen(event, board, time);
        }
    }

    /// Does what happens by itself until now, and has all buses looked at on which nothing comes of trying again.
    pub(super) fn advance_all(&mut self, board: &Board, now: Time) {
        self.advance(board, now);
        while let Some(bus) = self.stalled() {
            self.resume(bus, now);
            self.advance(board, now);
        }
    }

    fn stalled(&self) -> Option<u64> {
        let mut buses = self.buses.iter();
        let (id, _) = buses.find(|(_, bus)| matches!(bus.phase, Phase::Stalled { .. }))?;
        Some(*id)
    }

    /// On which bus it makes a difference.
    fn concerns(&self, event: Event) -> Option<u64> {
        let station = match event {
            Event::Bus(_) => return None,
            Event::Restart(id) | Event::Act(id) => id,
            Event::Cycle(id) => self.cycles.get(&id)?.interface,
        };
        Some(self.stations.get(&station)?.bus)
    }

    fn happen(&mut self, event: Event, board: &Board, now: Time) {
        match event {
            Event::Bus(id) => match self.buses.get(&id).map(|bus| bus.phase) {
                Some(Phase::Free { .. }) => self.begin(id, now),
                Some(Phase::Start { start, .. }) => self.decide(id, start, board, now),
                Some(Phase::Frame) => self.step(id, board, now),
                Some(Phase::Stalled { .. }) | None => {}
            },
            Event::Restart(id) => self.restart(id, board, now),
            Event::Act(id) => {
                self.call(id, board, now, |node, controller| node.act(controller));
                if let Some(attached) = self.stations.get_mut(&id).and_then(Station::attached) {
                    attached.next = attached.next.filter(|next| *next > now);
                }
            }
            Event::Cycle(id) => self.send_of_cycle(id, board, now),
        }
    }
}
