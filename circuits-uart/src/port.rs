use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_wait::{Clock, Time};

use crate::settings;
use crate::wait::Wait;
use crate::{
    Backend, Config, Counters, Error, Handle, Interest, Linux, ModemChange, ModemLines, Queue,
    Reader, Received, Result, Writer,
};

/// A serial port. It is read and written through std's [`Read`](io::Read) and [`Write`](io::Write),
/// through embedded-io's traits, blocking and async, and through tokio's.
///
/// One that is shared (`&Port`, `Arc<Port>`) is read and written by blocking calls at the same time, from
/// two threads. Futures need the port for themselves, or one of its [halves](Port::split) each.
///
/// Reading returns what there is, as soon as there is anything. When the other end closes or the port is
/// unplugged, all that came before is read, and then [`HungUp`](Error::HungUp) or
/// [`Removed`](Error::Removed) is the error: reading never returns 0 bytes for that.
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
    handle: Box<dyn Handle>,
    clock: Arc<dyn Clock>,
    name: Arc<str>,
    config: Mutex<Config>,
    /// Nanoseconds; [`FOR_EVER`].
    timeout: AtomicU64,
    /// What was counted before it was opened, if the driver counts.
    before: Option<Counters>,
    /// The counts of the modem lines that were looked at last.
    seen: Mutex<Counters>,
}

const FOR_EVER: u64 = u64::MAX;

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
    /// the affair of who opened it. Its waits end when `backend`'s clock is interrupted.
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
        let config = settings::configure(&*handle, &name, config)?;
        if config.initial_rts().is_some() || config.initial_dtr().is_some() {
            handle
                .set_modem_lines(config.initial_rts(), config.initial_dtr())
                .map_err(|error| Error::from_io(&name, "setting RTS or DTR", error))?;
        }
        let before = handle.counters().ok();
        let port = Port {
            handle,
            clock,
            name,
            timeout: AtomicU64::new(FOR_EVER),
            seen: Mutex::new(before.unwrap_or_default()),
            before,
            config: Mutex::new(config),
        };
        port.set_timeout(port.config().longest_wait());
        Ok(port)
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
        *held = settings::configure(&*self.handle, &self.name, &config)?;
        self.set_timeout(held.longest_wait());
        Ok(())
    }

    /// Sets for how long a blocking call of a trait waits at most, as [`Config::timeout`]; `None`: for
    /// ever. Calls that wait already go on as they began.
    pub fn set_timeout(&self, timeout: Option<Duration>) {
        let nanos = timeout.map(|time| u64::try_from(time.as_nanos()).unwrap_or(FOR_EVER));
        self.timeout
            .store(nanos.unwrap_or(FOR_EVER), Ordering::Relaxed);
    }

    /// Returns for how long a blocking call of a trait waits at most.
    pub fn timeout(&self) -> Option<Duration> {
        match self.timeout.load(Ordering::Relaxed) {
            FOR_EVER => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
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
        let deadline = Some(self.clock.now() + timeout);
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
    pub fn drain(&self, timeout: Option<Duration>) -> Result<()> {
        let deadline = timeout.map(|timeout| self.clock.now() + timeout);
        let ready = self.handle.ready(Interest::Drain);
        let in_time = ready.block(deadline, &mut || self.handle.drain());
        self.in_time("draining", in_time)
    }

    /// Returns how many bytes wait in a buffer: what came and was not read, what was written and has not
    /// left.
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

    /// Sends a break: holds the line low for a time, which must be longer than a character to be one. What
    /// was written is drained before.
    ///
    /// # Errors
    /// [`Error::Unsupported`]; [`Error::HungUp`], [`Error::Removed`]; [`Error::Interrupted`]: the line is
    /// let go then, too.
    pub fn send_break(&self, duration: Duration) -> Result<()> {
        self.drain(None)?;
        self.set_break(true)?;
        let slept = self.clock.sleep_until(self.clock.now() + duration);
        self.set_break(false)?;
        slept.map_err(self.failed("breaks"))
    }

    /// Begins or ends a break, which is for those who wait in another way, as by futures: they flush
    /// before.
    ///
    /// # Errors
    /// [`Error::Unsupported`]; [`Error::HungUp`], [`Error::Removed`]; [`Error::Io`] with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock), if not all has left that was written.
    pub fn set_break(&self, on: bool) -> Result<()> {
        self.handle.set_break(on).map_err(self.failed("breaks"))
    }

    /// Returns the modem lines, those that this end sets and those that it reads.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if there are none; [`Error::HungUp`], [`Error::Removed`].
    pub fn modem_lines(&self) -> Result<ModemLines> {
        let lines = self.handle.modem_lines();
        lines.map_err(self.failed("modem lines"))
    }

    /// Makes *request to send* active or not.
    ///
    /// # Errors
    /// As [`modem_lines`](Port::modem_lines).
    pub fn set_rts(&self, active: bool) -> Result<()> {
        let set = self.handle.set_modem_lines(Some(active), None);
        set.map_err(self.failed("setting RTS"))
    }

    /// Makes *data terminal ready* active or not.
    ///
    /// # Errors
    /// As [`modem_lines`](Port::modem_lines).
    pub fn set_dtr(&self, active: bool) -> Result<()> {
        let set = self.handle.set_modem_lines(None, Some(active));
        set.map_err(self.failed("setting DTR"))
    }

    /// Returns what was counted since the port was opened: bytes, errors, losses, changes of modem lines.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the driver does not count; [`Error::HungUp`], [`Error::Removed`].
    pub fn counters(&self) -> Result<Counters> {
        let counters = self.handle.counters().map_err(self.failed("counting"))?;
        Ok(counters.since(&self.before.unwrap_or_default()))
    }

    /// Blocks until a modem line changes, or the time is over (`None`). Changes are counted from the last
    /// time on that this told of one, from the opening at first: none is lost, and short ones are told
    /// together.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the driver does not count them; [`Error::HungUp`], [`Error::Removed`],
    /// [`Error::Interrupted`].
    pub fn wait_modem_change(&self, timeout: Option<Duration>) -> Result<Option<ModemChange>> {
        let deadline = timeout.map(|timeout| self.clock.now() + timeout);
        let mut changes = None;
        let ready = self.handle.ready(Interest::Modem);
        let in_time = ready.block(deadline, &mut || self.look_at_modem(&mut changes));
        match self.in_time(MODEM, in_time) {
            Err(Error::TimedOut { .. }) => Ok(None),
            Err(error) => Err(error),
            Ok(()) => self.modem_change(changes).map(Some),
        }
    }

    /// Waits until a modem line changes, as [`wait_modem_change`](Port::wait_modem_change).
    ///
    /// # Errors
    /// As [`wait_modem_change`](Port::wait_modem_change), but it is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has told of no change: the next one does.
    pub async fn next_modem_change(&mut self) -> Result<ModemChange> {
        let mut changes = None;
        let wait = Wait::new(self.handle.ready(Interest::Modem));
        let looked = wait.until(|| self.look_at_modem(&mut changes)).await;
        looked.map_err(self.failed(MODEM))?;
        self.modem_change(changes)
    }

    fn look_at_modem(&self, changes: &mut Option<Counters>) -> io::Result<()> {
        let now = self.handle.counters()?;
        let mut seen = lock(&self.seen);
        if now.modem() == seen.modem() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        *changes = Some(now.since(&seen));
        *seen = now;
        Ok(())
    }

    fn modem_change(&self, changes: Option<Counters>) -> Result<ModemChange> {
        let Counters {
            cts, dsr, ri, cd, ..
        } = changes.unwrap_or_default();
        Ok(ModemChange {
            changes: Counters {
                cts,
                dsr,
                ri,
                cd,
                ..Counters::default()
            },
            lines: self.modem_lines()?,
        })
    }

    /// Until when a blocking call of a trait waits.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.timeout().map(|timeout| self.clock.now() + timeout)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn read_until(&self, buffer: &mut [u8], deadline: Option<Time>) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut received = None;
        let in_time = self.handle.ready(Interest::Read).block(deadline, &mut || {
            received = Some(self.handle.read(buffer)?);
            Ok(())
        });
        self.in_time("reading", in_time)?;
        self.received(received)
    }

    pub(crate) fn write_until(&self, bytes: &[u8], deadline: Option<Time>) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut written = 0;
        let in_time = self.handle.ready(Interest::Write).block(deadline, &mut || {
            written = self.handle.write(bytes)?;
            Ok(())
        });
        self.in_time("writing", in_time)?;
        Ok(written)
    }

    /// Drains for as long as a call of a trait waits.
    pub(crate) fn flush_within_timeout(&self) -> Result<()> {
        self.drain(self.timeout())
    }

    // The waits of futures. There is one waiter for each: the types that call these see to it.

    pub(crate) async fn read_async(&self, buffer: &mut [u8]) -> Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut received = None;
        let wait = Wait::new(self.handle.ready(Interest::Read));
        let read = || {
            received = Some(self.handle.read(buffer)?);
            Ok(())
        };
        let read = wait.until(read).await;
        read.map_err(self.failed("reading"))?;
        self.received(received)
    }

    pub(crate) async fn write_async(&self, bytes: &[u8]) -> Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let mut written = 0;
        let wait = Wait::new(self.handle.ready(Interest::Write));
        let write = || {
            written = self.handle.write(bytes)?;
            Ok(())
        };
        let write = wait.until(write).await;
        write.map_err(self.failed("writing"))?;
        Ok(written)
    }

    pub(crate) async fn drain_async(&self) -> Result<()> {
        let wait = Wait::new(self.handle.ready(Interest::Drain));
        let drained = wait.until(|| self.handle.drain()).await;
        drained.map_err(self.failed("draining"))
    }

    #[cfg_attr(not(feature = "tokio"), allow(dead_code))]
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        let mut received = None;
        let ready = self.handle.ready(Interest::Read);
        let poll = ready.poll(cx, &mut || {
            received = Some(self.handle.read(buffer)?);
            Ok(())
        });
        poll.map(|read| {
            read.map_err(self.failed("reading"))?;
            self.received(received)
        })
    }

    #[cfg_attr(not(feature = "tokio"), allow(dead_code))]
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let mut written = 0;
        let ready = self.handle.ready(Interest::Write);
        let poll = ready.poll(cx, &mut || {
            written = self.handle.write(bytes)?;
            Ok(())
        });
        poll.map(|write| {
            write.map_err(self.failed("writing"))?;
            Ok(written)
        })
    }

    #[cfg_attr(not(feature = "tokio"), allow(dead_code))]
    pub(crate) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let ready = self.handle.ready(Interest::Drain);
        let poll = ready.poll(cx, &mut || self.handle.drain());
        poll.map(|drained| drained.map_err(self.failed("draining")))
    }

    fn received(&self, received: Option<Received>) -> Result<usize> {
        let port = || self.name.clone();
        match received {
            Some(Received::Bytes(count)) => Ok(count),
            Some(Received::Damaged(byte)) => Err(Error::Damaged { port: port(), byte }),
            Some(Received::Break) => Err(Error::Break { port: port() }),
            // `Ready` has run the operation, or said that it has not.
            None => Ok(0),
        }
    }

    fn in_time(&self, what: &'static str, in_time: io::Result<bool>) -> Result<()> {
        match in_time {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::TimedOut {
                port: self.name.clone(),
                written: 0,
            }),
            Err(error) => Err(Error::from_io(&self.name, what, error)),
        }
    }

    fn failed(&self, what: &'static str) -> impl Fn(io::Error) -> Error + '_ {
        move |source| Error::from_io(&self.name, what, source)
    }
}

const MODEM: &str = "telling of changes of modem lines";

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
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
