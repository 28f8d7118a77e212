use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_wait::{Clock, Time};
use futures_core::Stream;

use crate::backend::Watcher;
use crate::edges::is_removed;
use crate::{Backend, Error, LineInfo, LineSpec, Linux, Result, find};

/// Somebody took a line, gave it back, or set it up anew.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Change {
    time: Time,
    kind: ChangeKind,
    info: LineInfo,
    overflowed: bool,
}

/// What happened to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ChangeKind {
    /// Somebody holds it now.
    Requested,
    /// Nobody holds it any more.
    Released,
    /// Who holds it set it up anew.
    Reconfigured,
}

impl Change {
    /// Makes it, as a backend reports it; `info` is how the line is afterwards.
    pub fn new(time: Time, kind: ChangeKind, info: LineInfo) -> Change {
        Change {
            time,
            kind,
            info,
            overflowed: false,
        }
    }

    /// Returns the same as the last that fitted into a queue.
    pub fn overflowing(self) -> Change {
        Change {
            overflowed: true,
            ..self
        }
    }

    /// Returns when it was, on the board's clock.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns what happened.
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// Returns how the line is since then, and who holds it.
    pub fn info(&self) -> &LineInfo {
        &self.info
    }

    /// Tells whether changes may be missing from here on: the kernel keeps 32 until they are read,
    /// drops those that come then, and does not count them. [`Chip::lines`](crate::Chip::lines)
    /// says how things are.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }
}

/// Tells who takes lines, gives them back, or sets them up anew: any program, this one too. Watching
/// holds nothing.
///
/// Who wants to know how the lines are, too, looks at them after the watch was opened: nothing falls
/// in between.
///
/// ```
/// use circuits_gpio::{ChangeKind, Config, Output, Watch};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let board = Stub::virtual_time().lines(["GPIO17", "GPIO27"]);
/// let mut watch = Watch::open_on(&board, ["GPIO17"])?;
/// let _lamp = Output::open_on(&board, "GPIO17", &Config::new().consumer("lamp"))?;
///
/// let change = watch.wait_change(Duration::from_secs(1))?.expect("it was taken");
/// assert_eq!(change.kind(), ChangeKind::Requested);
/// assert_eq!(change.info().consumer(), Some("lamp"));
/// assert_eq!(watch.wait_change(Duration::from_secs(1))?, None);
/// # Ok::<(), circuits_gpio::Error>(())
/// ```
#[derive(Debug)]
pub struct Watch {
    watcher: Box<dyn Watcher>,
    clock: Arc<dyn Clock>,
    lines: Arc<str>,
}

impl Watch {
    /// Watches lines of a chip of this Linux machine.
    ///
    /// # Errors
    /// As [`Watch::open_on`].
    pub fn open<L: Into<LineSpec>>(lines: impl IntoIterator<Item = L>) -> Result<Watch> {
        Watch::open_on(&Linux::here(&"of this machine")?, lines)
    }

    /// Watches lines of one chip of `backend`. [`Chip::watch`](crate::Chip::watch) watches all of them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NoChip`], [`Error::Ambiguous`], [`Error::PermissionDenied`];
    /// [`Error::Invalid`] for no line at all, for lines of several chips, and for one that is named
    /// twice.
    pub fn open_on<L: Into<LineSpec>>(
        backend: &dyn Backend,
        lines: impl IntoIterator<Item = L>,
    ) -> Result<Watch> {
        let specs: Vec<LineSpec> = lines.into_iter().map(Into::into).collect();
        let names: Vec<_> = specs.iter().map(LineSpec::to_string).collect();
        let lines: Arc<str> = names.join(", ").into();
        let (chip, offsets) = find::on_one_chip(backend, &specs, &lines)?;
        Watch::on(backend, lines, &chip, &offsets)
    }

    pub(crate) fn on(
        backend: &dyn Backend,
        lines: Arc<str>,
        chip: &str,
        offsets: &[u32],
    ) -> Result<Watch> {
        let watcher = backend
            .watch(chip, offsets)
            .map_err(|error| Error::from_io(&lines, WATCHED, error))?;
        Ok(Watch {
            watcher,
            clock: backend.clock(),
            lines,
        })
    }

    /// Blocks until the next change, or returns `None` when there is none within `timeout` (`None`:
    /// it waits for ever). Changes count from when the watch was opened.
    ///
    /// # Errors
    /// [`Error::Interrupted`], [`Error::Removed`]; [`Error::Deadlock`] on a virtual board where
    /// nothing can happen any more.
    pub fn wait_change(&mut self, timeout: impl Into<Option<Duration>>) -> Result<Option<Change>> {
        let deadline = timeout.into().map(|timeout| self.clock.now() + timeout);
        let mut change = None;
        let read = &mut || self.watcher.read().map(|read| change = Some(read));
        match self.watcher.ready().block(deadline, read) {
            Ok(_) => Ok(change),
            Err(error) => Err(Error::from_io(&self.lines, WATCHED, error)),
        }
    }

    /// Takes a change that is queued, or returns `None` at once. It is no wait: a board that is
    /// interrupted still gives what there is.
    ///
    /// # Errors
    /// [`Error::Removed`], [`Error::Io`].
    pub fn try_change(&mut self) -> Result<Option<Change>> {
        match self.watcher.read() {
            Ok(change) => Ok(Some(change)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(Error::from_io(&self.lines, WATCHED, error)),
        }
    }

    /// Returns the changes as an async stream.
    pub fn changes(&mut self) -> Changes<'_> {
        Changes {
            watch: self,
            waiting: false,
            removed: false,
        }
    }
}

const WATCHED: &str = "being watched";

/// Blocks for each change; it ends when the chip is gone, with that error.
impl<'a> IntoIterator for &'a mut Watch {
    type Item = Result<Change>;
    type IntoIter = ChangeIter<'a>;

    fn into_iter(self) -> ChangeIter<'a> {
        ChangeIter {
            watch: self,
            removed: false,
        }
    }
}

/// The changes of lines, one after another, blocking for each.
#[derive(Debug)]
pub struct ChangeIter<'a> {
    watch: &'a mut Watch,
    removed: bool,
}

impl Iterator for ChangeIter<'_> {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        if self.removed {
            return None;
        }
        let change = self.watch.wait_change(None);
        self.removed = is_removed(&change);
        change.transpose()
    }
}

/// The changes of lines, one after another: a [`Stream`] that ends when the chip is gone, with that
/// error.
///
/// Dropped or not polled further it loses nothing but what does not fit into the kernel's queue.
#[derive(Debug)]
pub struct Changes<'a> {
    watch: &'a mut Watch,
    waiting: bool,
    removed: bool,
}

impl Changes<'_> {
    /// Waits for the next change: for programs that use no crate for streams.
    ///
    /// # Errors
    /// As [`Watch::wait_change`], but it is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has taken no change.
    pub async fn next_change(&mut self) -> Result<Change> {
        let mut once = self.watch.changes();
        poll_fn(|cx| once.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Change>> {
        let watcher = &self.watch.watcher;
        let mut change = None;
        let read = &mut || watcher.read().map(|read| change = Some(read));
        let poll = watcher.ready().poll(cx, read);
        self.waiting = poll.is_pending();
        match (poll, change) {
            (Poll::Ready(Ok(())), Some(change)) => Poll::Ready(Ok(change)),
            (Poll::Ready(Err(error)), _) => {
                Poll::Ready(Err(Error::from_io(&self.watch.lines, WATCHED, error)))
            }
            // `Ok` without a change is no answer that the operation gives.
            (Poll::Ready(Ok(())) | Poll::Pending, _) => Poll::Pending,
        }
    }
}

impl Stream for Changes<'_> {
    type Item = Result<Change>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Change>>> {
        if self.removed {
            return Poll::Ready(None);
        }
        let poll = self.poll(cx);
        self.removed = matches!(&poll, Poll::Ready(change) if is_removed(change));
        poll.map(Some)
    }
}

impl Drop for Changes<'_> {
    fn drop(&mut self) {
        if self.waiting {
            self.watch.watcher.ready().cancel();
        }
    }
}
