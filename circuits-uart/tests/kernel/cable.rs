use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_bench::{Excused, Executor, Thread, run_threads, signal_this_thread};
use circuits_uart::contract::Bench;
use circuits_uart::{Backend, Config, ErrorKind, FlowControl, Linux, Parity, Port};

const STAYS: &str = "nobody pulls the cable or an adapter out";

/// What two ports of a machine that a cable joins cannot show.
pub(super) const EXCUSED: &[Excused] = &[
    ("what_came_before_the_end_is_read", STAYS),
    ("what_came_before_the_end_is_read_by_futures", STAYS),
    ("a_wait_ends_with_the_port", STAYS),
    ("all_calls_tell_of_the_end", STAYS),
    ("a_future_ends_with_the_port", STAYS),
];

/// Returns the two ports, if there are any: `CIRCUITS_TEST_SERIAL=ttyAMA0,ttyUSB0`.
pub(super) fn ports() -> Option<(String, String)> {
    let ports = std::env::var("CIRCUITS_TEST_SERIAL").ok()?;
    let (port, other) = ports.split_once(',').expect("two names and a comma");
    Some((port.into(), other.into()))
}

/// There is one cable.
pub(super) fn lock() -> MutexGuard<'static, ()> {
    static CABLE: Mutex<()> = Mutex::new(());
    CABLE.lock().unwrap_or_else(|e| e.into_inner())
}

pub(super) struct CableBench {
    backend: Linux,
    port: String,
    other: Arc<Port>,
    executor: Executor,
}

impl CableBench {
    pub(super) fn new((port, other): (String, String), executor: Executor) -> CableBench {
        let backend = super::linux();
        // Its own, which nobody interrupts.
        let other = Port::open_on(&Linux::new(), &other, &Config::new()).unwrap();
        CableBench {
            backend,
            port,
            other: Arc::new(other),
            executor,
        }
    }
}

impl Bench for CableBench {
    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn port(&self) -> &str {
        &self.port
    }

    fn set_other(&self, config: &Config) {
        let config = config.clone().timeout(None).report_errors(false);
        let config = config.flow_control(FlowControl::None);
        self.other.configure(&config).unwrap();
    }

    fn send(&self, bytes: &[u8]) {
        (&*self.other).write_all(bytes).unwrap();
    }

    fn receive(&self, count: usize) -> Vec<u8> {
        let (mut bytes, mut received) = (vec![0; count], 0);
        while received < count {
            let limit = Duration::from_secs(10);
            received += self
                .other
                .read_within(&mut bytes[received..], limit)
                .unwrap();
        }
        bytes
    }

    fn many(&self) -> usize {
        20_000
    }

    fn send_break(&self) {
        self.other.send_break(Duration::from_millis(2)).unwrap();
    }

    fn send_damaged(&self, byte: u8) {
        self.other.drain(None).unwrap();
        let config = self.other.config();
        let odd = config.clone().parity(Parity::Odd);
        self.other.configure(&odd).unwrap();
        self.send(&[byte]);
        self.other.drain(None).unwrap();
        self.other.configure(&config).unwrap();
    }

    fn set_lines(&self, rts: bool, dtr: bool) {
        self.other.set_rts(rts).unwrap();
        self.other.set_dtr(dtr).unwrap();
    }

    fn lines(&self) -> (bool, bool) {
        let lines = self.other.modem_lines().unwrap();
        (lines.cts, lines.dsr)
    }

    fn end(&self) -> ErrorKind {
        panic!("{STAYS}");
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
