use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use circuits_gpio::LineSpec;
use circuits_wait::Time;

use crate::time::Agenda;
use crate::{Error, Pin, Result, Stub};

/// A quadrature encoder on a wheel: a disc with slots, and two photo interrupters a quarter of a slot apart, each of
/// which drives its line.
///
/// It turns as fast as it is [set to](WheelEncoder::set_speed), and goes on so. Turned forwards the first line rises
/// first, then the other, and so they fall: each slot is four edges. They come at exact times.
///
/// Clones are the same encoder. It does not keep the board, and turns while the board is there.
///
/// ```
/// use circuits_gpio::{Config, Edge, EdgeDetection, Lines};
/// use circuits_stub::{Stub, parts::WheelEncoder};
/// use std::time::Duration;
///
/// let stub = Stub::virtual_time().lines(["A", "B"]);
/// let wheel = WheelEncoder::new(&stub, "A", "B")?;
/// let both = Config::input().edge_detection(EdgeDetection::Both);
/// let mut lines = Lines::open_on(&stub, ["A", "B"].map(|line| (line, both.clone())))?;
///
/// wheel.set_speed(-200.0);
/// let second = Duration::from_secs(1);
/// let first = lines.wait_edge(second)?.expect("it turns");
/// assert_eq!((first.line(), first.edge()), (1, Edge::Rising));
/// let next = lines.wait_edge(second)?.expect("it turns");
/// assert_eq!(next.time().since(first.time()), Duration::from_millis(5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct WheelEncoder(Arc<Inner>);

struct Inner {
    lines: [Pin; 2],
    agenda: Agenda,
    state: Mutex<State>,
}

struct State {
    /// In edges, since it was connected.
    position: f64,
    /// The whole of it, as the lines have it.
    edges: i64,
    /// When it was there.
    time: Time,
    /// Edges a second.
    speed: f64,
    is_stuck: bool,
    /// Which line has lost its wire.
    is_cut: [bool; 2],
}

/// How far ahead edges are played, unless the speed is set anew before.
const AHEAD: Duration = Duration::from_millis(20);
/// No photo interrupter is faster, and no kernel either.
const FASTEST: f64 = 100_000.0;

impl WheelEncoder {
    /// In edges a second, either way.
    pub(crate) const FASTEST: f64 = FASTEST;

    /// Connects an encoder to two lines. It stands still, and both are low.
    ///
    /// # Errors
    /// [`Error::NoLine`], [`Error::Ambiguous`].
    pub fn new(
        stub: &Stub,
        first: impl Into<LineSpec>,
        second: impl Into<LineSpec>,
    ) -> Result<WheelEncoder> {
        let lines = [stub.pin(first)?, stub.pin(second)?];
        lines.iter().for_each(|line| line.drive(false));
        let schedule = stub.board().schedule.clone();
        let state = Mutex::new(State {
            position: 0.0,
            edges: 0,
            time: schedule.now(),
            speed: 0.0,
            is_stuck: false,
            is_cut: [false; 2],
        });
        let inner = Arc::new_cyclic(|inner: &Weak<Inner>| {
            let inner = inner.clone();
            let go_on = move || {
                if let Some(inner) = inner.upgrade() {
                    WheelEncoder(inner).change(|_| ());
                }
            };
            Inner {
                lines,
                agenda: Agenda::new(schedule, go_on),
                state,
            }
        });
        stub.board().world.keep(inner.clone());
        Ok(WheelEncoder(inner))
    }

    /// Sets how many edges there are in a second, of both lines together; backwards if they are less than none. Up to
    /// 100,000.
    pub fn set_speed(&self, edges_a_second: f64) {
        let speed = match edges_a_second.is_nan() {
            true => 0.0,
            false => edges_a_second.clamp(-FASTEST, FASTEST),
        };
        // What stands still goes on so.
        if speed != self.lock().speed {
            self.change(|state| state.speed = speed);
        }
    }

    /// Has the disc stand still whatever the speed, as one does that is loose on its axle; or turn again.
    pub fn stick(&self, stuck: bool) {
        self.change(|state| state.is_stuck = stuck);
    }

    /// Cuts the wire of a line, 0 or 1, which nothing drives then.
    ///
    /// # Errors
    /// [`Error::NoInput`].
    pub fn cut(&self, line: usize) -> Result<()> {
        self.set_cut(line, true)
    }

    /// Mends the wire of a line that was [cut](WheelEncoder::cut).
    ///
    /// # Errors
    /// [`Error::NoInput`].
    pub fn mend(&self, line: usize) -> Result<()> {
        self.set_cut(line, false)
    }

    /// Returns how many edges there were since it was connected, less those backwards.
    pub fn position(&self) -> i64 {
        let mut state = self.lock();
        if let Some(now) = self.now() {
            state.catch_up(now);
        }
        state.edges
    }

    fn set_cut(&self, line: usize, cut: bool) -> Result<()> {
        if line > 1 {
            return Err(Error::NoInput { input: line });
        }
        self.change(|state| state.is_cut[line] = cut);
        Ok(())
    }

    fn now(&self) -> Option<Time> {
        self.0.lines[0].now()
    }

    /// Turns the disc to now, does `f`, and plays what comes then.
    fn change(&self, f: impl FnOnce(&mut State)) {
        let Some(now) = self.now() else {
            return;
        };
        let mut state = self.lock();
        state.catch_up(now);
        f(&mut state);
        let mut plays = [Vec::new(), Vec::new()];
        for (line, play) in plays.iter_mut().enumerate() {
            play.push((now, state.level(line, state.edges)));
        }
        for (time, line, level) in state.edges_until(now + AHEAD) {
            plays[line].push((time, level));
        }
        let goes_on = state.is_turning().then(|| now + AHEAD / 2);
        drop(state);
        Pin::play_all(self.0.lines.iter().zip(plays));
        self.0.agenda.set(goes_on);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn is_turning(&self) -> bool {
        self.speed != 0.0 && !self.is_stuck
    }

    fn catch_up(&mut self, now: Time) {
        if self.is_turning() {
            self.position += self.speed * now.since(self.time).as_secs_f64();
            // An edge that was played for this very nanosecond has been, whichever way its time was rounded.
            let rounded = self.speed.abs() * 2e-9 + 1e-9;
            if self.speed > 0.0 {
                self.edges = (self.position + rounded).floor() as i64;
                self.position = self.position.max(self.edges as f64);
            } else {
                self.edges = (self.position - rounded).ceil() as i64 - 1;
                self.position = self.position.min(self.edges as f64 + 1.0);
            }
        }
        self.time = now;
    }

    /// What a line is at, so many edges after the beginning.
    fn level(&self, line: usize, edges: i64) -> Option<bool> {
        let quarter = edges.rem_euclid(4);
        let level = match line {
            0 => quarter == 1 || quarter == 2,
            _ => quarter == 2 || quarter == 3,
        };
        (!self.is_cut[line]).then_some(level)
    }

    /// The edges to come until a time: when, of which line, and to what.
    fn edges_until(&self, end: Time) -> Vec<(Time, usize, Option<bool>)> {
        let mut edges = Vec::new();
        if !self.is_turning() {
            return edges;
        }
        let forwards = self.speed > 0.0;
        let mut at = self.edges;
        loop {
            let border = if forwards { at + 1 } else { at };
            let seconds = (border as f64 - self.position) / self.speed;
            let time = self.time + Duration::from_secs_f64(seconds.max(0.0));
            if time > end {
                return edges;
            }
            let before = at;
            at += if forwards { 1 } else { -1 };
            for line in 0..2 {
                if self.level(line, before) != self.level(line, at) {
                    edges.push((time, line, self.level(line, at)));
                }
            }
        }
    }
}

impl fmt::Debug for WheelEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("WheelEncoder")
            .field("position", &state.position)
            .field("speed", &state.speed)
            .field("is_stuck", &state.is_stuck)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
