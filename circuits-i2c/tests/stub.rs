//! The contract on the virtual board, in virtual and in real time, futures under every executor.

mod memory;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use circuits_bench::{Executor, Suite, Thread, signal_this_thread};
use circuits_i2c::Backend;
use circuits_i2c::contract::{Bench, FACTS, MEMORY, OWNED, SENSOR};
use circuits_stub::Stub;
use circuits_stub::chips::Tmp102;
use circuits_stub::i2c::Controller;
use memory::Memory;

struct StubBench {
    stub: Stub,
    executor: Executor,
}

impl StubBench {
    fn new(stub: Stub, controller: Controller, executor: Executor) -> StubBench {
        let stub = stub
            .i2c_device("i2c-1", SENSOR, Tmp102::new())
            .and_then(|stub| stub.i2c_device("i2c-1", OWNED, Tmp102::new()))
            .and_then(|stub| {
                stub.i2c_device(
                    "i2c-1",
                    MEMORY,
                    Memory::writing_for(Duration::from_millis(5)),
                )
            })
            .unwrap()
            .i2c_owner("i2c-1", OWNED, "lm75")
            .i2c_controller("i2c-1", controller)
            .i2c_bus("i2c-2");
        StubBench { stub, executor }
    }
}

impl Bench for StubBench {
    fn backend(&self) -> &dyn Backend {
        &self.stub
    }

    fn bus(&self) -> &str {
        "i2c-1"
    }

    fn adapter(&self) -> String {
        self.stub.adapter("i2c-1").unwrap()
    }

    fn driver(&self) -> &str {
        "lm75"
    }

    fn run(&self, threads: Vec<Thread>) {
        self.stub.run(|| {
            let spawn = |(name, f): Thread| self.stub.spawn(name, f).unwrap();
            let threads: Vec<_> = threads.into_iter().map(spawn).collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        });
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let executor = self.executor;
        self.stub
            .block_on_with(|task| executor.run(Box::pin(task)), future);
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
