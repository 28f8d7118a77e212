//! The contract of buses, kept by the proxy: before the virtual board, in virtual and in real time,
//! and before the kernel, on an adapter with what the contract says, which may be named by
//! CIRCUITS_TEST_I2C (default: i2c-1).

use std::pin::Pin;
use std::sync::Arc;

use circuits::i2c::Backend;
use circuits::stub::Stub;
use circuits::stub::chips::{At24c, At24cSize, Tmp102};
use circuits::stub::i2c::Controller;
use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_i2c::contract::{Bench, FACTS, MEMORY, OWNED, SENSOR};
use thermostat::proxy::Proxy;

struct Virtual {
    board: VirtualBoard,
    proxy: Proxy<Stub>,
}

impl Virtual {
    fn new(stub: Stub, executor: Executor) -> Arc<Virtual> {
        let stub = stub
            .i2c_controller("i2c-1", Controller::new().adapter("a wire"))
            .i2c_device("i2c-1", SENSOR, Tmp102::new())
            .and_then(|stub| stub.i2c_device("i2c-1", OWNED, Tmp102::new()))
            .and_then(|stub| stub.i2c_device("i2c-1", MEMORY, At24c::new(At24cSize::C32)))
            .unwrap()
            .i2c_owner("i2c-1", OWNED, "lm75");
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

    fn bus(&self) -> &str {
        "i2c-1"
    }

    fn adapter(&self) -> String {
        "a wire".into()
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

#[cfg(target_os = "linux")]
mod kernel {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use circuits::i2c::Linux;
    use circuits_bench::run_threads;

    use super::*;

    /// There is one sensor.
    static SENSOR: Mutex<()> = Mutex::new(());

    pub(crate) struct Adapter {
        proxy: Proxy<Linux>,
        bus: String,
        executor: Executor,
    }

    impl Adapter {
        pub(crate) fn new(executor: Executor) -> Arc<Adapter> {
            Arc::new(Adapter {
                proxy: Proxy::new(Linux::new()),
                bus: std::env::var("CIRCUITS_TEST_I2C").unwrap_or("i2c-1".into()),
                executor,
            })
        }

        pub(crate) fn alone() -> MutexGuard<'static, ()> {
            SENSOR.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl Bench for Adapter {
        fn backend(&self) -> &dyn Backend {
            &self.proxy
        }

        fn bus(&self) -> &str {
            &self.bus
        }

        fn adapter(&self) -> String {
            Linux::new().adapter(&self.bus).unwrap()
        }

        fn driver(&self) -> &str {
            "lm75"
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
    let suite = suite.on_kernel("i2c-dev", &[], FACTS, |fact, executor| {
        let _alone = kernel::Adapter::alone();
        fact(kernel::Adapter::new(executor));
    });
    suite.main()
}
