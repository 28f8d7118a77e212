// Each of the two tests uses its half.
#![allow(dead_code)]

mod controllers;
mod vcan;

use std::pin::Pin;
use std::sync::Arc;

use circuits_bench::{Executor, Suite, Thread, run_threads, signal_this_thread};
use circuits_can::contract::{Bench, FACTS};
use circuits_can::{Backend, Linux};
use circuits_wait::{Interrupt, Monotonic};

pub(crate) fn vcan() {
    let target = |check: fn(Arc<dyn Bench>), executor| {
        check(Arc::new(KernelBench::new(vcan::Vcan::new(), executor)));
    };
    Suite::new()
        .on_kernel("vcan", vcan::EXCUSED, FACTS, target)
        .main()
}

pub(crate) fn controllers() {
    let target = |check: fn(Arc<dyn Bench>), executor| {
        let _alone = controllers::lock();
        let pair = controllers::Pair::new();
        check(Arc::new(KernelBench::new(pair, executor)));
    };
    Suite::new()
        .on_kernel("two controllers", controllers::EXCUSED, FACTS, target)
        .main()
}

/// Interfaces on one bus, for one fact.
trait Interfaces: Send + Sync {
    fn interface(&self) -> &str;

    fn other(&self) -> &str;

    fn remove(&self);

    fn force_bus_off(&self) {
        panic!("these cannot be forced bus-off");
    }
}

struct KernelBench<I> {
    backend: Linux,
    interfaces: I,
    executor: Executor,
}

impl<I: Interfaces> KernelBench<I> {
    fn new(interfaces: I, executor: Executor) -> KernelBench<I> {
        let clock = Monotonic::interrupted_by(Interrupt::new().unwrap());
        KernelBench {
            backend: Linux::with_clock(clock),
            interfaces,
            executor,
        }
    }
}

impl<I: Interfaces> Bench for KernelBench<I> {
    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn interface(&self) -> &str {
        self.interfaces.interface()
    }

    fn other(&self) -> &str {
        self.interfaces.other()
    }

    fn force_bus_off(&self) {
        self.interfaces.force_bus_off();
    }

    fn remove(&self) {
        self.interfaces.remove();
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
