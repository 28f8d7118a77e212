use std::sync::Arc;
use std::task::Waker;

use circuits_wait::Time;

use super::places::{Kind, PlaceKey};
use super::schedule::State;
use super::signal::Signal;

/// A wait: whom to wake, and what for. Slots lie in a `Vec` that is searched: there are tens of
/// them, and a heap or a tree would take memory.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) armed: bool,
    pub(super) owner: Option<PlaceKey>,
    /// `None`: the owner's thread is blocked in it.
    pub(super) waker: Option<Waker>,
    pub(super) signal: Option<(Arc<Signal>, u64)>,
    pub(super) deadline: Option<Time>,
    pub(super) interruptible: bool,
    /// The order of arming.
    pub(super) sequence: u64,
    /// Completes *waits for …*.
    pub(super) what: Arc<str>,
    pub(super) outcome: Option<Outcome>,
    /// Nobody waits in it: see `Agenda`.
    pub(super) is_the_boards: bool,
    free: bool,
}

/// Why a wait ended.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Signal,
    Deadline,
    Interrupted,
    /// Nothing can happen any more; who waits for what.
    Deadlock(Arc<str>),
}

impl Slot {
    pub(super) fn is_interruptible(&self) -> bool {
        self.interruptible && self.waker.is_none()
    }

    pub(super) fn is_signalled(&self) -> bool {
        self.signal
            .as_ref()
            .is_some_and(|(signal, seen)| signal.count() != *seen)
    }

    /// When it is due; the end of time is never.
    pub(super) fn due(&self) -> Option<Time> {
        self.deadline
            .filter(|deadline| self.armed && *deadline < Time::MAX)
    }
}

impl State {
    pub(super) fn add_slot(&mut self, what: Arc<str>) -> usize {
        let slot = Slot {
            armed: false,
            owner: None,
            waker: None,
            signal: None,
            deadline: None,
            interruptible: false,
            sequence: 0,
            what,
            outcome: None,
            is_the_boards: false,
            free: false,
        };
        match self.slots.iter().position(|slot| slot.free) {
            Some(index) => {
                self.slots[index] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        }
    }

    /// Returns what was in it: a waker may run a user's code when it is dropped, which must not be
    /// under the lock.
    #[must_use = "the waker is to be dropped without the lock"]
    pub(super) fn disarm(&mut self, slot: usize) -> Option<Waker> {
        let slot = &mut self.slots[slot];
        slot.armed = false;
        slot.outcome = None;
        slot.signal = None;
        slot.waker.take()
    }

    #[must_use = "the waker is to be dropped without the lock"]
    pub(super) fn remove_slot(&mut self, slot: usize) -> Option<Waker> {
        let waker = self.disarm(slot);
        self.slots[slot].free = true;
        waker
    }

    /// The wait that is due first: by time, then in the order of arming. Not one that was left
    /// behind by a participant who has gone.
    pub(super) fn next_due(&self) -> Option<(Time, usize)> {
        let due = self
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| self.is_waited_for(slot));
        let due = due.filter_map(|(index, slot)| Some((slot.due()?, slot.sequence, index)));
        due.min().map(|(time, _, index)| (time, index))
    }

    /// Ends the first wait of the board's own that is due, and returns what is to be called for that.
    pub(super) fn take_affair(&mut self, now: Time) -> Option<Waker> {
        let slots = self.slots.iter().enumerate();
        let own = slots.filter(|(_, slot)| slot.is_the_boards);
        let due = own.filter_map(|(index, slot)| Some((slot.due()?, slot.sequence, index)));
        let (due, _, index) = due.min()?;
        match due <= now {
            true => self.disarm(index),
            false => None,
        }
    }

    /// Tells whether somebody who is still there waits in a slot, or the board itself does.
    pub(super) fn is_waited_for(&self, slot: &Slot) -> bool {
        let is_there = || slot.owner.is_some_and(|owner| self.has_place(owner));
        slot.armed && (slot.is_the_boards || is_there())
    }

    /// Ends a wait. Returns what kind of place it was of.
    pub(super) fn fire(&mut self, slot: usize, outcome: Outcome) -> Option<Kind> {
        self.changes += 1;
        let slot = &mut self.slots[slot];
        slot.armed = false;
        slot.outcome = Some(outcome);
        slot.signal = None;
        let (waker, owner) = (slot.waker.take(), slot.owner);
        if let Some(waker) = waker {
            self.wakers.push_back(waker);
            return None;
        }
        let place = self.place(owner?)?;
        let kind = place.kind;
        match kind {
            Kind::Guest => place.thread.unpark(),
            Kind::Thread | Kind::Task => self.make_ready(owner?),
        }
        Some(kind)
    }

    /// Ends all waits that `which` chooses, in the order in which they were armed.
    pub(super) fn fire_all(&mut self, which: impl Fn(&Slot) -> bool, outcome: &Outcome) -> bool {
        let mut any = false;
        loop {
            let chosen = self
                .slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| slot.armed && which(slot));
            let first = chosen
                .min_by_key(|(_, slot)| slot.sequence)
                .map(|(index, _)| index);
            let Some(first) = first else { return any };
            self.fire(first, outcome.clone());
            any = true;
        }
    }
}
