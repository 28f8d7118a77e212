use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_wait::Clock;

use crate::edge::Queue;
use crate::{
    Backend, Config, Direction, Edge, EdgeDetection, Edges, Error, Event, Handle, LineSpec, Linux,
    Result,
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
    line: Line,
    level: AtomicBool,
}

impl Output {
    /// Opens a line of this Linux machine as an output, low.
    ///
    /// # Errors
    /// As [`Output::open_on`].
    pub fn open(line: impl Into<LineSpec>) -> Result<Output> {
        let line = line.into();
        Output::open_on(&Linux::for_line(&line)?, line, &Config::new())
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
        let line = Line::open(backend, line.into(), &config.towards(Direction::Output))?;
        Ok(Output {
            line,
            level: AtomicBool::new(config.initial_level()),
        })
    }

    /// Drives the line: `true` is active, which is high unless the line is active-low. One system
    /// call.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    pub fn set(&self, level: bool) -> Result<()> {
        self.line.done("being set", self.line.handle.set(level))?;
        self.level.store(level, Ordering::Relaxed);
        Ok(())
    }

    /// Returns the level that was set last.
    pub fn is_set(&self) -> bool {
        self.level.load(Ordering::Relaxed)
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
    line: Line,
    clock: Arc<dyn Clock>,
    detection: EdgeDetection,
    queue: Queue,
}

impl Input {
    /// Opens a line of this Linux machine as an input.
    ///
    /// # Errors
    /// As [`Input::open_on`].
    pub fn open(line: impl Into<LineSpec>) -> Result<Input> {
        let line = line.into();
        Input::open_on(&Linux::for_line(&line)?, line, &Config::new())
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
        let line = Line::open(backend, line.into(), &config.towards(Direction::Input))?;
        Ok(Input {
            line,
            clock: backend.clock(),
            detection: config.detected_edges(),
            queue: Queue::new(),
        })
    }

    /// Reads the line: `true` is active, which is high unless the line is active-low. One system
    /// call.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    pub fn get(&self) -> Result<bool> {
        self.line.done("being read", self.line.handle.get())
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
        let deadline = timeout.into().map(|timeout| self.clock.now() + timeout);
        self.detect()?;
        // The queue is taken from even so: what was read before is the oldest.
        if let Some(event) = self.queue.take() {
            return Ok(Some(event));
        }
        let (handle, queue) = (&self.line.handle, &mut self.queue);
        let filled = handle
            .ready()
            .block(deadline, &mut || queue.fill(|events| handle.read(events)));
        self.line.done("edge detection", filled)?;
        Ok(self.queue.take())
    }

    /// Returns the edges as an async stream, counted as by [`wait_edge`](Input::wait_edge).
    pub fn edges(&mut self) -> Edges<'_> {
        Edges::new(self)
    }

    pub(crate) fn poll_edge(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        self.detect()?;
        loop {
            if let Some(event) = self.queue.take() {
                return Poll::Ready(Ok(event));
            }
            let (handle, queue) = (&self.line.handle, &mut self.queue);
            match handle
                .ready()
                .poll(cx, &mut || queue.fill(|events| handle.read(events)))
            {
                Poll::Ready(filled) => self.line.done("edge detection", filled)?,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    pub(crate) fn cancel(&self) {
        self.line.handle.ready().cancel();
    }

    /// Waits for an edge that `wanted` includes, from this call on: what is queued already is
    /// thrown away.
    pub(crate) async fn next_edge(&mut self, wanted: EdgeDetection) -> Result<Edge> {
        self.watch_both()?;
        self.forget_edges()?;
        let mut edges = self.edges();
        loop {
            let event = edges.next_event().await?;
            if wanted.includes(event.edge()) {
                return Ok(event.edge());
            }
        }
    }

    /// Waits until the line is at `level`; each edge is a reason to look again.
    pub(crate) async fn until(&mut self, level: bool) -> Result<()> {
        self.watch_both()?;
        while self.get()? != level {
            self.edges().next_event().await?;
        }
        Ok(())
    }

    fn detect(&mut self) -> Result<()> {
        if self.detection == EdgeDetection::Off {
            self.watch_both()?;
        }
        Ok(())
    }

    fn watch_both(&mut self) -> Result<()> {
        if self.detection != EdgeDetection::Both {
            self.line.done(
                "edge detection",
                self.line.handle.detect(EdgeDetection::Both),
            )?;
            self.detection = EdgeDetection::Both;
        }
        Ok(())
    }

    fn forget_edges(&mut self) -> Result<()> {
        loop {
            self.queue.clear();
            let handle = &self.line.handle;
            match self.queue.fill(|events| handle.read(events)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return self.line.done("edge detection", Err(error)),
            }
        }
    }
}

/// What an input and an output have in common.
#[derive(Debug)]
struct Line {
    handle: Box<dyn Handle>,
    name: Arc<str>,
}

impl Line {
    fn open(backend: &dyn Backend, spec: LineSpec, config: &Config) -> Result<Line> {
        let name: Arc<str> = spec.to_string().into();
        if let Err(what) = config.check() {
            return Err(Error::Invalid { line: name, what });
        }
        Ok(Line {
            handle: backend.open(&spec, config)?,
            name,
        })
    }

    fn done<T>(&self, what: &'static str, result: io::Result<T>) -> Result<T> {
        result.map_err(|source| Error::from_io(&self.name, what, source))
    }
}
