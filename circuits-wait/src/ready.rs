use std::fmt::Debug;
use std::io;
use std::task::{Context, Poll};

use crate::Time;

/// What a handle waits on: it runs an operation until the operation no longer answers
/// [`WouldBlock`](io::ErrorKind::WouldBlock).
///
/// The operation goes in, because readiness must be noted *before* the attempt that may use it up:
/// with the two apart, what arrives in between is lost. A handle that is ready in two ways (to be
/// read, to be written) has two of these.
pub trait Ready: Send + Sync + Debug {
    /// Runs `op` until it succeeds or fails otherwise than by `WouldBlock`, blocking in between.
    /// The interrupt is looked at before each try, the first included. Returns `false` when
    /// `deadline` passes first; a deadline that has passed already still gets one try.
    ///
    /// # Errors
    /// Those of `op`; [`io::ErrorKind::Interrupted`] when the board's
    /// [`Interrupt`](crate::Interrupt) is raised, in which case `op` was not run again, so nothing
    /// is lost; [`io::ErrorKind::Deadlock`] on a virtual clock when nothing can happen any more.
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool>;

    /// Runs `op`, and has `cx` woken when it is worth another try. One waiter at a time: the last
    /// call counts.
    ///
    /// # Errors
    /// As [`block`](Ready::block), but it is not interrupted; [`io::ErrorKind::Unsupported`] on a
    /// virtual clock, by a future that no task of the board runs.
    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>>;

    /// Forgets the waker: the future that polled is gone.
    fn cancel(&self);
}
