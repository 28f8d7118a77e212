//! The contract on the virtual board, in virtual and in real time, futures under every executor: two ports
//! that a cable joins.

use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_stub::Stub;
use circuits_uart::contract::{Bench, FACTS};
use circuits_uart::{Backend, Config, ErrorKind, FlowControl, Parity, Port};

const PORT: &str = "ttyAMA0";
const OTHER: &str = "ttyUSB0";

struct StubBench {
    board: VirtualBoard,
    other: Mutex<Option<Arc<Port>>>,
}

impl StubBench {
    fn new(stub: Stub, executor: Executor) -> StubBench {
        let stub = stub.serial_cable(PORT, OTHER).unwrap();
        StubBench {
            board: VirtualBoard::new(stub, executor),
            other: Mutex::new(None),
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Arc<Port>>> {
        self.other.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn other(&self) -> Arc<Port> {
        let open = || Arc::new(Port::open_on(&self.board.stub, OTHER, &Config::new()).unwrap());
        self.held().get_or_insert_with(open).clone()
    }
}

impl Bench for StubBench {
    fn backend(&self) -> &dyn Backend {
        &self.board.stub
    }

    fn port(&self) -> &str {
        PORT
    }

    fn set_other(&self, config: &Config) {
        let config = config.clone().timeout(None).report_errors(false);
        let config = config.flow_control(FlowControl::None);
        self.other().configure(&config).unwrap();
    }

    fn send(&self, bytes: &[u8]) {
        (&*self.other()).write_all(bytes).unwrap();
    }

    fn receive(&self, count: usize) -> Vec<u8> {
        let (mut bytes, mut received) = (vec![0; count], 0);
        let other = self.other();
        while received < count {
            let limit = Duration::from_secs(60);
            received += other.read_within(&mut bytes[received..], limit).unwrap();
        }
        bytes
    }

    fn many(&self) -> usize {
        20_000
    }

    fn send_break(&self) {
        self.other().send_break(Duration::from_millis(2)).unwrap();
    }

    fn send_damaged(&self, byte: u8) {
        let other = self.other();
        other.drain(None).unwrap();
        let config = other.config();
        other
            .configure(&config.clone().parity(Parity::Odd))
            .unwrap();
        (&*other).write_all(&[byte]).unwrap();
        other.drain(None).unwrap();
        other.configure(&config).unwrap();
    }

    fn set_lines(&self, rts: bool, dtr: bool) {
        let other = self.other();
        other.set_rts(rts).unwrap();
        other.set_dtr(dtr).unwrap();
    }

    fn lines(&self) -> (bool, bool) {
        let lines = self.other().modem_lines().unwrap();
        (lines.cts, lines.dsr)
    }

    fn end(&self) -> ErrorKind {
        self.board.stub.remove_serial_port(PORT).unwrap();
        ErrorKind::Removed
    }

    fn run(&self, threads: Vec<Thread>) {
        self.board.run(threads);
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.board.block_on(future);
    }

    fn signals(&self) -> Box<dyn Fn() + Send> {
        signal_this_thread()
    }
}

fn main() {
    let target = |stub: fn() -> Stub| {
        move |check: fn(Arc<dyn Bench>), executor| {
            check(Arc::new(StubBench::new(stub(), executor)));
        }
    };
    Suite::new()
        .on("virtual time", FACTS, target(Stub::virtual_time))
        .on("real time", FACTS, target(Stub::real_time))
        .main()
}
