//! The facts that every backend must show, each a function that panics where it is not so.
//!
//! A test of a backend builds a [`Bench`] and runs [`FACTS`] on it; the tests of this crate do so
//! on the virtual board, on vcan and on two controllers of the kernel. A fact that a target cannot
//! show is left out by its name, with the reason.

mod controllers;
mod cycles;
mod end;
mod filters;
mod frames;
mod futures;
mod links;
mod losses;
mod opening;
mod traits;
mod waits;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use circuits_wait::Interrupt;

use crate::{Backend, Config, Frame, Id, Received, Socket};

/// A backend on a bench, with two interfaces on one bus, or one that is both. They are up, and nobody else is
/// on the bus. Each fact has the bench for itself.
///
/// A `vcan` is both, and has neither a bus that takes time nor a controller. There these are excused:
/// `a_write_times_out_and_counts`, `without_acknowledge_it_does_not_come_back`, `the_smaller_identifier_goes_first`,
/// `bus_off_is_told_and_ends_by_a_restart` and `bus_off_ends_by_itself_if_asked_for`.
pub trait Bench: Send + Sync {
    /// Returns the backend.
    fn backend(&self) -> &dyn Backend;

    /// Returns the name of the interface.
    fn interface(&self) -> &str;

    /// Returns the name of the other interface on the bus: the same, if there is only one.
    fn other(&self) -> &str;

    /// Returns what interrupts the backend's blocking waits.
    fn interrupt(&self) -> Interrupt {
        self.backend().clock().interrupt().unwrap()
    }

    /// How many frames overflow a socket's buffer, for certain.
    fn many(&self) -> usize {
        1000
    }

    /// Drives the interface's controller bus-off, or has the next frames that it sends do so.
    fn force_bus_off(&self) {
        panic!("the bench cannot force a controller bus-off: excuse this fact");
    }

    /// Takes the interface away for good.
    fn remove(&self);

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

macro_rules! facts {
    ($($module:ident { $($fact:ident,)+ })+) => {
        /// All facts, by name.
        pub const FACTS: &[(&str, Fact)] = &[$($((stringify!($fact), $module::$fact),)+)+];
    };
}

facts! {
    frames {
        data_frames_go_over_the_bus,
        remote_frames_go_over_the_bus,
        fd_frames_go_over_the_bus_or_are_refused,
        frames_keep_their_order,
        a_backlog_is_read_at_once,
        a_burst_is_handed_out_one_by_one,
        a_frame_has_its_time,
        a_frame_comes_to_every_socket,
        own_messages_come_if_asked_for,
        without_loopback_only_the_bus_hears,
        two_threads_read_and_write_at_once,
        two_threads_share_what_comes,
        halves_are_the_same_socket,
    }
    filters {
        filters_are_there_before_the_first_frame,
        a_filter_tells_standard_from_extended,
        masks_and_inverted_filters_are_applied,
        joined_filters_must_all_let_through,
        remote_frames_have_filters,
        without_filters_nothing_comes,
        filters_are_replaced_while_frames_wait,
        too_many_filters_are_refused,
    }
    losses {
        what_does_not_fit_is_counted,
        a_loss_comes_before_the_frame_after_it,
        a_larger_buffer_loses_less,
    }
    waits {
        a_read_waits_for_a_frame,
        a_read_times_out_and_loses_nothing,
        a_write_waits_for_room,
        a_write_times_out_and_counts,
        a_wait_is_interrupted_and_loses_nothing,
        a_signal_does_not_end_a_wait,
        a_wait_for_room_ends_with_the_interface,
    }
    opening {
        what_is_not_there_is_not_found,
        what_makes_no_sense_is_invalid,
        interfaces_are_listed,
        an_interface_that_is_down_says_so,
        refused_settings_leave_the_old_ones,
    }
    links {
        an_interface_tells_how_it_is,
        an_interface_goes_down_and_up,
        bit_rates_are_granted_or_named,
        an_impossible_bit_rate_is_refused,
        what_is_up_is_not_set_up,
        modes_are_granted_or_named,
    }
    controllers {
        what_was_acknowledged_comes_back,
        without_acknowledge_it_does_not_come_back,
        the_smaller_identifier_goes_first,
        bus_off_is_told_and_ends_by_a_restart,
        bus_off_ends_by_itself_if_asked_for,
    }
    cycles {
        a_cycle_sends_until_it_is_dropped,
        a_cycle_sends_so_many_frames,
        a_cycle_sends_several_frames_in_turn,
        the_frames_of_a_cycle_are_replaced,
        what_makes_no_cycle_is_refused,
        a_cycle_rests_and_ends_with_the_interface,
    }
    end {
        going_down_is_told_once,
        what_came_before_the_end_is_read,
        a_wait_ends_with_the_interface,
        all_calls_tell_of_the_end,
    }
    traits {
        blocking_calls_of_embedded_can_do_the_same,
        nb_calls_of_embedded_can_do_not_wait,
        lengths_of_embedded_can_are_those_of_the_data,
    }
    futures {
        async_does_the_same,
        a_future_waits_for_a_frame,
        a_stream_is_what_comes,
        a_dropped_read_has_taken_nothing,
        a_dropped_future_forgets_its_waker,
        two_tasks_read_and_write_at_once,
        a_future_waits_for_room,
        a_future_ends_with_the_interface,
    }
}

/// Longer than anything takes that comes.
const LONG: Duration = Duration::from_secs(10);

/// Longer than a frame takes.
const SHORT: Duration = Duration::from_millis(30);

fn open(bench: &dyn Bench) -> Socket {
    open_with(bench, &Config::new())
}

fn open_with(bench: &dyn Bench, config: &Config) -> Socket {
    let config = config.clone().timeout(LONG);
    Socket::open_on(bench.backend(), bench.interface(), &config).unwrap()
}

/// A socket on the other interface.
fn open_other(bench: &dyn Bench) -> Socket {
    Socket::open_on(bench.backend(), bench.other(), &Config::new()).unwrap()
}

/// Whether there are two interfaces, with a bus in between that takes its time.
fn has_bus(bench: &dyn Bench) -> bool {
    bench.interface() != bench.other()
}

fn id(id: u16) -> Id {
    Id::standard(id).unwrap()
}

fn extended(id: u32) -> Id {
    Id::extended(id).unwrap()
}

fn frame(number: u16, data: &[u8]) -> Frame {
    Frame::new(id(number), data).unwrap()
}

/// A frame that says which it is.
fn numbered(number: usize) -> Frame {
    frame(
        0x100 + (number % 0x100) as u16,
        &(number as u64).to_be_bytes(),
    )
}

/// What comes next, which must come.
#[track_caller]
fn read(socket: &Socket) -> Received {
    socket.read(LONG).unwrap()
}

/// The next frame, which must come, without a loss before it.
#[track_caller]
fn read_frame(socket: &Socket) -> Frame {
    socket.read_frame(LONG).unwrap()
}

#[track_caller]
fn write(socket: &Socket, frame: &Frame) {
    socket.write(frame, LONG).unwrap();
}

/// Makes sure that nothing comes any more.
#[track_caller]
fn assert_silent(socket: &Socket) {
    match socket.read(SHORT) {
        Err(crate::Error::TimedOut { .. }) => {}
        other => panic!("there came more: {other:?}"),
    }
}

/// Gives the other threads time to wait for something, and the bus to be through with it.
fn pause(bench: &dyn Bench) {
    sleep(bench, SHORT);
}

/// Not `sleep_until`: some facts interrupt the board.
fn sleep(bench: &dyn Bench, duration: Duration) {
    let clock = bench.backend().clock();
    let until = clock.now() + duration;
    clock.delay_until(until);
}

/// Runs two threads.
fn both(
    bench: &Arc<dyn Bench>,
    one: impl FnOnce() + Send + 'static,
    other: impl FnOnce() + Send + 'static,
) {
    bench.run(vec![("one", Box::new(one)), ("other", Box::new(other))]);
}

/// Runs one thread.
fn alone(bench: &Arc<dyn Bench>, f: impl FnOnce(&dyn Bench) + Send + 'static) {
    let runner = bench.clone();
    let bench = bench.clone();
    runner.run(vec![("alone", Box::new(move || f(&*bench)))]);
}

fn in_task(bench: &Arc<dyn Bench>, future: impl Future<Output = ()> + Send + 'static) {
    let runner = bench.clone();
    bench.run(vec![(
        "alone",
        Box::new(move || runner.block_on(Box::pin(future))),
    )]);
}

/// A future, run by an executor of the bench's in a thread beside another one.
fn task_and(
    bench: &Arc<dyn Bench>,
    future: impl Future<Output = ()> + Send + 'static,
    other: impl FnOnce() + Send + 'static,
) {
    let runner = bench.clone();
    both(bench, move || runner.block_on(Box::pin(future)), other);
}
