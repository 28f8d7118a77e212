//! Which threads have the wires of a bus, so that they do not wait for others.

use std::cell::Cell;

thread_local! {
    /// Of how many wires it is this thread's turn.
    static TURNS: Cell<usize> = const { Cell::new(0) };
}

/// A thread has the wires of a bus: what runs on it may be a device's.
pub(crate) struct Turn(());

impl Turn {
    pub(crate) fn begin() -> Turn {
        TURNS.set(TURNS.get() + 1);
        Turn(())
    }

    /// Whether this thread has any wires.
    pub(crate) fn is_on() -> bool {
        TURNS.get() > 0
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURNS.set(TURNS.get() - 1);
    }
}
