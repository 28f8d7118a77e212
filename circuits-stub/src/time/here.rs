//! Which place of a board the current thread has.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use super::schedule::{Kind, PlaceKey, Schedule};

thread_local! {
    /// The places that this thread has taken, the innermost last; `None` hides those before it.
    static TAKEN: RefCell<Vec<(u64, Option<PlaceKey>)>> = const { RefCell::new(Vec::new()) };
    /// The places that it has as a guest, to be used again.
    static GUESTS: RefCell<Vec<Guest>> = const { RefCell::new(Vec::new()) };
}

/// A place of a thread that came by no door; given up when the thread ends.
struct Guest {
    schedule: Weak<Schedule>,
    id: u64,
    key: PlaceKey,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(schedule) = self.schedule.upgrade() {
            let mut state = schedule.lock();
            state.remove_place(self.key);
            drop(schedule.settle(state));
        }
    }
}

/// Has the place while it is there.
pub(super) struct Here(u64);

impl Here {
    pub(super) fn take(schedule: &Schedule, key: Option<PlaceKey>) -> Here {
        TAKEN.with_borrow_mut(|taken| taken.push((schedule.id, key)));
        Here(schedule.id)
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        TAKEN.with_borrow_mut(|taken| {
            if let Some(index) = taken.iter().rposition(|(id, _)| *id == self.0) {
                taken.remove(index);
            }
        });
    }
}

/// Returns the place that the thread takes part by.
pub(super) fn participant(schedule: &Schedule) -> Option<PlaceKey> {
    TAKEN.with_borrow(|taken| {
        taken
            .iter()
            .rev()
            .find(|(id, _)| *id == schedule.id)
            .and_then(|(_, key)| *key)
    })
}

/// Returns the place that the thread takes part by, or is a guest by.
pub(super) fn anyone(schedule: &Arc<Schedule>) -> PlaceKey {
    if let Some(key) = participant(schedule) {
        return key;
    }
    GUESTS.with_borrow_mut(|guests| {
        if let Some(guest) = guests.iter().find(|guest| guest.id == schedule.id) {
            return guest.key;
        }
        guests.retain(|guest| guest.schedule.strong_count() > 0);
        let key = schedule
            .lock()
            .add_place(thread_name(), Kind::Guest, "nothing".into());
        guests.push(Guest {
            schedule: Arc::downgrade(schedule),
            id: schedule.id,
            key,
        });
        key
    })
}

pub(super) fn thread_name() -> Arc<str> {
    std::thread::current().name().unwrap_or("a thread").into()
}
