//! The contract on the virtual board, in virtual and in real time, futures under every executor, and on
//! the controllers of Raspberry Pis.

use std::pin::Pin;
use std::sync::Arc;

use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_spi::Backend;
use circuits_spi::contract::{Bench, FACTS};
use circuits_stub::Stub;
use circuits_stub::chips::W25q;
use circuits_stub::spi::Controller;

struct StubBench(VirtualBoard);

impl StubBench {
    fn new(stub: Stub, controller: Controller, executor: Executor) -> StubBench {
        let stub = stub
            .spi_controller("spidev0.0", controller)
            .and_then(|stub| stub.spi_device("spidev0.0", W25q::w25q16jv()))
            .and_then(|stub| stub.spi_node("spidev0.1"));
        StubBench(VirtualBoard::new(stub.unwrap(), executor))
    }
}

impl Bench for StubBench {
    fn backend(&self) -> &dyn Backend {
        &self.0.stub
    }

    fn flash(&self) -> &str {
        "spidev0.0"
    }

    fn nobody(&self) -> &str {
        "spidev0.1"
    }

    fn remove(&self) -> Option<Box<dyn FnOnce()>> {
        let stub = self.0.stub.clone();
        stub.remove_spi_node("spidev0.1").unwrap();
        Some(Box::new(move || stub.plug_spi_node("spidev0.1").unwrap()))
    }

    fn run(&self, threads: Vec<Thread>) {
        self.0.run(threads);
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.block_on(future);
    }

    fn signals(&self) -> Box<dyn Fn() + Send> {
        signal_this_thread()
    }
}

fn main() {
    let target = |stub: fn() -> Stub, controller: fn() -> Controller| {
        move |check: fn(Arc<dyn Bench>), executor| {
            check(Arc::new(StubBench::new(stub(), controller(), executor)));
        }
    };
    Suite::new()
        .on(
            "virtual time",
            FACTS,
            target(Stub::virtual_time, Controller::new),
        )
        .on("real time", FACTS, target(Stub::real_time, Controller::new))
        .on(
            "as a Pi 4",
            FACTS,
            target(Stub::virtual_time, Controller::bcm2835),
        )
        .on(
            "as a Pi 5",
            FACTS,
            target(Stub::virtual_time, Controller::designware),
        )
        .main()
}
