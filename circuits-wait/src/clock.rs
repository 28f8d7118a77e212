use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::{Interrupt, Time};

/// The clock of a board: what time it is there, and how one waits for a later one.
///
/// `circuits_wait::Monotonic` is the kernel's; the virtual board has its own, real or virtual.
/// Whatever waits takes the clock of the board that it waits on, never the machine's: that is what
/// lets an hour pass in a test.
pub trait Clock: Send + Sync + Debug {
    /// Returns the time.
    fn now(&self) -> Time;

    /// Waits until `time`, and not less.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] once the clock's [`Interrupt`] is raised; a signal handler
    /// alone does not end the wait.
    fn sleep_until(&self, time: Time) -> io::Result<()>;

    /// Waits until `time`, and not less, whatever happens: for waits that a datasheet asks for.
    fn delay_until(&self, time: Time);

    /// Makes a timer, for waits that do not block. Its memory and descriptors are taken here, none
    /// later.
    ///
    /// # Errors
    /// The system has no more descriptors or threads to give.
    fn timer(&self) -> io::Result<Box<dyn Timer>>;

    /// Returns what interrupts blocking waits on this clock.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] if nothing does; the system has no more descriptors or
    /// threads to give.
    fn interrupt(&self) -> io::Result<Interrupt> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Tells whether time moves only when everyone waits. Buses of such a board share its one
    /// clock; they mix with no other.
    fn is_virtual(&self) -> bool {
        false
    }
}

/// Waits for one moment after another without blocking; one waiter at a time.
pub trait Timer: Send + Sync + Debug {
    /// Returns [`Poll::Ready`] from `time` on, and until then has `cx` woken at `time`. The last
    /// call counts.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] on a virtual clock, by a future that no task of the board
    /// runs.
    fn poll_until(&mut self, time: Time, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Forgets the moment and the waker: the future that polled is gone. Without this, virtual time
    /// would run to a moment that nobody waits for.
    fn cancel(&mut self);
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> Time {
        (**self).now()
    }

    fn sleep_until(&self, time: Time) -> io::Result<()> {
        (**self).sleep_until(time)
    }

    fn delay_until(&self, time: Time) {
        (**self).delay_until(time)
    }

    fn timer(&self) -> io::Result<Box<dyn Timer>> {
        (**self).timer()
    }

    fn interrupt(&self) -> io::Result<Interrupt> {
        (**self).interrupt()
    }

    fn is_virtual(&self) -> bool {
        (**self).is_virtual()
    }
}
