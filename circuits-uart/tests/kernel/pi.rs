use std::pin::Pin;
use std::sync::{Mutex, MutexGuard};

use circuits_bench::{
    Adapter, Excused, Executor, Outside, Thread, Unbound, run_threads, signal_this_thread,
};
use circuits_uart::contract::Bench;
use circuits_uart::{Backend, ErrorKind, Linux, list_on};

const NOBODY: &str =
    "the bench outside is a stream of bytes: it sends no breaks and damages nothing";
const NO_LINES: &str = "QEMU's models connect no modem lines";
const NO_TIME: &str = "QEMU's models take no time on the wire, and take whatever is sent";
const NO_FLOW: &str = "the bench outside does not wait for XON";
const GONE: &str = "the kernel throws away what was not read when a port goes (tty_ldisc_hangup)";

/// What the board's UART cannot show.
pub(super) const EXCUSED: &[Excused] = &[
    ("breaks_are_reported_in_place", NOBODY),
    ("damaged_bytes_are_reported_in_place", NOBODY),
    ("modem_lines_are_set_and_read", NO_LINES),
    ("changes_of_modem_lines_are_told", NO_LINES),
    ("changes_of_modem_lines_are_awaited", NO_LINES),
    ("hardware_flow_control_stops_who_sends", NO_LINES),
    ("a_write_times_out_and_counts", NO_TIME),
    ("what_came_before_the_end_is_read", GONE),
    ("what_came_before_the_end_is_read_by_futures", GONE),
];

/// What a USB adapter cannot show.
pub(super) const EXCUSED_USB: &[Excused] = EXCUSED;

/// There is one bench.
pub(super) fn lock() -> MutexGuard<'static, ()> {
    static BENCH: Mutex<()> = Mutex::new(());
    let _ = NO_FLOW;
    BENCH.lock().unwrap_or_else(|e| e.into_inner())
}

pub(super) struct PiBench {
    backend: Linux,
    name: String,
    executor: Executor,
    adapter: Mutex<Option<Adapter>>,
    unbound: Mutex<Option<Unbound>>,
}

impl PiBench {
    /// The board's own UART.
    pub(super) fn board(executor: Executor) -> PiBench {
        PiBench::new("ttyAMA0".into(), executor, None)
    }

    /// An adapter, which is plugged in for it.
    pub(super) fn adapter(executor: Executor) -> PiBench {
        let backend = super::linux();
        let before = list_on(&backend).unwrap();
        let adapter = Outside::here().plug("UART", 3);
        let clock = backend.clock();
        for _ in 0..500 {
            let ports = list_on(&backend).unwrap();
            if let Some(name) = ports.into_iter().find(|port| !before.contains(port)) {
                return PiBench::new(name, executor, Some(adapter));
            }
            clock.delay_until(clock.now() + std::time::Duration::from_millis(20));
        }
        panic!("the adapter has no port");
    }

    fn new(name: String, executor: Executor, adapter: Option<Adapter>) -> PiBench {
        PiBench {
            backend: super::linux(),
            name,
            executor,
            adapter: Mutex::new(adapter),
            unbound: Mutex::new(None),
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

    fn many(&self) -> usize {
        4000
    }

    fn end(&self) -> ErrorKind {
        let mut adapter = self.adapter.lock().unwrap();
        match adapter.take() {
            Some(adapter) => adapter.unplug(),
            None => {
                let unbound = Unbound::new("amba/drivers/uart-pl011", "3f201000.serial");
                *self.unbound.lock().unwrap() = Some(unbound);
            }
        }
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
