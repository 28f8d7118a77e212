//! The thread that looks after a board when no thread of a program does: it ends the waits of
//! futures in real time, and finds out when virtual time stands still.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::schedule::{Schedule, State};
use super::slots::Outcome;

/// How long nothing happens in virtual time before somebody says so.
pub(super) const STANDSTILL: Duration = Duration::from_secs(5);

/// How long an executor may take to tell that a task is done.
const LINGERING: Duration = Duration::from_millis(20);

impl Schedule {
    /// Sees to it that somebody looks after the board from now on.
    pub(super) fn tick(&self, state: &mut State) -> io::Result<()> {
        if let Some(ticker) = &state.ticker {
            ticker.unpark();
            return Ok(());
        }
        let schedule = self.this.clone();
        // It sleeps until it is needed, and ends with the board.
        let ticking = move || {
            let mut still = Still {
                changes: 0,
                since: Instant::now(),
                told: false,
            };
            while let Some(schedule) = schedule.upgrade() {
                // Whoever panics here is told of, and the others go on.
                let next = catch_unwind(AssertUnwindSafe(|| match schedule.is_virtual {
                    true => schedule.look_after(&mut still),
                    false => schedule.wake_futures(),
                }));
                let next = next.unwrap_or(Some(Duration::ZERO));
                drop(schedule);
                match next {
                    Some(next) => thread::park_timeout(next),
                    None => thread::park(),
                }
            }
        };
        let ticker = thread::Builder::new()
            .name("circuits-stub".into())
            .spawn(ticking)?;
        state.ticker = Some(ticker.thread().clone());
        Ok(())
    }

    /// The same in virtual time, where it is no more than a help.
    pub(super) fn watch_over(&self, state: &mut State) {
        let looks = state.ticker.is_some() && state.lingering.is_none();
        if !looks && self.tick(state).is_err() {
            eprintln!("no thread to watch over virtual time: a standstill will not be told");
        }
    }

    /// Does what the board does by itself, and wakes the futures whose real time has come; returns how long it is until
    /// the next.
    fn wake_futures(&self) -> Option<Duration> {
        let mut state = self.lock();
        let now = self.now();
        // By this thread alone: any other that comes along to wake somebody may be in the midst of something.
        while let Some(affair) = state.take_affair(now) {
            drop(state);
            affair.wake();
            state = self.lock();
        }
        state.fire_all(
            |slot| slot.waker.is_some() && slot.due().is_some_and(|due| due <= now),
            &Outcome::Deadline,
        );
        let waits = state.slots.iter().filter(|slot| slot.waker.is_some());
        let next = waits.filter_map(|slot| slot.due()).min();
        drop(self.settle(state));
        next.map(|next| next.since(self.now()))
    }

    /// Ends a standstill that is a deadlock after all, and tells of any other.
    fn look_after(&self, still: &mut Still) -> Option<Duration> {
        let mut state = self.lock();
        if let Some((_, since)) = state.lingering {
            let left = LINGERING.saturating_sub(since.elapsed());
            if left == Duration::ZERO {
                let executor = state.release();
                drop(self.settle(state));
                drop(executor);
            }
            return Some(left.max(Duration::from_millis(1)));
        }
        if state.changes != still.changes {
            *still = Still {
                changes: state.changes,
                since: Instant::now(),
                told: false,
            };
        }
        let left = STANDSTILL.saturating_sub(still.since.elapsed());
        if left > Duration::ZERO {
            return Some(left);
        }
        if let Some(report) = state.deadlock(true) {
            state.fire_all(|_| true, &Outcome::Deadlock(report));
            drop(self.settle(state));
        } else if state.running.is_some() && !std::mem::replace(&mut still.told, true) {
            // Not by `eprintln`, which a test that hangs keeps for itself.
            let _ = writeln!(
                io::stderr(),
                "{}: if it waits for a channel, a lock or a join of std's, let it do so in \
                 Stub::outside or Board::outside",
                state.who_runs()
            );
        }
        Some(STANDSTILL)
    }
}

/// Since when nothing has happened.
struct Still {
    changes: u64,
    since: Instant,
    told: bool,
}
