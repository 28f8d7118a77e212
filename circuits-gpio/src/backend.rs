//! What a backend of GPIO lines promises.
//!
//! A backend is a value: [`Linux`](crate::Linux), the virtual board, or your own.
//! [`Input`](crate::Input) and [`Output`](crate::Output) are built on the two traits here and on
//! nothing else, so who keeps these promises gets blocking waits, streams, embedded-hal and
//! timeouts for nothing. The feature `contract` has those promises as tests that every backend can
//! be put to.
//!
//! **Opening.** [`Backend::open`] finds the line, takes it for itself and sets it up in one step:
//! an output has its initial level from the moment that it is an output, and edges count from the
//! moment that `open` returns at the latest. It checks before it touches: a refused `open` leaves
//! the line, and who holds it, as they were. A line has one holder:
//!
//! | cause | error |
//! | --- | --- |
//! | no line of that name or place, or a kind of [`LineSpec`] that the backend does not know | [`Error::NotFound`](crate::Error::NotFound) |
//! | no such chip | [`Error::NoChip`](crate::Error::NoChip) |
//! | several lines of that name | [`Error::Ambiguous`](crate::Error::Ambiguous), with the places of all |
//! | the line is held | [`Error::InUse`](crate::Error::InUse), with the holder's consumer name |
//! | the user may not | [`Error::PermissionDenied`](crate::Error::PermissionDenied) |
//! | the chip cannot do what [`Config`] asks | [`Error::Unsupported`](crate::Error::Unsupported); never a silent default |
//! | anything else | what [`Error::from_io`](crate::Error::from_io) makes of it |
//!
//! What makes no sense on any backend ([`Error::Invalid`](crate::Error::Invalid)) is refused before
//! `open` is called. Opening may block for as long as the system takes to open a file.
//!
//! **Operating.** No method of [`Handle`] waits, nor does it while another thread waits by
//! [`Handle::ready`]. All take `&self` and may be called from several threads at once; what is
//! called first takes effect first. Levels are *logical* everywhere: of an active-low line `true`
//! is electrically low, its initial level too, and *rising* means that it became active. Only the
//! bias is electrical: a pull-up pulls up.
//!
//! **Edges** are kept in a queue from when [`detect`](Handle::detect) (or `open`) turned them on:
//! in the order in which they were, each with the time at which it came, on the backend's clock,
//! and a number that goes up by one with each edge *that is detected*, from 1 at the line's opening
//! on. The queue holds at least 16 and has an end; when it is full the *oldest* goes, and the gap
//! in the numbers tells. `read` moves events out of the queue, oldest first, as many as fit (there
//! is room for one at least), and answers [`WouldBlock`](io::ErrorKind::WouldBlock) when there is
//! none, never `Ok(0)`. Turning detection off or on again keeps what is queued and the count. An
//! output has no edges: `detect` refuses it, `read` answers `WouldBlock`.
//!
//! **Waiting** is done by the caller through [`Handle::ready`], whose operation is `read`. It
//! becomes ready at each edge that is queued, and when the line is gone. Two lines are two queues,
//! also where one signal drives both. One handle has one waiter, which the public types see to. A
//! handle whose future is dropped forgets its waker ([`Ready::cancel`]). The operation is called
//! with none of the handle's locks held, for it takes them. Who has no descriptor to wait on keeps
//! a count that goes up with each edge, reads it *before* the operation, and goes to sleep only if
//! it is still the same.
//!
//! **Errors** of a handle are [`io::Error`]s with the kernel's numbers: `ENODEV` for ever once the
//! chip is gone, whatever is queued (and waits end with it); `ENXIO` or `EOPNOTSUPP` from `detect`
//! where the line has no interrupt; `EPERM` from `set` on an input, `EINVAL` from `detect` on an
//! output, or the kinds of error that are named so. A failed call has changed nothing.
//!
//! **Drop** of a handle gives the line back: the next `open` of it succeeds from the moment that
//! drop returns, with an empty queue that counts from 1. The level is then the chip's affair.
//!
//! **Time.** [`Backend::clock`] is the clock that events are stamped with and on which deadlines of
//! `ready` count; each call returns the same clock, or one that has the same times and the same
//! interrupt.

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
