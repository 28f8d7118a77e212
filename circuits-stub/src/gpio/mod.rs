//! Lines of the board, and what is done to them from outside.
//!
//! `state` is what there is, and what happens to whom when a level changes; `net` works out the
//! level of lines that are wired together, `eyes` are parts that see levels change. `request` and `watch` are
//! what programs have opened, `programs` is what they do to it, and `backend` how they come to it. `fault` is
//! what a test has go wrong, and `defects` what comes of it.

mod backend;
mod defects;
mod eyes;
mod fault;
mod net;
mod programs;
mod request;
mod state;
mod watch;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use circuits_gpio::{Bias, LineSpec};
use circuits_wait::Time;

use self::eyes::Eyes;
pub use self::fault::Fault;
pub use self::net::Net;
use self::net::Pull;
pub(crate) use self::state::Past;
use self::state::State;
use crate::stub::Board;
use crate::time::{Agenda, Schedule};
use crate::trace::Action;
use crate::{Error, Result, Stub};

// include/uapi/asm-generic/errno-base.h, errno.h
const EPERM: i32 = 1;
const EIO: i32 = 5;
const ENXIO: i32 = 6;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const ETIMEDOUT: i32 = 110;
const EREMOTEIO: i32 = 121;

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// After how long a line is driven from outside, and how.
pub(crate) type Step = (Duration, Option<bool>);

/// How a line will be driven from outside, each from a time on.
pub(crate) type Levels = Vec<(Time, Option<bool>)>;

/// All lines of a board. Lines that are wired together are one net, and have one level.
#[derive(Debug)]
pub(crate) struct Lines {
    state: Mutex<State>,
    agenda: Agenda,
    eyes: Eyes,
    /// What is added to the board's time for the realtime clock.
    realtime: Duration,
}

impl Lines {
    pub(crate) fn new(schedule: &Arc<Schedule>, board: Weak<Board>) -> Lines {
        let advance = move || {
            if let Some(board) = board.upgrade() {
                board.lines.change(&board, |_, _| ());
            }
        };
        Lines {
            state: Mutex::default(),
            agenda: Agenda::new(schedule.clone(), advance),
            eyes: Eyes::default(),
            realtime: realtime(schedule),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Does what happens by itself until now, then `f`; and has those who wait see it.
    fn change<T>(&self, board: &Board, f: impl FnOnce(&mut State, Time) -> T) -> T {
        let mut state = self.lock();
        let now = board.schedule.now();
        state.advance(board, now);
        let done = f(&mut state, now);
        self.agenda.set(state.next());
        let seen = std::mem::take(&mut state.seen);
        if !seen.is_empty() {
            board.controllers.lines_changed(&seen);
        }
        drop(state);
        if !seen.is_empty() {
            board.controllers.see_lines();
            self.eyes.see(&seen);
        }
        board.schedule.notify();
        done
    }
}

/// What pins of chips do to lines.
impl Lines {
    pub(crate) fn play(&self, board: &Board, plays: Vec<(usize, Levels)>) {
        self.change(board, |state, now| {
            for (line, levels) in plays {
                if state.is_there(line) {
                    // Nothing happens in the past.
                    let levels = levels.into_iter();
                    state.play(line, levels.map(|(time, level)| (time.max(now), level)));
                }
            }
            state.advance(board, now);
        });
    }

    /// Has chips see each change of a line from now on, and returns its level.
    pub(crate) fn observe(&self, board: &Board, line: usize) -> bool {
        self.lock().observed.insert(line);
        self.level(board, line)
    }

    /// Has `f` called with each level that a line changes to from now on, and when that was. It is called without
    /// any lock, so it may play lines.
    pub(crate) fn on_change(&self, line: usize, f: impl Fn(bool, Time) + Send + Sync + 'static) {
        self.eyes.add(line, f);
        self.lock().observed.insert(line);
    }

    pub(crate) fn level(&self, board: &Board, line: usize) -> bool {
        self.change(board, |state, _| {
            state.is_there(line) && state.lines[line].level
        })
    }
}

/// What uevents do to chips.
impl Lines {
    /// A chip of this name grows, if there is none yet. Who holds some of its lines already is a driver
    /// of the kernel.
    pub(crate) fn grow(&self, board: &Board, name: &str, label: &str, lines: &[GrownLine]) -> bool {
        let mut state = self.lock();
        if state.chip(name).is_ok() {
            return false;
        }
        let first = state.lines.len();
        let names = lines.iter().map(|line| line.name.clone());
        state.add_chip(name, label, names, true);
        for (line, grown) in state.lines[first..].iter_mut().zip(lines) {
            line.hog = grown.holder.clone();
        }
        board.tell(|| Action::AddChip { chip: name.into() });
        true
    }

    /// A chip goes, if there is one of this name.
    pub(crate) fn remove(&self, board: &Board, name: &str) -> bool {
        self.change(board, |state, now| {
            let Ok(chip) = state.chip(name) else {
                return false;
            };
            state.remove_chip(chip, board, now);
            board.tell_at(now, || Action::RemoveChip { chip: name.into() });
            true
        })
    }
}

/// A line of a chip that grows.
#[derive(Clone, Debug, Default)]
pub(crate) struct GrownLine {
    pub(crate) name: String,
    pub(crate) holder: Option<Arc<str>>,
}

/// How far the realtime clock is before the board's. A board in virtual time was always made at the
/// same moment: as 2025 began.
fn realtime(schedule: &Schedule) -> Duration {
    const NEW_YEAR: Duration = Duration::from_secs(1_735_689_600);
    if schedule.is_virtual() {
        return NEW_YEAR;
    }
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let monotonic = Duration::from_nanos(schedule.now().as_nanos());
    since_1970.unwrap_or_default().saturating_sub(monotonic)
}

/// Lines: what there is, and what somebody outside the board does to it.
impl Stub {
    /// Adds a chip with lines of these names, from offset 0 on. The first chip is `gpiochip0`; an
    /// empty name is none.
    pub fn lines<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Stub {
        self.chip("stub", names)
    }

    /// Adds a chip with this label, and lines of these names. With the label of a Raspberry Pi's
    /// (`pinctrl-bcm2835`) its lines are known by number (`GPIO17`) and pin (`header:11`), too.
    pub fn chip<N: Into<String>>(self, label: &str, names: impl IntoIterator<Item = N>) -> Stub {
        self.add_chip(label, names, true);
        self
    }

    /// Adds a chip while the board is in use, as if it was plugged in, and returns its name: with the
    /// first number that is free.
    pub fn plug_chip<N: Into<String>>(
        &self,
        label: &str,
        names: impl IntoIterator<Item = N>,
    ) -> String {
        self.add_chip(label, names, true)
    }

    /// Adds a chip whose lines have no interrupts, as port expanders often are: to wait for edges is
    /// not supported there.
    pub fn expander<N: Into<String>>(
        self,
        label: &str,
        names: impl IntoIterator<Item = N>,
    ) -> Stub {
        self.add_chip(label, names, false);
        self
    }

    fn add_chip<N: Into<String>>(
        &self,
        label: &str,
        names: impl IntoIterator<Item = N>,
        has_interrupts: bool,
    ) -> String {
        // Taken before the lock: whose they are may use the board.
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let count = names.len();
        let board = self.board();
        let mut state = board.lines.lock();
        let name = state.free_name();
        state.add_chip(&name, label, names, has_interrupts);
        drop(state);
        board.hotplug.chip_came(board, &name, label, count);
        name
    }

    /// Takes a chip away while the board is in use, as if it was unplugged: whoever holds lines of
    /// it is told so ([`Removed`](circuits_gpio::Error::Removed)). Its name is free for the next.
    ///
    /// # Errors
    /// [`Error::NoChip`](crate::Error::NoChip).
    pub fn remove_chip(&self, name: &str) -> Result<()> {
        let board = self.board();
        match board.lines.remove(board, name) {
            true => board.hotplug.node_went(board, name),
            false => {
                return Err(Error::NoChip {
                    chip: name.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Has a driver of the kernel hold a line, under this name, as it holds the chip selects of a
    /// bus: no program gets it.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous);
    /// [`Error::InUse`](crate::Error::InUse) if a program holds it.
    pub fn hog(self, line: impl Into<LineSpec>, consumer: &str) -> Result<Stub> {
        let line = self.find(line)?;
        let mut state = self.board().lines.lock();
        if let Some(holder) = state.info(line).consumer() {
            return Err(Error::InUse {
                line: state.lines[line].label.to_string(),
                holder: holder.to_owned(),
            });
        }
        state.lines[line].hog = Some(consumer.into());
        drop(state);
        Ok(self)
    }

    /// Puts a resistor on the board, from a line to the supply or to ground, which holds it while
    /// nothing drives it, whatever a program makes of its bias.
    ///
    /// ```
    /// use circuits_gpio::Bias;
    /// use circuits_stub::Stub;
    ///
    /// let stub = Stub::virtual_time().lines(["MOTOR_OFF"]).pull("MOTOR_OFF", Bias::PullUp)?;
    /// assert!(stub.level("MOTOR_OFF")?);
    /// # Ok::<(), circuits_stub::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn pull(self, line: impl Into<LineSpec>, bias: Bias) -> Result<Stub> {
        let line = self.find(line)?;
        let board = self.board();
        board.lines.change(board, |state, now| {
            state.lines[line].pull = Pull::of(Some(bias));
            state.update(state.lines[line].net, board, now);
        });
        Ok(self)
    }

    /// Joins two lines: from now on both have one level, which is low where nobody drives or pulls
    /// them, and where outputs disagree.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn wire(self, a: impl Into<LineSpec>, b: impl Into<LineSpec>) -> Result<Stub> {
        let (a, b) = (self.find(a)?, self.find(b)?);
        let board = self.board();
        board.lines.change(board, |state, now| {
            state.has_wires = true;
            let (from, to) = (state.lines[b].net, state.lines[a].net);
            let joined = state.lines.iter_mut().filter(|line| line.net == from);
            joined.for_each(|line| line.net = to);
            state.update(to, board, now);
        });
        Ok(self)
    }

    /// Drives a line from outside the board, as a finger on a button does: `true` is electrically
    /// high. What was [still to come](Stub::play) for the line does not.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn drive(&self, line: impl Into<LineSpec>, level: bool) -> Result<()> {
        self.drive_by(line, Some(level))
    }

    /// Drives a line no more.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn let_go(&self, line: impl Into<LineSpec>) -> Result<()> {
        self.drive_by(line, None)
    }

    fn drive_by(&self, line: impl Into<LineSpec>, level: Option<bool>) -> Result<()> {
        let line = self.find(line)?;
        let board = self.board();
        let drive = |state: &mut State, now| state.drive(line, level, board, now);
        board.lines.change(board, drive);
        Ok(())
    }

    /// Drives a line from outside the board in times to come, while others go on: each level when so
    /// much time has passed since the last, the first from now on; `None` lets go. What was still to
    /// come for the line does not.
    ///
    /// ```
    /// use circuits_gpio::{Config, Edge, Input};
    /// use circuits_stub::Stub;
    /// use std::time::Duration;
    ///
    /// let millis = Duration::from_millis;
    /// let stub = Stub::virtual_time().lines(["ECHO"]);
    /// let mut echo = Input::open_on(&stub, "ECHO", &Config::new())?;
    /// stub.play("ECHO", [(millis(20), true), (millis(3), false)])?;
    /// let rise = echo.wait_edge(millis(100))?.expect("an edge");
    /// let fall = echo.wait_edge(millis(100))?.expect("an edge");
    /// assert_eq!(rise.time().as_nanos(), 20_000_000);
    /// assert_eq!(fall.time().since(rise.time()), millis(3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn play<L: Into<Option<bool>>>(
        &self,
        line: impl Into<LineSpec>,
        levels: impl IntoIterator<Item = (Duration, L)>,
    ) -> Result<()> {
        // Taken before the lock: whose they are may use the board.
        let levels = levels
            .into_iter()
            .map(|(after, level)| (after, level.into()));
        self.play_together(vec![(line.into(), levels.collect())])
    }

    /// The same for several lines, from the same moment on.
    pub(crate) fn play_together(&self, plays: Vec<(LineSpec, Vec<Step>)>) -> Result<()> {
        let find = |(line, steps)| Ok((self.find::<LineSpec>(line)?, steps));
        let plays: Vec<(usize, Vec<Step>)> = plays.into_iter().map(find).collect::<Result<_>>()?;
        let board = self.board();
        board.lines.change(board, |state, now| {
            for (line, steps) in plays {
                let mut time = now;
                let steps = steps.into_iter().map(|(after, level)| {
                    time = time + after;
                    (time, level)
                });
                state.play(line, steps);
            }
            state.advance(board, now);
        });
        Ok(())
    }

    /// Returns the electrical level of a line.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn level(&self, line: impl Into<LineSpec>) -> Result<bool> {
        let line = self.find(line)?;
        Ok(self.board().lines.level(self.board(), line))
    }

    /// Returns what a line, and all that is wired to it, is at.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn net(&self, line: impl Into<LineSpec>) -> Result<Net> {
        let line = self.find(line)?;
        let board = self.board();
        let net = |state: &mut State, _| {
            let net = state.lines[line].net;
            state.shorted(net).unwrap_or_else(|| state.net(net))
        };
        Ok(board.lines.change(board, net))
    }

    /// Returns the consumer name of the program that holds a line, `None` if it is free.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn consumer(&self, line: impl Into<LineSpec>) -> Result<Option<Arc<str>>> {
        let line = self.find(line)?;
        let state = self.board().lines.lock();
        let info = state.info(line);
        Ok(info.consumer().map(Into::into))
    }

    /// Has somebody else take a line that is free, or give it back.
    pub(crate) fn lend(&self, line: &LineSpec, holder: Option<&str>) -> Result<()> {
        let line = self.find(line)?;
        let board = self.board();
        board
            .lines
            .change(board, |state, now| state.lend(line, holder, now));
        Ok(())
    }

    /// Whether any program watches lines.
    pub(crate) fn is_watched(&self) -> bool {
        !self.board().lines.lock().watching.is_empty()
    }

    /// How a line has been until now.
    pub(crate) fn past(&self, line: impl Into<LineSpec>) -> Result<Past> {
        let line = self.find(line)?;
        let board = self.board();
        Ok(board.lines.change(board, |state, now| {
            let line = &mut state.lines[line];
            line.past.pass(line.level, now);
            line.past
        }))
    }

    /// Finds the one line that is meant, as programs do.
    pub(crate) fn find<L: Into<LineSpec>>(&self, wanted: L) -> Result<usize> {
        use circuits_gpio::Error as E;

        let wanted = wanted.into();
        let no_line = || Error::NoLine {
            line: wanted.to_string(),
        };
        let place =
            wanted
                .find_on(&Stub::of(self.board().clone()))
                .map_err(|error| match error {
                    E::Ambiguous { line, places, .. } => Error::Ambiguous {
                        line: line.to_string(),
                        places: places.to_string(),
                    },
                    _ => no_line(),
                })?;
        let state = self.board().lines.lock();
        let chip = state.chip(&place.0).map_err(|_| no_line())?;
        state.index(chip, place.1).map_err(|_| no_line())
    }
}
