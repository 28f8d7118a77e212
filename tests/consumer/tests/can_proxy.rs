//! The contract of CAN sockets, kept by the proxy: before the virtual board, in virtual and in real
//! time, on two interfaces of one bus, and before the kernel, on interfaces of its module vcan.

use std::pin::Pin;
use std::sync::Arc;

use circuits::can::Backend;
use circuits::stub::Stub;
use circuits::stub::can::Fault;
use circuits_bench::{Executor, Suite, Thread, VirtualBoard, signal_this_thread};
use circuits_can::contract::{Bench, FACTS};
use thermostat::proxy::Proxy;

struct Virtual {
    board: VirtualBoard,
    proxy: Proxy<Stub>,
}

impl Virtual {
    fn new(stub: Stub, executor: Executor) -> Arc<Virtual> {
        let stub = stub.can_bus(["can0", "can1"]).unwrap();
        Arc::new(Virtual {
            proxy: Proxy::new(stub.clone()),
            board: VirtualBoard::new(stub, executor),
        })
    }
}

impl Bench for Virtual {
    fn backend(&self) -> &dyn Backend {
        &self.proxy
    }

    fn interface(&self) -> &str {
        "can0"
    }

    fn other(&self) -> &str {
        "can1"
    }

    fn force_bus_off(&self) {
        // Each attempt counts 8, and at 256 it is over.
        let fault = Fault::bit_error().times(32);
        self.board.stub.can_fault("can0", fault).unwrap();
    }

    fn remove(&self) {
        self.board.stub.remove_can_interface("can0").unwrap();
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
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Mutex, PoisonError};

    use circuits::can::Linux;
    use circuits::wait::{Interrupt, Monotonic};
    use circuits_bench::{CanLink, Excused, run_threads};

    use super::*;

    pub(crate) const EXCUSED: &[Excused] = &[
        ("a_write_times_out_and_counts", NO_BUS),
        ("without_acknowledge_it_does_not_come_back", NO_BUS),
        ("the_smaller_identifier_goes_first", NO_BUS),
        ("bus_off_is_told_and_ends_by_a_restart", NO_CONTROLLER),
        ("bus_off_ends_by_itself_if_asked_for", NO_CONTROLLER),
    ];

    const NO_BUS: &str = "what is written to a vcan is there at once: nobody waits for room, for an \
        acknowledge, or for others";
    const NO_CONTROLLER: &str = "a vcan has no controller that could be bus-off";

    /// An interface of the kernel's, which others do not use.
    pub(crate) struct Vcan {
        proxy: Proxy<Linux>,
        interface: String,
        link: Mutex<Option<CanLink>>,
        executor: Executor,
    }

    impl Vcan {
        pub(crate) fn new(executor: Executor) -> Arc<Vcan> {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let interface = format!("proxy{}", NUMBER.fetch_add(1, Ordering::Relaxed));
            let clock = Monotonic::interrupted_by(Interrupt::new().unwrap());
            Arc::new(Vcan {
                proxy: Proxy::new(Linux::with_clock(clock)),
                link: Mutex::new(Some(CanLink::new(&interface))),
                interface,
                executor,
            })
        }
    }

    impl Bench for Vcan {
        fn backend(&self) -> &dyn Backend {
            &self.proxy
        }

        fn interface(&self) -> &str {
            &self.interface
        }

        fn other(&self) -> &str {
            &self.interface
        }

        fn remove(&self) {
            let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
            drop(link.take());
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
    let suite = suite.on_kernel("vcan", kernel::EXCUSED, FACTS, |fact, executor| {
        fact(kernel::Vcan::new(executor));
    });
    suite.main()
}
