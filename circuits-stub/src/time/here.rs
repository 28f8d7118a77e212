//! Which place of a board the current thread has.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use super::places::{Kind, PlaceKey};
use super::schedule::Schedule;

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
            leave(&schedule, self.key);
        }
    }
}

/// Has the place while it is there.
pub(super) struct Here(u64);

impl Here {
    pub(super) fn take(schedule: &Schedule, key: Option<PlaceKey>) -> Here {
        let _ = TAKEN.try_with(|taken| taken.borrow_mut().push((schedule.id, key)));
        Here(schedule.id)
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let _ = TAKEN.try_with(|taken| {
            let mut taken = taken.borrow_mut();
            if let Some(index) = taken.iter().rposition(|(id, _)| *id == self.0) {
                taken.remove(index);
            }
        });
    }
}

/// Returns the place that the thread takes part by.
pub(super) fn participant(schedule: &Schedule) -> Option<PlaceKey> {
    let find = |taken: &RefCell<Vec<(u64, Option<PlaceKey>)>>| {
        let taken = taken.borrow();
        taken
            .iter()
            .rev()
            .find(|(id, _)| *id == schedule.id)
            .and_then(|(_, key)| *key)
    };
    // A thread that is ending has given up its places.
    TAKEN.try_with(find).ok().flatten()
}

/// Returns the place that the thread takes part by, or is a guest by.
pub(super) fn anyone(schedule: &Arc<Schedule>) -> PlaceKey {
    if let Some(key) = participant(schedule) {
        return key;
    }
    let enter = || schedule.lock().add_place(thread_name(), Kind::Guest, None);
    let guest = GUESTS.try_with(|guests| {
        let mut guests = guests.borrow_mut();
        if let Some(guest) = guests.iter().find(|guest| guest.id == schedule.id) {
            return guest.key;
        }
        let key = enter();
        guests.retain(|guest| guest.schedule.strong_count() > 0);
        guests.push(Guest {
            schedule: Arc::downgrade(schedule),
            id: schedule.id,
            key,
        });
        key
    });
    // A thread that waits while it ends keeps its place with the board.
    guest.unwrap_or_else(|_| enter())
}

/// Gives up a place for good.
pub(super) fn leave(schedule: &Schedule, key: PlaceKey) {
    let mut state = schedule.lock();
    let executor = state.remove_place(key);
    drop(schedule.settle(state));
    drop(executor);
}

pub(super) fn thread_name() -> Arc<str> {
    std::thread::current().name().unwrap_or("a thread").into()
}
