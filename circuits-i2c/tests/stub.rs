//! The contract on the virtual board, in virtual and in real time, futures under every executor.

use std::pin::Pin;
use std::sync::Arc;

use circuits_bench::{Executor, Suite, Thread, signal_this_thread};
use circuits_i2c::Backend;
use circuits_i2c::contract::{Bench, FACTS, SENSOR};
use circuits_stub::Stub;
use circuits_stub::chips::Tmp102;

struct StubBench {
    stub: Stub,
    executor: Executor,
}

impl StubBench {
    fn new(stub: Stub, executor: Executor) -> StubBench {
        let stub = stub.i2c_device("i2c-1", SENSOR, Tmp102::new()).unwrap();
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
    Suite::new()
        .on("virtual time", FACTS, |check, executor| {
            check(Arc::new(StubBench::new(Stub::virtual_time(), executor)));
        })
        .on("real time", FACTS, |check, executor| {
            check(Arc::new(StubBench::new(Stub::real_time(), executor)));
        })
        .main()
}
