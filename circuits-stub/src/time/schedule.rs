use std::collections::VecDeque;
use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::Waker;
use std::thread::{self, Thread};

use circuits_wait::{Interrupt, Time};

use super::bell::Signal;

/// The time of one board. Everything that decides who goes on is under its one lock.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// Tells boards apart in a thread that takes part in several.
    pub(super) id: u64,
    pub(super) is_virtual: bool,
    /// Made when somebody first asks for it.
    interrupt: OnceLock<Interrupt>,
    /// Virtual time: written under the lock only.
    now: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) places: Vec<Option<Place>>,
    pub(super) slots: Vec<Slot>,
    /// Who is ready, in the order in which they became so.
    queue: VecDeque<PlaceKey>,
    running: Option<PlaceKey>,
    /// What is to be done in this order, one at a time, without the lock.
    calls: VecDeque<Call>,
    calling: bool,
    serial: u64,
    /// Goes up with everything that happens: a wait that sees it stand still for long says so.
    pub(super) changes: u64,
    /// Real time: the thread that ends the waits of futures, once there was one.
    pub(super) ticker: Option<Thread>,
}

/// Tells somebody that a wait is over or that it is their turn.
#[derive(Debug)]
enum Call {
    Wake(Waker),
    Unpark(Thread),
}

/// Somebody who takes part: a thread, a future that an executor runs, or a guest.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) serial: u64,
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    pub(super) turn: Turn,
    /// The slot of its blocking waits.
    pub(super) slot: usize,
    pub(super) blocked: Blocked,
    /// A waker was called while it was not waiting for wakers.
    pub(super) woken: bool,
    /// Of a task: what to wake when it is its turn.
    pub(super) executor: Option<Waker>,
    /// Of a task: the one it was last polled on.
    pub(super) thread: Thread,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaceKey {
    pub(super) index: usize,
    pub(super) serial: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Thread,
    Task,
    /// Came by no door: it exists for the clock while it waits, and nobody waits for it.
    Guest,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Running,
    Ready,
    Waiting,
    Outside,
}

impl Drop for Schedule {
    fn drop(&mut self) {
        if let Some(ticker) = &self.lock().ticker {
            ticker.unpark();
        }
    }
}

/// A wait: whom to wake, and what for.
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
    pub(super) what: Arc<str>,
    pub(super) outcome: Option<Outcome>,
    pub(super) free: bool,
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

impl Schedule {
    pub(crate) fn new(is_virtual: bool) -> Arc<Schedule> {
        static BOARDS: AtomicU64 = AtomicU64::new(0);
        Arc::new(Schedule {
            id: BOARDS.fetch_add(1, Ordering::Relaxed),
            is_virtual,
            interrupt: OnceLock::new(),
            now: AtomicU64::new(0),
            state: Mutex::default(),
        })
    }

    pub(crate) fn now(&self) -> Time {
        match self.is_virtual {
            true => Time::from_nanos(self.now.load(Ordering::Acquire)),
            false => Time::monotonic(),
        }
    }

    /// No code of a user runs under this lock, so it is not poisoned.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Lets go on who can. To be called after everything that changes who waits. The lock is given up
    /// meanwhile: wakers run code of executors and users, one at a time.
    pub(super) fn settle<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while !state.calling {
            self.schedule(&mut state);
            let Some(call) = state.calls.pop_front() else {
                break;
            };
            state.calling = true;
            drop(state);
            match call {
                Call::Wake(waker) => waker.wake(),
                Call::Unpark(thread) => thread.unpark(),
            }
            state = self.lock();
            state.calling = false;
        }
        state
    }

    /// Ends the waits whose signal has gone up. To be called after every change of the board, with
    /// no lock held.
    pub(crate) fn notify(&self) {
        let mut state = self.lock();
        let changed = |slot: &Slot| {
            slot.signal
                .as_ref()
                .is_some_and(|(signal, seen)| signal.count() != *seen)
        };
        if state.fire_all(changed, &Outcome::Signal) {
            drop(self.settle(state));
        }
    }

    /// Returns what interrupts the board.
    pub(super) fn interrupt(self: &Arc<Schedule>) -> io::Result<Interrupt> {
        let interrupt = match self.interrupt.get() {
            Some(interrupt) => interrupt,
            None => {
                let new = Interrupt::new()?;
                self.interrupt.get_or_init(|| new)
            }
        };
        let schedule = Arc::downgrade(self);
        interrupt.watch(move || {
            if let Some(schedule) = schedule.upgrade() {
                schedule.end_waits();
            }
        })?;
        Ok(interrupt.clone())
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupt.get().is_some_and(Interrupt::is_raised)
    }

    /// Ends the blocking waits of an interrupted board.
    fn end_waits(&self) {
        let mut state = self.lock();
        if !self.is_virtual {
            state.fire_all(Slot::is_interruptible, &Outcome::Interrupted);
        }
        drop(self.settle(state));
    }

    /// The rule of virtual time.
    fn schedule(&self, state: &mut State) {
        if !self.is_virtual {
            return;
        }
        loop {
            // Somebody runs, or nobody can know whom the wakers under way will make ready.
            if state.running.is_some() || !state.calls.is_empty() {
                return;
            }
            if self.is_interrupted() {
                state.fire_all(Slot::is_interruptible, &Outcome::Interrupted);
            }
            if state.run_next() {
                return;
            }
            let armed = |(_, slot): &(usize, &Slot)| slot.armed;
            let next = state.slots.iter().enumerate().filter(armed);
            let next = next
                .filter_map(|(i, slot)| slot.deadline.map(|deadline| (deadline, slot.sequence, i)))
                .min();
            if let Some((deadline, _, slot)) = next {
                self.now.fetch_max(deadline.as_nanos(), Ordering::AcqRel);
                if state.fire(slot, Outcome::Deadline) == Some(Kind::Guest) {
                    return;
                }
                continue;
            }
            match state.deadlock() {
                Some(report) => state.fire_all(|_| true, &Outcome::Deadlock(report)),
                // Something outside the board may still wake a task.
                None => return,
            };
        }
    }
}

impl State {
    pub(super) fn place(&mut self, key: PlaceKey) -> Option<&mut Place> {
        self.places
            .get_mut(key.index)?
            .as_mut()
            .filter(|place| place.serial == key.serial)
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(super) fn is_running(&self, key: PlaceKey) -> bool {
        self.running == Some(key)
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

    fn give_up_turn(&mut self, key: PlaceKey) {
        if self.running == Some(key) {
            self.running = None;
        }
        self.queue.retain(|other| *other != key);
    }

    pub(super) fn add_place(&mut self, name: Arc<str>, kind: Kind, what: Arc<str>) -> PlaceKey {
        let (serial, slot) = (self.next_serial(), self.add_slot(what));
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

    pub(super) fn remove_place(&mut self, key: PlaceKey) {
        self.give_up_turn(key);
        if let Some(slot) = self.place(key).map(|place| place.slot) {
            self.places[key.index] = None;
            self.remove_slot(slot);
            self.changes += 1;
        }
    }

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

    pub(super) fn remove_slot(&mut self, slot: usize) -> Option<Waker> {
        let waker = self.disarm(slot);
        self.slots[slot].free = true;
        waker
    }

    /// Ends a wait. Returns what kind of place it was of.
    fn fire(&mut self, slot: usize, outcome: Outcome) -> Option<Kind> {
        self.changes += 1;
        let slot = &mut self.slots[slot];
        slot.armed = false;
        slot.outcome = Some(outcome);
        slot.signal = None;
        let (waker, owner) = (slot.waker.take(), slot.owner);
        if let Some(waker) = waker {
            self.calls.push_back(Call::Wake(waker));
            return None;
        }
        let place = self.place(owner?)?;
        let kind = place.kind;
        match kind {
            Kind::Guest => {
                let thread = place.thread.clone();
                self.calls.push_back(Call::Unpark(thread));
            }
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
            let Some(first) = chosen
                .min_by_key(|(_, slot)| slot.sequence)
                .map(|(index, _)| index)
            else {
                return any;
            };
            self.fire(first, outcome.clone());
            any = true;
        }
    }

    /// Gives the turn to the first in the queue that can run.
    fn run_next(&mut self) -> bool {
        let can_run = |key: &PlaceKey| {
            let Some(Some(place)) = self.places.get(key.index) else {
                return true;
            };
            // A task on a thread that another task blocks is not polled until that wait is over.
            let blocks = |other: &Place| {
                other.kind == Kind::Task
                    && other.blocked != Blocked::No
                    && other.thread.id() == place.thread.id()
            };
            place.kind == Kind::Thread
                || place.blocked != Blocked::No
                || !self.places.iter().flatten().any(blocks)
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
        let call = match place.kind == Kind::Task && place.blocked == Blocked::No {
            true => place.executor.clone().map(Call::Wake),
            false => Some(Call::Unpark(place.thread.clone())),
        };
        self.running = Some(key);
        self.calls.extend(call);
        self.changes += 1;
        true
    }

    /// Says who waits for what, if all do and nothing but the board could wake them.
    fn deadlock(&self) -> Option<Arc<str>> {
        let waits = |place: &Place, index| {
            let armed = |slot: &&Slot| {
                slot.armed
                    && slot.owner
                        == Some(PlaceKey {
                            index,
                            serial: place.serial,
                        })
            };
            self.slots
                .iter()
                .filter(armed)
                .min_by_key(|slot| slot.sequence)
        };
        if !self.slots.iter().any(|slot| slot.armed) {
            return None;
        }
        let mut report = String::from("nothing can happen any more");
        for (index, place) in self.places.iter().enumerate() {
            let Some(place) = place else { continue };
            let separator = if report.ends_with("more") { ':' } else { ';' };
            let _ = match (waits(place, index), place.kind, place.turn) {
                (Some(slot), Kind::Guest, _) | (Some(slot), _, Turn::Waiting) => {
                    write!(report, "{separator} {} waits for {}", place.name, slot.what)
                }
                (None, Kind::Guest, _) => Ok(()),
                // Passed over, see `run_next`.
                (_, _, Turn::Ready) => write!(
                    report,
                    "{separator} {} is ready, but its thread is blocked",
                    place.name
                ),
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

impl Slot {
    fn is_interruptible(&self) -> bool {
        self.interruptible && self.waker.is_none()
    }
}
