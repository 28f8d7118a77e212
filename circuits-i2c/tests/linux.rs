//! The contract on the kernel, on an adapter with an LM75 or a relative at 0x48, one at 0x49 that the
//! kernel's driver lm75 has, and a 24C32 or larger at 0x50; it may be named by CIRCUITS_TEST_I2C
//! (default: i2c-1).

#[cfg(target_os = "linux")]
mod kernel {
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};

    use circuits_bench::{Executor, Suite, Thread, run_threads, signal_this_thread};
    use circuits_i2c::contract::{Bench, FACTS};
    use circuits_i2c::{Backend, Linux};

    struct KernelBench {
        backend: Linux,
        bus: String,
        executor: Executor,
    }

    impl Bench for KernelBench {
        fn backend(&self) -> &dyn Backend {
            &self.backend
        }

        fn bus(&self) -> &str {
            &self.bus
        }

        fn adapter(&self) -> String {
            self.backend.adapter(&self.bus).unwrap()
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

    /// There is one sensor.
    static SENSOR: Mutex<()> = Mutex::new(());

    pub(crate) fn main() {
        let bus = std::env::var("CIRCUITS_TEST_I2C").unwrap_or("i2c-1".into());
        Suite::new()
            .on_kernel("i2c-dev", &[], FACTS, move |check, executor| {
                let _one = SENSOR.lock().unwrap_or_else(|e| e.into_inner());
                check(Arc::new(KernelBench {
                    backend: Linux::new(),
                    bus: bus.clone(),
                    executor,
                }));
            })
            .main()
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    kernel::main();
}
