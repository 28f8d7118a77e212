//! The contract on the kernel: chips of gpio-sim come and go. Needs root.

#[cfg(target_os = "linux")]
mod kernel {
    use std::fs;
    use std::path::PathBuf;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};

    use circuits_bench::{Executor, Suite, Thread, run_threads, signal_this_thread};
    use circuits_enumerate::contract::{Bench, FACTS, Plugged};
    use circuits_enumerate::{Backend, Linux};
    use circuits_wait::{Interrupt, Monotonic};
    use gpiosim::{Bank, Sim};

    struct KernelBench {
        backend: Linux,
        executor: Executor,
    }

    struct Chip(Sim);

    impl Chip {
        fn name(&self) -> &str {
            &self.0.chips()[0].chip_name
        }
    }

    impl Plugged for Chip {
        fn path(&self) -> PathBuf {
            let chip = &self.0.chips()[0];
            PathBuf::from(format!(
                "/devices/platform/{}/{}",
                chip.dev_name,
                self.name()
            ))
        }

        fn node(&self) -> PathBuf {
            PathBuf::from("/dev").join(self.name())
        }
    }

    impl Bench for KernelBench {
        fn backend(&self) -> &dyn Backend {
            &self.backend
        }

        fn plug(&self) -> Box<dyn Plugged> {
            let bank = Bank::new(2, "plugged");
            Box::new(Chip(gpiosim::builder().with_bank(&bank).live().unwrap()))
        }

        fn flood(&self) {
            for _ in 0..1000 {
                fs::write("/sys/devices/virtual/mem/null/uevent", "add").unwrap();
            }
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

    /// A node has the name of the one before, if nobody else plugs anything in.
    static ONE: Mutex<()> = Mutex::new(());

    pub(crate) fn main() {
        Suite::new()
            .on_kernel("the kernel's group", &[], FACTS, move |check, executor| {
                let _one = ONE.lock().unwrap_or_else(|e| e.into_inner());
                let clock = Monotonic::interrupted_by(Interrupt::new().unwrap());
                check(Arc::new(KernelBench {
                    backend: Linux::with_clock(clock).receive_buffer(16 << 10),
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
