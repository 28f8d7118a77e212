//! The contract on the kernel, with lines of `gpio-sim` (Linux 5.19) as other ends: needs the
//! module and root.

#[cfg(target_os = "linux")]
#[path = "../../tests/bench/executors.rs"]
mod executors;
#[cfg(target_os = "linux")]
#[path = "../../tests/bench/signals.rs"]
mod signals;

#[cfg(target_os = "linux")]
mod kernel {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::thread;

    use circuits_gpio::contract::{Bench, FACTS, Thread};
    use circuits_gpio::{Backend, LineSpec, Linux};
    use circuits_wait::{Interrupt, Monotonic};
    use gpiosim::{Bank, Level, Sim};
    use libtest_mimic::{Arguments, Trial};

    use crate::executors::{EXECUTORS, Run};
    use crate::signals;

    struct KernelBench {
        backend: Linux,
        interrupt: Interrupt,
        sim: Sim,
        executor: Run,
    }

    impl KernelBench {
        fn new(executor: Run) -> KernelBench {
            let interrupt = Interrupt::new().unwrap();
            let backend = Linux::with_clock(Monotonic::interrupted_by(interrupt.clone()));
            let sim = gpiosim::builder()
                .with_bank(&Bank::new(3, "circuits"))
                .live()
                .unwrap();
            KernelBench {
                backend,
                interrupt,
                sim,
                executor,
            }
        }

        fn line(&self, offset: u32) -> LineSpec {
            LineSpec::offset(self.sim.chips()[0].chip_name.as_str(), offset)
        }
    }

    impl Bench for KernelBench {
        fn backend(&self) -> &dyn Backend {
            &self.backend
        }

        fn inputs(&self) -> [LineSpec; 2] {
            [self.line(0), self.line(1)]
        }

        fn output(&self) -> LineSpec {
            self.line(2)
        }

        fn drive(&self, input: usize, high: bool) {
            let level = if high { Level::High } else { Level::Low };
            self.sim.chips()[0].set_pull(input as u32, level).unwrap();
        }

        fn level(&self) -> bool {
            self.sim.chips()[0].get_level(2).unwrap() == Level::High
        }

        fn interrupt(&self) -> Interrupt {
            self.interrupt.clone()
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

    pub(crate) fn main() {
        let mut tests = Vec::new();
        for (name, executor) in EXECUTORS {
            for (fact, check) in FACTS {
                let run = move || {
                    check(Arc::new(KernelBench::new(executor)));
                    Ok(())
                };
                // Needs gpio-sim and root.
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
