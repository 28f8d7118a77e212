use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_gpio::LineSpec;
use circuits_wait::Time;

use crate::{Pin, Result, Stub};

/// An ultrasonic ranger HC-SR04 (ELEC Freaks' user guide): a pulse on its trigger has it send a burst, and its echo
/// line is high for as long as the sound is under way.
///
/// The pulse must last for 10 µs; the echo line goes high 450 µs after it, for 5.8 ms a metre (sound has 343 m/s, as
/// at 20 °C). It sees from 2 cm, and what is nearer is as far; what is farther than 4 m, or nowhere, is a
/// pulse of 38 ms. While it measures it takes no trigger.
///
/// Clones are the same ranger. It does not keep the board, and measures while the board is there.
///
/// ```
/// use circuits_gpio::{Config, EdgeDetection, Input, Output};
/// use circuits_stub::{Stub, parts::Ranger};
/// use std::time::Duration;
///
/// let stub = Stub::virtual_time().lines(["TRIGGER", "ECHO"]);
/// let ranger = Ranger::new(&stub, "TRIGGER", "ECHO")?;
/// let trigger = Output::open_on(&stub, "TRIGGER", &Config::new())?;
/// let both = Config::new().edge_detection(EdgeDetection::Both);
/// let mut echo = Input::open_on(&stub, "ECHO", &both)?;
///
/// ranger.set_distance(Some(0.5));
/// trigger.set(true)?;
/// stub.delay().sleep(Duration::from_micros(10))?;
/// trigger.set(false)?;
/// let rise = echo.wait_edge(Duration::from_millis(60))?.expect("the burst was sent");
/// let fall = echo.wait_edge(Duration::from_millis(60))?.expect("its echo is back");
/// let metres = fall.time().since(rise.time()).as_secs_f64() * 343.0 / 2.0;
/// assert!((metres - 0.5).abs() < 0.001);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Ranger(Arc<Inner>);

struct Inner {
    echo: Pin,
    state: Mutex<State>,
}

struct State {
    surroundings: Box<dyn FnMut(Time) -> Option<f64> + Send>,
    is_silent: bool,
    /// Since when the trigger is high.
    triggered: Option<Time>,
    busy_until: Time,
}

const TRIGGER: Duration = Duration::from_micros(10);
/// Eight periods at 40 kHz, and what its processor takes until then and after.
const UNTIL_SENT: Duration = Duration::from_micros(450);
const NO_ECHO: Duration = Duration::from_millis(38);
const NEAREST: f64 = 0.02;
const FARTHEST: f64 = 4.0;
const SPEED_OF_SOUND: f64 = 343.0;

impl Ranger {
    /// Connects a ranger to two lines: its inputs and its output. Nothing is before it.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn new(
        stub: &Stub,
        trigger: impl Into<LineSpec>,
        echo: impl Into<LineSpec>,
    ) -> Result<Ranger> {
        let (trigger, echo) = (stub.pin(trigger)?, stub.pin(echo)?);
        echo.drive(false);
        let ranger = Ranger(Arc::new(Inner {
            echo,
            state: Mutex::new(State {
                surroundings: Box::new(|_| None),
                is_silent: false,
                triggered: None,
                busy_until: Time::ZERO,
            }),
        }));
        let sees = ranger.clone();
        trigger.on_change(move |level, time| sees.trigger(level, time));
        Ok(ranger)
    }

    /// Sets how far it is to what is before it, in metres; `None`: nothing is there.
    pub fn set_distance(&self, metres: Option<f64>) {
        self.follow(move |_| metres);
    }

    /// Has what is before it go with the board's time: `f` is asked with each measurement. It must not use the
    /// board.
    pub fn follow(&self, f: impl FnMut(Time) -> Option<f64> + Send + 'static) {
        self.lock().surroundings = Box::new(f);
    }

    /// Has it do nothing, as one does that has lost its supply or a wire; or work again.
    pub fn set_silent(&self, silent: bool) {
        self.lock().is_silent = silent;
    }

    fn trigger(&self, level: bool, time: Time) {
        if let Some((rise, fall)) = self.lock().trigger(level, time) {
            self.0.echo.play([(rise, Some(true)), (fall, Some(false))]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    /// Takes a level of the trigger, and returns when the echo line is high for that.
    fn trigger(&mut self, level: bool, time: Time) -> Option<(Time, Time)> {
        if level {
            self.triggered = Some(time);
            return None;
        }
        let since = self.triggered.take()?;
        if time.since(since) < TRIGGER || time < self.busy_until || self.is_silent {
            return None;
        }
        let echo = match (self.surroundings)(time) {
            Some(metres) if metres <= FARTHEST => {
                Duration::from_secs_f64(2.0 * metres.max(NEAREST) / SPEED_OF_SOUND)
            }
            _ => NO_ECHO,
        };
        let rise = time + UNTIL_SENT;
        self.busy_until = rise + echo;
        Some((rise, self.busy_until))
    }
}

impl fmt::Debug for Ranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Ranger")
            .field("is_silent", &state.is_silent)
            .field("busy_until", &state.busy_until)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Time {
        Time::ZERO + Duration::from_micros(micros)
    }

    fn state(metres: Option<f64>) -> State {
        State {
            surroundings: Box::new(move |_| metres),
            is_silent: false,
            triggered: None,
            busy_until: Time::ZERO,
        }
    }

    /// What a pulse of so many microseconds gives, which ends at a time.
    fn pulse(state: &mut State, micros: u64, end: u64) -> Option<Duration> {
        assert_eq!(state.trigger(true, at(end - micros)), None);
        let (rise, fall) = state.trigger(false, at(end))?;
        assert_eq!(rise, at(end + 450));
        Some(fall.since(rise))
    }

    #[test]
    fn a_metre_is_nearly_six_milliseconds_and_nothing_is_thirty_eight() {
        let length = |metres| pulse(&mut state(metres), 10, 100).unwrap().as_micros();
        assert_eq!(length(Some(1.0)), 5830);
        assert_eq!(length(Some(0.001)), length(Some(0.02)));
        assert_eq!(length(Some(0.001)), 116);
        assert_eq!((length(Some(4.01)), length(None)), (38_000, 38_000));
        assert_eq!(length(Some(f64::NAN)), 38_000);
    }

    #[test]
    fn it_takes_no_pulse_that_is_short_and_none_while_it_measures() {
        let mut state = state(Some(1.0));
        assert_eq!(pulse(&mut state, 9, 100), None);
        assert!(pulse(&mut state, 10, 200).is_some());
        assert_eq!(pulse(&mut state, 10, 6400), None, "until 6480");
        assert!(pulse(&mut state, 10, 6500).is_some());
        state.is_silent = true;
        assert_eq!(pulse(&mut state, 10, 50_000), None);
    }

    #[test]
    fn it_sees_its_own_trigger_alone() {
        let stub = Stub::virtual_time().lines(["T0", "E0", "T1", "E1"]);
        let left = Ranger::new(&stub, "T0", "E0").unwrap();
        let right = Ranger::new(&stub, "T1", "E1").unwrap();
        for level in [true, false] {
            stub.drive("T0", level).unwrap();
            stub.delay().sleep(TRIGGER).unwrap();
        }
        assert_ne!(left.lock().busy_until, Time::ZERO);
        assert_eq!(right.lock().busy_until, Time::ZERO);
    }

    #[test]
    fn it_does_not_keep_the_board() {
        let stub = Stub::virtual_time().lines(["TRIGGER", "ECHO"]);
        let ranger = Ranger::new(&stub, "TRIGGER", "ECHO").unwrap();
        stub.name_part("ranger", ranger.clone());
        drop(stub);
        assert_eq!(Arc::strong_count(&ranger.0), 1);
    }
}
