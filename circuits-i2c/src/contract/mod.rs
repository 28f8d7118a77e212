//! The facts that every backend must show, each a function that panics where it is not so.
//!
//! A test of a backend builds a [`Bench`] and runs [`FACTS`] on it; the tests of this crate do so
//! on the virtual board and on the kernel. A fact that a target cannot show is left out by its
//! name, with the reason.

mod blocking;
mod futures;

use std::pin::Pin;
use std::sync::Arc;

use crate::{Backend, Bus, Config};

/// A backend on a bench, with a sensor of the LM75 family on a bus: a TMP102, TMP105, LM75 at
/// [`SENSOR`]. Its limits, registers 2 and 3, are what the facts write and read. Each fact has the
/// bench for itself.
pub trait Bench: Send + Sync {
    /// Returns the backend.
    fn backend(&self) -> &dyn Backend;

    /// Returns the name of the bus; its path is `/dev/` and that.
    fn bus(&self) -> &str;

    /// Runs all at the same time, each in a thread of its own that takes part in the backend's
    /// time, until all are done.
    fn run(&self, threads: Vec<Thread>);

    /// Runs a future in one of these threads, by an executor of the bench's.
    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>);

    /// Returns a function that sends a signal, for which there is a handler, to the thread that is
    /// calling now, and does nothing once that thread has ended.
    fn signals(&self) -> Box<dyn Fn() + Send>;
}

/// A name, and what to run.
pub type Thread = (&'static str, Box<dyn FnOnce() + Send>);

/// The address of the sensor.
pub const SENSOR: u8 = 0x48;

/// An address at which nothing is.
pub const NOBODY: u8 = 0x13;

const LOW: u8 = 2;
const HIGH: u8 = 3;

/// Panics where a backend is not as it should be.
pub type Fact = fn(Arc<dyn Bench>);

/// All facts, by name.
pub const FACTS: &[(&str, Fact)] = &[
    (
        "a_register_keeps_what_is_written",
        blocking::a_register_keeps_what_is_written,
    ),
    (
        "neighbours_are_one_message",
        blocking::neighbours_are_one_message,
    ),
    (
        "nobody_acknowledges_where_nobody_is",
        blocking::nobody_acknowledges_where_nobody_is,
    ),
    (
        "what_is_not_there_is_not_found",
        blocking::what_is_not_there_is_not_found,
    ),
    (
        "a_bus_is_opened_twice_and_by_its_path",
        blocking::a_bus_is_opened_twice_and_by_its_path,
    ),
    (
        "too_much_is_refused_before_anything_moves",
        blocking::too_much_is_refused_before_anything_moves,
    ),
    (
        "clones_do_not_get_between",
        blocking::clones_do_not_get_between,
    ),
    (
        "handles_do_not_get_between",
        blocking::handles_do_not_get_between,
    ),
    (
        "the_longest_message_goes",
        blocking::the_longest_message_goes,
    ),
    (
        "what_fails_reads_nothing",
        blocking::what_fails_reads_nothing,
    ),
    (
        "a_signal_does_not_end_a_transaction",
        blocking::a_signal_does_not_end_a_transaction,
    ),
    ("async_does_the_same", futures::async_does_the_same),
    (
        "futures_of_clones_all_end",
        futures::futures_of_clones_all_end,
    ),
    (
        "a_dropped_write_is_not_overtaken",
        futures::a_dropped_write_is_not_overtaken,
    ),
    (
        "a_dropped_read_leaves_its_buffer_alone",
        futures::a_dropped_read_leaves_its_buffer_alone,
    ),
];

fn bus(bench: &dyn Bench) -> Bus {
    Bus::open_on(bench.backend(), bench.bus(), &Config::new()).unwrap()
}
