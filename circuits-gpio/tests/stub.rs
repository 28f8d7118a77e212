//! The contract on the virtual board, in virtual and in real time, futures under every executor.

use std::pin::Pin;
use std::sync::Arc;

use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_gpio::contract::{Bench, FACTS};
use circuits_gpio::{Backend, LineSpec};
use circuits_stub::Stub;
use circuits_wait::Interrupt;

struct StubBench {
    board: VirtualBoard,
}

impl StubBench {
    fn new(stub: Stub, executor: Executor) -> StubBench {
        let stub = stub.lines(["one", "other", "out"]).chip("elsewhere", [""]);
        StubBench {
            board: VirtualBoard::new(stub, executor),
        }
    }
}

impl Bench for StubBench {
    fn backend(&self) -> &dyn Backend {
        &self.board.stub
    }

    fn inputs(&self) -> [LineSpec; 2] {
        [LineSpec::name("one"), LineSpec::offset("gpiochip0", 1)]
    }

    fn output(&self) -> LineSpec {
        LineSpec::name("out")
    }

    fn drive(&self, input: usize, high: bool) {
        self.board.stub.drive(&self.inputs()[input], high).unwrap();
    }

    fn level(&self) -> bool {
        self.board.stub.level("out").unwrap()
    }

    fn remove(&self) {
        self.board.stub.remove_chip("gpiochip0").unwrap();
    }

    fn forbidden(&self, f: &mut (dyn FnMut(&dyn Backend) + Send)) {
        f(&self.board.stub.without_permission());
    }

    fn interrupt(&self) -> Interrupt {
        self.board.stub.interrupt().unwrap()
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
    Suite::new()
        .on("virtual time", FACTS, |check, executor| {
            check(Arc::new(StubBench::new(Stub::virtual_time(), executor)));
        })
        .on("real time", FACTS, |check, executor| {
            check(Arc::new(StubBench::new(Stub::real_time(), executor)));
        })
        .main()
}
