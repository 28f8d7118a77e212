use std::fmt;
use std::sync::{Arc, Weak};

use circuits_gpio::LineSpec;
use circuits_wait::Time;

use crate::gpio::Levels;
use crate::stub::Board;
use crate::{Result, Stub};

/// A chip's own pin, soldered to a line of the board: an interrupt output, for one.
///
/// It does not keep the board, so that a chip on the board may have it. When the line's GPIO chip is
/// removed, nothing is at the other end any more, and nothing happens.
///
/// ```
/// use circuits_gpio::{Config, Input};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let stub = Stub::virtual_time().lines(["READY"]);
/// let pin = stub.pin("READY")?;
/// let mut ready = Input::open_on(&stub, "READY", &Config::new())?;
/// pin.drive_at(stub.clock().now() + Duration::from_millis(8), true);
/// let event = ready.wait_edge(None)?.expect("an edge");
/// assert_eq!(event.time().as_nanos(), 8_000_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Pin {
    board: Weak<Board>,
    line: usize,
}

impl Pin {
    /// Drives the line from now on: `true` is electrically high. What was still to come for the line
    /// does not.
    pub fn drive(&self, level: bool) {
        self.play([(Time::ZERO, Some(level))]);
    }

    /// Drives the line no more.
    pub fn let_go(&self) {
        self.play([(Time::ZERO, None)]);
    }

    /// Drives the line from a time on. What was still to come for the line does not.
    pub fn drive_at(&self, time: Time, level: bool) {
        self.play([(time, Some(level))]);
    }

    /// Drives the line in times to come, each level from a time on; `None` lets go. What was still to
    /// come for the line does not.
    pub fn play(&self, levels: impl IntoIterator<Item = (Time, Option<bool>)>) {
        // Taken before the lock: whose they are may use the board.
        Pin::play_all([(self, levels.into_iter().collect())]);
    }

    /// The same for several pins of one board at once.
    pub(crate) fn play_all<'a>(plays: impl IntoIterator<Item = (&'a Pin, Levels)>) {
        let (mut board, mut lines) = (None, Vec::new());
        for (pin, levels) in plays {
            board = pin.board.upgrade();
            lines.push((pin.line, levels));
        }
        if let Some(board) = board {
            board.lines.play(&board, lines);
        }
    }

    /// Returns the electrical level of the line: low, if there is none any more.
    pub fn level(&self) -> bool {
        let board = self.board.upgrade();
        board.is_some_and(|board| board.lines.level(&board, self.line))
    }

    /// Has `f` called with each level that the line changes to from now on, and when that was: for parts that act on
    /// it. It may play pins, and must not wait.
    pub(crate) fn on_change(&self, f: impl Fn(bool, Time) + Send + Sync + 'static) {
        if let Some(board) = self.board.upgrade() {
            board.lines.on_change(self.line, f);
        }
    }

    /// Returns the board's time, if the board is still there.
    pub(crate) fn now(&self) -> Option<Time> {
        Some(self.board.upgrade()?.schedule.now())
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}

impl Stub {
    /// Solders a pin of a chip to a line.
    ///
    /// # Errors
    /// [`Error::NoLine`](crate::Error::NoLine), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub fn pin(&self, line: impl Into<LineSpec>) -> Result<Pin> {
        Ok(Pin {
            board: Arc::downgrade(self.board()),
            line: self.find(line)?,
        })
    }
}
