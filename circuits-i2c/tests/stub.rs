//! The contract on the virtual board, in virtual and in real time, futures under every executor.

use std::pin::Pin;
use std::sync::Arc;

use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_i2c::Backend;
use circuits_i2c::contract::{Bench, FACTS, MEMORY, OWNED, SENSOR};
use circuits_stub::Stub;
use circuits_stub::chips::{At24c, At24cSize, Tmp102};
use circuits_stub::i2c::Controller;

struct StubBench {
    board: VirtualBoard,
}

impl StubBench {
    fn new(stub: Stub, controller: Controller, executor: Executor) -> StubBench {
        let stub = stub
            .i2c_device("i2c-1", SENSOR, Tmp102::new())
            .and_then(|stub| stub.i2c_device("i2c-1", OWNED, Tmp102::new()))
            .and_then(|stub| stub.i2c_device("i2c-1", MEMORY, At24c::new(At24cSize::C32)))
            .unwrap()
            .i2c_owner("i2c-1", OWNED, "lm75")
            .i2c_controller("i2c-1", controller)
            .i2c_bus("i2c-2");
        StubBench {
            board: VirtualBoard::new(stub, executor),
        }
    }
}

impl Bench for StubBench {
    fn backend(&self) -> &dyn Backend {
        &self.board.stub
    }

    fn bus(&self) -> &str {
        "i2c-1"
    }

    fn adapter(&self) -> String {
        self.board.stub.adapter("i2c-1").unwrap()
    }

    fn driver(&self) -> &str {
        "lm75"
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
    let all = || Controller::new().adapter("a wire");
    Suite::new()
        .on("virtual time", FACTS, move |check, executor| {
            check(Arc::new(StubBench::new(
                Stub::virtual_time(),
                all(),
                executor,
            )));
        })
        .on("real time", FACTS, move |check, executor| {
            check(Arc::new(StubBench::new(Stub::real_time(), all(), executor)));
        })
        .on("as a Raspberry Pi's", FACTS, |check, executor| {
            let pi = Controller::bcm2835();
            check(Arc::new(StubBench::new(Stub::virtual_time(), pi, executor)));
        })
        .main()
}
