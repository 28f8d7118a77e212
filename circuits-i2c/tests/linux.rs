//! The contract on the kernel, on an adapter with an LM75 or a relative at 0x48, which may be named
//! by CIRCUITS_TEST_I2C (default: i2c-1).

#[cfg(target_os = "linux")]
#[path = "../../tests/bench/executors.rs"]
mod executors;
#[cfg(target_os = "linux")]
#[path = "../../tests/bench/signals.rs"]
mod signals;

#[cfg(target_os = "linux")]
mod kernel {
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::thread;

    use circuits_i2c::contract::{Bench, FACTS, Thread};
    use circuits_i2c::{Backend, Linux};
    use libtest_mimic::{Arguments, Trial};

    use crate::executors::{EXECUTORS, Run};
    use crate::signals;

    struct KernelBench {
        backend: Linux,
        bus: String,
        executor: Run,
    }

    impl Bench for KernelBench {
        fn backend(&self) -> &dyn Backend {
            &self.backend
        }

        fn bus(&self) -> &str {
            &self.bus
        }

        fn run(&self, threads: Vec<Thread>) {
            let spawn =
                |(name, f): Thread| thread::Builder::new().name(name.into()).spawn(f).unwrap();
            let threads: Vec<_> = threads.into_iter().map(spawn).collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        }

        fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
            (self.executor)(future);
        }

        fn signals(&self) -> Box<dyn Fn() + Send> {
            signals::to_this_thread()
        }
    }

    /// There is one sensor.
    static SENSOR: Mutex<()> = Mutex::new(());

    pub(crate) fn main() {
        let bus = std::env::var("CIRCUITS_TEST_I2C").unwrap_or("i2c-1".into());
        let mut tests = Vec::new();
        for (name, executor) in EXECUTORS {
            for (fact, check) in FACTS {
                let bus = bus.clone();
                let run = move || {
                    let _one = SENSOR.lock().unwrap_or_else(|e| e.into_inner());
                    check(Arc::new(KernelBench {
                        backend: Linux::new(),
                        bus,
                        executor,
                    }));
                    Ok(())
                };
                // Needs an adapter with the sensor.
                tests.push(Trial::test(format!("{name}::{fact}"), run).with_ignored_flag(true));
            }
        }
        libtest_mimic::run(&Arguments::from_args(), tests).exit();
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    kernel::main();
}
