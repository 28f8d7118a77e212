use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Clock;

use crate::burst::{Burst, Next};
use crate::calls::WRITING;
use crate::settings::{check, read_back};
use crate::{
    Backend, Config, Error, Frame, Handle, Incoming, Interest, Iter, Linux, Reader, Received,
    Result, Writer,
};

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
    pub(crate) handle: Box<dyn Handle>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) interface: Arc<str>,
    config: Mutex<Config>,
    timeout: Mutex<Option<Duration>>,
    pub(crate) burst: Mutex<Burst>,
    /// How many read.
    pub(crate) readers: AtomicUsize,
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

/// Nothing of a user's runs under these locks.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
