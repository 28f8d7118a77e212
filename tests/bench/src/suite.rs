use std::collections::BTreeSet;
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::thread;

use libtest_mimic::{Arguments, Trial};

use crate::executors::Executor;

/// A fact that a target cannot show, and the reason, which is not ours.
pub type Excused = (&'static str, &'static str);

/// The facts of a contract on one target after another, as the main function of a test without a
/// harness. Those that run futures do so under every executor.
///
/// It ends with a line for each target: how many facts there are, how many ran, and which did not,
/// with the reason. A fact that did neither run nor is excused is a failure, and so is an excuse for
/// a fact that is not there.
#[derive(Default)]
pub struct Suite {
    trials: Vec<Trial>,
    targets: Vec<Target>,
}

struct Target {
    name: &'static str,
    facts: Vec<&'static str>,
    excused: &'static [Excused],
    ran: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Suite {
    /// Returns a suite without a target.
    pub fn new() -> Suite {
        Suite::default()
    }

    /// Adds a target that is always there; `run` checks a fact on a bench of its own.
    #[must_use]
    pub fn on<F: Copy + Send + 'static>(
        self,
        target: &'static str,
        facts: &[(&'static str, F)],
        run: impl Fn(F, Executor) + Clone + Send + 'static,
    ) -> Suite {
        self.add(target, false, &[], facts, run)
    }

    /// Adds a target that is always there, and cannot show some of the facts.
    #[must_use]
    pub fn on_limited<F: Copy + Send + 'static>(
        self,
        target: &'static str,
        excused: &'static [Excused],
        facts: &[(&'static str, F)],
        run: impl Fn(F, Executor) + Clone + Send + 'static,
    ) -> Suite {
        self.add(target, false, excused, facts, run)
    }

    /// Adds a target that needs a kernel, and runs if ignored tests do.
    #[must_use]
    pub fn on_kernel<F: Copy + Send + 'static>(
        self,
        target: &'static str,
        excused: &'static [Excused],
        facts: &[(&'static str, F)],
        run: impl Fn(F, Executor) + Clone + Send + 'static,
    ) -> Suite {
        self.add(target, true, excused, facts, run)
    }

    fn add<F: Copy + Send + 'static>(
        mut self,
        target: &'static str,
        ignored: bool,
        excused: &'static [Excused],
        facts: &[(&'static str, F)],
        run: impl Fn(F, Executor) + Clone + Send + 'static,
    ) -> Suite {
        let ran = Arc::<Mutex<BTreeSet<_>>>::default();
        for &(fact, check) in facts {
            if excused.iter().any(|(name, _)| *name == fact) {
                continue;
            }
            let (run, ran) = (run.clone(), ran.clone());
            let test = move || {
                for executor in Executor::all() {
                    let under = Under(executor.name());
                    run(check, executor);
                    drop(under);
                    // Under another one it would be the same once more.
                    if !executor.was_used() {
                        break;
                    }
                }
                ran.lock().unwrap().insert(fact);
                Ok(())
            };
            let trial = Trial::test(format!("{target}::{fact}"), test);
            self.trials.push(trial.with_ignored_flag(ignored));
        }
        self.targets.push(Target {
            name: target,
            facts: facts.iter().map(|(name, _)| *name).collect(),
            excused,
            ran,
        });
        self
    }

    /// Runs what the arguments of this process ask for, and ends it.
    pub fn main(self) -> ! {
        let result = libtest_mimic::run(&Arguments::from_args(), self.trials);
        let mut ok = !result.has_failed();
        let all = result.num_filtered_out == 0 && result.num_ignored == 0;
        for target in &self.targets {
            ok &= target.report(all && ok);
        }
        exit(if ok { 0 } else { 101 })
    }
}

/// Says under which executor it was, if a fact fails.
struct Under(&'static str);

impl Drop for Under {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("under the executor {}", self.0);
        }
    }
}

impl Target {
    /// Says what ran; whether that is all that should, if `all` was asked for.
    fn report(&self, all: bool) -> bool {
        let ran = self.ran.lock().unwrap();
        let mut ok = true;
        if ran.is_empty() && !all {
            return true;
        }
        print!("{}: {} facts, ", self.name, self.facts.len());
        print!("{} ran here", ran.len());
        let mut before = ", not on this target: ";
        for of_one_reason in self.excused.chunk_by(|one, next| one.1 == next.1) {
            let names: Vec<_> = of_one_reason.iter().map(|(name, _)| *name).collect();
            print!("{before}{} ({})", names.join(", "), of_one_reason[0].1);
            before = "; ";
        }
        println!();
        for (name, _) in self.excused {
            if !self.facts.contains(name) {
                println!("{}: {name} is excused, and no fact", self.name);
                ok = false;
            }
        }
        for name in &self.facts {
            let excused = self.excused.iter().any(|(excused, _)| excused == name);
            if all && !excused && !ran.contains(name) {
                println!("{}: {name} did not run, and is not excused", self.name);
                ok = false;
            }
        }
        ok
    }
}
