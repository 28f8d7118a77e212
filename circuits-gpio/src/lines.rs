use std::sync::Arc;
use std::time::Duration;

use crate::held::Held;
use crate::listener::Listener;
use crate::{Backend, Config, EdgeIter, Edges, Event, LineSpec, Linux, Result};
#[cfg(doc)]
use crate::{Direction, Error};

/// Lines of one chip that are held together, 1 to 64: read, and set, all at the same time.
///
/// Levels are bits: bit *n* is the *n*th line of those that were opened, from 0. Each line has a
/// configuration of its own, also its direction; consumer name and event buffer are of all.
///
/// ```
/// use circuits_gpio::{Config, Lines};
/// use circuits_stub::Stub;
///
/// let board = Stub::virtual_time().lines(["RED", "YELLOW", "GREEN"]);
/// let lamp = ["RED", "YELLOW", "GREEN"].map(|name| (name, Config::output()));
/// let lamp = Lines::open_on(&board, lamp)?;
/// lamp.set(0b001)?;
/// lamp.set_some(0b010, 0b010)?;
/// assert_eq!(lamp.get()?, 0b011);
/// assert_eq!(board.level("YELLOW")?, true);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lines {
    listener: Listener,
}

impl Lines {
    /// Opens lines of this Linux machine.
    ///
    /// # Errors
    /// As [`Lines::open_on`].
    pub fn open<L: Into<LineSpec>>(lines: impl IntoIterator<Item = (L, Config)>) -> Result<Lines> {
        Lines::open_on(&Linux::here(&"of this machine")?, lines)
    }

    /// Opens lines of `backend`, each as its configuration says: all or none.
    ///
    /// # Errors
    /// Those of [`Output::open_on`](crate::Output::open_on), with the line that they are about where
    /// it is known; [`Error::Limit`] for more than 64 lines or 10 different settings,
    /// [`Error::Invalid`] for none, for lines of several chips, for one that is named twice, and for
    /// configurations that contradict each other.
    pub fn open_on<L: Into<LineSpec>>(
        backend: &dyn Backend,
        lines: impl IntoIterator<Item = (L, Config)>,
    ) -> Result<Lines> {
        let lines = lines
            .into_iter()
            .map(|(line, config)| (line.into(), config));
        let held = Held::open(backend, lines.collect())?;
        Ok(Lines {
            listener: Listener::new(held),
        })
    }

    /// Returns what the lines were called when they were opened.
    pub fn names(&self) -> &[Arc<str>] {
        self.held().names()
    }

    /// Reads all lines at the same time. One system call.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn get(&self) -> Result<u64> {
        self.held().get(self.held().lines())
    }

    /// Reads some of the lines, those whose bits are set; the other bits are 0. One system call.
    ///
    /// # Errors
    /// [`Error::Invalid`] for bits of no line; [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn get_some(&self, lines: u64) -> Result<u64> {
        self.held().are_there(lines)?;
        match lines {
            // The kernel takes it amiss.
            0 => Ok(0),
            lines => self.held().get(lines),
        }
    }

    /// Sets all outputs at the same time; bits of inputs do not count. One system call.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn set(&self, levels: u64) -> Result<()> {
        match self.held().outputs() {
            0 => Ok(()),
            outputs => self.held().set_all(levels & outputs),
        }
    }

    /// Sets some of the outputs, those whose bits are set in `lines`, at the same time; the others
    /// stay as they are. One system call.
    ///
    /// # Errors
    /// [`Error::Invalid`] for bits of inputs or of no line; [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn set_some(&self, lines: u64, levels: u64) -> Result<()> {
        self.held().are_outputs(lines)?;
        match lines {
            0 => Ok(()),
            lines => self.held().set(lines, levels),
        }
    }

    /// Returns what was set last, or was to be, if that failed.
    pub fn levels(&self) -> u64 {
        self.held().levels()
    }

    /// Returns how a line is set up; `None` if there are not so many.
    pub fn config(&self, line: usize) -> Option<Config> {
        self.held().config(line)
    }

    /// Sets up a line anew, in whichever direction, without letting go of it. Outputs that stay
    /// outputs keep their levels.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Limit`]; [`Error::Invalid`], also for a line that there is
    /// not.
    pub fn configure(&mut self, line: usize, config: &Config) -> Result<()> {
        self.listener.configure(line, config.clone())
    }

    /// Blocks until the next edge of any of the lines, as
    /// [`Input::wait_edge`](crate::Input::wait_edge) does; it [says](Event::line) of which.
    ///
    /// Edges count of lines that were opened with edge detection; if none was, from the first wait
    /// on of all inputs.
    ///
    /// # Errors
    /// As there.
    pub fn wait_edge(&mut self, timeout: impl Into<Option<Duration>>) -> Result<Option<Event>> {
        self.listener.wait_edge(timeout.into())
    }

    /// Takes an edge that is queued, or returns `None` at once. It is no wait: edges are not turned on
    /// by it, and a board that is interrupted still gives what there is.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    pub fn try_edge(&mut self) -> Result<Option<Event>> {
        self.listener.try_edge()
    }

    /// Returns the edges of all lines as an async stream, counted as by
    /// [`wait_edge`](Lines::wait_edge).
    pub fn edges(&mut self) -> Edges<'_> {
        Edges::new(&mut self.listener)
    }

    fn held(&self) -> &Held {
        self.listener.held()
    }
}

/// Blocks for each edge.
impl<'a> IntoIterator for &'a mut Lines {
    type Item = Result<Event>;
    type IntoIter = EdgeIter<'a>;

    fn into_iter(self) -> EdgeIter<'a> {
        EdgeIter::new(&mut self.listener)
    }
}
