use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_wait::Time;

use crate::burst::{Burst, Next, some};
use crate::socket::lock;
use crate::wait::Wait;
use crate::{AnyFrame, Error, Frame, Interest, Received, Result, Socket};

/// What an interface may have no place for.
pub(crate) const WRITING: &str =
    "such frames: CAN FD needs a controller for it that is set up so, and Config::fd";

/// What all the calls are made of.
impl Socket {
    pub(crate) fn deadline(&self, timeout: impl Into<Option<Duration>>) -> Option<Time> {
        timeout.into().map(|timeout| self.clock.now() + timeout)
    }

    pub(crate) fn block(
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
    pub(crate) fn take_one<T>(
        &self,
        mut take: impl FnMut(&mut Burst) -> Option<T>,
    ) -> io::Result<T> {
        let mut burst = lock(&self.burst);
        if let Some(taken) = take(&mut burst) {
            return Ok(taken);
        }
        burst.refill(&*self.handle, self.readers.load(Ordering::SeqCst) > 1)?;
        take(&mut burst).ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    pub(crate) fn take_many(&self, frames: &mut [Received]) -> io::Result<usize> {
        let mut burst = lock(&self.burst);
        match burst.drain(frames) {
            0 => some(self.handle.read(frames), frames.len()),
            count => Ok(count),
        }
    }

    pub(crate) fn frame(&self, next: Next) -> Result<Frame> {
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

    pub(crate) fn take_over(&self, frames: &[Frame]) -> io::Result<usize> {
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
