//! The contract on the kernel, on two chip selects of one controller: a flash memory of Winbond's, which
//! may be named by CIRCUITS_TEST_FLASH (default: spidev0.0), and nothing, CIRCUITS_TEST_SPI (default:
//! spidev0.1).

#[cfg(target_os = "linux")]
mod kernel {
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};

    use circuits_bench::{Executor, Suite, Thread, Unbound, run_threads, signal_this_thread};
    use circuits_spi::contract::{Bench, FACTS};
    use circuits_spi::{Backend, Linux};

    struct KernelBench {
        backend: Linux,
        flash: String,
        nobody: String,
        executor: Executor,
    }

    impl Bench for KernelBench {
        fn backend(&self) -> &dyn Backend {
            &self.backend
        }

        fn flash(&self) -> &str {
            &self.flash
        }

        fn nobody(&self) -> &str {
            &self.nobody
        }

        fn remove(&self) -> Option<Box<dyn FnOnce()>> {
            let device = self.nobody.replace("spidev", "spi");
            let unbound = Unbound::new("spi/drivers/spidev", &device);
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

    /// There is one controller.
    static CONTROLLER: Mutex<()> = Mutex::new(());

    pub(crate) fn main() {
        let name = |variable, default: &str| std::env::var(variable).unwrap_or(default.into());
        let flash = name("CIRCUITS_TEST_FLASH", "spidev0.0");
        let nobody = name("CIRCUITS_TEST_SPI", "spidev0.1");
        Suite::new()
            .on_kernel("spidev", &[], FACTS, move |check, executor| {
                let _one = CONTROLLER.lock().unwrap_or_else(|e| e.into_inner());
                check(Arc::new(KernelBench {
                    backend: Linux::new(),
                    flash: flash.clone(),
                    nobody: nobody.clone(),
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
