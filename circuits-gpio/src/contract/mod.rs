//! The facts that every backend must show, each a function that panics where it is not so. (Where a
//! backend forgets to wake who waits, a fact may wait for ever.)
//!
//! A test of a backend builds a [`Bench`] and runs [`FACTS`] on it; the tests of this crate do so
//! on the virtual board and on the kernel's `gpio-sim`. A fact that a target cannot show is left
//! out by its name, with the reason.

mod debounce;
mod diagnostics;
mod edges;
mod futures;
mod groups;
mod handles;
mod lines;
mod looks;
mod removal;
mod watch;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use circuits_wait::Interrupt;

use crate::{Backend, Config, Event, Input, LineSpec, Output};

/// A backend on a bench: with lines that can be used, and what is at their other ends. Each fact
/// gets one that nobody has used.
pub trait Bench: Send + Sync {
    /// Returns the backend, which has two chips at least.
    fn backend(&self) -> &dyn Backend;

    /// Returns two lines that are low, and that may be driven as outputs for a moment. One is meant
    /// by its name, if it has one.
    fn inputs(&self) -> [LineSpec; 2];

    /// Returns a line to be an output, which is low while nobody holds it, and on the same chip.
    fn output(&self) -> LineSpec;

    /// Makes what is connected to an input electrically high or low. The backend has seen it 5 ms
    /// later.
    fn drive(&self, input: usize, high: bool);

    /// Returns the electrical level of the output.
    fn level(&self) -> bool;

    /// Takes the chip of the lines away while they are in use, as if it was unplugged.
    fn remove(&self);

    /// Runs `f` as a user who may not open the chip, with the backend that this one has.
    fn forbidden(&self, f: &mut (dyn FnMut(&dyn Backend) + Send));

    /// Returns what ends blocking waits on the backend's clock.
    fn interrupt(&self) -> Interrupt;

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

/// Panics where a backend is not as it should be.
pub type Fact = fn(Arc<dyn Bench>);

/// All facts, by name.
pub const FACTS: &[(&str, Fact)] = &[
    ("an_output_is_driven", lines::an_output_is_driven),
    (
        "an_output_starts_at_its_level",
        lines::an_output_starts_at_its_level,
    ),
    (
        "active_low_turns_an_output_over",
        lines::active_low_turns_an_output_over,
    ),
    ("an_input_follows", lines::an_input_follows),
    (
        "active_low_turns_an_input_over",
        lines::active_low_turns_an_input_over,
    ),
    ("a_line_has_one_holder", lines::a_line_has_one_holder),
    (
        "what_is_not_there_is_not_found",
        lines::what_is_not_there_is_not_found,
    ),
    (
        "a_refused_configuration_leaves_the_line",
        lines::a_refused_configuration_leaves_the_line,
    ),
    (
        "a_refused_opening_leaves_the_holder",
        lines::a_refused_opening_leaves_the_holder,
    ),
    (
        "a_line_changes_its_direction_in_place",
        lines::a_line_changes_its_direction_in_place,
    ),
    (
        "a_line_keeps_the_settings_of_each_direction",
        lines::a_line_keeps_the_settings_of_each_direction,
    ),
    (
        "an_output_that_is_set_up_anew_keeps_its_level",
        lines::an_output_that_is_set_up_anew_keeps_its_level,
    ),
    ("a_pull_pulls", lines::a_pull_pulls),
    (
        "an_open_drain_only_drives_low",
        lines::an_open_drain_only_drives_low,
    ),
    (
        "an_open_source_only_drives_high",
        lines::an_open_source_only_drives_high,
    ),
    (
        "a_line_that_is_kept_stays_as_it_is",
        lines::a_line_that_is_kept_stays_as_it_is,
    ),
    ("chips_tell_what_they_are", looks::chips_tell_what_they_are),
    ("who_looks_holds_nothing", looks::who_looks_holds_nothing),
    (
        "a_line_is_meant_by_its_name_on_its_chip",
        looks::a_line_is_meant_by_its_name_on_its_chip,
    ),
    (
        "lines_are_set_and_read_together",
        groups::lines_are_set_and_read_together,
    ),
    (
        "lines_are_opened_together_or_not_at_all",
        groups::lines_are_opened_together_or_not_at_all,
    ),
    (
        "what_cannot_be_held_together_is_refused",
        groups::what_cannot_be_held_together_is_refused,
    ),
    (
        "edges_of_a_group_tell_their_lines",
        groups::edges_of_a_group_tell_their_lines,
    ),
    (
        "each_line_of_a_group_has_its_own_settings",
        groups::each_line_of_a_group_has_its_own_settings,
    ),
    (
        "lines_of_two_chips_are_not_held_together",
        groups::lines_of_two_chips_are_not_held_together,
    ),
    (
        "a_backend_refuses_what_makes_no_sense",
        handles::a_backend_refuses_what_makes_no_sense,
    ),
    (
        "an_input_that_is_set_up_anew_has_its_new_edges",
        edges::an_input_that_is_set_up_anew_has_its_new_edges,
    ),
    (
        "a_handle_refuses_what_makes_no_sense",
        handles::a_handle_refuses_what_makes_no_sense,
    ),
    (
        "detection_keeps_the_queue_and_the_count",
        handles::detection_keeps_the_queue_and_the_count,
    ),
    (
        "a_line_that_is_opened_anew_has_no_past",
        handles::a_line_that_is_opened_anew_has_no_past,
    ),
    (
        "the_last_waker_counts_until_it_is_cancelled",
        handles::the_last_waker_counts_until_it_is_cancelled,
    ),
    (
        "an_edge_has_the_time_it_came_at",
        edges::an_edge_has_the_time_it_came_at,
    ),
    (
        "active_low_turns_the_wanted_edges_over",
        edges::active_low_turns_the_wanted_edges_over,
    ),
    ("no_edge_is_slept_through", edges::no_edge_is_slept_through),
    (
        "no_edge_is_slept_through_by_futures",
        futures::no_edge_is_slept_through_by_futures,
    ),
    (
        "waiting_for_levels_leaves_the_wanted_edges",
        futures::waiting_for_levels_leaves_the_wanted_edges,
    ),
    ("edges_come_in_order", edges::edges_come_in_order),
    (
        "edges_count_from_the_opening",
        edges::edges_count_from_the_opening,
    ),
    (
        "edges_that_are_not_wanted_do_not_come",
        edges::edges_that_are_not_wanted_do_not_come,
    ),
    (
        "a_full_queue_drops_the_oldest",
        edges::a_full_queue_drops_the_oldest,
    ),
    ("a_wait_times_out", edges::a_wait_times_out),
    (
        "a_wait_ends_with_the_edge",
        edges::a_wait_ends_with_the_edge,
    ),
    ("two_handles_both_wake", edges::two_handles_both_wake),
    (
        "a_wait_is_interrupted_and_loses_nothing",
        edges::a_wait_is_interrupted_and_loses_nothing,
    ),
    (
        "a_signal_does_not_end_a_wait",
        edges::a_signal_does_not_end_a_wait,
    ),
    ("a_stream_has_all_edges", futures::a_stream_has_all_edges),
    ("two_futures_both_wake", futures::two_futures_both_wake),
    (
        "a_dropped_future_has_taken_no_edge",
        futures::a_dropped_future_has_taken_no_edge,
    ),
    ("levels_are_live", futures::levels_are_live),
    (
        "a_level_that_has_gone_is_waited_for_again",
        futures::a_level_that_has_gone_is_waited_for_again,
    ),
    (
        "edges_are_awaited_from_the_call_on",
        futures::edges_are_awaited_from_the_call_on,
    ),
    (
        "ten_thousand_edges_come_or_are_counted",
        edges::ten_thousand_edges_come_or_are_counted,
    ),
    (
        "a_larger_queue_keeps_more",
        edges::a_larger_queue_keeps_more,
    ),
    ("edges_are_iterated", edges::edges_are_iterated),
    (
        "what_bounces_is_one_edge",
        debounce::what_bounces_is_one_edge,
    ),
    (
        "what_does_not_last_is_nothing",
        debounce::what_does_not_last_is_nothing,
    ),
    (
        "debouncing_is_turned_on_and_off",
        debounce::debouncing_is_turned_on_and_off,
    ),
    (
        "edges_have_the_time_of_their_clock",
        debounce::edges_have_the_time_of_their_clock,
    ),
    (
        "who_watches_is_told_of_changes",
        watch::who_watches_is_told_of_changes,
    ),
    (
        "who_watches_holds_nothing",
        watch::who_watches_holds_nothing,
    ),
    (
        "what_is_not_watched_is_not_told",
        watch::what_is_not_watched_is_not_told,
    ),
    (
        "all_lines_of_a_group_are_told",
        watch::all_lines_of_a_group_are_told,
    ),
    (
        "a_watch_that_overflows_tells",
        watch::a_watch_that_overflows_tells,
    ),
    (
        "a_watch_ends_with_the_change",
        watch::a_watch_ends_with_the_change,
    ),
    ("a_watch_times_out", watch::a_watch_times_out),
    (
        "a_dropped_future_has_taken_no_change",
        watch::a_dropped_future_has_taken_no_change,
    ),
    (
        "a_watch_refuses_what_makes_no_sense",
        watch::a_watch_refuses_what_makes_no_sense,
    ),
    (
        "a_chip_that_is_removed_is_told",
        removal::a_chip_that_is_removed_is_told,
    ),
    ("waits_end_with_the_chip", removal::waits_end_with_the_chip),
    (
        "who_may_not_is_told_what_to_do",
        removal::who_may_not_is_told_what_to_do,
    ),
    ("writes_can_be_read", diagnostics::writes_can_be_read),
    (
        "initial_low_can_be_read",
        diagnostics::initial_low_can_be_read,
    ),
    (
        "initial_high_can_be_read",
        diagnostics::initial_high_can_be_read,
    ),
    ("writes_are_edges", diagnostics::writes_are_edges),
    (
        "edges_are_turned_on_and_off",
        diagnostics::edges_are_turned_on_and_off,
    ),
    ("edges_have_sane_times", diagnostics::edges_have_sane_times),
    ("pull_ups_can_be_read", diagnostics::pull_ups_can_be_read),
    (
        "pull_downs_can_be_read",
        diagnostics::pull_downs_can_be_read,
    ),
    (
        "open_drains_can_be_read",
        diagnostics::open_drains_can_be_read,
    ),
    (
        "open_sources_can_be_read",
        diagnostics::open_sources_can_be_read,
    ),
];

fn input(bench: &dyn Bench, number: usize, config: &Config) -> Input {
    Input::open_on(bench.backend(), &bench.inputs()[number], config).unwrap()
}

fn output(bench: &dyn Bench, config: &Config) -> Output {
    Output::open_on(bench.backend(), bench.output(), config).unwrap()
}

/// The next edge, which must come.
fn next(input: &mut Input) -> Event {
    input
        .wait_edge(Duration::from_secs(10))
        .unwrap()
        .expect("an edge")
}

/// Drives an input and waits until its backend has seen it.
fn drive(bench: &dyn Bench, input: usize, high: bool) {
    bench.drive(input, high);
    sleep(bench, Duration::from_millis(5));
}

fn driver_of_both(bench: &Arc<dyn Bench>) -> Box<dyn FnOnce() + Send> {
    let bench = bench.clone();
    Box::new(move || {
        pause(&*bench);
        bench.drive(0, true);
        bench.drive(1, true);
    })
}

/// Gives the other threads time to wait for something.
fn pause(bench: &dyn Bench) {
    sleep(bench, Duration::from_millis(20));
}

/// Not `sleep_until`: some facts interrupt the board.
fn sleep(bench: &dyn Bench, duration: Duration) {
    let clock = bench.backend().clock();
    let until = clock.now() + duration;
    clock.delay_until(until);
}

/// How many edges a stress is.
const STRESS: u32 = 200;

/// Drives an input to and fro, each time when the last edge was seen, and not after any certain
/// time.
fn stress(bench: &Arc<dyn Bench>, seen: Arc<AtomicU32>) -> Box<dyn FnOnce() + Send> {
    let bench = bench.clone();
    Box::new(move || {
        for number in 0..STRESS {
            bench.drive(0, number % 2 == 0);
            while seen.load(Ordering::SeqCst) <= number {
                sleep(&*bench, Duration::from_micros(10));
            }
        }
    })
}
