//! The facts that every backend must show, each a function that panics where it is not so.
//!
//! A test of a backend builds a [`Bench`] and runs [`FACTS`] on it; the tests of this crate do so
//! on the virtual board, on pseudo-terminals and on serial ports of the kernel. A fact that a target cannot
//! show is left out by its name, with the reason.

mod bytes;
mod end;
mod futures;
mod lines;
mod opening;
mod settings;
mod waits;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use circuits_wait::Interrupt;

use crate::{Backend, Config, Error, ErrorKind, Port};

/// A backend on a bench, with a port whose other end the bench holds. Each fact has the bench for itself.
pub trait Bench: Send + Sync {
    /// Returns the backend.
    fn backend(&self) -> &dyn Backend;

    /// Returns the name of the port.
    fn port(&self) -> &str;

    /// Returns another name of the same port: its path.
    fn path(&self) -> String {
        format!("/dev/{}", self.port())
    }

    /// Returns what interrupts the backend's blocking waits.
    fn interrupt(&self) -> Interrupt {
        self.backend().clock().interrupt().unwrap()
    }

    /// Sets the other end up as the port is, if it is to be set up at all. It is called when the port was
    /// opened.
    fn set_other(&self, config: &Config) {
        let _ = config;
    }

    /// Sends bytes from the other end, and returns when they are on their way.
    fn send(&self, bytes: &[u8]);

    /// Waits until so many bytes have come to the other end, and returns them.
    fn receive(&self, count: usize) -> Vec<u8>;

    /// How many bytes a long stream has here.
    fn many(&self) -> usize {
        100_000
    }

    /// Sends a break from the other end.
    fn send_break(&self) {
        panic!("the bench sends no breaks: excuse this fact");
    }

    /// Sends this byte from the other end, with a parity error.
    fn send_damaged(&self, byte: u8) {
        panic!("the bench damages no byte: excuse this fact ({byte})");
    }

    /// Sets the other end's RTS and DTR, to which CTS and DSR of the port are connected.
    fn set_lines(&self, rts: bool, dtr: bool) {
        panic!("the bench has no modem lines: excuse this fact ({rts}, {dtr})");
    }

    /// Returns the other end's CTS and DSR, to which RTS and DTR of the port are connected.
    fn lines(&self) -> (bool, bool) {
        panic!("the bench has no modem lines: excuse this fact");
    }

    /// Ends the connection for good: the other end closes, or the port is unplugged. Returns what the port
    /// says then: [`HungUp`](ErrorKind::HungUp) or [`Removed`](ErrorKind::Removed).
    fn end(&self) -> ErrorKind;

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
    bytes {
        every_byte_goes_both_ways,
        a_read_returns_what_there_is,
        nothing_to_read_into_is_no_wait,
        a_long_stream_is_whole,
        two_threads_read_and_write_at_once,
        halves_are_the_same_port,
        what_waits_is_counted,
        what_waits_is_discarded,
        what_is_drained_has_left,
    }
    waits {
        a_read_waits_for_bytes,
        a_read_times_out_and_loses_nothing,
        a_port_has_a_timeout,
        a_write_times_out_and_counts,
        a_wait_is_interrupted_and_loses_nothing,
        loops_of_std_end_when_interrupted,
        a_signal_does_not_end_a_wait,
    }
    opening {
        a_port_is_exclusive,
        shared_ports_are_shared,
        a_port_is_opened_again,
        a_port_is_opened_by_its_path,
        what_is_not_there_is_not_found,
        ports_are_listed,
    }
    settings {
        settings_are_granted_or_named,
        any_baud_rate_is_granted_or_told,
        parity_of_all_kinds_goes_over_the_wire,
        what_makes_no_sense_is_invalid,
        what_waits_survives_new_settings,
        refused_settings_leave_the_old_ones,
        rs485_and_latency_are_granted_or_named,
    }
    lines {
        breaks_are_reported_in_place,
        damaged_bytes_are_reported_in_place,
        every_byte_survives_the_report_of_errors,
        a_break_is_sent_or_named,
        what_is_counted_counts_from_the_opening,
        modem_lines_are_set_and_read,
        changes_of_modem_lines_are_told,
        hardware_flow_control_stops_who_sends,
        software_flow_control_stops_who_sends,
    }
    end {
        what_came_before_the_end_is_read,
        a_wait_ends_with_the_port,
        all_calls_tell_of_the_end,
    }
    futures {
        async_does_the_same,
        a_future_waits_for_bytes,
        a_dropped_read_has_read_nothing,
        a_dropped_future_forgets_its_waker,
        two_tasks_read_and_write_at_once,
        a_flush_does_not_block_the_executor,
        what_came_before_the_end_is_read_by_futures,
        a_future_ends_with_the_port,
        changes_of_modem_lines_are_awaited,
    }
}

/// Longer than anything takes that comes.
const LONG: Duration = Duration::from_secs(10);

/// The port, with calls that do not wait for ever.
fn config() -> Config {
    Config::new().timeout(LONG)
}

fn open(bench: &dyn Bench) -> Port {
    open_with(bench, &config())
}

fn open_with(bench: &dyn Bench, config: &Config) -> Port {
    let port = Port::open_on(bench.backend(), bench.port(), config).unwrap();
    bench.set_other(&port.config());
    port
}

/// Exactly so many bytes, which must come.
fn read(port: &Port, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut read = 0;
    while read < count {
        match port.read_within(&mut bytes[read..], LONG) {
            Ok(more) => read += more,
            Err(error) => panic!("after {read} of {count} bytes: {error:?}"),
        }
    }
    bytes
}

/// Makes sure that nothing comes any more.
fn assert_silent(port: &Port) {
    let mut bytes = [0; 64];
    match port.read_within(&mut bytes, Duration::from_millis(50)) {
        Err(Error::TimedOut { .. }) => {}
        other => panic!("there came more: {other:?} {bytes:02x?}"),
    }
}

/// Bytes that are not the same for long.
fn stream(count: usize) -> Vec<u8> {
    (0..count as u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// Gives the other threads time to wait for something.
fn pause(bench: &dyn Bench) {
    sleep(bench, Duration::from_millis(30));
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
fn alone(bench: &Arc<dyn Bench>, f: impl FnOnce() + Send + 'static) {
    bench.run(vec![("alone", Box::new(f))]);
}

fn in_task(bench: &Arc<dyn Bench>, future: impl Future<Output = ()> + Send + 'static) {
    let runner = bench.clone();
    alone(bench, move || runner.block_on(Box::pin(future)));
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
