use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::listener::Listener;
use crate::{ErrorKind, Event, Result};

/// The edges of lines, one after another: a [`Stream`] that ends when the chip is gone, with that
/// error.
///
/// Dropped or not polled further it loses nothing: what was not taken is there for the next one who
/// waits on the lines.
///
/// Lines of several chips are waited for together as streams are, by whatever crate merges them:
///
/// ```
/// use circuits_gpio::{Config, EdgeDetection, Input};
/// use circuits_stub::Stub;
/// use futures_lite::{StreamExt, stream};
///
/// let board = Stub::virtual_time().chip("soc", ["A"]).chip("expander", ["B"]);
/// let config = Config::new().edge_detection(EdgeDetection::Both);
/// let mut a = Input::open_on(&board, "A", &config)?;
/// let mut b = Input::open_on(&board, "B", &config)?;
/// let a = a.edges().map(|edge| ("A", edge));
/// let b = b.edges().map(|edge| ("B", edge));
/// let mut both = stream::or(a, b);
/// board.drive("B", true)?;
/// assert_eq!(board.block_on(both.next()).map(|(name, _)| name), Some("B"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Edges<'a> {
    listener: &'a mut Listener,
    waiting: bool,
    removed: bool,
}

impl<'a> Edges<'a> {
    pub(crate) fn new(listener: &'a mut Listener) -> Edges<'a> {
        Edges {
            listener,
            waiting: false,
            removed: false,
        }
    }

    /// Waits for the next edge: for programs that use no crate for streams.
    ///
    /// # Errors
    /// As [`Input::wait_edge`](crate::Input::wait_edge), but it is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has taken no edge.
    pub async fn next_event(&mut self) -> Result<Event> {
        let mut once = Edges::new(self.listener);
        poll_fn(|cx| once.poll(cx)).await
    }

    /// Reads the lines, as [`Lines::get`](crate::Lines::get) does: to see where things are after
    /// edges were [lost](Event::lost).
    ///
    /// # Errors
    /// [`Error::Removed`](crate::Error::Removed), [`Error::Io`](crate::Error::Io).
    pub fn levels(&self) -> Result<u64> {
        let held = self.listener.held();
        held.get(held.lines())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        let poll = self.listener.poll_edge(cx);
        self.waiting = poll.is_pending();
        poll
    }
}

impl Stream for Edges<'_> {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        if self.removed {
            return Poll::Ready(None);
        }
        let poll = self.poll(cx);
        self.removed = matches!(&poll, Poll::Ready(event) if is_removed(event));
        poll.map(Some)
    }
}

impl Drop for Edges<'_> {
    fn drop(&mut self) {
        if self.waiting {
            self.listener.cancel();
        }
    }
}

/// The edges of lines, one after another, blocking for each: what `for` makes of an
/// [`Input`](crate::Input), a [`Line`](crate::Line) or [`Lines`](crate::Lines). It ends when the chip
/// is gone, with that error.
///
/// ```
/// use circuits_gpio::{Config, EdgeDetection, Input};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let board = Stub::virtual_time().lines(["COUNT"]);
/// let config = Config::new().edge_detection(EdgeDetection::Rising);
/// let mut counter = Input::open_on(&board, "COUNT", &config)?;
/// let millis = Duration::from_millis(1);
/// board.play("COUNT", (0..10).map(|step| (millis, step % 2 == 0)))?;
///
/// let mut count = 0;
/// for edge in (&mut counter).into_iter().take(5) {
///     count += 1 + edge?.lost();
/// }
/// assert_eq!(count, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EdgeIter<'a> {
    listener: &'a mut Listener,
    removed: bool,
}

impl<'a> EdgeIter<'a> {
    pub(crate) fn new(listener: &'a mut Listener) -> EdgeIter<'a> {
        EdgeIter {
            listener,
            removed: false,
        }
    }
}

impl EdgeIter<'_> {
    /// Reads the lines, as [`Edges::levels`] does.
    ///
    /// # Errors
    /// As there.
    pub fn levels(&self) -> Result<u64> {
        let held = self.listener.held();
        held.get(held.lines())
    }
}

impl Iterator for EdgeIter<'_> {
    type Item = Result<Event>;

    fn next(&mut self) -> Option<Result<Event>> {
        if self.removed {
            return None;
        }
        let event = self.listener.wait_edge(None);
        self.removed = is_removed(&event);
        event.transpose()
    }
}

/// Whether nothing more can come.
pub(crate) fn is_removed<T>(result: &Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == ErrorKind::Removed)
}
