//! The contract on the virtual board, in virtual and in real time, futures under every executor.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_enumerate::contract::{Bench, FACTS, Plugged};
use circuits_enumerate::{Backend, Devices};
use circuits_stub::Stub;

struct StubBench {
    board: VirtualBoard,
}

impl StubBench {
    fn new(stub: Stub, executor: Executor) -> StubBench {
        let stub = stub.uevent_queue(4096).lines(["LED"]);
        StubBench {
            board: VirtualBoard::new(stub, executor),
        }
    }
}

/// A chip of the virtual board.
struct Chip {
    stub: Stub,
    name: String,
    path: PathBuf,
}

impl Plugged for Chip {
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn node(&self) -> PathBuf {
        PathBuf::from("/dev").join(&self.name)
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        self.stub.remove_chip(&self.name).unwrap();
    }
}

impl Bench for StubBench {
    fn backend(&self) -> &dyn Backend {
        &self.board.stub
    }

    fn plug(&self) -> Box<dyn Plugged> {
        let name = self.board.stub.plug_chip("plugged", ["LAMP"]);
        let chips = Devices::list_on(&self.board.stub).unwrap().gpio_chips();
        let chip = chips.into_iter().find(|chip| chip.name == name).unwrap();
        Box::new(Chip {
            stub: self.board.stub.clone(),
            name,
            path: chip.path,
        })
    }

    fn flood(&self) {
        for _ in 0..1000 {
            let again =
                b"add@/devices/platform/stub.0\0SUBSYSTEM=platform\0MODALIAS=platform:stub\0";
            self.board.stub.feed(again).unwrap();
        }
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
