use std::fmt;
use std::sync::Arc;
use std::task::{Wake, Waker};

use circuits_wait::Time;

use super::schedule::Schedule;

/// What the board does by itself, in times to come: a wait that nobody waits in.
///
/// Whoever has time move gets it done, in the order in which all waits end; in real time the
/// board's thread does it.
pub(crate) struct Agenda {
    schedule: Arc<Schedule>,
    slot: usize,
    waker: Waker,
}

impl Agenda {
    /// Makes an empty one. `act` is called with no lock held, and does what is due by then.
    pub(crate) fn new(schedule: Arc<Schedule>, act: impl Fn() + Send + Sync + 'static) -> Agenda {
        let slot = schedule.lock().add_slot("the board's own affairs".into());
        Agenda {
            schedule,
            slot,
            waker: Arc::new(Act(act)).into(),
        }
    }

    /// Sets when there is something to do next.
    pub(crate) fn set(&self, next: Option<Time>) {
        let mut state = self.schedule.lock();
        let serial = state.next_serial();
        let slot = &mut state.slots[self.slot];
        if slot.due() == next {
            return;
        }
        slot.armed = next.is_some();
        slot.is_the_boards = true;
        slot.deadline = next;
        slot.sequence = serial;
        slot.waker = next.map(|_| self.waker.clone());
        if next.is_some() && !self.schedule.is_virtual && self.schedule.tick(&mut state).is_err() {
            eprintln!("no thread for what the board does by itself: it will be late");
        }
    }
}

impl fmt::Debug for Agenda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agenda").finish_non_exhaustive()
    }
}

struct Act<F>(F);

impl<F: Fn() + Send + Sync> Wake for Act<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}
