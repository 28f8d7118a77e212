//! The facts that every backend must show, each a function that panics where it is not so.
//!
//! A test of a backend builds a [`Bench`] and runs [`FACTS`] on it; the tests of this crate do so on
//! the virtual board and on the kernel. A fact that a target cannot show is left out by its name,
//! with the reason.

mod blocking;
mod futures;
mod nodes;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::{Backend, Change, ChangeKind, Watch};

/// A backend on a bench, with devices that can be plugged in, each a GPIO chip with a node. Other
/// devices may come and go meanwhile. Each fact has the bench for itself.
pub trait Bench: Send + Sync {
    /// Returns the backend, with a short queue: [`flood`](Bench::flood) does not fit in.
    fn backend(&self) -> &dyn Backend;

    /// Plugs a chip in. It goes when the value is dropped.
    fn plug(&self) -> Box<dyn Plugged>;

    /// Makes more uevents than fit into a queue, of devices that stay as they are.
    fn flood(&self);

    /// Runs all at the same time, each in a thread of its own that takes part in the backend's
    /// time, until all are done.
    fn run(&self, threads: Vec<Thread>);

    /// Runs a future in one of these threads, by an executor of the bench's.
    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>);

    /// Returns a function that sends a signal, for which there is a handler, to the thread that is
    /// calling now, and does nothing once that thread has ended.
    fn signals(&self) -> Box<dyn Fn() + Send>;
}

/// A chip that is plugged in.
pub trait Plugged: Send {
    /// Returns the path of the chip's device.
    fn path(&self) -> PathBuf;

    /// Returns its node.
    fn node(&self) -> PathBuf;
}

/// A name, and what to run.
pub type Thread = (&'static str, Box<dyn FnOnce() + Send>);

/// Panics where a backend is not as it should be.
pub type Fact = fn(Arc<dyn Bench>);

/// All facts, by name.
pub const FACTS: &[(&str, Fact)] = &[
    (
        "what_is_plugged_in_is_listed",
        blocking::what_is_plugged_in_is_listed,
    ),
    (
        "a_device_comes_and_goes_once",
        blocking::a_device_comes_and_goes_once,
    ),
    (
        "changes_count_from_the_opening",
        blocking::changes_count_from_the_opening,
    ),
    ("each_watch_hears_all", blocking::each_watch_hears_all),
    (
        "a_filter_lets_through_what_it_says",
        blocking::a_filter_lets_through_what_it_says,
    ),
    (
        "without_a_change_it_is_none",
        blocking::without_a_change_it_is_none,
    ),
    (
        "a_wait_ends_with_the_change",
        blocking::a_wait_ends_with_the_change,
    ),
    (
        "a_wait_is_interrupted_and_loses_nothing",
        blocking::a_wait_is_interrupted_and_loses_nothing,
    ),
    (
        "a_signal_does_not_end_a_wait",
        blocking::a_signal_does_not_end_a_wait,
    ),
    (
        "too_much_is_told_and_mended",
        blocking::too_much_is_told_and_mended,
    ),
    (
        "what_went_is_told_as_it_was",
        blocking::what_went_is_told_as_it_was,
    ),
    (
        "a_stream_has_all_changes",
        futures::a_stream_has_all_changes,
    ),
    ("a_future_is_woken", futures::a_future_is_woken),
    (
        "a_dropped_future_has_taken_nothing",
        futures::a_dropped_future_has_taken_nothing,
    ),
    (
        "a_node_is_there_or_is_not",
        nodes::a_node_is_there_or_is_not,
    ),
    ("a_node_is_waited_for", nodes::a_node_is_waited_for),
    ("a_node_is_awaited", nodes::a_node_is_awaited),
    (
        "a_wait_for_a_node_is_interrupted",
        nodes::a_wait_for_a_node_is_interrupted,
    ),
];

/// Long enough for everything that comes, and never waited for where nothing goes wrong.
const LONG: Duration = Duration::from_secs(30);

/// Time for another thread to begin to wait.
const PAUSE: Duration = Duration::from_millis(20);

fn pause(bench: &dyn Bench) {
    let clock = bench.backend().clock();
    clock.delay_until(clock.now() + PAUSE);
}

/// Waits for the next change of the device with this path.
fn next(watch: &mut Watch, path: &Path) -> Change {
    loop {
        let change = watch.wait_change(LONG).unwrap();
        let change = change.unwrap_or_else(|| panic!("nothing of {}", path.display()));
        if change.path() == path {
            return change;
        }
    }
}

/// Checks that all that is told of a device is that it came, with what its driver made of it, and
/// maybe that it went.
fn comes(watch: &mut Watch, path: &Path) {
    let change = next(watch, path);
    assert_eq!(change.kind(), ChangeKind::Added);
    assert!(change.previous().is_none());
    assert!(watch.devices().get(path).is_some());
}

fn goes(watch: &mut Watch, path: &Path) {
    loop {
        match next(watch, path).kind() {
            ChangeKind::Removed => break,
            ChangeKind::Bound | ChangeKind::Unbound => {}
            other => panic!("{other:?} of {}", path.display()),
        }
    }
    assert!(watch.devices().get(path).is_none());
}
