use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock};
use std::task::{Context, Poll};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::reactor::Registration;
use crate::{Clock, Interrupt, Monotonic, Ready, Time};

/// A descriptor to be read from, or to be written to, as something to wait on.
///
/// A descriptor is wrapped once: who reads and writes wraps a duplicate as well. It must be non-blocking
/// (`O_NONBLOCK`): an operation that blocked could not be timed out, interrupted or awaited.
#[derive(Debug)]
pub struct Fd<T: AsFd> {
    io: T,
    direction: Direction,
    interrupt: Option<Interrupt>,
    /// What wakes who blocks.
    bell: Option<OwnedFd>,
    /// How many of the next blocking waits wait before they try.
    hesitant: AtomicU8,
    /// How many they are after one that tried in vain.
    hesitation: u8,
    registration: OnceLock<Registration>,
    registering: Mutex<()>,
}

/// What one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// Something to read.
    Read,
    /// Room to write.
    Write,
}

impl<T: AsFd> Fd<T> {
    /// Wraps `io`, to wait until it can be read. Waits end when `clock` is interrupted.
    pub fn new(io: T, clock: &Monotonic) -> Fd<T> {
        Fd::towards(Direction::Read, io, clock)
    }

    /// Wraps `io`, to wait until it can be written to. Waits end when `clock` is interrupted.
    pub fn to_write(io: T, clock: &Monotonic) -> Fd<T> {
        Fd::towards(Direction::Write, io, clock)
    }

    fn towards(direction: Direction, io: T, clock: &Monotonic) -> Fd<T> {
        Fd {
            io,
            direction,
            interrupt: clock.interrupt().ok(),
            bell: None,
            hesitant: AtomicU8::new(0),
            hesitation: 0,
            registration: OnceLock::new(),
            registering: Mutex::new(()),
        }
    }

    /// Has blocking waits look before they try, for a while after one that tried in vain: where a vain try
    /// costs more than a look, and the descriptor is ready as soon as a try succeeds. (A pseudo-terminal
    /// is, and copies what is written before it finds no room. A UART's terminal is not.)
    pub fn hesitating(mut self) -> Fd<T> {
        self.hesitation = 16;
        self
    }

    /// Has [`wake`](Fd::wake) reach who blocks, too. It takes a descriptor.
    ///
    /// # Errors
    /// The system has no more descriptors to give.
    pub fn with_bell(mut self) -> io::Result<Fd<T>> {
        self.bell = Some(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        Ok(self)
    }

    /// Returns what was wrapped.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(Interrupt::is_raised)
    }

    fn hesitates(&self) -> bool {
        let left = self.hesitant.load(Ordering::Relaxed);
        if left > 0 {
            self.hesitant.store(left - 1, Ordering::Relaxed);
        }
        left > 0
    }

    /// Has a future that waits try again, for what the kernel does not tell of: somebody else has taken
    /// what it waits for, and keeps it for it. Who blocks is not woken, unless there is a [bell](Fd::with_bell): one of
    /// them, then, at least.
    pub fn wake(&self) {
        if let Some(bell) = &self.bell {
            // It fails if it was rung 2^64 times without anybody hearing it, and then it is heard.
            let _ = rustix::io::write(bell, &1u64.to_ne_bytes());
        }
        if let Some(registration) = self.registration.get() {
            registration.wake();
        }
    }

    fn ready(&self, deadline: Option<Time>) -> io::Result<bool> {
        let (interrupt, bell) = (self.interrupt.as_ref(), self.bell.as_ref());
        ready(&self.io, self.direction, interrupt, bell, deadline)
    }

    /// The first future registers the descriptor; a program without futures never does.
    fn registration(&self) -> io::Result<&Registration> {
        if let Some(registration) = self.registration.get() {
            return Ok(registration);
        }
        let _one = self.registering.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(registration) = self.registration.get() {
            return Ok(registration);
        }
        let registration = Registration::new(&self.io, self.direction)?;
        Ok(self.registration.get_or_init(|| registration))
    }
}

impl<T: AsFd + Send + Sync + Debug> Ready for Fd<T> {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        if self.hesitates() && !self.is_interrupted() {
            self.ready(deadline)?;
        }
        loop {
            if self.is_interrupted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(|()| true),
            }
            self.hesitant.store(self.hesitation, Ordering::Relaxed);
            if !self.ready(deadline)? {
                return Ok(false);
            }
        }
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        let registration = self.registration()?;
        loop {
            registration.arm(cx.waker());
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    registration.disarm();
                    return Poll::Ready(done);
                }
            }
            if let Err(error) = registration.listen(&self.io) {
                registration.disarm();
                return Poll::Ready(Err(error));
            }
            if !registration.is_ready() {
                return Poll::Pending;
            }
        }
    }

    fn cancel(&self) {
        if let Some(registration) = self.registration.get() {
            registration.disarm();
        }
    }
}

impl<T: AsFd> Drop for Fd<T> {
    fn drop(&mut self) {
        if let Some(registration) = self.registration.get() {
            registration.remove(&self.io);
        }
    }
}

/// Blocks until `io` can be read or written, `interrupt` is raised or `bell` rung (`true`), or `deadline` has
/// passed (`false`).
fn ready(
    io: &impl AsFd,
    direction: Direction,
    interrupt: Option<&Interrupt>,
    bell: Option<&OwnedFd>,
    deadline: Option<Time>,
) -> io::Result<bool> {
    let flags = match direction {
        Direction::Read => PollFlags::IN,
        Direction::Write => PollFlags::OUT,
    };
    let mut fds = [(); 3].map(|()| PollFd::new(io, flags));
    let mut count = 1;
    if let Some(interrupt) = interrupt {
        fds[count] = PollFd::new(interrupt, PollFlags::IN);
        count += 1;
    }
    if let Some(bell) = bell {
        fds[count] = PollFd::new(bell, PollFlags::IN);
        count += 1;
    }
    let fds = &mut fds[..count];
    loop {
        let left = deadline.map(|deadline| timespec(deadline.since(Time::monotonic())));
        match poll(fds, left.as_ref()) {
            // A deadline further away than the kernel counts (68 years where time is 32 bits) is
            // waited for in parts.
            Ok(0) if deadline.is_some_and(|deadline| Time::monotonic() < deadline) => {}
            Ok(0) => return Ok(false),
            Ok(_) => {
                if let (Some(bell), Some(rung)) = (bell, fds.last()) {
                    if !rung.revents().is_empty() {
                        // Somebody else may have heard it.
                        let _ = rustix::io::read(bell, &mut [0; 8]);
                    }
                }
                if let (Some(interrupt), [_, level, ..]) = (interrupt, &*fds) {
                    if !level.revents().is_empty() && !interrupt.is_raised() {
                        interrupt.drain();
                    }
                }
                return Ok(true);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn timespec(duration: std::time::Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs())
            .unwrap_or(i64::MAX)
            .min(i32::MAX.into()),
        tv_nsec: duration.subsec_nanos().into(),
    }
}
