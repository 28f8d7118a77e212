//! What a backend of serial ports promises.
//!
//! A backend is a value: [`Linux`](crate::Linux), the virtual board, or your own.
//! [`Port`](crate::Port) and its halves are built on the two traits here and on nothing else, so who
//! keeps these promises gets std's, embedded-io's and tokio's traits, blocking and async, deadlines and
//! framings for nothing. The feature `contract` has the promises as tests.
//!
//! **Names.** A port is called as Linux calls its node: `ttyAMA0`. The path of the node, or of a link to
//! it, is a name as well.
//!
//! **Opening.** [`Backend::open`] finds the port and leaves its settings as they are. It waits for no
//! carrier. The lines DTR and RTS may become active by it, which is the driver's affair. Of two who open
//! one port at least one of which asks for it *exclusively* the second is refused; a refused `open`
//! disturbs nobody.
//!
//! | cause | error |
//! | --- | --- |
//! | no port of that name | `ENOENT`, `ENXIO`, `ENODEV`, or [`NotFound`](io::ErrorKind::NotFound) |
//! | the user may not | `EACCES` or `EPERM` |
//! | it is held | `EBUSY`; [`Backend::holder`] says by whom |
//! | it is something else | `ENOTTY` |
//! | there is a port without hardware | `EIO` |
//!
//! They are [`io::Error`]s with Linux's numbers, whatever the system.
//!
//! **Settings.** [`Handle::configure`] sets all of a [`Config`] that is the port's: baud rate, character,
//! flow control, the marking of errors; RS-485 and low latency only where the configuration says how they
//! are to be. What the driver cannot do is either refused (`EINVAL`, `ENOTTY`,
//! `EOPNOTSUPP`, and nothing has changed), or left out, and [`Handle::config`] says what the port has
//! instead; the public type reads that back and makes an error of a difference, and puts back what was
//! there. The exception is the baud rate, of which it has the one that the hardware can do: the public type
//! decides whether that is near enough. Bytes that are sent or
//! received meanwhile may be damaged; those that wait to be read are not lost.
//!
//! A port is *raw*: no byte is changed, added, dropped or echoed, but those of software flow control while
//! that is on.
//!
//! **Reading.** [`Handle::read`] moves bytes out of the port's buffer, oldest first, one at least and as many
//! as fit and are at hand (there is room for one at least; Linux hands out 4095 at once), and answers
//! [`WouldBlock`](io::ErrorKind::WouldBlock) when there is none, never 0 bytes. Where a configuration asks for it, a byte that came with a parity or
//! framing error, and a break, are answers of their own ([`Received`]), in the order in which they came;
//! otherwise a damaged byte comes as it is or is dropped, and a break is a byte 0 or nothing, as the driver
//! has it. The buffer has an end. What does not fit is lost and counted ([`Counters`]), unless flow control
//! stops who sends.
//!
//! **Writing.** [`Handle::write`] takes over as many bytes as there is room for, one at least, and answers
//! `WouldBlock` when there is none. They go over the wire in the order in which they were taken.
//! [`Handle::drain`] answers `WouldBlock` until all that was taken has left, the last stop bit included, as
//! far as the driver knows; it sends nothing by itself.
//!
//! **The end.** When the other end closes (of a pseudo-terminal), `read` first hands out what there still is
//! of what came before, and then answers `EIO`; `write` and `drain` do so at once. (On the controlling side of
//! a pseudo-terminal, the kernel takes bytes for who opens the other one next.) When the port is gone, `read`
//! hands out what there still is, and then all answer `ENODEV`, for ever. What there still is the system
//! decides: Linux throws away what was not read when it hangs a terminal up, which it does with a port that
//! goes and with the user's side of a pseudo-terminal. The virtual board keeps it.
//!
//! **Waiting** is done by the caller through [`Handle::ready`], once for each of four operations
//! ([`Interest`]): to read, to write, to drain, and until [`Handle::counters`] has other counts of the modem
//! lines. The four wait independently, with one waiter each (which the public types see to): a reader
//! and a writer do not disturb each other. A future that is dropped forgets its waker
//! ([`Ready::cancel`]). An operation is called with none of the handle's locks held. Each becomes ready when
//! the port is gone.
//!
//! **Threads.** No method waits. All take `&self`, and may be called from several threads at once.
//!
//! **Modem lines.** True is active, which is the low level of a TTL wire. What a driver does not have is
//! `EINVAL`, `ENOTTY` or `EOPNOTSUPP`.
//!
//! **Drop** of a handle gives the port back. What was not sent yet is sent or dropped, as the driver has it:
//! the public types say so, and offer to drain.
//!
//! **Defaults.** Some methods have one, which says that it cannot be done, with `EOPNOTSUPP`: a
//! backend that passes calls on to another one passes these on, too.
//!
//! **Time.** [`Backend::clock`] is the clock on which deadlines count; each call returns the same clock.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use circuits_wait::{Clock, Ready};

use crate::{Config, Counters, ModemLines};

/// Where ports come from. The [module](self) says what it promises.
pub trait Backend: Send + Sync + Debug {
    /// Opens the port called `name`: `ttyAMA0`, or a path of its node. If it is `exclusive`, nobody else
    /// opens it meanwhile.
    ///
    /// # Errors
    /// By cause, in the table of the [module](self).
    fn open(&self, name: &str, exclusive: bool) -> io::Result<Box<dyn Handle>>;

    /// Returns the clock that deadlines count on.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Returns the names of the ports.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`], if the backend cannot tell; the system's.
    fn list(&self) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Tells who holds a port, as far as it can be known: a name for people.
    fn holder(&self, name: &str) -> Option<String> {
        let _ = name;
        None
    }
}

/// What there was to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// So many bytes, at the beginning of the buffer.
    Bytes(usize),
    /// A byte that came with a parity or framing error.
    Damaged(u8),
    /// A break: the line was held low for longer than a character.
    Break,
}

/// What one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// That there is something for [`Handle::read`].
    Read,
    /// That there is room for [`Handle::write`].
    Write,
    /// That all has left, for [`Handle::drain`].
    Drain,
    /// That a modem line changes, which [`Handle::counters`] tells.
    Modem,
}

/// Which of the port's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// What came and was not read yet.
    Input,
    /// What was written and has not left yet.
    Output,
    /// Both.
    Both,
}

/// A port that is open. The [module](self) says what it promises.
pub trait Handle: Send + Sync + Debug {
    /// Moves what came into `buffer`.
    ///
    /// # Errors
    /// `WouldBlock`; `EIO` and `ENODEV` at the end, by the [module](self).
    fn read(&self, buffer: &mut [u8]) -> io::Result<Received>;

    /// Takes bytes over to be sent, and returns how many.
    ///
    /// # Errors
    /// As `read`.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Succeeds once all that was taken over has left.
    ///
    /// # Errors
    /// As `read`.
    fn drain(&self) -> io::Result<()>;

    /// Returns what to wait on for one of the operations.
    fn ready(&self, interest: Interest) -> &dyn Ready;

    /// Sets the port up.
    ///
    /// # Errors
    /// `EINVAL`, `ENOTTY`, `EOPNOTSUPP`: the driver cannot do it.
    fn configure(&self, config: &Config) -> io::Result<()>;

    /// Puts back how the port was set up before [`configure`](Handle::configure), which did not bring
    /// what was asked for. By default it configures it so: a backend that has settings for which a
    /// configuration has no words, such as a terminal's, puts these back as well.
    ///
    /// # Errors
    /// As `configure`.
    fn put_back(&self, before: &Config) -> io::Result<()> {
        self.configure(before)
    }

    /// Returns how the port is set up; what is not the port's is as by default.
    ///
    /// # Errors
    /// The system's.
    fn config(&self) -> io::Result<Config>;

    /// Returns how many bytes wait in a buffer, as far as that is known: those of `Both` together.
    ///
    /// # Errors
    /// The system's.
    fn waiting(&self, queue: Queue) -> io::Result<usize>;

    /// Throws away what is in a buffer.
    ///
    /// # Errors
    /// The system's.
    fn discard(&self, queue: Queue) -> io::Result<()>;

    /// Begins or ends a break.
    ///
    /// # Errors
    /// The driver cannot do it; `WouldBlock`: there is something to be sent before.
    fn set_break(&self, on: bool) -> io::Result<()> {
        let _ = on;
        Err(unsupported())
    }

    /// Returns the modem lines, those that are set and those that are read.
    ///
    /// # Errors
    /// The port has none.
    fn modem_lines(&self) -> io::Result<ModemLines> {
        Err(unsupported())
    }

    /// Sets those of the lines for which there is a value.
    ///
    /// # Errors
    /// The port has none.
    fn set_modem_lines(&self, rts: Option<bool>, dtr: Option<bool>) -> io::Result<()> {
        let _ = (rts, dtr);
        Err(unsupported())
    }

    /// Returns what was counted, from any beginning on; the counts wrap around.
    ///
    /// # Errors
    /// The driver does not count.
    fn counters(&self) -> io::Result<Counters> {
        Err(unsupported())
    }
}

fn unsupported() -> io::Error {
    // include/uapi/asm-generic/errno.h
    const EOPNOTSUPP: i32 = 95;
    // With a number: without one it is what a future outside of virtual time is told.
    io::Error::from_raw_os_error(EOPNOTSUPP)
}

impl<T: Backend + ?Sized> Backend for Arc<T> {
    fn open(&self, name: &str, exclusive: bool) -> io::Result<Box<dyn Handle>> {
        (**self).open(name, exclusive)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        (**self).list()
    }

    fn holder(&self, name: &str) -> Option<String> {
        (**self).holder(name)
    }
}
