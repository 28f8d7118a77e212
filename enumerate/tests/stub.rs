//! The contract on the virtual board, in virtual and in real time, futures under every executor.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use circuits_bench::{Executor, Suite, Thread, signal_this_thread};
use circuits_enumerate::contract::{Bench, FACTS, Plugged};
use circuits_enumerate::{Backend, Devices};
use circuits_stub::Stub;

struct StubBench {
    stub: Stub,
    executor: Executor,
}

impl StubBench {
    fn new(stub: Stub, executor: Executor) -> StubBench {
        let stub = stub.uevent_queue(4096).lines(["LED"]);
        StubBench { stub, executor }
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
        &self.stub
    }

    fn plug(&self) -> Box<dyn Plugged> {
        let name = self.stub.plug_chip("plugged", ["LAMP"]);
        let chips = Devices::list_on(&self.stub).unwrap().gpio_chips();
        let chip = chips.into_iter().find(|chip| chip.name == name).unwrap();
        Box::new(Chip {
            stub: self.stub.clone(),
            name,
            path: chip.path,
        })
    }

    fn flood(&self) {
        for _ in 0..1000 {
            let again =
                b"add@/devices/platform/stub.0\0SUBSYSTEM=platform\0MODALIAS=platform:stub\0";
            self.stub.feed(again).unwrap();
        }
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
