//! The contract of SPI devices, kept by the proxy: before the virtual board, in virtual and in real
//! time, and before the kernel, on a controller with what the contract says, whose nodes may be named by
//! CIRCUITS_TEST_FLASH and CIRCUITS_TEST_SPI (default: spidev0.0 and spidev0.1).

use std::pin::Pin;
use std::sync::Arc;

use circuits::spi::Backend;
use circuits::stub::Stub;
use circuits::stub::chips::W25q;
use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_spi::contract::{Bench, FACTS};
use thermostat::proxy::Proxy;

struct Virtual {
    board: VirtualBoard,
    proxy: Proxy<Stub>,
}

impl Virtual {
    fn new(stub: Stub, executor: Executor) -> Arc<Virtual> {
        let stub = stub
            .spi_device("spidev0.0", W25q::w25q16jv())
            .and_then(|stub| stub.spi_node("spidev0.1"))
            .unwrap();
        let proxy = Proxy::new(stub.clone());
        Arc::new(Virtual {
            board: VirtualBoard::new(stub, executor),
            proxy,
        })
    }
}

impl Bench for Virtual {
    fn backend(&self) -> &dyn Backend {
        &self.proxy
    }

    fn flash(&self) -> &str {
        "spidev0.0"
    }

    fn nobody(&self) -> &str {
        "spidev0.1"
    }

    fn remove(&self) -> Option<Box<dyn FnOnce()>> {
        let stub = self.board.stub.clone();
        stub.remove_spi_node("spidev0.1").unwrap();
        Some(Box::new(move || stub.plug_spi_node("spidev0.1").unwrap()))
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

#[cfg(target_os = "linux")]
mod kernel {
    use std::env;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use circuits::spi::Linux;
    use circuits_bench::{Excused, run_threads};

    use super::*;

    pub(crate) const EXCUSED: &[Excused] = &[];

    /// There is one memory.
    static FLASH: Mutex<()> = Mutex::new(());

    pub(crate) struct Controller {
        proxy: Proxy<Linux>,
        flash: String,
        nobody: String,
        executor: Executor,
    }

    impl Controller {
        pub(crate) fn new(executor: Executor) -> Arc<Controller> {
            Arc::new(Controller {
                proxy: Proxy::new(Linux::new()),
                flash: env::var("CIRCUITS_TEST_FLASH").unwrap_or("spidev0.0".into()),
                nobody: env::var("CIRCUITS_TEST_SPI").unwrap_or("spidev0.1".into()),
                executor,
            })
        }

        pub(crate) fn alone() -> MutexGuard<'static, ()> {
            FLASH.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Bench for Controller {
        fn backend(&self) -> &dyn Backend {
            &self.proxy
        }

        fn flash(&self) -> &str {
            &self.flash
        }

        fn nobody(&self) -> &str {
            &self.nobody
        }

        fn remove(&self) -> Option<Box<dyn FnOnce()>> {
            let device = self.nobody.replace("spidev", "spi");
            let unbound = circuits_bench::Unbound::new("spi/drivers/spidev", &device);
            Some(Box::new(move || drop(unbound)))
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
}

fn main() {
    let suite = Suite::new()
        .on("virtual time", FACTS, |fact, executor| {
            fact(Virtual::new(Stub::virtual_time(), executor));
        })
        .on("real time", FACTS, |fact, executor| {
            fact(Virtual::new(Stub::real_time(), executor));
        });
    #[cfg(target_os = "linux")]
    let suite = suite.on_kernel("spidev", kernel::EXCUSED, FACTS, |fact, executor| {
        let _alone = kernel::Controller::alone();
        fact(kernel::Controller::new(executor));
    });
    suite.main()
}
