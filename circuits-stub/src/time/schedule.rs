use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::task::Waker;
use std::thread::Thread;
use std::time::Instant;

use circuits_wait::{Interrupt, Time};

use super::places::{Kind, Place, PlaceKey};
use super::slots::{Outcome, Slot};

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
    /// For the threads that look after the board without keeping it.
    pub(super) this: Weak<Schedule>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) places: Vec<Option<Place>>,
    pub(super) slots: Vec<Slot>,
    /// Who is ready, in the order in which they became so.
    pub(super) queue: VecDeque<PlaceKey>,
    pub(super) running: Option<PlaceKey>,
    /// The one that runs is a task that is done, since then.
    pub(super) lingering: Option<(PlaceKey, Instant)>,
    /// What was taken out to be called, in this order, without the lock.
    pub(super) wakers: VecDeque<Waker>,
    waking: bool,
    pub(super) told_of_guests: bool,
    serial: u64,
    /// Goes up with everything that happens: who sees it stand still for long says so.
    pub(super) changes: u64,
    /// The thread that looks after the board, once it was needed.
    pub(super) ticker: Option<Thread>,
}

impl State {
    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

impl Schedule {
    pub(crate) fn new(is_virtual: bool) -> Arc<Schedule> {
        static BOARDS: AtomicU64 = AtomicU64::new(0);
        Arc::new_cyclic(|this| Schedule {
            id: BOARDS.fetch_add(1, Ordering::Relaxed),
            is_virtual,
            interrupt: OnceLock::new(),
            now: AtomicU64::new(0),
            state: Mutex::default(),
            this: this.clone(),
        })
    }

    pub(crate) fn is_virtual(&self) -> bool {
        self.is_virtual
    }

    pub(crate) fn now(&self) -> Time {
        match self.is_virtual {
            true => Time::from_nanos(self.now.load(Ordering::Acquire)),
            false => Time::monotonic(),
        }
    }

    /// Of a user's code only the cloning of wakers runs under this lock. A waker that panics there
    /// leaves it whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Lets go on who can. To be called after everything that changes who waits. The lock is given
    /// up for wakers, which run code of executors and users; in virtual time one at a time, for
    /// nobody can know whom they will make ready.
    pub(super) fn settle<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        while !(state.waking && self.is_virtual) {
            self.schedule(&mut state);
            let Some(waker) = state.wakers.pop_front() else {
                break;
            };
            state.waking = true;
            drop(state);
            let awake = Awake(self);
            waker.wake();
            drop(awake);
            state = self.lock();
        }
        state
    }

    /// Ends the waits whose signal has gone up. To be called after every change of the board, with
    /// no lock held.
    pub(crate) fn notify(&self) {
        let mut state = self.lock();
        state.fire_all(Slot::is_signalled, &Outcome::Signal);
        drop(self.settle(state));
    }

    /// Returns what interrupts the board.
    pub(super) fn interrupt(&self) -> io::Result<Interrupt> {
        if let Some(interrupt) = self.interrupt.get() {
            return Ok(interrupt.clone());
        }
        let new = Interrupt::new()?;
        let schedule = self.this.clone();
        new.watch(move || {
            if let Some(schedule) = schedule.upgrade() {
                schedule.end_waits();
            }
        })?;
        Ok(self.interrupt.get_or_init(|| new).clone())
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupt.get().is_some_and(Interrupt::is_raised)
    }

    /// Ends the blocking waits of an interrupted board, unless it is not interrupted any more.
    fn end_waits(&self) {
        let mut state = self.lock();
        if !self.is_virtual && self.is_interrupted() {
            state.fire_all(Slot::is_interruptible, &Outcome::Interrupted);
        }
        drop(self.settle(state));
    }

    /// The rule of virtual time.
    fn schedule(&self, state: &mut State) {
        while self.is_virtual && state.running.is_none() && state.wakers.is_empty() {
            if self.is_interrupted() {
                state.fire_all(Slot::is_interruptible, &Outcome::Interrupted);
            }
            if state.run_next() {
                if state.waits_for_a_first_poll() {
                    self.watch_over(state);
                }
                return;
            }
            if !state.has_root() {
                return;
            }
            if let Some((time, slot)) = state.next_due() {
                self.now.fetch_max(time.as_nanos(), Ordering::AcqRel);
                if state.fire(slot, Outcome::Deadline) == Some(Kind::Guest) {
                    return;
                }
            } else if let Some(report) = state.deadlock(false) {
                state.fire_all(|_| true, &Outcome::Deadlock(report));
            } else {
                // Something outside the board may still wake a task.
                self.watch_over(state);
                return;
            }
        }
    }
}

/// A waker is being called; it may panic.
struct Awake<'a>(&'a Schedule);

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.0.lock().waking = false;
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        if let Some(ticker) = &self.lock().ticker {
            ticker.unpark();
        }
    }
}
