use std::time::Duration;

#[cfg(doc)]
use crate::Error;
use crate::held::Held;
use crate::listener::Listener;
use crate::{
    Backend, Config, Direction, EdgeDetection, EdgeIter, Edges, Event, LineSpec, Linux, Result,
};

/// A line that is driven. Dropped, it goes back to what the chip makes of a line that nobody holds.
///
/// ```
/// use circuits_gpio::{Config, Output};
/// use circuits_stub::Stub;
///
/// let board = Stub::virtual_time().lines(["GPIO17"]);
/// let led = Output::open_on(&board, "GPIO17", &Config::new())?;
/// led.set(true)?;
/// assert_eq!(board.level("GPIO17")?, true);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Output {
    held: Held,
}

impl Output {
    /// Opens a line of this Linux machine as an output, low.
    ///
    /// # Errors
    /// As [`Output::open_on`].
    pub fn open(line: impl Into<LineSpec>) -> Result<Output> {
        let line = line.into();
        Output::open_on(&Linux::here(&line)?, line, &Config::new())
    }

    /// Opens a line of `backend` as an output. It has its initial level from the moment it is an
    /// output.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::InUse`], [`Error::PermissionDenied`];
    /// [`Error::Unsupported`] and [`Error::Invalid`] for the configuration.
    pub fn open_on(
        backend: &dyn Backend,
        line: impl Into<LineSpec>,
        config: &Config,
    ) -> Result<Output> {
        let held = open(backend, line.into(), config.towards(Direction::Output))?;
        Ok(Output { held })
    }

    /// Drives the line: `true` is active, which is high unless the line is active-low. One system
    /// call.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn set(&self, level: bool) -> Result<()> {
        self.held.set_all(u64::from(level))
    }

    /// Returns the level that was set last, or was to be, if that failed.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.held.levels() == 1
    }

    /// Reads the level that the line really has, which others may make another: of an open drain
    /// that is high, or where two drive against each other. One system call.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn get(&self) -> Result<bool> {
        Ok(self.held.get(1)? == 1)
    }

    /// Sets the line up anew, without letting go of it: it stays an output at the level that it
    /// has. Its consumer name stays, too.
    ///
    /// # Errors
    /// [`Error::Unsupported`] and [`Error::Invalid`].
    pub fn configure(&mut self, config: &Config) -> Result<()> {
        self.held.configure(0, config.towards(Direction::Output))
    }
}

/// A line that is read. Looking at its level takes `&self`; its edges belong to one waiter at a
/// time, who has `&mut self`.
///
/// ```
/// use circuits_gpio::{Config, Edge, Input};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let board = Stub::virtual_time().lines(["GPIO27"]);
/// let config = Config::new().edge_detection(circuits_gpio::EdgeDetection::Both);
/// let mut button = Input::open_on(&board, "GPIO27", &config)?;
/// board.drive("GPIO27", true)?;
///
/// assert_eq!(button.get()?, true);
/// let event = button.wait_edge(Duration::from_secs(1))?.expect("it was pressed");
/// assert_eq!(event.edge(), Edge::Rising);
/// assert_eq!(button.wait_edge(Duration::from_secs(1))?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Two waiters on one handle do not compile; two who look at it do:
///
/// ```compile_fail,E0499
/// # async fn two(mut input: circuits_gpio::Input) {
/// let mut one = input.edges();
/// let mut other = input.edges();
/// one.next_event().await;
/// other.next_event().await;
/// # }
/// ```
///
/// ```
/// # fn two(input: circuits_gpio::Input) {
/// let (one, other) = (&input, &input);
/// let levels = (one.get(), other.get());
/// # }
/// ```
#[derive(Debug)]
pub struct Input {
    listener: Listener,
}

impl Input {
    /// Opens a line of this Linux machine as an input.
    ///
    /// # Errors
    /// As [`Input::open_on`].
    pub fn open(line: impl Into<LineSpec>) -> Result<Input> {
        let line = line.into();
        Input::open_on(&Linux::here(&line)?, line, &Config::new())
    }

    /// Opens a line of `backend` as an input.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::InUse`], [`Error::PermissionDenied`];
    /// [`Error::Unsupported`] and [`Error::Invalid`] for the configuration.
    pub fn open_on(
        backend: &dyn Backend,
        line: impl Into<LineSpec>,
        config: &Config,
    ) -> Result<Input> {
        let held = open(backend, line.into(), config.towards(Direction::Input))?;
        Ok(Input {
            listener: Listener::new(held),
        })
    }

    /// Reads the line: `true` is active, which is high unless the line is active-low. One system
    /// call.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn get(&self) -> Result<bool> {
        Ok(self.listener.held().get(1)? == 1)
    }

    /// Blocks until the next edge, or returns `None` when there is none within `timeout` (`None`:
    /// it waits for ever).
    ///
    /// Edges count from when the line was opened if it was opened with [edge
    /// detection](Config::edge_detection), else from the first wait, which turns on the detection
    /// of both.
    ///
    /// # Errors
    /// [`Error::Interrupted`], [`Error::Removed`]; [`Error::Unsupported`] if the chip has no
    /// interrupt for the line; [`Error::Deadlock`] on a virtual board where nothing can happen any
    /// more.
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

    /// Returns the edges as an async stream, counted as by [`wait_edge`](Input::wait_edge).
    pub fn edges(&mut self) -> Edges<'_> {
        Edges::new(&mut self.listener)
    }

    /// Sets the line up anew, without letting go of it: it stays an input. What is queued, the
    /// count of edges, and its consumer name stay, too.
    ///
    /// # Errors
    /// [`Error::Unsupported`] and [`Error::Invalid`].
    pub fn configure(&mut self, config: &Config) -> Result<()> {
        self.listener.configure(0, config.towards(Direction::Input))
    }

    pub(crate) async fn next_edge(&mut self, wanted: EdgeDetection) -> Result<()> {
        self.listener.next_edge(wanted).await
    }

    pub(crate) async fn until(&mut self, level: bool) -> Result<()> {
        self.listener.until(level).await
    }
}

/// Blocks for each edge.
impl<'a> IntoIterator for &'a mut Input {
    type Item = Result<Event>;
    type IntoIter = EdgeIter<'a>;

    fn into_iter(self) -> EdgeIter<'a> {
        EdgeIter::new(&mut self.listener)
    }
}

/// A line whose direction changes while it is held: one wire that both sides talk on. The settings
/// of each direction are kept while it has the other: an open drain is one again.
///
/// ```
/// use circuits_gpio::{Config, Line};
/// use circuits_stub::Stub;
///
/// let board = Stub::virtual_time().lines(["DATA"]);
/// let mut data = Line::open_on(&board, "DATA", &Config::new())?;
/// data.make_output(false)?;
/// assert_eq!(board.level("DATA")?, false);
/// data.make_input()?;
/// board.drive("DATA", true)?;
/// assert_eq!(data.get()?, true);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Line {
    listener: Listener,
    direction: Direction,
    /// How it is set up when it is turned.
    other: Config,
}

impl Line {
    /// Opens a line of this Linux machine, as an input.
    ///
    /// # Errors
    /// As [`Line::open_on`].
    pub fn open(line: impl Into<LineSpec>) -> Result<Line> {
        let line = line.into();
        Line::open_on(&Linux::here(&line)?, line, &Config::new())
    }

    /// Opens a line of `backend`: as an input, or as [`Config::output`] says.
    ///
    /// # Errors
    /// As [`Output::open_on`].
    pub fn open_on(
        backend: &dyn Backend,
        line: impl Into<LineSpec>,
        config: &Config,
    ) -> Result<Line> {
        let held = open(backend, line.into(), config.clone())?;
        Ok(Line {
            listener: Listener::new(held),
            direction: config.direction(),
            other: config.turned(),
        })
    }

    /// Returns which way it goes.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Makes it an output, at this level from the moment that it is one. An output is set to it.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Removed`], [`Error::Io`].
    pub fn make_output(&mut self, level: bool) -> Result<()> {
        match self.direction() {
            Direction::Output => self.set(level),
            Direction::Input => self.configure(&self.other.clone().initial(level)),
        }
    }

    /// Makes it an input.
    ///
    /// # Errors
    /// [`Error::Unsupported`], [`Error::Removed`], [`Error::Io`].
    pub fn make_input(&mut self) -> Result<()> {
        match self.direction() {
            Direction::Input => Ok(()),
            Direction::Output => self.configure(&self.other.clone()),
        }
    }

    /// Reads the level that the line has.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn get(&self) -> Result<bool> {
        Ok(self.listener.held().get(1)? == 1)
    }

    /// Drives an output.
    ///
    /// # Errors
    /// [`Error::Invalid`] on an input; [`Error::Removed`], [`Error::Io`].
    #[inline]
    pub fn set(&self, level: bool) -> Result<()> {
        let held = self.listener.held();
        held.are_outputs(1)?;
        held.set_all(u64::from(level))
    }

    /// Blocks until the next edge while it is an input, as [`Input::wait_edge`] does.
    ///
    /// # Errors
    /// As there; [`Error::Invalid`] on an output.
    pub fn wait_edge(&mut self, timeout: impl Into<Option<Duration>>) -> Result<Option<Event>> {
        self.listener.wait_edge(timeout.into())
    }

    /// Sets the line up anew, without letting go of it, in the direction that the configuration
    /// says. An output that stays one keeps its level.
    ///
    /// # Errors
    /// [`Error::Unsupported`] and [`Error::Invalid`].
    pub fn configure(&mut self, config: &Config) -> Result<()> {
        let before = self.listener.held().config(0);
        self.listener.configure(0, config.clone())?;
        if let Some(before) = before.filter(|_| config.direction() != self.direction) {
            self.other = before.initial(false);
        }
        self.direction = config.direction();
        Ok(())
    }

    /// Takes an edge that is queued, or returns `None` at once. It is no wait: edges are not turned on
    /// by it, and a board that is interrupted still gives what there is.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    pub fn try_edge(&mut self) -> Result<Option<Event>> {
        self.listener.try_edge()
    }

    /// Returns the edges as an async stream while it is an input, counted as by
    /// [`Input::wait_edge`].
    pub fn edges(&mut self) -> Edges<'_> {
        Edges::new(&mut self.listener)
    }
}

/// Blocks for each edge.
impl<'a> IntoIterator for &'a mut Line {
    type Item = Result<Event>;
    type IntoIter = EdgeIter<'a>;

    fn into_iter(self) -> EdgeIter<'a> {
        EdgeIter::new(&mut self.listener)
    }
}

fn open(backend: &dyn Backend, line: LineSpec, config: Config) -> Result<Held> {
    Held::open(backend, vec![(line, config)])
}
