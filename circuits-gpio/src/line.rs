use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_wait::Clock;

use crate::edge::Queue;
use crate::{
    Backend, Config, Direction, EdgeDetection, Edges, Error, Event, Handle, LineSpec, Linux, Result,
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
    /// What was set last, under the lock of the setting: two threads leave it as the line is.
    level: Mutex<bool>,
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
            level: Mutex::new(config.initial_level()),
        })
    }

    /// Drives the line: `true` is active, which is high unless the line is active-low. One system
    /// call.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    pub fn set(&self, level: bool) -> Result<()> {
        let mut last = self.level.lock().unwrap_or_else(|e| e.into_inner());
        self.line.done("being set", self.line.handle.set(level))?;
        *last = level;
        Ok(())
    }

    /// Returns the level that was set last.
    pub fn is_set(&self) -> bool {
        *self.level.lock().unwrap_or_else(|e| e.into_inner())
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
    /// What is detected now; `Wait` needs all edges.
    detection: EdgeDetection,
    /// What `wait_edge` and `edges` are about.
    wanted: EdgeDetection,
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
        let detection = config.detected_edges();
        let wanted = match detection {
            EdgeDetection::Off => EdgeDetection::Both,
            wanted => wanted,
        };
        Ok(Input {
            line,
            clock: backend.clock(),
            detection,
            wanted,
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
        loop {
            let (handle, queue) = (&self.line.handle, &mut self.queue);
            let in_time = handle
                .ready()
                .block(deadline, &mut || queue.refill(&**handle));
            if !self.line.done("edge detection", in_time)? {
                return Ok(None);
            }
            if let Some(event) = self.queue.take(self.wanted) {
                return Ok(Some(event));
            }
        }
    }

    /// Returns the edges as an async stream, counted as by [`wait_edge`](Input::wait_edge).
    pub fn edges(&mut self) -> Edges<'_> {
        Edges::new(self)
    }

    pub(crate) fn poll_edge(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        self.detect()?;
        self.poll_wanted(self.wanted, cx)
    }

    fn poll_wanted(&mut self, wanted: EdgeDetection, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        loop {
            let (handle, queue) = (&self.line.handle, &mut self.queue);
            match handle.ready().poll(cx, &mut || queue.refill(&**handle)) {
                Poll::Ready(filled) => self.line.done("edge detection", filled)?,
                Poll::Pending => return Poll::Pending,
            }
            if let Some(event) = self.queue.take(wanted) {
                return Poll::Ready(Ok(event));
            }
        }
    }

    pub(crate) fn cancel(&self) {
        self.line.handle.ready().cancel();
    }

    /// Waits for an edge that `wanted` includes, from this call on: what is queued already is
    /// thrown away.
    pub(crate) async fn next_edge(&mut self, wanted: EdgeDetection) -> Result<()> {
        self.watch_both()?;
        self.forget_edges()?;
        self.any(wanted).await
    }

    /// Waits until the line is at `level`; each edge is a reason to look again.
    pub(crate) async fn until(&mut self, level: bool) -> Result<()> {
        if self.get()? == level {
            return Ok(());
        }
        self.watch_both()?;
        while self.get()? != level {
            self.any(EdgeDetection::Both).await?;
        }
        Ok(())
    }

    async fn any(&mut self, wanted: EdgeDetection) -> Result<()> {
        let mut wait = Wait {
            input: self,
            pending: false,
        };
        poll_fn(|cx| wait.poll(wanted, cx)).await.map(drop)
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
            match self.queue.refill(&*self.line.handle) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return self.line.done("edge detection", Err(error)),
            }
        }
    }
}

/// A wait for an edge, whose waker is forgotten with it.
struct Wait<'a> {
    input: &'a mut Input,
    pending: bool,
}

impl Wait<'_> {
    fn poll(&mut self, wanted: EdgeDetection, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        let poll = self.input.poll_wanted(wanted, cx);
        self.pending = poll.is_pending();
        poll
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.pending {
            self.input.cancel();
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
