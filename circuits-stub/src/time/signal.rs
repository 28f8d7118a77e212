use std::sync::atomic::{AtomicU64, Ordering};

/// A count that only goes up: an edge came, a thread ended. Who reads it, finds nothing to do and
/// waits for it to change misses nothing, without a lock in common with who changes it.
#[derive(Debug, Default)]
pub(crate) struct Signal(AtomicU64);

impl Signal {
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Goes up; [`Schedule::notify`](super::Schedule::notify) ends the waits for it, when no lock
    /// of the board is held any more.
    pub(crate) fn raise(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}
