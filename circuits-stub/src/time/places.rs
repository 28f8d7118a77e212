use std::fmt::Write;
use std::sync::Arc;
use std::task::Waker;
use std::thread::{self, Thread};
use std::time::Instant;

use super::schedule::State;

/// Somebody who takes part: a thread, a future that an executor runs, or a guest.
#[derive(Debug)]
pub(super) struct Place {
    serial: u64,
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    pub(super) turn: Turn,
    /// The slot of its blocking waits.
    pub(super) slot: usize,
    pub(super) blocked: Blocked,
    /// A waker was called while it was not waiting for wakers.
    pub(super) woken: bool,
    /// Of a task: what to wake when it is its turn; none before its first poll.
    pub(super) executor: Option<Waker>,
    /// Of a task: the one it was last polled on.
    pub(super) thread: Thread,
    /// Those who come from one `block_on_with`, which may share its executor's threads.
    pub(super) group: u64,
    /// Time moves for it; for the others it moves while there is one of these.
    is_root: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaceKey {
    pub(super) index: usize,
    serial: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Thread,
    Task,
    /// Came by no door: it exists for the clock while it waits, and nobody waits for it.
    Guest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Running,
    Ready,
    Waiting,
    Outside,
}

/// What the thread of a place is blocked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    /// Nothing, or it is a future that has returned.
    No,
    /// A wait for its slot. Wakers do not end it.
    Wait,
    /// The board's `block_on`: it waits for wakers.
    BlockOn,
}

impl Place {
    /// Tells whether its thread is blocked by a task, so that no other task can be polled on it.
    fn blocks_its_group(&self) -> bool {
        self.kind == Kind::Task && self.blocked != Blocked::No
    }
}

impl State {
    pub(super) fn has_place(&self, key: PlaceKey) -> bool {
        self.places.get(key.index).is_some_and(|place| {
            place
                .as_ref()
                .is_some_and(|place| place.serial == key.serial)
        })
    }

    pub(super) fn place(&mut self, key: PlaceKey) -> Option<&mut Place> {
        self.places
            .get_mut(key.index)?
            .as_mut()
            .filter(|place| place.serial == key.serial)
    }

    pub(super) fn is_running(&self, key: PlaceKey) -> bool {
        self.running == Some(key)
    }

    /// Adds a place, which is in the group of who made it or begins one.
    pub(super) fn add_place(
        &mut self,
        name: Arc<str>,
        kind: Kind,
        maker: Option<PlaceKey>,
    ) -> PlaceKey {
        let (serial, slot) = (self.next_serial(), self.add_slot("nothing".into()));
        let group = match (kind, maker) {
            (Kind::Task, Some(maker)) => self.place(maker).map_or(0, |maker| maker.group),
            // Tasks that were made outside of any door: nobody knows whose they are.
            (Kind::Task, None) => 0,
            (Kind::Thread | Kind::Guest, _) => serial,
        };
        let place = Place {
            serial,
            name,
            kind,
            turn: Turn::Outside,
            slot,
            blocked: Blocked::No,
            woken: false,
            executor: None,
            thread: thread::current(),
            group,
            is_root: kind == Kind::Task && maker.is_none(),
        };
        let index = self
            .places
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.places.len());
        if index == self.places.len() {
            self.places.push(None);
        }
        self.places[index] = Some(place);
        PlaceKey { index, serial }
    }

    /// Adds the place of a thread for which the board's time is made to move: by `run`.
    pub(super) fn add_root(&mut self, name: Arc<str>) -> PlaceKey {
        let key = self.add_place(name, Kind::Thread, None);
        if let Some(place) = self.place(key) {
            place.is_root = true;
        }
        key
    }

    /// Tells whether time may move: somebody is there for whom it does. Threads that a test has
    /// left behind do not count.
    pub(super) fn has_root(&self) -> bool {
        let waits = |place: &Place| self.slots[place.slot].armed;
        self.places
            .iter()
            .flatten()
            .any(|place| place.is_root || place.kind == Kind::Guest && waits(place))
    }

    /// Tells, once, when a guest waits beside another one.
    pub(super) fn is_another_guest(&mut self, key: PlaceKey) -> bool {
        let waits = |place: &Place| place.kind == Kind::Guest && self.slots[place.slot].armed;
        let guests = self.places.iter().flatten().filter(|place| waits(place));
        let another = guests.count() > 1
            && self
                .place(key)
                .is_some_and(|place| place.kind == Kind::Guest);
        another && !std::mem::replace(&mut self.told_of_guests, true)
    }

    /// Has the futures around a `block_on` that ends looked at again: their wakers may have been
    /// called in it.
    pub(super) fn wake_outer(&mut self, key: PlaceKey) {
        if let Some(place) = self.place(key) {
            place.woken = true;
        }
    }

    #[must_use = "the waker is to be dropped without the lock"]
    pub(super) fn remove_place(&mut self, key: PlaceKey) -> Option<Waker> {
        self.give_up_turn(key);
        let place = self.place(key)?;
        let (slot, executor) = (place.slot, place.executor.take());
        self.places[key.index] = None;
        // The slot of a place has no waker: a thread waits in it.
        let _ = self.remove_slot(slot);
        self.changes += 1;
        executor
    }

    /// Keeps the turn for a task that is done until its executor has told who waits for it: without
    /// this, time would move before they know. Tells whether anybody could be told.
    ///
    /// The executor has told them when they are woken, or when it polls another task on the thread
    /// of this one: so one is woken, and the one that drives the executor.
    pub(super) fn linger(&mut self, key: PlaceKey) -> bool {
        let Some(group) = self.place(key).map(|place| place.group) else {
            return false;
        };
        let mut woken = [false; 2];
        for place in self
            .places
            .iter()
            .flatten()
            .filter(|place| place.group == group)
        {
            let drives = usize::from(place.serial == group);
            if place.serial != key.serial && place.blocked == Blocked::No && !woken[drives] {
                woken[drives] = place.executor.is_some();
                self.wakers.extend(place.executor.clone());
            }
        }
        if woken.contains(&true) {
            self.lingering = Some((key, Instant::now()));
        }
        woken.contains(&true)
    }

    /// Tells whether a task that is done was polled on this thread: it lingers no longer then.
    pub(super) fn lingers_here(&mut self) -> bool {
        let lingering = self.lingering.and_then(|(key, _)| self.place(key));
        lingering.is_some_and(|place| place.thread.id() == thread::current().id())
    }

    /// Takes the turn from a task that is done.
    #[must_use = "the waker is to be dropped without the lock"]
    pub(super) fn release(&mut self) -> Option<Waker> {
        let (key, _) = self.lingering.take()?;
        self.remove_place(key)
    }

    /// Puts a participant in the queue.
    pub(super) fn make_ready(&mut self, key: PlaceKey) {
        self.give_up_turn(key);
        if let Some(place) = self.place(key) {
            place.turn = Turn::Ready;
            self.queue.push_back(key);
        }
    }

    /// Takes a participant off its turn, to wait.
    pub(super) fn make_waiting(&mut self, key: PlaceKey, turn: Turn) {
        self.give_up_turn(key);
        if let Some(place) = self.place(key) {
            place.turn = turn;
        }
    }

    /// Gives up the turn until a waker is called; one that was called meanwhile counts.
    pub(super) fn wait_for_wakers(&mut self, key: PlaceKey) {
        match self
            .place(key)
            .map(|place| std::mem::take(&mut place.woken))
        {
            Some(true) => self.make_ready(key),
            _ => self.make_waiting(key, Turn::Waiting),
        }
    }

    fn give_up_turn(&mut self, key: PlaceKey) {
        if self.running == Some(key) {
            self.running = None;
        }
        self.queue.retain(|other| *other != key);
    }

    /// Gives the turn to the first in the queue that can run.
    pub(super) fn run_next(&mut self) -> bool {
        let can_run = |key: &PlaceKey| {
            let Some(Some(place)) = self.places.get(key.index) else {
                return false;
            };
            // Where a task blocks a thread of its executor, nobody knows which other tasks wait for
            // that thread: all of them are passed over until the wait is over.
            let others = self.places.iter().flatten();
            let blocked = || {
                others
                    .clone()
                    .any(|other| other.blocks_its_group() && other.group == place.group)
            };
            place.kind == Kind::Thread || place.blocked != Blocked::No || !blocked()
        };
        let Some(index) = self.queue.iter().position(can_run) else {
            return false;
        };
        let Some(key) = self.queue.remove(index) else {
            return false;
        };
        let Some(place) = self.place(key) else {
            return false;
        };
        place.turn = Turn::Running;
        let waker = match place.kind == Kind::Task && place.blocked == Blocked::No {
            true => place.executor.clone(),
            false => {
                place.thread.unpark();
                None
            }
        };
        self.running = Some(key);
        self.wakers.extend(waker);
        self.changes += 1;
        true
    }

    /// Tells whether the turn is with a task that no executor has polled yet.
    pub(super) fn waits_for_a_first_poll(&self) -> bool {
        let running = self.running.and_then(|key| self.places[key.index].as_ref());
        running.is_some_and(|place| place.kind == Kind::Task && place.executor.is_none())
    }

    /// Says who waits for what, if all do. In doubt (a future waits for something that is not on
    /// the board) it is no deadlock, unless the doubts have lasted for long.
    pub(super) fn deadlock(&self, despite_doubts: bool) -> Option<Arc<str>> {
        if self.running.is_some() || !self.slots.iter().any(|slot| self.is_waited_for(slot)) {
            return None;
        }
        let mut report = String::from("nothing can happen any more");
        for (index, place) in self.places.iter().enumerate() {
            let Some(place) = place else { continue };
            let key = PlaceKey {
                index,
                serial: place.serial,
            };
            let waits = self
                .slots
                .iter()
                .filter(|slot| slot.armed && slot.owner == Some(key));
            let first = waits.min_by_key(|slot| slot.sequence);
            let separator = if report.ends_with("more") { ':' } else { ';' };
            let _ = write!(report, "{separator} {} ", place.name);
            let _ = match (first, place.kind, place.turn) {
                (Some(slot), Kind::Guest, _) | (Some(slot), _, Turn::Waiting) => {
                    write!(report, "waits for {}", slot.what)
                }
                (None, Kind::Guest, _) => {
                    report.truncate(report.len() - separator.len_utf8() - place.name.len() - 2);
                    Ok(())
                }
                // Passed over, see `run_next`.
                (_, _, Turn::Ready) => write!(report, "is ready, but a task blocks its executor"),
                (None, _, Turn::Waiting) if despite_doubts => {
                    write!(report, "waits for something that is not on the board")
                }
                _ => return None,
            };
        }
        Some(report.into())
    }

    /// Says who keeps time from moving.
    pub(super) fn who_runs(&self) -> String {
        let mut report = String::from("virtual time stands still:");
        for place in self.places.iter().flatten() {
            let turn = match place.turn {
                Turn::Running if place.kind == Kind::Task && place.executor.is_none() => {
                    "has the turn but was never polled (spawn a task as soon as it is made)"
                }
                Turn::Running if place.kind != Kind::Guest => "runs",
                Turn::Ready => "is ready",
                Turn::Outside if place.kind != Kind::Guest => "is outside",
                _ => "waits",
            };
            let _ = write!(report, " {} {turn};", place.name);
        }
        report.pop();
        report
    }
}
