use std::io;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use circuits_wait::Time;

use super::here;
use super::places::{Blocked, Kind, PlaceKey, Turn};
use super::schedule::{Schedule, State};
use super::signal::Signal;
use super::slots::Outcome;
use super::ticker::STANDSTILL;

/// What a wait is for.
pub(super) struct Wait<'a> {
    /// A signal, and its count when there was nothing to do yet.
    pub(super) signal: Option<(&'a Arc<Signal>, u64)>,
    pub(super) deadline: Option<Time>,
    pub(super) interruptible: bool,
    pub(super) what: &'a Arc<str>,
}

impl Schedule {
    /// Blocks until the signal has gone up or the deadline has passed, which it tells: `false` for
    /// the deadline.
    pub(super) fn wait(self: &Arc<Schedule>, wait: &Wait<'_>) -> io::Result<bool> {
        if !self.is_virtual
            && wait.signal.is_none()
            && wait.deadline.is_some_and(|time| self.spin(time))
        {
            return Ok(false);
        }
        let key = here::anyone(self);
        let mut state = self.lock();
        if wait
            .signal
            .is_some_and(|(signal, seen)| signal.count() != seen)
        {
            return Ok(true);
        }
        if wait.deadline.is_some_and(|deadline| deadline <= self.now()) {
            return Ok(false);
        }
        // Raised at any time from here on, it finds the slot.
        let Some(slot) = state.place(key).map(|place| place.slot) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        state.arm(slot, key, wait);
        if wait.interruptible && self.is_interrupted() {
            let _ = state.disarm(slot);
            return Err(io::ErrorKind::Interrupted.into());
        }
        if let Some(place) = state.place(key) {
            place.blocked = Blocked::Wait;
        }
        if self.is_virtual && state.is_another_guest(key) {
            eprintln!(
                "two threads wait in virtual time that take no part in it, in no particular order: \
                 start them by Stub::spawn, in Stub::run"
            );
        }
        state.make_waiting(key, Turn::Waiting);
        let mut state = self.wait_for_turn(key, self.settle(state));
        let outcome = state.slots[slot].outcome.take();
        if let Some(place) = state.place(key) {
            place.blocked = Blocked::No;
            if place.kind == Kind::Guest {
                // Time stopped for it; nobody waits for what it does now.
                drop(self.settle(state));
            }
        }
        match outcome {
            Some(Outcome::Signal) => Ok(true),
            Some(Outcome::Deadline) | None => Ok(false),
            Some(Outcome::Interrupted) => Err(io::ErrorKind::Interrupted.into()),
            Some(Outcome::Deadlock(report)) => Err(deadlock(&report)),
        }
    }

    /// Blocks until it is the place's turn; a guest's comes when its wait ends.
    pub(super) fn wait_for_turn<'a>(
        &'a self,
        key: PlaceKey,
        mut state: MutexGuard<'a, State>,
    ) -> MutexGuard<'a, State> {
        let (mut seen, mut since) = (state.changes, Instant::now());
        let mut parked = false;
        while let Some(place) = state.place(key) {
            let (kind, turn, slot) = (place.kind, place.turn, place.slot);
            let over = match kind {
                Kind::Guest => !state.slots[slot].armed,
                Kind::Thread | Kind::Task => turn == Turn::Running,
            };
            if over {
                break;
            }
            let left = match self.is_virtual {
                true => Some(STANDSTILL),
                false => state.slots[slot]
                    .deadline
                    .map(|deadline| deadline.since(self.now())),
            };
            if left == Some(Duration::ZERO) {
                let _ = state.disarm(slot);
                break;
            }
            drop(state);
            parked = true;
            match left {
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
            state = self.lock();
            if state.changes != seen {
                (seen, since) = (state.changes, Instant::now());
            } else if self.is_virtual && since.elapsed() >= STANDSTILL {
                since = Instant::now() + 1000 * STANDSTILL;
                eprintln!("{}", state.who_runs());
            }
        }
        if parked {
            // It may have been meant for an executor that parks on this thread as well.
            thread::current().unpark();
        }
        state
    }

    /// Has `cx` woken when the signal goes up or the deadline passes; ready if either is so
    /// already.
    pub(super) fn poll(
        self: &Arc<Schedule>,
        slot: usize,
        cx: &mut Context<'_>,
        wait: &Wait<'_>,
    ) -> Poll<io::Result<()>> {
        let owner = here::participant(self);
        if self.is_virtual && owner.is_none() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a future waits on a virtual board outside of its tasks: run it by Stub::block_on, Stub::task or Stub::block_on_with",
            )));
        }
        if !self.is_virtual && wait.deadline.is_some_and(|time| self.spin(time)) {
            return Poll::Ready(Ok(()));
        }
        let mut state = self.lock();
        if let Some(Outcome::Deadlock(report)) = state.slots[slot].outcome.take() {
            return Poll::Ready(Err(deadlock(&report)));
        }
        let signalled = wait
            .signal
            .is_some_and(|(signal, seen)| signal.count() != seen);
        if signalled || wait.deadline.is_some_and(|deadline| deadline <= self.now()) {
            let waker = state.disarm(slot);
            drop(state);
            drop(waker);
            return Poll::Ready(Ok(()));
        }
        let sequence = state.next_serial();
        let armed = &mut state.slots[slot];
        let old = match &armed.waker {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => armed.waker.replace(cx.waker().clone()),
        };
        armed.armed = true;
        armed.owner = owner;
        set(&mut armed.signal, wait.signal);
        armed.deadline = wait.deadline;
        armed.sequence = sequence;
        let ticking = match !self.is_virtual && wait.deadline.is_some() {
            true => self.tick(&mut state),
            false => Ok(()),
        };
        drop(state);
        drop(old);
        match ticking {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    pub(super) fn cancel(&self, slot: usize) {
        let waker = self.lock().disarm(slot);
        drop(waker);
    }

    /// Waits out a real time that is too short for a sleep. `false`: it is not.
    fn spin(&self, time: Time) -> bool {
        const SPIN: Duration = Duration::from_micros(50);
        if time.since(self.now()) >= SPIN {
            return false;
        }
        while self.now() < time {
            std::hint::spin_loop();
        }
        true
    }
}

impl State {
    fn arm(&mut self, slot: usize, owner: PlaceKey, wait: &Wait<'_>) {
        let sequence = self.next_serial();
        let slot = &mut self.slots[slot];
        slot.armed = true;
        slot.owner = Some(owner);
        set(&mut slot.signal, wait.signal);
        slot.deadline = wait.deadline;
        slot.interruptible = wait.interruptible;
        slot.sequence = sequence;
        slot.outcome = None;
        if !Arc::ptr_eq(&slot.what, wait.what) {
            slot.what = wait.what.clone();
        }
    }
}

fn set(signal: &mut Option<(Arc<Signal>, u64)>, to: Option<(&Arc<Signal>, u64)>) {
    *signal = to.map(|(signal, seen)| (signal.clone(), seen));
}

pub(super) fn deadlock(report: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Deadlock, report)
}
