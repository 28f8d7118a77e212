//! The contract on the kernel: on `gpio-sim` (Linux 5.19; needs the module and root), and on a board
//! with three wires, which CIRCUITS_TEST_WIRES names and the emulated Pi has.

#[cfg(target_os = "linux")]
mod kernel {
    use std::env;
    use std::pin::Pin;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;
    use std::sync::{Arc, Mutex};
    use std::thread;

    use circuits_bench::{
        Excused, Executor, Outside, Suite, Thread, run_threads, signal_this_thread,
    };
    use circuits_gpio::contract::{Bench, FACTS, Fact};
    use circuits_gpio::{Backend, Input, LineSpec, Linux, Output};
    use circuits_wait::{Interrupt, Monotonic};
    use gpiosim::{Bank, Level, Sim};

    /// An open drain that is high is an input in between.
    const NOT_ON_GPIO_SIM: &[Excused] = &[
        ("an_open_drain_only_drives_low", NO_RESOLUTION),
        ("an_open_source_only_drives_high", NO_RESOLUTION),
        ("open_drains_can_be_read", NO_RESOLUTION),
        ("open_sources_can_be_read", NO_RESOLUTION),
    ];

    const NO_RESOLUTION: &str = "gpio-sim leaves an input at the level that it was driven to";

    /// Why the board's own chip shows no edge.
    const NO_INTERRUPTS: &str = "QEMU's model of the chip raises no interrupts";

    const NO_PULLS: &str = "QEMU's model of the chip has no resistors";
    const KEPT: &str = "the kernel gives it back when the process ends, and there is one board";

    const SOLDERED: &str = "the chip of a board is not taken away";
    const NO_ROOT: &str = "only root can become somebody else";

    /// What is so of a real one, too.
    const NOT_ON_A_BOARD: &[Excused] = &[
        ("a_line_that_is_kept_stays_as_it_is", KEPT),
        ("a_chip_that_is_removed_is_told", SOLDERED),
        ("waits_end_with_the_chip", SOLDERED),
        ("who_may_not_is_told_what_to_do", NO_ROOT),
    ];

    const NOT_IN_QEMU: &[Excused] = &[
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
        ("a_level_that_has_gone_is_waited_for_again", NO_INTERRUPTS),
        ("edges_are_awaited_from_the_call_on", NO_INTERRUPTS),
        ("edges_of_a_group_tell_their_lines", NO_INTERRUPTS),
        (
            "an_input_that_is_set_up_anew_has_its_new_edges",
            NO_INTERRUPTS,
        ),
        ("each_line_of_a_group_has_its_own_settings", NO_INTERRUPTS),
        ("ten_thousand_edges_come_or_are_counted", NO_INTERRUPTS),
        ("a_larger_queue_keeps_more", NO_INTERRUPTS),
        ("edges_are_iterated", NO_INTERRUPTS),
        ("what_bounces_is_one_edge", NO_INTERRUPTS),
        ("what_does_not_last_is_nothing", NO_INTERRUPTS),
        ("debouncing_is_turned_on_and_off", NO_INTERRUPTS),
        ("edges_have_the_time_of_their_clock", NO_INTERRUPTS),
        ("writes_are_edges", NO_INTERRUPTS),
        ("edges_are_turned_on_and_off", NO_INTERRUPTS),
        ("edges_have_sane_times", NO_INTERRUPTS),
        ("pull_ups_can_be_read", NO_PULLS),
        ("pull_downs_can_be_read", NO_PULLS),
        ("open_drains_can_be_read", NO_PULLS),
        ("open_sources_can_be_read", NO_PULLS),
        ("a_pull_pulls", NO_PULLS),
        ("an_open_drain_only_drives_low", NO_PULLS),
        ("an_open_source_only_drives_high", NO_PULLS),
        ("a_line_that_is_kept_stays_as_it_is", KEPT),
        ("a_chip_that_is_removed_is_told", SOLDERED),
        ("waits_end_with_the_chip", SOLDERED),
    ];

    /// The other ends of three lines: two inputs and an output.
    trait Ends: Send + Sync {
        fn line(&self, number: u32) -> LineSpec;
        fn drive(&self, number: u32, high: bool);
        fn level(&self, number: u32) -> bool;
        fn remove(&self);
    }

    /// A simulated chip of its own, until it is removed.
    struct Simulated {
        chip: String,
        sim: Mutex<Option<Sim>>,
    }

    impl Simulated {
        fn new() -> Simulated {
            // A label that no other chip has.
            static CHIPS: AtomicU32 = AtomicU32::new(0);
            let bank = Bank::new(3, format!("bench{}", CHIPS.fetch_add(1, Relaxed)));
            let sim = gpiosim::builder().with_bank(&bank).live().unwrap();
            Simulated {
                chip: sim.chips()[0].chip_name.clone(),
                sim: Mutex::new(Some(sim)),
            }
        }

        fn with<T>(&self, f: impl FnOnce(&gpiosim::Chip) -> T) -> T {
            let sim = self.sim.lock().unwrap_or_else(|e| e.into_inner());
            f(&sim.as_ref().expect("it was removed").chips()[0])
        }
    }

    impl Ends for Simulated {
        fn line(&self, number: u32) -> LineSpec {
            LineSpec::offset(&*self.chip, number)
        }

        fn drive(&self, number: u32, high: bool) {
            let level = if high { Level::High } else { Level::Low };
            self.with(|chip| chip.set_pull(number, level).unwrap());
        }

        fn level(&self, number: u32) -> bool {
            self.with(|chip| chip.get_level(number).unwrap()) == Level::High
        }

        fn remove(&self) {
            drop(self.sim.lock().unwrap().take());
        }
    }

    /// Three wires: two lines that are moved, and one that is looked at, each with another that does
    /// it.
    struct Wires {
        lines: [String; 3],
        movers: [Output; 2],
        looker: Input,
        outside: Option<Outside>,
    }

    impl Wires {
        /// What the environment says of a board, or those of the emulated Pi.
        fn names() -> Option<Vec<[String; 2]>> {
            let wires = match (env::var("CIRCUITS_TEST_WIRES"), Outside::find()) {
                (Ok(wires), _) => wires,
                (_, Some(_)) => "GPIO5-GPIO6,GPIO13-GPIO19,GPIO16-GPIO26".into(),
                _ => return None,
            };
            let pair = |wire: &str| {
                let (line, other) = wire.split_once('-').expect("a wire is LINE-LINE");
                [line.into(), other.into()]
            };
            let wires: Vec<_> = wires.split(',').map(pair).collect();
            assert_eq!(
                wires.len(),
                3,
                "three wires, two to be moved and one to be looked at"
            );
            Some(wires)
        }

        fn new(names: &[[String; 2]]) -> Wires {
            let wires = Wires {
                lines: [0, 1, 2].map(|number: usize| names[number][0].clone()),
                movers: [0, 1].map(|number: usize| Output::open(&*names[number][1]).unwrap()),
                looker: Input::open(&*names[2][1]).unwrap(),
                outside: Outside::find(),
            };
            // The output is low while nobody holds it, if it was so before.
            drop(Output::open(&*wires.lines[2]).unwrap());
            wires.settle();
            wires
        }

        /// The wires of the emulated Pi bring everything to where it goes when they are told to.
        fn settle(&self) {
            if let Some(outside) = self.outside {
                for (from, to) in [(6, 5), (19, 13), (16, 26)] {
                    outside.drive(to, outside.level(from));
                }
            }
        }
    }

    impl Ends for Wires {
        fn line(&self, number: u32) -> LineSpec {
            LineSpec::name(&*self.lines[number as usize])
        }

        fn drive(&self, number: u32, high: bool) {
            self.movers[number as usize].set(high).unwrap();
            self.settle();
        }

        fn level(&self, _: u32) -> bool {
            self.settle();
            self.looker.get().unwrap()
        }

        fn remove(&self) {
            panic!("{SOLDERED}");
        }
    }

    struct KernelBench<E> {
        backend: Linux,
        interrupt: Interrupt,
        ends: E,
        executor: Executor,
    }

    impl<E: Ends> KernelBench<E> {
        fn new(ends: E, executor: Executor) -> Arc<KernelBench<E>> {
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

        fn remove(&self) {
            self.ends.remove();
        }

        fn forbidden(&self, f: &mut (dyn FnMut(&dyn Backend) + Send)) {
            // The kernel has users of threads; with its user this one loses root's rights to files.
            let nobody = rustix::process::Uid::from_raw(65534);
            let as_nobody = || {
                rustix::thread::set_thread_res_uid(None, nobody, None).unwrap();
                f(&self.backend);
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

    /// There is one board.
    static BOARD: Mutex<()> = Mutex::new(());

    pub(crate) fn main() {
        let mut suite =
            Suite::new().on_kernel("gpio-sim", NOT_ON_GPIO_SIM, FACTS, |check, executor| {
                check(KernelBench::new(Simulated::new(), executor));
            });
        if let Some(wires) = Wires::names() {
            let excused = Outside::find().map_or(NOT_ON_A_BOARD, |_| NOT_IN_QEMU);
            let run = move |check: Fact, executor| {
                let _one = BOARD.lock().unwrap_or_else(|e| e.into_inner());
                check(KernelBench::new(Wires::new(&wires), executor));
            };
            suite = suite.on_kernel("the board", excused, FACTS, run);
        }
        suite.main()
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    kernel::main();
}
