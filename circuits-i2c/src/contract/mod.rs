//! The facts that every backend must show, each a function that panics where it is not so.
//!
//! A test of a backend builds a [`Bench`] and runs [`FACTS`] on it; the tests of this crate do so
//! on the virtual board and on the kernel. A fact that a target cannot show is left out by its
//! name, with the reason.

mod blocking;
mod calls;
mod futures;
mod owners;
mod scans;

use std::pin::Pin;
use std::sync::Arc;

use crate::{Backend, Bus, Config};

/// A backend on a bench, with a sensor of the LM75 family on a bus: a TMP102, TMP105, LM75 at
/// [`SENSOR`]. Its limits, registers 2 and 3, are what the facts write and read. At [`MEMORY`] is an
/// EEPROM of 4 KiB or more whose addresses have two bytes, as a 24C32, and at [`OWNED`] a device that
/// a driver of the kernel's has. Each fact has the bench for itself.
pub trait Bench: Send + Sync {
    /// Returns the backend.
    fn backend(&self) -> &dyn Backend;

    /// Returns the name of the bus; its path is `/dev/` and that.
    fn bus(&self) -> &str;

    /// Returns what the adapter of the bus is called, which is no other's name.
    fn adapter(&self) -> String;

    /// Returns the name of the driver of [`OWNED`].
    fn driver(&self) -> &str;

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

/// The address of the memory.
pub const MEMORY: u8 = 0x50;

/// The address of the device that a driver of the kernel's has.
pub const OWNED: u8 = 0x49;

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
    (
        "a_bus_is_opened_by_the_name_of_its_adapter",
        blocking::a_bus_is_opened_by_the_name_of_its_adapter,
    ),
    ("a_bus_is_listed", blocking::a_bus_is_listed),
    (
        "a_memory_keeps_what_is_written",
        blocking::a_memory_keeps_what_is_written,
    ),
    ("addresses_take_turns", blocking::addresses_take_turns),
    (
        "a_start_is_repeated_and_no_stop_comes_between",
        blocking::a_start_is_repeated_and_no_stop_comes_between,
    ),
    (
        "a_read_that_is_not_last_goes_or_is_refused",
        blocking::a_read_that_is_not_last_goes_or_is_refused,
    ),
    (
        "ten_bits_never_meet_seven",
        blocking::ten_bits_never_meet_seven,
    ),
    (
        "timeout_and_retries_are_taken",
        blocking::timeout_and_retries_are_taken,
    ),
    (
        "a_word_has_its_low_byte_first",
        calls::a_word_has_its_low_byte_first,
    ),
    (
        "calls_do_what_transactions_do",
        calls::calls_do_what_transactions_do,
    ),
    ("blocks_have_32_bytes", calls::blocks_have_32_bytes),
    (
        "functions_say_what_goes_to_the_wire",
        calls::functions_say_what_goes_to_the_wire,
    ),
    (
        "what_the_adapter_cannot_do_is_refused",
        calls::what_the_adapter_cannot_do_is_refused,
    ),
    (
        "a_wrong_packet_error_code_is_told",
        calls::a_wrong_packet_error_code_is_told,
    ),
    (
        "calls_to_nobody_are_not_acknowledged",
        calls::calls_to_nobody_are_not_acknowledged,
    ),
    ("calls_are_awaited", calls::calls_are_awaited),
    (
        "addresses_of_calls_are_not_mixed_up",
        calls::addresses_of_calls_are_not_mixed_up,
    ),
    (
        "an_owned_address_is_refused_and_can_be_had",
        owners::an_owned_address_is_refused_and_can_be_had,
    ),
    (
        "a_device_speaks_for_itself_alone",
        owners::a_device_speaks_for_itself_alone,
    ),
    (
        "a_scan_finds_who_is_there",
        scans::a_scan_finds_who_is_there,
    ),
    (
        "a_scan_asks_no_more_than_it_is_asked",
        scans::a_scan_asks_no_more_than_it_is_asked,
    ),
    ("a_scan_is_awaited", scans::a_scan_is_awaited),
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
