use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::{Clock, Time};

use crate::settings;
use crate::{
    Backend, Config, Counters, Error, Handle, Interest, Linux, Queue, Reader, Result, Writer,
};

/// A serial port. It is read and written through std's [`Read`](io::Read) and [`Write`](io::Write),
/// through embedded-io's traits, blocking and async, and through tokio's.
///
/// One that is shared (`&Port`, `Arc<Port>`) is read and written by blocking calls at the same time, from
/// two threads. Futures need the port for themselves, or one of its [halves](Port::split) each.
///
/// Reading returns what there is, as soon as there is anything. When the other end closes or the port is
/// unplugged, what there still is of what came before is read, and then [`HungUp`](Error::HungUp) or
/// [`Removed`](Error::Removed) is the error: reading never returns 0 bytes for that.
///
/// When it is dropped it is closed, and what was written is still sent: on Linux the drop blocks until then,
/// 30 s at most (`closing_wait`, which a receiver that holds CTS can use up), so an async program
/// [drains](Port::drain) or [discards](Port::discard) before.
///
/// ```
/// use circuits_stub::Stub;
/// use circuits_uart::{Config, Port};
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// let board = Stub::virtual_time().serial_cable("ttyAMA0", "ttyUSB0")?;
/// let config = Config::new().baud(9600).timeout(Duration::from_secs(1));
/// let mut here = Port::open_on(&board, "ttyAMA0", &config)?;
/// let mut there = Port::open_on(&board, "ttyUSB0", &config)?;
///
/// here.write_all(b"hello")?;
/// let mut greeting = [0; 5];
/// there.read_exact(&mut greeting)?;
/// assert_eq!(&greeting, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Port {
    pub(crate) handle: Box<dyn Handle>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) name: Arc<str>,
    config: Mutex<Config>,
    timeout: Mutex<Option<Duration>>,
    /// What was counted before it was opened, if the driver counts.
    pub(crate) before: Option<Counters>,
    /// The counts of the modem lines that were looked at last.
    pub(crate) seen: Mutex<Counters>,
}

impl Port {
    /// Opens a port of this Linux machine, `ttyUSB0` or the path of its node or of a link to it
    /// (`/dev/serial/by-id/…`), and sets it up.
    ///
    /// # Errors
    /// As [`Port::open_on`].
    pub fn open(name: &str, config: &Config) -> Result<Port> {
        Port::open_on(&Linux::here(name)?, name, config)
    }

    /// Opens a port of `backend` and sets it up.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::PermissionDenied`]; [`Error::InUse`], which says by whom where that can
    /// be known; [`Error::Invalid`] for settings that make no sense; [`Error::Unsupported`], which names
    /// it, and [`Error::Baud`] for what the driver does not grant.
    pub fn open_on(backend: &dyn Backend, name: &str, config: &Config) -> Result<Port> {
        let port: Arc<str> = name.into();
        settings::check(&port, config)?;
        let handle = backend
            .open(name, config.is_exclusive())
            .map_err(|error| Error::from_open(&port, || backend.holder(name), error))?;
        Port::set_up(handle, backend.clock(), port, config)
    }

    /// Makes a port of a terminal that is open already: the controlling side of a pseudo-terminal, or
    /// what another process passed on. It is set up as a port that is opened; whether it is exclusive is
    /// the affair of who opened it. Whoever else has the same open file, as the parent of a process has its
    /// standard input, finds it non-blocking from now on (`O_NONBLOCK`), and set up so. Its waits end when `backend`'s clock is interrupted.
    ///
    /// # Errors
    /// As [`Port::open_on`].
    #[cfg(target_os = "linux")]
    pub fn from_fd(
        backend: &Linux,
        fd: impl Into<std::os::fd::OwnedFd>,
        config: &Config,
    ) -> Result<Port> {
        let fd = fd.into();
        let name: Arc<str> = crate::linux::name(&fd).into();
        settings::check(&name, config)?;
        let handle = backend
            .adopt(fd)
            .map_err(|error| Error::from_open(&name, || None, error))?;
        Port::set_up(handle, backend.clock(), name, config)
    }

    fn set_up(
        handle: Box<dyn Handle>,
        clock: Arc<dyn Clock>,
        name: Arc<str>,
        config: &Config,
    ) -> Result<Port> {
        let config = settings::set_up(&*handle, &name, config)?;
        let before = handle.counters().ok();
        Ok(Port {
            handle,
            clock,
            name,
            timeout: Mutex::new(config.longest_wait()),
            seen: Mutex::new(before.unwrap_or_default()),
            before,
            config: Mutex::new(config),
        })
    }

    /// Returns the name that it was opened by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how it is set up, with the baud rate that the hardware has of it.
    pub fn config(&self) -> Config {
        lock(&self.config).clone()
    }

    /// Sets it up anew. What waits to be read stays; what is still to be sent may be damaged, so
    /// [`drain`](Port::drain) before. Whether it is exclusive does not change.
    ///
    /// # Errors
    /// As [`Port::open_on`]; the settings stay as they were then.
    pub fn configure(&self, config: &Config) -> Result<()> {
        settings::check(&self.name, config)?;
        let mut held = lock(&self.config);
        let config = config.clone().exclusive(held.is_exclusive());
        *held = settings::set_up(&*self.handle, &self.name, &config)?;
        self.set_timeout(held.longest_wait());
        Ok(())
    }

    /// Sets for how long a blocking call of a trait waits at most, as [`Config::timeout`]; `None`: for
    /// ever. Calls that wait already go on as they began.
    pub fn set_timeout(&self, timeout: impl Into<Option<Duration>>) {
        *lock(&self.timeout) = timeout.into();
    }

    /// Returns for how long a blocking call of a trait waits at most.
    pub fn timeout(&self) -> Option<Duration> {
        *lock(&self.timeout)
    }

    /// Returns the two halves, for two tasks or threads: one reads while the other writes. What else a
    /// port does, each of them does by its [`port`](Reader::port).
    pub fn split(self) -> (Reader, Writer) {
        let port = Arc::new(self);
        (Reader::new(port.clone()), Writer::new(port))
    }

    /// Reads what there is, and waits until there is anything, for as long as `timeout` at most, whatever
    /// [`Config::timeout`] says.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::HungUp`] and [`Error::Removed`] when all that came before was read;
    /// [`Error::Damaged`] and [`Error::Break`] in their places, if [asked for](Config::report_errors);
    /// [`Error::Interrupted`].
    pub fn read_within(&self, buffer: &mut [u8], timeout: Duration) -> Result<usize> {
        self.read_until(buffer, Some(self.clock.now() + timeout))
    }

    /// Writes all of it, which is when it is taken over to be sent, and waits for room, for as long as
    /// `timeout` at most, whatever [`Config::timeout`] says.
    ///
    /// # Errors
    /// [`Error::TimedOut`], which says how much was written; [`Error::HungUp`], [`Error::Removed`],
    /// [`Error::Interrupted`].
    pub fn write_within(&self, bytes: &[u8], timeout: Duration) -> Result<()> {
        self.write_all_until(bytes, Some(self.clock.now() + timeout))
    }

    pub(crate) fn write_all_until(&self, bytes: &[u8], deadline: Option<Time>) -> Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            match self.write_until(&bytes[written..], deadline) {
                Ok(more) => written += more,
                Err(Error::TimedOut { port, .. }) => return Err(Error::TimedOut { port, written }),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Blocks until all that was written has left, the last stop bit included, as far as the driver knows.
    /// With `None` it waits for ever: a receiver that holds CTS can see to that.
    ///
    /// # Errors
    /// [`Error::TimedOut`], [`Error::HungUp`], [`Error::Removed`], [`Error::Interrupted`].
    pub fn drain(&self, timeout: impl Into<Option<Duration>>) -> Result<()> {
        self.drain_until(timeout.into().map(|timeout| self.clock.now() + timeout))
    }

    pub(crate) fn drain_until(&self, deadline: Option<Time>) -> Result<()> {
        let ready = self.handle.ready(Interest::Drain);
        let in_time = ready.block(deadline, &mut || self.handle.drain());
        self.in_time("draining", in_time)
    }

    /// Returns how many bytes wait in a buffer: what came and was not read, what was written and has not
    /// left. Of what came a kernel tells of some 4 KiB; more may wait behind that.
    ///
    /// # Errors
    /// [`Error::HungUp`], [`Error::Removed`].
    pub fn waiting(&self, queue: Queue) -> Result<usize> {
        self.handle.waiting(queue).map_err(self.failed("counting"))
    }

    /// Throws away what waits in a buffer.
    ///
    /// # Errors
    /// [`Error::HungUp`], [`Error::Removed`].
    pub fn discard(&self, queue: Queue) -> Result<()> {
        let discarded = self.handle.discard(queue);
        discarded.map_err(self.failed("discarding"))
    }

    /// Closes the port when all that was written has left, or the time is over: then what has not left is
    /// thrown away. A drop alone may wait for longer.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::HungUp`], [`Error::Removed`], [`Error::Interrupted`]. The port is closed
    /// whatever comes of it.
    pub fn close(self, timeout: impl Into<Option<Duration>>) -> Result<()> {
        let drained = self.drain(timeout);
        if drained.is_err() {
            // What is told is why it has not left.
            let _ = self.discard(Queue::Output);
        }
        drained
    }

    /// Sends a break: holds the line low for a time, which must be longer than a character to be one, when all
    /// that was written has left; for that it waits for as long as the port's [timeout](Port::set_timeout) at
    /// most.
    ///
    /// # Errors
    /// [`Error::Unsupported`]; [`Error::TimedOut`], and no break was sent; [`Error::HungUp`],
    /// [`Error::Removed`]; [`Error::Interrupted`]: the line is let go then, too.
    pub fn send_break(&self, duration: Duration) -> Result<()> {
        let ready = self.handle.ready(Interest::Drain);
        // Others may write in between: then it waits again.
        let begun = ready.block(self.deadline(), &mut || {
            self.handle.drain()?;
            self.handle.set_break(true)
        });
        self.in_time("breaks", begun)?;
        let slept = self.clock.sleep_until(self.clock.now() + duration);
        self.set_break(false)?;
        slept.map_err(self.failed("breaks"))
    }

    /// Begins or ends a break, which is for those who wait in another way, as by futures. To be drained
    /// before is their affair, too.
    ///
    /// # Errors
    /// [`Error::Io`] of the kind [`WouldBlock`](io::ErrorKind::WouldBlock): something that was written has not
    /// left yet. [`Error::Unsupported`]; [`Error::HungUp`], [`Error::Removed`].
    pub fn set_break(&self, on: bool) -> Result<()> {
        self.handle.set_break(on).map_err(self.failed("breaks"))
    }
}

/// Returns the names of the ports of this Linux machine.
///
/// # Errors
/// As [`list_on`].
pub fn list() -> Result<Vec<String>> {
    list_on(&Linux::here("")?)
}

/// Returns the names of the ports of `backend`.
///
/// # Errors
/// [`Error::Unsupported`] if it cannot tell; the system's.
pub fn list_on(backend: &dyn Backend) -> Result<Vec<String>> {
    backend.list().map_err(|source| {
        let port = "all".into();
        match source.kind() {
            io::ErrorKind::Unsupported => Error::Unsupported {
                port,
                what: "listing: the backend cannot tell what there is",
                source,
            },
            _ => Error::Io { port, source },
        }
    })
}

/// Nothing of a user's runs under these locks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
