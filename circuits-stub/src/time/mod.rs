//! The board's time: who takes part in it, who waits for what, and when it moves.
//!
//! In *virtual* time one participant runs at a time, and time moves when nobody runs, nobody is
//! ready and no waker is under way; then the earliest wait ends, one at a time. That makes a run
//! repeatable: it has one order, the program's own. In *real* time waits end when their time comes,
//! and all run as they like.
//!
//! `schedule` has the rule, `wait` the ways to wait by it, `doors` the ways to take part in it,
//! `task` those of futures; `clock` and `bell` are what the buses wait on.

mod bell;
mod clock;
mod doors;
mod here;
mod schedule;
mod task;
mod wait;

pub(crate) use bell::{Bell, Signal};
pub(crate) use clock::BoardClock;
pub use doors::JoinHandle;
pub(crate) use schedule::Schedule;
pub use task::Task;
