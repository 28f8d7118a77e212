//! What a backend of GPIO lines promises.
//!
//! A backend is a value: [`Linux`](crate::Linux), the virtual board, or your own.
//! [`Input`](crate::Input) and [`Output`](crate::Output) are built on the two traits here and on
//! nothing else, so who keeps these promises gets blocking waits, streams, embedded-hal and
//! timeouts for nothing. The feature `contract` has the promises as tests.
//!
//! **Opening.** [`Backend::open`] finds the line, takes it for itself and sets it up in one step:
//! an output has its initial level from the moment that it is an output, and edges count from the
//! moment that `open` returns. It checks before it touches: a refused `open` leaves the line as it
//! was. A line has one holder:
//!
//! | cause | error |
//! | --- | --- |
//! | no line of that name or place | [`Error::NotFound`](crate::Error::NotFound) |
//! | no such chip | [`Error::NoChip`](crate::Error::NoChip) |
//! | several lines of that name | [`Error::Ambiguous`](crate::Error::Ambiguous), with the places of all |
//! | the line is held | [`Error::InUse`](crate::Error::InUse), with the holder's consumer name |
//! | the user may not | [`Error::PermissionDenied`](crate::Error::PermissionDenied) |
//! | the chip cannot do what [`Config`] asks | [`Error::Unsupported`](crate::Error::Unsupported); never a silent default |
//!
//! Opening may block for as long as the system takes to open a file.
//!
//! **Operating.** No method of [`Handle`] waits. All take `&self` and may be called from several
//! threads at once; what is called first takes effect first. Levels are *logical* everywhere: of an
//! active-low line `true` is electrically low, its initial level, bias excepted (a pull-up pulls
//! up), and *rising* means that it became active.
//!
//! **Edges** are kept in a queue from when [`detect`](Handle::detect) (or `open`) turned them on:
//! in the order in which they were, each with the time on the backend's clock and a number that
//! goes up by one with each edge of the line, from 1 at its opening on. The queue holds at least
//! 16; when it is full the *oldest* goes, and the gap in the numbers tells. `read` moves events out
//! of the queue, oldest first, as many as fit, and answers
//! [`WouldBlock`](io::ErrorKind::WouldBlock) when there is none, never `Ok(0)`. Turning detection
//! off or on again keeps what is queued and the count.
//!
//! **Waiting** is done by the caller through [`Handle::ready`], whose operation is `read`. It must
//! become ready at each edge that is queued, and when the line is gone. Two handles are two queues:
//! both get what both see. One handle has one waiter, which the public types see to. A handle whose
//! future is dropped forgets its waker ([`Ready::cancel`]).
//!
//! **Errors** of a handle are [`io::Error`]s with the kernel's numbers: `ENODEV` for ever once the
//! chip is gone (and waits end with it), `ENXIO` or `EOPNOTSUPP` from `detect` where the line has
//! no interrupt, `EPERM` from `set` on an input. A failed call has changed nothing.
//!
//! **Drop** of a handle gives the line back: the next `open` of it succeeds, from the moment that
//! drop returns.
//!
//! **Time.** [`Backend::clock`] is the clock that events are stamped with and on which deadlines of
//! `ready` count; each call returns the same clock.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use circuits_wait::{Clock, Ready};

use crate::{Config, EdgeDetection, Event, LineSpec, Result};

/// Where lines come from. The [module](self) says what it promises.
pub trait Backend: Send + Sync + Debug {
    /// Takes a line and sets it up as `config` says.
    ///
    /// # Errors
    /// By cause, in the table of the [module](self).
    fn open(&self, line: &LineSpec, config: &Config) -> Result<Box<dyn Handle>>;

    /// Returns the clock that events are stamped with.
    fn clock(&self) -> Arc<dyn Clock>;
}

/// A line that is held. The [module](self) says what it promises.
pub trait Handle: Send + Sync + Debug {
    /// Sets the logical level of an output.
    ///
    /// # Errors
    /// `EPERM` on an input.
    fn set(&self, level: bool) -> io::Result<()>;

    /// Returns the logical level that the line has now.
    ///
    /// # Errors
    /// Those of every call.
    fn get(&self) -> io::Result<bool>;

    /// Sets which edges are queued from now on.
    ///
    /// # Errors
    /// `ENXIO` or `EOPNOTSUPP` where the line has no interrupt; `EINVAL` on an output.
    fn detect(&self, edges: EdgeDetection) -> io::Result<()>;

    /// Moves edges out of the queue, oldest first, and returns how many.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when there is none.
    fn read(&self, events: &mut [Event]) -> io::Result<usize>;

    /// Returns what to wait on for [`read`](Handle::read).
    fn ready(&self) -> &dyn Ready;
}

impl<T: Backend + ?Sized> Backend for Arc<T> {
    fn open(&self, line: &LineSpec, config: &Config) -> Result<Box<dyn Handle>> {
        (**self).open(line, config)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }
}
