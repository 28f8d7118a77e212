//! The contract on the kernel: on `gpio-sim` (Linux 5.19; needs the module and root), and in the
//! emulated Pi on the board's own chip.

#[cfg(target_os = "linux")]
mod kernel {
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};

    use circuits_bench::{Excused, Outside, Run, Suite, Thread, run_threads, signal_this_thread};
    use circuits_gpio::contract::{Bench, FACTS};
    use circuits_gpio::{Backend, LineSpec, Linux};
    use circuits_wait::{Interrupt, Monotonic};
    use gpiosim::{Bank, Level, Sim};

    /// Why the board's own chip shows no edge.
    const NO_INTERRUPTS: &str = "QEMU's model of the chip raises no interrupts";

    const NOT_ON_THE_BOARD: &[Excused] = &[
        ("active_low_turns_an_input_over", NO_INTERRUPTS),
        ("a_refused_opening_leaves_the_holder", NO_INTERRUPTS),
        ("detection_keeps_the_queue_and_the_count", NO_INTERRUPTS),
        ("a_line_that_is_opened_anew_has_no_past", NO_INTERRUPTS),
        ("the_last_waker_counts_until_it_is_cancelled", NO_INTERRUPTS),
        ("an_edge_has_the_time_it_came_at", NO_INTERRUPTS),
        ("active_low_turns_the_wanted_edges_over", NO_INTERRUPTS),
        ("no_edge_is_slept_through", NO_INTERRUPTS),
        ("no_edge_is_slept_through_by_futures", NO_INTERRUPTS),
        ("waiting_for_levels_leaves_the_wanted_edges", NO_INTERRUPTS),
        ("edges_come_in_order", NO_INTERRUPTS),
        ("edges_count_from_the_opening", NO_INTERRUPTS),
        ("edges_that_are_not_wanted_do_not_come", NO_INTERRUPTS),
        ("a_full_queue_drops_the_oldest", NO_INTERRUPTS),
        ("a_wait_ends_with_the_edge", NO_INTERRUPTS),
        ("two_handles_both_wake", NO_INTERRUPTS),
        ("a_wait_is_interrupted_and_loses_nothing", NO_INTERRUPTS),
        ("a_stream_has_all_edges", NO_INTERRUPTS),
        ("two_futures_both_wake", NO_INTERRUPTS),
        ("a_dropped_future_has_taken_no_edge", NO_INTERRUPTS),
        ("levels_are_live", NO_INTERRUPTS),
        ("edges_are_awaited_from_the_call_on", NO_INTERRUPTS),
    ];

    /// The other ends of three lines: two inputs and an output.
    trait Ends: Send + Sync {
        fn line(&self, number: u32) -> LineSpec;
        fn drive(&self, number: u32, high: bool);
        fn level(&self, number: u32) -> bool;
    }

    /// A simulated chip of its own.
    impl Ends for Sim {
        fn line(&self, number: u32) -> LineSpec {
            LineSpec::offset(self.chips()[0].chip_name.as_str(), number)
        }

        fn drive(&self, number: u32, high: bool) {
            let level = if high { Level::High } else { Level::Low };
            self.chips()[0].set_pull(number, level).unwrap();
        }

        fn level(&self, number: u32) -> bool {
            self.chips()[0].get_level(number).unwrap() == Level::High
        }
    }

    /// GPIO20 to GPIO22 of the board.
    struct Board(Outside);

    impl Ends for Board {
        fn line(&self, number: u32) -> LineSpec {
            LineSpec::name(format!("GPIO{}", 20 + number))
        }

        fn drive(&self, number: u32, high: bool) {
            self.0.drive(20 + number, high);
        }

        fn level(&self, number: u32) -> bool {
            self.0.level(20 + number)
        }
    }

    struct KernelBench<E> {
        backend: Linux,
        interrupt: Interrupt,
        ends: E,
        executor: Run,
    }

    impl<E: Ends> KernelBench<E> {
        fn new(ends: E, executor: Run) -> Arc<KernelBench<E>> {
            let interrupt = Interrupt::new().unwrap();
            let backend = Linux::with_clock(Monotonic::interrupted_by(interrupt.clone()));
            Arc::new(KernelBench {
                backend,
                interrupt,
                ends,
                executor,
            })
        }
    }

    impl<E: Ends> Bench for KernelBench<E> {
        fn backend(&self) -> &dyn Backend {
            &self.backend
        }

        fn inputs(&self) -> [LineSpec; 2] {
            [self.ends.line(0), self.ends.line(1)]
        }

        fn output(&self) -> LineSpec {
            self.ends.line(2)
        }

        fn drive(&self, input: usize, high: bool) {
            self.ends.drive(input as u32, high);
        }

        fn level(&self) -> bool {
            self.ends.level(2)
        }

        fn interrupt(&self) -> Interrupt {
            self.interrupt.clone()
        }

        fn run(&self, threads: Vec<Thread>) {
            run_threads(threads);
        }

        fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
            (self.executor)(future);
        }

        fn signals(&self) -> Box<dyn Fn() + Send> {
            signal_this_thread()
        }
    }

    /// There is one board.
    static BOARD: Mutex<()> = Mutex::new(());

    pub(crate) fn main() {
        let mut suite = Suite::new().on_kernel("gpio-sim", &[], FACTS, |check, executor| {
            let bank = Bank::new(3, "circuits");
            let sim = gpiosim::builder().with_bank(&bank).live().unwrap();
            check(KernelBench::new(sim, executor));
        });
        if let Some(outside) = Outside::find() {
            let run = move |check: circuits_gpio::contract::Fact, executor| {
                let _one = BOARD.lock().unwrap_or_else(|e| e.into_inner());
                let board = Board(outside);
                (0..3).for_each(|number| board.drive(number, false));
                check(KernelBench::new(board, executor));
            };
            suite = suite.on_kernel("pinctrl-bcm2835", NOT_ON_THE_BOARD, FACTS, run);
        }
        suite.main()
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    kernel::main();
}
