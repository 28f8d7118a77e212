//! The contract of lines, kept by the proxy: before the virtual board, in virtual and in real time,
//! and before the kernel, on `gpio-sim` (Linux 5.19; needs the module and root).

use std::pin::Pin;
use std::sync::Arc;

use circuits::gpio::{Backend, LineSpec};
use circuits::stub::Stub;
use circuits::wait::Interrupt;
use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_gpio::contract::{Bench, FACTS};
use thermostat::proxy::Proxy;

struct Virtual {
    board: VirtualBoard,
    proxy: Proxy<Stub>,
}

impl Virtual {
    fn new(stub: Stub, executor: Executor) -> Arc<Virtual> {
        let stub = stub.lines(["left", "right", "lamp"]).chip("other", ["far"]);
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

    fn inputs(&self) -> [LineSpec; 2] {
        [LineSpec::name("left"), LineSpec::offset("gpiochip0", 1)]
    }

    fn output(&self) -> LineSpec {
        LineSpec::name("lamp")
    }

    fn drive(&self, input: usize, high: bool) {
        self.board.stub.drive(&self.inputs()[input], high).unwrap();
    }

    fn level(&self) -> bool {
        self.board.stub.level("lamp").unwrap()
    }

    fn remove(&self) {
        self.board.stub.remove_chip("gpiochip0").unwrap();
    }

    fn forbidden(&self, f: &mut (dyn FnMut(&dyn Backend) + Send)) {
        f(&Proxy::new(self.board.stub.without_permission()));
    }

    fn interrupt(&self) -> Interrupt {
        self.board.stub.interrupt().unwrap()
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
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use circuits::gpio::Linux;
    use circuits::wait::Monotonic;
    use circuits_bench::{Excused, run_threads};
    use gpiosim::{Bank, Level, Sim};
    use rustix::process::Uid;

    use super::*;

    pub(crate) const EXCUSED: &[Excused] = &[
        ("an_open_drain_only_drives_low", LEVEL_STAYS),
        ("an_open_source_only_drives_high", LEVEL_STAYS),
        ("open_drains_can_be_read", LEVEL_STAYS),
        ("open_sources_can_be_read", LEVEL_STAYS),
    ];

    const LEVEL_STAYS: &str = "an output that is let open is an input to the kernel, and gpio-sim \
        leaves an input at the level that it was driven to";

    /// A chip of the kernel's simulator, which others do not use.
    pub(crate) struct Simulated {
        proxy: Proxy<Linux>,
        interrupt: Interrupt,
        chip: String,
        sim: Mutex<Option<Sim>>,
        executor: Executor,
    }

    impl Simulated {
        pub(crate) fn new(executor: Executor) -> Arc<Simulated> {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let label = format!("proxy{}", NUMBER.fetch_add(1, Ordering::Relaxed));
            let sim = gpiosim::builder()
                .with_bank(&Bank::new(3, label))
                .live()
                .unwrap();
            let interrupt = Interrupt::new().unwrap();
            let clock = Monotonic::interrupted_by(interrupt.clone());
            Arc::new(Simulated {
                proxy: Proxy::new(Linux::with_clock(clock)),
                interrupt,
                chip: sim.chips()[0].chip_name.clone(),
                sim: Mutex::new(Some(sim)),
                executor,
            })
        }

        /// Who fails while he has the chip leaves it as it is.
        fn with<T>(&self, f: impl FnOnce(&gpiosim::Chip) -> T) -> T {
            let sim = self.sim.lock().unwrap_or_else(|e| e.into_inner());
            f(&sim.as_ref().expect("it was removed").chips()[0])
        }
    }

    impl Bench for Simulated {
        fn backend(&self) -> &dyn Backend {
            &self.proxy
        }

        fn inputs(&self) -> [LineSpec; 2] {
            [0, 1].map(|offset| LineSpec::offset(&self.chip, offset))
        }

        fn output(&self) -> LineSpec {
            LineSpec::offset(&self.chip, 2)
        }

        fn drive(&self, input: usize, high: bool) {
            let level = if high { Level::High } else { Level::Low };
            self.with(|chip| chip.set_pull(input as u32, level).unwrap());
        }

        fn level(&self) -> bool {
            self.with(|chip| chip.get_level(2).unwrap()) == Level::High
        }

        fn remove(&self) {
            drop(self.sim.lock().unwrap().take());
        }

        fn forbidden(&self, f: &mut (dyn FnMut(&dyn Backend) + Send)) {
            // Of a thread alone: its rights to files go with its user.
            let nobody = Uid::from_raw(65534);
            let as_nobody = || {
                rustix::thread::set_thread_res_uid(None, nobody, None).unwrap();
                f(&self.proxy);
            };
            thread::scope(|scope| scope.spawn(as_nobody).join()).unwrap();
        }

        fn interrupt(&self) -> Interrupt {
            self.interrupt.clone()
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
    let suite = suite.on_kernel("gpio-sim", kernel::EXCUSED, FACTS, |fact, executor| {
        fact(kernel::Simulated::new(executor));
    });
    suite.main()
}
