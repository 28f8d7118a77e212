//! What a backend of CAN interfaces promises.
//!
//! A backend is a value: [`Linux`](crate::Linux), the virtual board, or your own.
//! [`Socket`](crate::Socket), [`Interface`](crate::Interface) and [`Cycle`](crate::Cycle) are built on the
//! traits here and on nothing else, so who keeps these promises gets bursts, futures, streams, deadlines and
//! embedded-can's traits for nothing. The feature `contract` has the promises as tests.
//!
//! **Names.** An interface is called as Linux calls it: `can0`.
//!
//! **Opening.** [`Backend::open`] makes a socket on an interface, set up by a [`Config`] before the first
//! frame can come. Any number of sockets may be open on one interface: each receives every frame that its
//! filters let through.
//!
//! | cause | error |
//! | --- | --- |
//! | no CAN interface of that name | `ENODEV` |
//! | it is down | `ENETDOWN` |
//! | the user may not | `EACCES` or `EPERM` |
//! | the system has no CAN | `EAFNOSUPPORT` or `EPROTONOSUPPORT` |
//!
//! They are [`io::Error`]s with Linux's numbers, whatever the system.
//!
//! **Settings.** What [`Handle::configure`] was not granted [`Handle::config`] tells, and the public type makes
//! an error of it: so `config` returns the filters as they were set, in their order, and the receive buffer's size
//! (which may be more than was asked for; without that it is the system's own again). Frames that were received before
//! stay to be read.
//!
//! **Reading.** [`Handle::read`] moves frames out of the socket's buffer, oldest first, one at least and as
//! many as fit and are at hand, and answers [`WouldBlock`](io::ErrorKind::WouldBlock) when there is none, never
//! 0. A frame comes to a socket if it is one that [`Config`] lets through: by its filters if it is a
//! frame of the bus ([`Filter::matches`](crate::Filter::matches) is the rule for each), by its error mask if it
//! is an error frame. Each comes with the time when it was received, on the clock of the backend; and if it was sent
//! by this system, by a socket or a cycle, with that ([`Received::looped_back`]).
//!
//! **Losses.** The buffer has an end. What does not fit is dropped, the newest first, and counted: each frame
//! says how many were dropped since the one before it ([`Received::lost`]), and
//! [`Handle::lost`] how many were since the socket was opened, those included that no frame has told of yet.
//!
//! **Writing.** [`Handle::write`] takes frames over to be sent, in their order, as many as there is room for, one
//! at least, and answers `WouldBlock` when there is none. It is given all that is left each time: what it does with
//! frames that it does not take over is done again and again. What is taken over goes to the bus, and, unless
//! [`Config::loopback`] says otherwise, to the other sockets of the interface, when it was sent; to the one that
//! wrote it only if [`Config::own_messages`] asks for it. Of frames of several sockets, and of several interfaces
//! on one bus, the one with the smallest identifier wins when they want to be sent at the same time; those of one
//! interface are sent in the order in which they were taken over.
//!
//! | cause | error |
//! | --- | --- |
//! | the interface is down | `ENETDOWN` |
//! | the interface has no such frames: CAN FD | `EINVAL` |
//! | the interface is gone | `ENODEV` or `ENXIO` |
//!
//! **The end.** When the interface goes down, `read` first hands out what there still is, answers
//! `ENETDOWN` once, and goes on when the interface is up again. When the interface is gone, `read` hands out
//! what there still is, and then all answer `ENODEV` (`write` may say `ENXIO`), for ever, even if another one of
//! that name comes.
//!
//! **Waiting** is done by the caller through [`Handle::ready`], once for each of two operations
//! ([`Interest`]): to read and to write. The two wait independently: any number of threads that block, and one future
//! each (which the public types see to). Whoever waits is told of what is in the socket's buffer; what was taken out of
//! it is the caller's to hand on. A future that is dropped forgets its waker ([`Ready::cancel`]). An operation is called with none of
//! the handle's locks held. Each becomes ready when the interface goes down or is gone.
//!
//! **Threads.** No method waits. All take `&self`, and may be called from several threads at once. No slice that is
//! passed is empty.
//!
//! **The interface** itself is asked and set up by a [`Link`]. Bit rates and modes are set while it is down only
//! (`EBUSY` otherwise); what it cannot do is `EOPNOTSUPP` or `EINVAL`, who may not has `EPERM`.
//!
//! **Cyclic frames** are sent by a [`Cyclic`], at an interval of the backend's clock, without the program; it
//! ends when it is dropped. That the first one is sent at once is the rule. Frames for which there is no
//! room, or while the interface is down, are not sent then, and not told of. When the interface is gone it ends, and
//! `set_frames` answers `ENODEV`.
//!
//! **Defaults.** Some methods have one, which says that it cannot be done, with `EOPNOTSUPP`: a
//! backend that passes calls on to another one passes these on, too.
//!
//! **Time.** [`Backend::clock`] is the clock on which deadlines count and frames are stamped; each call returns
//! the same clock.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use circuits_wait::{Clock, Ready};

use crate::{Config, CycleConfig, Frame, InterfaceConfig, InterfaceInfo, Received};

/// Where interfaces come from. The [module](self) says what it promises.
pub trait Backend: Send + Sync + Debug {
    /// Opens a socket on the interface called `interface`.
    ///
    /// # Errors
    /// By cause, in the table of the [module](self).
    fn open(&self, interface: &str, config: &Config) -> io::Result<Box<dyn Handle>>;

    /// Returns the clock that deadlines count on.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Returns the names of the interfaces, sorted.
    ///
    /// # Errors
    /// `EOPNOTSUPP`, if the backend cannot tell; the system's.
    fn list(&self) -> io::Result<Vec<String>> {
        Err(unsupported())
    }

    /// Returns what an interface is asked and set up by.
    ///
    /// # Errors
    /// `ENODEV`: there is no CAN interface of that name.
    fn link(&self, interface: &str) -> io::Result<Box<dyn Link>> {
        let _ = interface;
        Err(unsupported())
    }

    /// Begins to send frames, one after another, each time that the interval is over.
    ///
    /// # Errors
    /// As for `open`; `EINVAL`: the interface has no such frames, or they are too many.
    fn cycle(
        &self,
        interface: &str,
        frames: &[Frame],
        config: &CycleConfig,
    ) -> io::Result<Box<dyn Cyclic>> {
        let _ = (interface, frames, config);
        Err(unsupported())
    }
}

/// What one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interest {
    /// That there is something for [`Handle::read`].
    Read,
    /// That there is room for [`Handle::write`].
    Write,
}

/// A socket that is open. The [module](self) says what it promises.
pub trait Handle: Send + Sync + Debug {
    /// Moves what came into `frames`, and returns how many they are.
    ///
    /// # Errors
    /// `WouldBlock`; `ENETDOWN` and `ENODEV` by the [module](self).
    fn read(&self, frames: &mut [Received]) -> io::Result<usize>;

    /// Takes frames over to be sent, and returns how many.
    ///
    /// # Errors
    /// `WouldBlock`; by cause, in the table of the [module](self).
    fn write(&self, frames: &[Frame]) -> io::Result<usize>;

    /// Returns what to wait on for one of the operations.
    fn ready(&self, interest: Interest) -> &dyn Ready;

    /// Sets the socket up anew.
    ///
    /// # Errors
    /// `EINVAL`: it cannot be set up so, as with more filters than it takes.
    fn configure(&self, config: &Config) -> io::Result<()>;

    /// Returns how the socket is set up; what is not the socket's is as by default.
    ///
    /// # Errors
    /// The system's.
    fn config(&self) -> io::Result<Config>;

    /// Returns how many frames were dropped since the socket was opened, for want of room in its buffer.
    ///
    /// # Errors
    /// The system cannot tell.
    fn lost(&self) -> io::Result<u64>;
}

/// An interface, as it is asked and set up.
pub trait Link: Send + Sync + Debug {
    /// Returns how it is.
    ///
    /// # Errors
    /// `ENODEV`: it is gone.
    fn info(&self) -> io::Result<InterfaceInfo>;

    /// Sets it up: those settings that `config` has, all or none.
    ///
    /// # Errors
    /// `EBUSY`: it is up; `EOPNOTSUPP`, `EINVAL`, `ERANGE` or `EDOM`: it cannot; `EPERM`: the user may not.
    fn configure(&self, config: &InterfaceConfig) -> io::Result<()>;

    /// Takes it up or down. It is no error that it is already.
    ///
    /// # Errors
    /// `EPERM`: the user may not; `EINVAL`: it has no bit rate yet.
    fn set_up(&self, up: bool) -> io::Result<()>;

    /// Has a controller that is bus-off take part again.
    ///
    /// # Errors
    /// `EINVAL`: it is down, or restarts by itself; `EBUSY`: it is not bus-off; `EOPNOTSUPP`: it has no
    /// controller; `EPERM`: the user may not.
    fn restart(&self) -> io::Result<()>;
}

/// Frames that are sent at an interval, until this is dropped.
pub trait Cyclic: Send + Sync + Debug {
    /// Replaces the frames, which are as many as before, without disturbing the interval.
    ///
    /// # Errors
    /// `EINVAL`: they are not as many, or the interface has no such frames; `ENODEV`: it is gone.
    fn set_frames(&self, frames: &[Frame]) -> io::Result<()>;
}

fn unsupported() -> io::Error {
    // With a number: without one it is what a future outside of virtual time is told.
    io::Error::from_raw_os_error(crate::error::EOPNOTSUPP)
}

impl<T: Backend + ?Sized> Backend for Arc<T> {
    fn open(&self, interface: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        (**self).open(interface, config)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        (**self).clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        (**self).list()
    }

    fn link(&self, interface: &str) -> io::Result<Box<dyn Link>> {
        (**self).link(interface)
    }

    fn cycle(
        &self,
        interface: &str,
        frames: &[Frame],
        config: &CycleConfig,
    ) -> io::Result<Box<dyn Cyclic>> {
        (**self).cycle(interface, frames, config)
    }
}
