//! The board's time: who takes part in it, who waits for what, and when it moves.
//!
//! In *virtual* time one participant runs at a time, and time moves when nobody runs, nobody is
//! ready and no waker is under way; then the earliest wait ends, one at a time. That makes a run
//! repeatable: it has one order, the program's own. In *real* time waits end when their time comes,
//! and all run as they like.
//!
//! `schedule` has the rule. `places` are those who take part, `slots` their waits; `wait` the ways
//! to wait by the rule, `doors` the ways to take part in it, `task` those of futures; `clock` and
//! `bell` are what the buses wait on, `agenda` is what they do by themselves; `ticker` is for when
//! nothing else happens.

mod agenda;
mod bell;
mod clock;
mod doors;
mod here;
mod places;
mod schedule;
mod signal;
mod slots;
mod task;
mod ticker;
mod wait;

pub(crate) use agenda::Agenda;
pub(crate) use bell::Bell;
pub(crate) use clock::BoardClock;
pub use doors::JoinHandle;
pub(crate) use schedule::Schedule;
pub(crate) use signal::Signal;
pub use task::Task;
