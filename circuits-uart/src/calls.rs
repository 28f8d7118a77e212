use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use circuits_wait::{Clock, Time};

use crate::wait::Wait;
use crate::{Error, Interest, Port, Received, Result};

/// The calls of a port that wait, as all of its traits have them: blocking, by futures, and polled.
impl Port {
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
        let wait = Wait::new(self.handle.ready(Interest::Read));
        wait.until(|cx| self.poll_read(cx, buffer)).await
    }

    pub(crate) async fn write_async(&self, bytes: &[u8]) -> Result<usize> {
        let wait = Wait::new(self.handle.ready(Interest::Write));
        wait.until(|cx| self.poll_write(cx, bytes)).await
    }

    pub(crate) async fn drain_async(&self) -> Result<()> {
        let wait = Wait::new(self.handle.ready(Interest::Drain));
        wait.until(|cx| self.poll_drain(cx)).await
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
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

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
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

    pub(crate) fn in_time(&self, what: &'static str, in_time: io::Result<bool>) -> Result<()> {
        match in_time {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.timed_out()),
            Err(error) => Err(Error::from_io(&self.name, what, error)),
        }
    }

    /// What came of a wait on the port's clock.
    pub(crate) fn wait_failed(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::TimedOut => self.timed_out(),
            _ => Error::from_io(&self.name, "waiting", error),
        }
    }

    pub(crate) fn limit(&self, what: &'static str, limit: usize) -> Error {
        Error::Limit {
            port: self.name.clone(),
            what,
            limit,
        }
    }

    fn timed_out(&self) -> Error {
        Error::TimedOut {
            port: self.name.clone(),
            written: 0,
        }
    }

    pub(crate) fn failed(&self, what: &'static str) -> impl Fn(io::Error) -> Error + '_ {
        move |source| Error::from_io(&self.name, what, source)
    }
}
