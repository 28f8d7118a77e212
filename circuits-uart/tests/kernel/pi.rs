use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use circuits_bench::{
    Adapter, Excused, Executor, Outside, Thread, run_threads, signal_this_thread,
};
use circuits_uart::contract::Bench;
use circuits_uart::{Backend, ErrorKind, Linux, list_on};

const NO_BREAK: &str = "QEMU's model of the adapter makes nothing of a break";
const NO_DAMAGE: &str = "the bench outside damages nothing";
const NO_LINES: &str = "QEMU's models connect no modem lines";
const NO_TIME: &str = "QEMU's models take no time on the wire, and take whatever is sent";
const BUILT_IN: &str = "its driver is a part of the kernel, and cannot be taken from it";
const GONE: &str = "the kernel throws away what was not read when a port goes (tty_ldisc_hangup)";

/// What the board's UART cannot show.
pub(super) const EXCUSED: &[Excused] = &[
    ("damaged_bytes_are_reported_in_place", NO_DAMAGE),
    ("modem_lines_are_set_and_read", NO_LINES),
    ("changes_of_modem_lines_are_told", NO_LINES),
    ("changes_of_modem_lines_are_awaited", NO_LINES),
    ("hardware_flow_control_stops_who_sends", NO_LINES),
    ("a_write_times_out_and_counts", NO_TIME),
    ("what_came_before_the_end_is_read", BUILT_IN),
    ("what_came_before_the_end_is_read_by_futures", BUILT_IN),
    ("a_wait_ends_with_the_port", BUILT_IN),
    ("all_calls_tell_of_the_end", BUILT_IN),
    ("a_future_ends_with_the_port", BUILT_IN),
];

/// What a USB adapter cannot show.
pub(super) const EXCUSED_USB: &[Excused] = &[
    ("breaks_are_reported_in_place", NO_BREAK),
    ("damaged_bytes_are_reported_in_place", NO_DAMAGE),
    ("modem_lines_are_set_and_read", NO_LINES),
    ("changes_of_modem_lines_are_told", NO_LINES),
    ("changes_of_modem_lines_are_awaited", NO_LINES),
    ("hardware_flow_control_stops_who_sends", NO_LINES),
    ("a_write_times_out_and_counts", NO_TIME),
    ("what_came_before_the_end_is_read", GONE),
    ("what_came_before_the_end_is_read_by_futures", GONE),
];

/// There is one bench.
pub(super) fn lock() -> MutexGuard<'static, ()> {
    static BENCH: Mutex<()> = Mutex::new(());
    BENCH.lock().unwrap_or_else(|e| e.into_inner())
}

pub(super) struct PiBench {
    backend: Linux,
    name: String,
    executor: Executor,
    adapter: Mutex<Option<Adapter>>,
}

impl PiBench {
    /// The board's own UART.
    pub(super) fn board(executor: Executor) -> PiBench {
        PiBench::new("ttyAMA0".into(), executor, None)
    }

    /// An adapter, which is plugged in for it.
    pub(super) fn adapter(executor: Executor) -> PiBench {
        let backend = super::linux();
        let clock = backend.clock();
        let port = || {
            let mut ports = list_on(&backend).unwrap().into_iter();
            ports.find(|port| port.starts_with("ttyUSB"))
        };
        let pause = || clock.delay_until(clock.now() + Duration::from_millis(20));
        // The one before it may still be on its way out.
        while port().is_some() {
            pause();
        }
        let adapter = Outside::here().plug("UART", 3);
        for _ in 0..500 {
            match port() {
                Some(name) => return PiBench::new(name, executor, Some(adapter)),
                None => pause(),
            }
        }
        panic!("the adapter has no port");
    }

    fn new(name: String, executor: Executor, adapter: Option<Adapter>) -> PiBench {
        PiBench {
            backend: super::linux(),
            name,
            executor,
            adapter: Mutex::new(adapter),
        }
    }

    fn with_other<T>(&self, f: impl FnOnce(circuits_bench::Port<'_>) -> T) -> T {
        match &*self.adapter.lock().unwrap() {
            Some(adapter) => f(adapter.port()),
            None => f(Outside::here().uart()),
        }
    }
}

impl Bench for PiBench {
    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn port(&self) -> &str {
        &self.name
    }

    fn send(&self, bytes: &[u8]) {
        self.with_other(|other| other.send(bytes));
    }

    fn receive(&self, count: usize) -> Vec<u8> {
        self.with_other(|other| other.receive(count))
    }

    fn send_break(&self) {
        self.with_other(|other| other.send_break());
    }

    fn many(&self) -> usize {
        4000
    }

    fn end(&self) -> ErrorKind {
        let adapter = self.adapter.lock().unwrap().take();
        adapter.expect("an adapter").unplug();
        ErrorKind::Removed
    }

    fn run(&self, threads: Vec<Thread>) {
        run_threads(threads);
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.executor.run(future);
    }

    fn signals(&self) -> Box<dyn Fn() + Send> {
        signal_this_thread()
    }
}
