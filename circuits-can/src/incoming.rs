use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::calls::Reads;
use crate::{ErrorKind, Received, Result, Socket};

/// What comes to a socket, as a [`Stream`] that ends when the interface is gone, with that error.
///
/// Dropped or not polled further it loses nothing: what was not taken is there for the next one who reads.
#[derive(Debug)]
pub struct Incoming<'a> {
    socket: &'a Socket,
    waiting: bool,
    removed: bool,
    _reads: Reads<'a>,
}

impl<'a> Incoming<'a> {
    /// Who calls it sees to it that nobody else waits.
    pub(crate) fn new(socket: &'a Socket) -> Incoming<'a> {
        Incoming {
            socket,
            waiting: false,
            removed: false,
            _reads: socket.reads(),
        }
    }
}

impl Stream for Incoming<'_> {
    type Item = Result<Received>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Received>>> {
        if self.removed {
            return Poll::Ready(None);
        }
        let poll = self.socket.poll_received(cx);
        self.waiting = poll.is_pending();
        self.removed = matches!(&poll, Poll::Ready(received) if is_removed(received));
        poll.map(Some)
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if self.waiting {
            self.socket.forget_reader();
        }
    }
}

/// What comes to a socket, one after another, blocking for each: what `for` makes of a [`Socket`]. It ends when
/// the interface is gone, with that error. After others it goes on: that the interface went down is told once, and
/// that the board is interrupted each time, so who is to end then leaves the loop.
#[derive(Debug)]
pub struct Iter<'a> {
    socket: &'a Socket,
    removed: bool,
}

impl<'a> Iter<'a> {
    pub(crate) fn new(socket: &'a Socket) -> Iter<'a> {
        Iter {
            socket,
            removed: false,
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = Result<Received>;

    fn next(&mut self) -> Option<Result<Received>> {
        if self.removed {
            return None;
        }
        let received = self.socket.read(None);
        self.removed = is_removed(&received);
        Some(received)
    }
}

impl<'a> IntoIterator for &'a Socket {
    type Item = Result<Received>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Whether nothing more can come.
fn is_removed<T>(result: &Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == ErrorKind::Removed)
}
