//! The contract on the virtual board, in virtual and in real time, under every executor.

#[path = "../../tests/bench/executors.rs"]
mod executors;
#[path = "../../tests/bench/signals.rs"]
mod signals;

use std::pin::Pin;
use std::sync::Arc;

use circuits_i2c::Backend;
use circuits_i2c::contract::{Bench, FACTS, SENSOR, Thread};
use circuits_stub::Stub;
use circuits_stub::chips::Tmp102;
use executors::{EXECUTORS, Run};
use libtest_mimic::{Arguments, Trial};

struct StubBench {
    stub: Stub,
    executor: Run,
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
            .block_on_with(|task| executor(Box::pin(task)), future);
    }

    fn signals(&self) -> Box<dyn Fn() + Send> {
        signals::to_this_thread()
    }
}

fn main() {
    let mut tests = Vec::new();
    for (time, stub) in [
        ("virtual", Stub::virtual_time as fn() -> Stub),
        ("real", Stub::real_time),
    ] {
        for (name, executor) in EXECUTORS {
            for (fact, check) in FACTS {
                let run = move || {
                    let stub = stub().i2c_device("i2c-1", SENSOR, Tmp102::new()).unwrap();
                    check(Arc::new(StubBench { stub, executor }));
                    Ok(())
                };
                tests.push(Trial::test(format!("{time}::{name}::{fact}"), run));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}
