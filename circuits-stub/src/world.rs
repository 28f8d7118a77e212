//! What goes on around the board by itself: a world that a test, or a program's own simulation, moves on at
//! intervals of the board's time.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use circuits_wait::Time;

use crate::Stub;
use crate::stub::Board;
use crate::time::Agenda;

/// What is done with the board, and how long after that the next time is.
type Step = Box<dyn FnMut(&Stub, Duration) -> Duration + Send>;

/// All that goes on around a board.
#[derive(Default)]
pub(crate) struct World(Mutex<Vec<Arc<dyn Any + Send + Sync>>>);

impl World {
    /// Has something go on for as long as the board is there, which it must not keep.
    pub(crate) fn keep(&self, course: Arc<dyn Any + Send + Sync>) {
        self.0
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .push(course);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// What is more often is so often.
const SHORTEST: Duration = Duration::from_micros(1);

/// Something that goes on.
struct Course {
    board: Weak<Board>,
    agenda: Agenda,
    state: Mutex<State>,
}

struct State {
    next: Time,
    step: Step,
}

impl Course {
    fn act(&self) {
        let Some(board) = self.board.upgrade() else {
            return;
        };
        let stub = Stub::of(board);
        // Whose step has panicked does not go on.
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        let now = stub.board().schedule.now();
        if now >= state.next {
            let time = stub.board().shown(state.next);
            let interval = (state.step)(&stub, time.since(Time::ZERO)).max(SHORTEST);
            // In real time it may be late: what was missed is not made up for one by one.
            let late = now.since(state.next).as_nanos() / interval.as_nanos();
            let steps = u32::try_from(late).unwrap_or(u32::MAX - 1) + 1;
            state.next = state.next + interval.saturating_mul(steps);
        }
        let next = state.next;
        // The last handle may go with this one, and what the step keeps with it.
        drop(state);
        self.agenda.set(Some(next));
    }
}

impl Stub {
    /// Has `step` called at an interval of the board's time, with the time since the board was made: a world around the
    /// board, which looks at what outputs and chips are set to, moves on, and sets what inputs and chips measure.
    /// The first time is an interval from now; intervals of less than a microsecond are one.
    ///
    /// It may use the board that it is handed, but must not wait there, and keeps nothing that keeps the board: it
    /// goes on until the last handle is gone, or until it panics. With something going on the board is never at a
    /// standstill: a wait without deadline that nothing ends is no deadlock then, but lasts.
    ///
    /// ```
    /// use circuits_stub::{Stub, chips::Tmp102};
    /// use circuits_i2c::{Bus, Config};
    /// use embedded_hal::i2c::I2c;
    /// use std::time::Duration;
    ///
    /// // An oven: while its heater is on it gets hotter by a degree a second.
    /// let thermometer = Tmp102::new();
    /// let stub = Stub::virtual_time().lines(["HEATER"]).i2c_device("i2c-1", 0x48, thermometer.clone())?;
    /// let mut celsius = 20.0;
    /// stub.every(Duration::from_millis(100), move |stub, _| {
    ///     celsius += if stub.level("HEATER").unwrap_or(false) { 0.1 } else { -0.01 };
    ///     thermometer.set_celsius(celsius);
    /// });
    ///
    /// let heater = circuits_gpio::Output::open_on(&stub, "HEATER", &Default::default())?;
    /// heater.set(true)?;
    /// stub.delay().sleep(Duration::from_millis(10_050))?;
    /// let mut bus = Bus::open_on(&stub, "i2c-1", &Config::new())?;
    /// let mut temperature = [0; 2];
    /// bus.write_read(0x48, &[0], &mut temperature)?;
    /// assert_eq!(temperature[0], 30);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn every(
        &self,
        interval: Duration,
        mut step: impl FnMut(&Stub, Duration) + Send + 'static,
    ) {
        self.go_on(interval, move |stub, time| {
            step(stub, time);
            interval
        });
    }

    /// Has `step` called after `first`, and from then on after the time that it returned.
    pub(crate) fn go_on(
        &self,
        first: Duration,
        step: impl FnMut(&Stub, Duration) -> Duration + Send + 'static,
    ) {
        let board = self.board();
        let next = board.schedule.now() + first.max(SHORTEST);
        let course = Arc::new_cyclic(|course: &Weak<Course>| {
            let course = course.clone();
            let act = move || {
                if let Some(course) = course.upgrade() {
                    course.act();
                }
            };
            Course {
                board: Arc::downgrade(board),
                agenda: Agenda::new(board.schedule.clone(), act),
                state: Mutex::new(State {
                    next,
                    step: Box::new(step),
                }),
            }
        });
        course.agenda.set(Some(next));
        board.world.keep(course);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn it_goes_on_at_its_interval_and_ends_with_the_board() {
        let stub = Stub::virtual_time();
        let times = Arc::new(Mutex::new(Vec::new()));
        let seen = times.clone();
        stub.every(Duration::from_millis(10), move |_, time| {
            seen.lock().unwrap().push(time.as_millis());
        });
        stub.delay().sleep(Duration::from_millis(35)).unwrap();
        assert_eq!(*times.lock().unwrap(), [10, 20, 30]);
        drop(stub);
        assert_eq!(Arc::strong_count(&times), 1);
    }

    /// Waits in real time, for as long as busy neighbours may take.
    fn wait_for(stub: &Stub, is_so: impl Fn() -> bool) {
        for _ in 0..5000 {
            if is_so() {
                return;
            }
            stub.delay().sleep(Duration::from_millis(2)).unwrap();
        }
        panic!("it is not so yet");
    }

    #[test]
    fn in_real_time_it_goes_on_by_itself() {
        let stub = Stub::real_time();
        let times = Arc::new(Mutex::new(Vec::new()));
        let seen = times.clone();
        stub.every(Duration::from_millis(2), move |_, time| {
            seen.lock().unwrap().push(time);
        });
        wait_for(&stub, || times.lock().unwrap().len() >= 5);
        for pair in times.lock().unwrap().windows(2) {
            let passed = pair[1] - pair[0];
            assert!(passed.as_nanos() >= 2_000_000, "{passed:?}");
            assert_eq!(passed.as_nanos() % 2_000_000, 0, "{passed:?}");
        }
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let stub = Stub::real_time();
        let times = Arc::new(Mutex::new(Vec::new()));
        let seen = times.clone();
        stub.every(Duration::from_millis(1), move |_, time| {
            seen.lock().unwrap().push(time);
            // It takes longer than it has.
            thread::sleep(Duration::from_millis(5));
        });
        wait_for(&stub, || times.lock().unwrap().len() >= 4);
        // How late it is is known at the next time.
        let times = times.lock().unwrap();
        let passed = times[3] - times[1];
        assert!(passed >= Duration::from_millis(5), "{passed:?}");
    }

    /// Otherwise a step would run in the midst of a transaction of somebody who came along, and wait for what that holds.
    #[test]
    fn in_real_time_no_thread_of_a_program_does_it() {
        let stub = Stub::real_time().lines(["A"]);
        let threads = Arc::new(Mutex::new(BTreeSet::new()));
        for number in 0..4 {
            let threads = threads.clone();
            stub.every(Duration::from_millis(1), move |_, _| {
                let name = thread::current().name().map(str::to_owned);
                threads.lock().unwrap().insert((number, name));
                // Meanwhile the next one is due.
                thread::sleep(Duration::from_micros(300));
            });
        }
        for step in 0..200 {
            stub.drive("A", step % 2 == 0).unwrap();
            thread::sleep(Duration::from_micros(100));
        }
        wait_for(&stub, || threads.lock().unwrap().len() >= 4);
        let own = Some("circuits-stub".to_owned());
        let threads = threads.lock().unwrap();
        assert!(threads.iter().all(|(_, name)| *name == own), "{threads:?}");
    }

    #[test]
    fn a_step_that_panics_is_the_last_and_all_else_goes_on() {
        let stub = Stub::real_time();
        let count = Arc::new(AtomicU32::new(0));
        let counted = count.clone();
        stub.every(Duration::from_millis(1), move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            panic!("it is meant to");
        });
        let others = Arc::new(AtomicU32::new(0));
        let counted = others.clone();
        stub.every(Duration::from_millis(1), move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        wait_for(&stub, || count.load(Ordering::Relaxed) == 1);
        let before = others.load(Ordering::Relaxed);
        wait_for(&stub, || others.load(Ordering::Relaxed) > before + 3);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn what_a_step_begins_goes_on_and_may_end_the_board() {
        let stub = Stub::virtual_time();
        let times = Arc::new(Mutex::new(Vec::new()));
        let seen = times.clone();
        let kept = Arc::new(Mutex::new(Some(stub.clone())));
        stub.every(Duration::from_millis(10), move |stub, time| {
            let (begun, seen) = (time, seen.clone());
            stub.every(Duration::from_millis(3), move |_, time| {
                seen.lock()
                    .unwrap()
                    .push((begun.as_millis(), time.as_millis()));
            });
            // The last one but what the step is handed.
            if time.as_millis() == 20 {
                kept.lock().unwrap().take();
            }
        });
        let clock = stub.clock();
        drop(stub);
        clock.sleep_until(Time::from_nanos(50_000_000)).unwrap();
        let seen = times.lock().unwrap();
        assert_eq!(*seen, [(10, 13), (10, 16), (10, 19)]);
        drop(seen);
        assert_eq!(Arc::strong_count(&times), 1);
    }

    #[test]
    fn what_is_more_often_than_can_be_is_as_often_as_can_be() {
        let stub = Stub::virtual_time();
        let times = Arc::new(Mutex::new(Vec::new()));
        let seen = times.clone();
        stub.every(Duration::ZERO, move |_, time| {
            seen.lock().unwrap().push(time.as_micros());
        });
        stub.delay().sleep(Duration::from_nanos(3_500)).unwrap();
        assert_eq!(*times.lock().unwrap(), [1, 2, 3]);
    }
}
