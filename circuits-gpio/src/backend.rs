//! What a backend of GPIO lines promises.
//!
//! A backend is a value: [`Linux`](crate::Linux), the virtual board, or your own. All public types
//! are built on the traits here and on nothing else, so who keeps these promises gets names,
//! blocking waits, streams, embedded-hal and timeouts for nothing. The feature `contract` has those
//! promises as tests that every backend can be put to.
//!
//! **Looking.** [`chips`](Backend::chips) lists the names of the chips that there are;
//! [`chip_info`](Backend::chip_info) and [`line_infos`](Backend::line_infos) say what one says of itself and of its
//! lines, whoever holds them, and hold nothing. An error says `ENOENT`, `ENXIO` or `ENODEV` (or
//! [`NotFound`](io::ErrorKind::NotFound)) for a chip that is not there, and `EINVAL` for an offset
//! that it does not have. Which line a name means is not the backend's affair.
//!
//! **Opening.** [`Backend::open`] takes the lines of a [`Request`], 1 to 64 different ones of one
//! chip, and sets them up in one step: all or none, an output with its initial level from the
//! moment that it is an output, edges counted from the moment that `open` returns at the latest. A
//! refused `open` leaves who holds the lines as they were, and lets go of what it had taken. A line
//! has one holder:
//!
//! | cause | error |
//! | --- | --- |
//! | no such chip | as above |
//! | an offset that it does not have | `EINVAL` |
//! | a line is held | `EBUSY`; its [`LineInfo`] has the holder's consumer name |
//! | the user may not | `EACCES` or `EPERM` |
//! | the chip cannot do what a [`Config`] asks | `EOPNOTSUPP`, or `ENXIO` for edges; never a silent default |
//!
//! What makes no sense on any backend ([`Error::Invalid`](crate::Error::Invalid)) and what is over
//! the kernel's limits ([`Error::Limit`](crate::Error::Limit)) is refused before `open` is called.
//! After it the settings are read back by [`Handle::line_infos`]. Opening may block for as long as the system
//! takes to open a file.
//!
//! **Operating.** No method of [`Handle`] waits, nor does it while another thread waits by
//! [`Handle::ready`]. All take `&self` and may be called from several threads at once: one takes effect
//! after the other, and what a thread did before its call is seen after a later one. Bit *n* is line *n* of the request. Levels are *logical*
//! everywhere: of an active-low line a bit that is set is electrically low, its initial level too,
//! and *rising* means that it became active. Only bias and drive are electrical: a pull-up pulls
//! up. [`configure`](Handle::configure) sets all lines up anew without letting go of them, outputs
//! at their initial levels and without a glitch where those are what they were; the levels of lines
//! that nothing else drives may move by it.
//!
//! **Edges** of all lines of a handle are kept in one queue while their detection is on: in the
//! order in which they were, each with its line, the time at which it came, and two numbers that go
//! up by one with each edge *that is detected*, from 1 at the opening on: among all lines, and
//! among those of its line. The queue holds at least as many as [`Request::event_buffer`] and has an
//! end; when it is full the *oldest* goes, and the gap in the numbers tells. `read` moves events out
//! of the queue, oldest first, as many as fit (there is room for one at least), and answers
//! [`WouldBlock`](io::ErrorKind::WouldBlock) when there is none, never `Ok(0)`. Turning detection
//! off or on again keeps what is queued and the count. Of an output `configure` refuses it.
//!
//! **Waiting** is done by the caller through [`Handle::ready`], whose operation is `read`. It
//! becomes ready at each edge that is queued, and when the chip is gone. Two handles are two
//! queues, also where one signal drives both. One handle has one waiter, which the public types see
//! to. A handle whose future is dropped forgets its waker ([`Ready::cancel`]). The operation is
//! called with none of the handle's locks held, for it takes them. Who has no descriptor to wait on
//! keeps a count that goes up with each edge, reads it *before* the operation, and goes to sleep
//! only if it is still the same.
//!
//! **Watching.** [`Backend::watch`] tells of each time that one of these lines of a chip is taken,
//! given back or set up anew, by whomever, from the moment that it returns at the latest: in the
//! order in which it was, and with how the line is afterwards. Edge detection that is turned on is a
//! line set up anew. At least 32 changes are kept until they are read; when there is no more room
//! the *newest* goes, and the last that is kept is [overflowing](Change::overflowing).
//! [`Watcher::read`] and [`Watcher::ready`] keep what those of a [`Handle`] keep: no wait, one
//! waiter, `ENODEV` for ever once the chip is gone, but that changes may come first. A backend that cannot watch says so by
//! [`Unsupported`](io::ErrorKind::Unsupported), which is what `watch` does if it is left out.
//!
//! **Errors** of a handle are [`io::Error`]s with the kernel's numbers: `ENODEV` for ever once the
//! chip is gone, whatever is queued (and waits end with it); `ENXIO` or `EOPNOTSUPP` from
//! `configure` where a line has no interrupt; `EPERM` from `set` on an input, or the kinds of error
//! that are named so; `EINVAL` for no line, for too many, and for settings that contradict the
//! direction. A failed call has changed nothing, but a `configure` that the chip cannot do, whose
//! lines the public types set up as they were.
//!
//! **Drop** of a handle gives the lines back: the next `open` of them succeeds from the moment that
//! drop returns, with an empty queue that counts from 1. The levels are then the chip's affair.
//!
//! **Time.** [`Backend::clock`] is the clock that events are stamped with (but for lines that ask
//! for another, see [`EventClock`](crate::EventClock)) and on which deadlines of `ready` count; each
//! call returns the same clock, or one that has the same times and the same interrupt.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use circuits_wait::{Clock, Ready};

use crate::{Change, ChipInfo, Config, Event, LineInfo};

/// Where lines come from. The [module](self) says what it promises.
pub trait Backend: Send + Sync + Debug {
    /// Returns the clock that events are stamped with.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Lists the names of the chips, in the order of their numbers.
    ///
    /// # Errors
    /// Any. No chip at all is none.
    fn chips(&self) -> io::Result<Vec<String>>;

    /// Returns what the chip of this name says of itself.
    ///
    /// # Errors
    /// By cause, in the [module](self).
    fn chip_info(&self, name: &str) -> io::Result<ChipInfo>;

    /// Returns what a chip says of all of its lines, in the order of their offsets.
    ///
    /// # Errors
    /// By cause, in the [module](self).
    fn line_infos(&self, chip: &str) -> io::Result<Vec<LineInfo>>;

    /// Returns what a chip says of one line.
    ///
    /// # Errors
    /// By cause, in the [module](self).
    fn line_info(&self, chip: &str, offset: u32) -> io::Result<LineInfo>;

    /// Takes lines and sets them up.
    ///
    /// # Errors
    /// By cause, in the table of the [module](self).
    fn open(&self, request: &Request) -> io::Result<Box<dyn Handle>>;

    /// Watches different lines of a chip.
    ///
    /// # Errors
    /// By cause, in the [module](self).
    fn watch(&self, chip: &str, offsets: &[u32]) -> io::Result<Box<dyn Watcher>> {
        let _ = (chip, offsets);
        // With a number: without one it is what a future outside of virtual time is told.
        Err(io::Error::from_raw_os_error(EOPNOTSUPP))
    }
}

// include/uapi/asm-generic/errno.h
const EOPNOTSUPP: i32 = 95;

/// Lines that are to be taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The name of their chip.
    pub chip: String,
    /// Their offsets, and how each is to be. What a configuration says of the consumer and of the
    /// size of the queue does not count.
    pub lines: Vec<(u32, Config)>,
    /// Who holds them. The kernel keeps 31 bytes.
    pub consumer: String,
    /// How many edges must be kept, from 1 to 1024.
    pub event_buffer: u32,
}

impl Request {
    /// Makes a request of these lines of a chip, in the name of the program, with the kernel's own
    /// size of the queue.
    pub fn new(chip: impl Into<String>, lines: Vec<(u32, Config)>) -> Request {
        Request {
            chip: chip.into(),
            consumer: Config::new().consumer_name(),
            event_buffer: (16 * lines.len() as u32).min(1024),
            lines,
        }
    }
}

/// Lines that are held. The [module](self) says what it promises.
pub trait Handle: Send + Sync + Debug {
    /// Returns the logical levels that these lines have now; the other bits are 0.
    ///
    /// # Errors
    /// Those of every call.
    fn get(&self, lines: u64) -> io::Result<u64>;

    /// Sets the logical levels of these lines, all at the same time.
    ///
    /// # Errors
    /// `EPERM` if one of them is an input.
    fn set(&self, lines: u64, levels: u64) -> io::Result<()>;

    /// Sets all lines up anew, each as its configuration says: as many as there are lines.
    ///
    /// # Errors
    /// As [`Backend::open`] for what a chip cannot do.
    fn configure(&self, configs: &[Config]) -> io::Result<()>;

    /// Returns what the chip says of these lines now.
    ///
    /// # Errors
    /// Those of every call.
    fn line_infos(&self) -> io::Result<Vec<LineInfo>>;

    /// Moves edges out of the queue, oldest first, and returns how many.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when there is none.
    fn read(&self, events: &mut [Event]) -> io::Result<usize>;

    /// Returns what to wait on for [`read`](Handle::read).
    fn ready(&self) -> &dyn Ready;
}

/// Lines that are watched. The [module](self) says what it promises.
pub trait Watcher: Send + Sync + Debug {
    /// Takes the oldest change out of the queue.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) when there is none.
    fn read(&self) -> io::Result<Change>;

    /// Returns what to wait on for [`read`](Watcher::read).
    fn ready(&self) -> &dyn Ready;
}

impl<T: Backend + ?Sized> Backend for Arc<T> {
    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }

    fn chips(&self) -> io::Result<Vec<String>> {
        (**self).chips()
    }

    fn chip_info(&self, name: &str) -> io::Result<ChipInfo> {
        (**self).chip_info(name)
    }

    fn line_infos(&self, chip: &str) -> io::Result<Vec<LineInfo>> {
        (**self).line_infos(chip)
    }

    fn line_info(&self, chip: &str, offset: u32) -> io::Result<LineInfo> {
        (**self).line_info(chip, offset)
    }

    fn open(&self, request: &Request) -> io::Result<Box<dyn Handle>> {
        (**self).open(request)
    }

    fn watch(&self, chip: &str, offsets: &[u32]) -> io::Result<Box<dyn Watcher>> {
        (**self).watch(chip, offsets)
    }
}
