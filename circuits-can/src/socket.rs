use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_wait::{Clock, Time};

use crate::wait::Wait;
use crate::{
    AnyFrame, Backend, Config, Error, Frame, Handle, Incoming, Interest, Iter, Linux, Reader,
    Received, Result, Writer,
};

/// How many frames are read by one call of the system, where one is asked for: a few, for places take time to be
/// prepared, and many as soon as the few were not all.
const FEW: usize = 4;
const MANY: usize = 64;

/// A socket on a CAN interface, which receives what is on the bus, and sends.
///
/// Blocking calls take it by reference, so any number of threads may read and write at the same time: each frame
/// comes to one of them. Futures need the socket for themselves, or one of its [halves](Socket::split) each; any number
/// of sockets may be open on one interface as well, each of which receives all.
///
/// ```
/// use circuits_can::{Config, Frame, Id, Received, Socket};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// // On a device: Socket::open("can0")?
/// let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
/// let here = Socket::open_on(&board, "can0", &Config::new())?;
/// let there = Socket::open_on(&board, "can1", &Config::new())?;
///
/// let frames = [1, 2, 3].map(|joint| Frame::new(Id::standard(0x200 + joint).unwrap(), &[0; 8]).unwrap());
/// here.write_many(&frames, Duration::from_millis(10))?;
/// let first = there.read(Duration::from_millis(10))?;
/// assert_eq!(first.frame(), Some(&frames[0]));
/// let mut rest = [Received::empty(); 16];
/// let count = there.read_many(&mut rest, Duration::from_millis(10))?;
/// assert!(rest[..count].iter().all(|received| received.time() > first.time()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What comes faster than it is read is lost at some point, and never silently: [`Received::lost`] tells how
/// many frames were before one, [`lost`](Socket::lost) how many in all.
#[derive(Debug)]
pub struct Socket {
    handle: Box<dyn Handle>,
    clock: Arc<dyn Clock>,
    interface: Arc<str>,
    config: Mutex<Config>,
    timeout: Mutex<Option<Duration>>,
    burst: Mutex<Burst>,
    /// How many read.
    readers: AtomicUsize,
}

impl Socket {
    /// Opens a socket on an interface of this Linux machine, by the default configuration: all frames.
    ///
    /// # Errors
    /// As [`Socket::open_on`].
    pub fn open(interface: &str) -> Result<Socket> {
        Socket::open_on(&Linux::here(interface)?, interface, &Config::new())
    }

    /// Opens a socket on an interface of `backend`, and sets it up.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Down`]; [`Error::PermissionDenied`]; [`Error::Invalid`] for settings that
    /// make no sense; [`Error::Unsupported`] and [`Error::Limit`] for what the system does not grant.
    pub fn open_on(backend: &dyn Backend, interface: &str, config: &Config) -> Result<Socket> {
        let interface: Arc<str> = interface.into();
        check(&interface, config)?;
        let handle = backend
            .open(&interface, config)
            .map_err(|error| Error::from_open(&interface, error))?;
        read_back(&*handle, &interface, config)?;
        Ok(Socket {
            handle,
            clock: backend.clock(),
            timeout: Mutex::new(config.longest_wait()),
            config: Mutex::new(config.clone()),
            burst: Mutex::new(Burst::default()),
            readers: AtomicUsize::new(0),
            interface,
        })
    }

    /// Returns the name of the interface.
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// Returns how the socket is set up.
    pub fn config(&self) -> Config {
        lock(&self.config).clone()
    }

    /// Sets the socket up anew. What was received by then stays to be read.
    ///
    /// # Errors
    /// As [`Socket::open_on`]; the settings stay as they were then.
    pub fn configure(&self, config: &Config) -> Result<()> {
        check(&self.interface, config)?;
        let mut held = lock(&self.config);
        let configured = self
            .handle
            .configure(config)
            .map_err(self.failed("these settings"))
            .and_then(|()| read_back(&*self.handle, &self.interface, config));
        if let Err(error) = configured {
            // What is told is what was refused, not this.
            let _ = self.handle.configure(&held);
            return Err(error);
        }
        *held = config.clone();
        self.set_timeout(config.longest_wait());
        Ok(())
    }

    /// Sets for how long a blocking call of a trait waits at most, as [`Config::timeout`]; `None`: for ever.
    pub fn set_timeout(&self, timeout: impl Into<Option<Duration>>) {
        *lock(&self.timeout) = timeout.into();
    }

    /// Returns for how long a blocking call of a trait waits at most.
    pub fn timeout(&self) -> Option<Duration> {
        *lock(&self.timeout)
    }

    /// Returns the two halves, for two tasks: one reads while the other writes.
    pub fn split(self) -> (Reader, Writer) {
        let socket = Arc::new(self);
        (Reader::new(socket.clone()), Writer::new(socket))
    }

    /// Waits for what comes next, a frame or an error frame, with its time, for as long as `timeout` at most;
    /// with `None` for ever.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::Down`], once, and [`Error::Removed`], when all that came before was read;
    /// [`Error::Interrupted`].
    pub fn read(&self, timeout: impl Into<Option<Duration>>) -> Result<Received> {
        let mut received = Received::empty();
        self.block(Interest::Read, self.deadline(timeout), "reading", || {
            received = self.take_one(Burst::take)?;
            Ok(())
        })?;
        Ok(received)
    }

    /// Waits for the next frame, for as long as `timeout` at most; with `None` for ever.
    ///
    /// # Errors
    /// [`Error::Lost`], once for each gap, and [`Error::Bus`] for an error frame, which there are only if
    /// [asked for](Config::errors); as [`read`](Socket::read).
    pub fn read_frame(&self, timeout: impl Into<Option<Duration>>) -> Result<Frame> {
        let mut next = Next::Lost(0);
        self.block(Interest::Read, self.deadline(timeout), "reading", || {
            next = self.take_one(Burst::next)?;
            Ok(())
        })?;
        self.frame(next)
    }

    /// Waits until anything comes, and returns as much of it as there is and fits, by one call of the system,
    /// most often.
    ///
    /// # Errors
    /// As [`read`](Socket::read).
    pub fn read_many(
        &self,
        frames: &mut [Received],
        timeout: impl Into<Option<Duration>>,
    ) -> Result<usize> {
        let mut count = 0;
        if frames.is_empty() {
            return Ok(count);
        }
        self.block(Interest::Read, self.deadline(timeout), "reading", || {
            count = self.take_many(frames)?;
            Ok(())
        })?;
        Ok(count)
    }

    /// Sends a frame: it is taken over to be sent, and waits for room until then, for as long as
    /// `timeout` at most; with `None` for ever, which a bus may take on which nobody acknowledges.
    ///
    /// What was taken over is not taken back, not even by closing the socket: a request of which nobody took notice
    /// goes out when somebody is there again, and so does each time that it was tried anew. (It is dropped when the
    /// interface goes [down](crate::Interface::down), or its controller bus-off.)
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::Down`], [`Error::Removed`]; [`Error::Unsupported`] for a CAN FD frame on an
    /// interface without; [`Error::Interrupted`].
    pub fn write(&self, frame: &Frame, timeout: impl Into<Option<Duration>>) -> Result<()> {
        self.write_many(std::slice::from_ref(frame), timeout)
    }

    /// Sends frames, in their order, by one call of the system for 64 of them as long as there is room. Without time
    /// (zero) it makes one call.
    ///
    /// # Errors
    /// [`Error::TimedOut`], which says how many were written; as [`write`](Socket::write). Those before the one that
    /// failed were sent, which other errors do not count.
    pub fn write_many(&self, frames: &[Frame], timeout: impl Into<Option<Duration>>) -> Result<()> {
        let deadline = self.deadline(timeout);
        let mut written = 0;
        while written < frames.len() {
            let wrote = self.block(Interest::Write, deadline, WRITING, || {
                written += self.take_over(&frames[written..])?;
                Ok(())
            });
            match wrote {
                Err(Error::TimedOut { interface, .. }) => {
                    return Err(Error::TimedOut { interface, written });
                }
                wrote => wrote?,
            }
            // Where there is always room for some it never waits.
            let is_over = deadline.is_some_and(|deadline| deadline <= self.clock.now());
            if is_over && written < frames.len() {
                let interface = self.interface.clone();
                return Err(Error::TimedOut { interface, written });
            }
        }
        Ok(())
    }

    /// Returns what comes, one after another, blocking for each, for ever: the [timeout](Config::timeout) is none of
    /// an iterator's.
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(self)
    }

    /// Returns what comes as a stream.
    pub fn incoming(&mut self) -> Incoming<'_> {
        Incoming::new(self)
    }

    /// Waits for what comes next, a frame or an error frame, with its time.
    ///
    /// # Errors
    /// As [`read`](Socket::read), but it does not time out and is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has taken nothing.
    pub async fn next_received(&mut self) -> Result<Received> {
        self.received_async().await
    }

    /// Waits for the next frame.
    ///
    /// # Errors
    /// As [`read_frame`](Socket::read_frame), but it does not time out and is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has taken nothing.
    pub async fn next_frame(&mut self) -> Result<Frame> {
        self.frame_async().await
    }

    /// Waits until anything comes, and returns as much of it as there is and fits.
    ///
    /// # Errors
    /// As [`read_many`](Socket::read_many), but it does not time out and is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has taken nothing.
    pub async fn next_many(&mut self, frames: &mut [Received]) -> Result<usize> {
        self.many_async(frames).await
    }

    /// Sends a frame, and waits for room until it is taken over.
    ///
    /// # Errors
    /// As [`write`](Socket::write), but it does not time out and is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped before it is done has sent nothing.
    pub async fn send(&mut self, frame: &Frame) -> Result<()> {
        self.send_async(std::slice::from_ref(frame)).await
    }

    /// Sends frames, in their order.
    ///
    /// # Errors
    /// As [`send`](Socket::send). Those before the one that failed were sent.
    ///
    /// # Cancellation safety
    /// A future that is dropped has sent the first of them, as many as there was room for.
    pub async fn send_many(&mut self, frames: &[Frame]) -> Result<()> {
        self.send_async(frames).await
    }

    /// Returns how many frames were lost since the socket was opened, because its buffer was full: those that
    /// were told of by [`Received::lost`], and those that no frame has told of yet.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the system cannot tell, [`Error::Removed`].
    pub fn lost(&self) -> Result<u64> {
        self.handle.lost().map_err(self.failed("counting losses"))
    }
}

/// What an interface may have no place for.
const WRITING: &str =
    "such frames: CAN FD needs a controller for it that is set up so, and Config::fd";

/// What all the calls are made of.
impl Socket {
    fn deadline(&self, timeout: impl Into<Option<Duration>>) -> Option<Time> {
        timeout.into().map(|timeout| self.clock.now() + timeout)
    }

    fn block(
        &self,
        interest: Interest,
        deadline: Option<Time>,
        what: &'static str,
        mut op: impl FnMut() -> io::Result<()>,
    ) -> Result<()> {
        let _reads = (interest == Interest::Read).then(|| self.reads());
        match self.handle.ready(interest).block(deadline, &mut op) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::TimedOut {
                interface: self.interface.clone(),
                written: 0,
            }),
            Err(error) => Err(Error::from_io(&self.interface, what, error)),
        }
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        what: &'static str,
        mut op: impl FnMut() -> io::Result<()>,
    ) -> Poll<Result<()>> {
        let poll = self.handle.ready(interest).poll(cx, &mut op);
        poll.map(|done| done.map_err(self.failed(what)))
    }

    /// Notes that somebody reads, for as long as what this returns is there.
    pub(crate) fn reads(&self) -> Reads<'_> {
        self.readers.fetch_add(1, Ordering::SeqCst);
        Reads(&self.readers)
    }

    /// Takes from what was read already, or reads a burst first.
    ///
    /// Nobody tells those who wait for the system of what is left of a burst. So where several read there is none: who
    /// begins to read after this has looked finds what is left before waiting.
    fn take_one<T>(&self, mut take: impl FnMut(&mut Burst) -> Option<T>) -> io::Result<T> {
        let mut burst = lock(&self.burst);
        if let Some(taken) = take(&mut burst) {
            return Ok(taken);
        }
        burst.refill(&*self.handle, self.readers.load(Ordering::SeqCst) > 1)?;
        take(&mut burst).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn take_many(&self, frames: &mut [Received]) -> io::Result<usize> {
        let mut burst = lock(&self.burst);
        match burst.drain(frames) {
            0 => some(self.handle.read(frames), frames.len()),
            count => Ok(count),
        }
    }

    fn frame(&self, next: Next) -> Result<Frame> {
        let interface = || self.interface.clone();
        match next {
            Next::Received(AnyFrame::Frame(frame)) => Ok(frame),
            Next::Received(AnyFrame::Error(error)) => Err(Error::Bus {
                interface: interface(),
                error,
            }),
            Next::Lost(count) => Err(Error::Lost {
                interface: interface(),
                count,
            }),
        }
    }

    // The waits of futures. There is one waiter for each interest: the types that call these see to it.

    pub(crate) fn poll_received(&self, cx: &mut Context<'_>) -> Poll<Result<Received>> {
        let mut received = Received::empty();
        let poll = self.poll(cx, Interest::Read, "reading", || {
            received = self.take_one(Burst::take)?;
            Ok(())
        });
        poll.map_ok(|()| received)
    }

    pub(crate) fn forget_reader(&self) {
        self.handle.ready(Interest::Read).cancel();
    }

    pub(crate) async fn received_async(&self) -> Result<Received> {
        let _reads = self.reads();
        let wait = Wait::new(self.handle.ready(Interest::Read));
        wait.until(|cx| self.poll_received(cx)).await
    }

    pub(crate) async fn frame_async(&self) -> Result<Frame> {
        let _reads = self.reads();
        let wait = Wait::new(self.handle.ready(Interest::Read));
        let next = wait.until(|cx| {
            let mut next = Next::Lost(0);
            let poll = self.poll(cx, Interest::Read, "reading", || {
                next = self.take_one(Burst::next)?;
                Ok(())
            });
            poll.map_ok(|()| next)
        });
        self.frame(next.await?)
    }

    pub(crate) async fn many_async(&self, frames: &mut [Received]) -> Result<usize> {
        if frames.is_empty() {
            return Ok(0);
        }
        let _reads = self.reads();
        let wait = Wait::new(self.handle.ready(Interest::Read));
        let many = wait.until(|cx| {
            let mut count = 0;
            let poll = self.poll(cx, Interest::Read, "reading", || {
                count = self.take_many(frames)?;
                Ok(())
            });
            poll.map_ok(|()| count)
        });
        many.await
    }

    pub(crate) async fn send_async(&self, frames: &[Frame]) -> Result<()> {
        let mut written = 0;
        while written < frames.len() {
            let wait = Wait::new(self.handle.ready(Interest::Write));
            let write = wait.until(|cx| {
                let mut count = 0;
                let poll = self.poll(cx, Interest::Write, WRITING, || {
                    count = self.take_over(&frames[written..])?;
                    Ok(())
                });
                poll.map_ok(|()| count)
            });
            written += write.await?;
        }
        Ok(())
    }

    fn take_over(&self, frames: &[Frame]) -> io::Result<usize> {
        some(self.handle.write(frames), frames.len())
    }

    /// Sends a frame if there is room now.
    #[cfg(feature = "embedded-can-04")]
    pub(crate) fn try_write(&self, frame: &Frame) -> io::Result<()> {
        self.take_over(std::slice::from_ref(frame)).map(drop)
    }

    /// Returns what there is now.
    #[cfg(feature = "embedded-can-04")]
    pub(crate) fn try_read(&self) -> io::Result<Result<Frame>> {
        let _reads = self.reads();
        Ok(self.frame(self.take_one(Burst::next)?))
    }

    pub(crate) fn failed(&self, what: &'static str) -> impl Fn(io::Error) -> Error + '_ {
        move |source| Error::from_io(&self.interface, what, source)
    }
}

/// Somebody reads, whose operation may panic and whose future may be dropped.
#[derive(Debug)]
pub(crate) struct Reads<'a>(&'a AtomicUsize);

impl Drop for Reads<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A backend that moves none, or more than it was given, does not keep its promise: neither is gone by.
fn some(moved: io::Result<usize>, most: usize) -> io::Result<usize> {
    match moved? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        count => Ok(count.min(most)),
    }
}

/// What comes next, for who takes frames only.
#[derive(Clone, Copy, Debug)]
enum Next {
    Received(AnyFrame),
    /// So many were lost before it.
    Lost(u32),
}

/// Frames that were read by one call of the system, and not taken yet.
#[derive(Default)]
struct Burst {
    /// Made when it is first needed.
    frames: Box<[Received]>,
    next: usize,
    end: usize,
}

impl Burst {
    fn refill(&mut self, handle: &dyn Handle, is_shared: bool) -> io::Result<()> {
        if self.frames.is_empty() {
            self.frames = vec![Received::empty(); MANY].into();
        }
        let room = match self.end {
            _ if is_shared => 1,
            ..FEW => FEW,
            _ => MANY,
        };
        (self.next, self.end) = (0, 0);
        self.end = some(handle.read(&mut self.frames[..room]), room)?;
        Ok(())
    }

    fn take(&mut self) -> Option<Received> {
        let received = *self.frames[..self.end].get(self.next)?;
        self.next += 1;
        Some(received)
    }

    /// The same, but a loss comes by itself, before the frame that tells of it.
    fn next(&mut self) -> Option<Next> {
        let received = self.frames[..self.end].get_mut(self.next)?;
        match received.take_lost() {
            0 => self
                .take()
                .map(|received| Next::Received(*received.content())),
            lost => Some(Next::Lost(lost)),
        }
    }

    fn drain(&mut self, into: &mut [Received]) -> usize {
        let left = &self.frames[self.next..self.end];
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.next += count;
        count
    }
}

impl fmt::Debug for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = &self.frames[self.next..self.end];
        f.debug_struct("Burst").field("left", &left.len()).finish()
    }
}

/// How many filters a socket has at most (`CAN_RAW_FILTER_MAX`).
const FILTERS: usize = 512;

fn check(interface: &Arc<str>, config: &Config) -> Result<()> {
    if config.frame_filters().len() > FILTERS {
        return Err(Error::Limit {
            interface: interface.clone(),
            what: "the filters of a socket",
            limit: FILTERS,
        });
    }
    config.check().map_err(|what| Error::Invalid {
        interface: interface.clone(),
        what,
    })
}

/// Makes sure that all was granted.
fn read_back(handle: &dyn Handle, interface: &Arc<str>, config: &Config) -> Result<()> {
    let granted = handle
        .config()
        .map_err(|error| Error::from_io(interface, "reading its settings back", error))?;
    match (config.receive_buffer_size(), granted.receive_buffer_size()) {
        (Some(asked), Some(granted)) if granted < asked => {
            return Err(Error::Limit {
                interface: interface.clone(),
                what: "the receive buffer, in bytes (net.core.rmem_max)",
                limit: granted as usize,
            });
        }
        _ => {}
    }
    let refused =
        if config.receive_buffer_size().is_some() && granted.receive_buffer_size().is_none() {
            "setting the receive buffer"
        } else if granted.frame_filters() != config.frame_filters() {
            "these filters"
        } else if granted.joins_filters() != config.joins_filters() {
            "joining filters"
        } else if granted.error_mask() != config.error_mask() {
            "this mask of errors"
        } else if granted.loops_back() != config.loops_back() {
            "setting the loopback"
        } else if granted.receives_own() != config.receives_own() {
            "setting whether its own frames come back"
        } else if granted.has_fd() != config.has_fd() {
            "setting whether there are CAN FD frames"
        } else {
            return Ok(());
        };
    Err(Error::Unsupported {
        interface: interface.clone(),
        what: refused,
        source: io::Error::from_raw_os_error(crate::error::EOPNOTSUPP),
    })
}

/// Nothing of a user's runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
