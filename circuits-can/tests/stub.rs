//! The contract on the virtual board, in virtual and in real time, futures under every executor: on two
//! controllers on one bus, and on a virtual vcan.

use std::pin::Pin;
use std::sync::Arc;

use circuits_bench::{Excused, Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_can::Backend;
use circuits_can::contract::{Bench, FACTS};
use circuits_stub::Stub;
use circuits_stub::can::Fault;

struct StubBench {
    board: VirtualBoard,
    other: &'static str,
}

impl StubBench {
    fn bus(stub: Stub, executor: Executor) -> StubBench {
        let stub = stub.can_bus(["can0", "can1"]).unwrap();
        StubBench {
            board: VirtualBoard::new(stub, executor),
            other: "can1",
        }
    }

    fn vcan(stub: Stub, executor: Executor) -> StubBench {
        StubBench {
            board: VirtualBoard::new(stub.vcan("can0"), executor),
            other: "can0",
        }
    }
}

impl Bench for StubBench {
    fn backend(&self) -> &dyn Backend {
        &self.board.stub
    }

    fn interface(&self) -> &str {
        "can0"
    }

    fn other(&self) -> &str {
        self.other
    }

    fn force_bus_off(&self) {
        // 32 errors of 8 each are 256.
        let fault = Fault::bit_error().times(32);
        self.board.stub.can_fault("can0", fault).unwrap();
    }

    fn remove(&self) {
        self.board.stub.remove_can_interface("can0").unwrap();
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

const NO_CONTROLLER: &str = "vcan has no controller, and takes no time";

const OF_VCAN: &[Excused] = &[
    ("a_write_times_out_and_counts", NO_CONTROLLER),
    ("without_acknowledge_it_does_not_come_back", NO_CONTROLLER),
    ("the_smaller_identifier_goes_first", NO_CONTROLLER),
    ("bus_off_is_told_and_ends_by_a_restart", NO_CONTROLLER),
    ("bus_off_ends_by_itself_if_asked_for", NO_CONTROLLER),
];

fn main() {
    type Make = fn(Stub, Executor) -> StubBench;
    let target = |make: Make, stub: fn() -> Stub| {
        move |check: fn(Arc<dyn Bench>), executor| check(Arc::new(make(stub(), executor)))
    };
    let (bus, vcan): (Make, Make) = (StubBench::bus, StubBench::vcan);
    Suite::new()
        .on("virtual time", FACTS, target(bus, Stub::virtual_time))
        .on("real time", FACTS, target(bus, Stub::real_time))
        .on_limited(
            "a virtual vcan",
            OF_VCAN,
            FACTS,
            target(vcan, Stub::virtual_time),
        )
        .main()
}
