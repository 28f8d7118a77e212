use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::{Clock, Time, Timer};

/// Waits on a board's clock: `DelayNs` of both embedded-hals, and timeouts for futures.
///
/// Never shorter than asked. On the kernel's clock a wait of less than 50 µs is spent spinning, so
/// that microseconds are microseconds, in async too: the two thread switches of a sleep take
/// longer. Longer ones are as late as the scheduler makes them (some 60 µs).
#[derive(Debug)]
pub struct Delay {
    clock: Arc<dyn Clock>,
    timer: Option<Box<dyn Timer>>,
}

impl Delay {
    /// Makes a delay on `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Delay {
        Delay { clock, timer: None }
    }

    /// Blocks for `duration`, unless the board is interrupted: for pauses between things. Within a protocol
    /// `DelayNs` is right, which nothing cuts short.
    ///
    /// # Errors
    /// [`io::ErrorKind::Interrupted`] once the board's [`Interrupt`](crate::Interrupt) is raised.
    pub fn sleep(&self, duration: Duration) -> io::Result<()> {
        self.clock.sleep_until(self.clock.now() + duration)
    }

    /// Returns the output of `future`, if it comes within `duration` of the first poll.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] if it does not: the future is dropped then. Those of
    /// [`Clock::timer`] and [`Timer::poll_until`].
    ///
    /// # Cancellation safety
    /// As `future`'s own.
    pub async fn timeout<F: Future>(
        &mut self,
        duration: Duration,
        future: F,
    ) -> io::Result<F::Output> {
        let mut alarm = self.alarm(self.clock.now() + duration)?;
        let mut future = pin!(future);
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => alarm
                .poll(cx)
                .map(|r| r.and(Err(io::ErrorKind::TimedOut.into()))),
        })
        .await
    }

    /// Waits until `time` without blocking.
    ///
    /// # Errors
    /// Those of [`Clock::timer`] and [`Timer::poll_until`].
    ///
    /// # Cancellation safety
    /// A future that is dropped leaves nothing behind.
    pub async fn until(&mut self, time: Time) -> io::Result<()> {
        let mut alarm = self.alarm(time)?;
        poll_fn(|cx| alarm.poll(cx)).await
    }

    fn alarm(&mut self, time: Time) -> io::Result<Alarm<'_>> {
        let timer = match self.timer.take() {
            Some(timer) => timer,
            None => self.clock.timer()?,
        };
        Ok(Alarm {
            timer: self.timer.insert(timer).as_mut(),
            time,
            set: false,
        })
    }

    async fn wait(&mut self, duration: Duration) {
        // `DelayNs` cannot tell of an error, and to return early could break hardware.
        if let Err(error) = self.until(self.clock.now() + duration).await {
            panic!("an async delay cannot be kept: {error}");
        }
    }
}

/// A copy has the same clock and a timer of its own.
impl Clone for Delay {
    fn clone(&self) -> Delay {
        Delay::new(self.clock.clone())
    }
}

impl embedded_hal::delay::DelayNs for Delay {
    fn delay_ns(&mut self, ns: u32) {
        self.clock
            .delay_until(self.clock.now() + Duration::from_nanos(ns.into()));
    }

    fn delay_us(&mut self, us: u32) {
        self.clock
            .delay_until(self.clock.now() + Duration::from_micros(us.into()));
    }

    fn delay_ms(&mut self, ms: u32) {
        self.clock
            .delay_until(self.clock.now() + Duration::from_millis(ms.into()));
    }
}

/// # Panics
/// `DelayNs` knows no errors. On a virtual clock a future must run in a task of the board, and on
/// Linux the first wait takes a descriptor: where that fails the future panics, and says what to
/// do.
impl embedded_hal_async::delay::DelayNs for Delay {
    async fn delay_ns(&mut self, ns: u32) {
        self.wait(Duration::from_nanos(ns.into())).await;
    }

    async fn delay_us(&mut self, us: u32) {
        self.wait(Duration::from_micros(us.into())).await;
    }

    async fn delay_ms(&mut self, ms: u32) {
        self.wait(Duration::from_millis(ms.into())).await;
    }
}

/// A timer that is set, and that no waker is left in when it goes out of use.
struct Alarm<'a> {
    timer: &'a mut dyn Timer,
    time: Time,
    set: bool,
}

impl Alarm<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = self.timer.poll_until(self.time, cx);
        self.set = poll.is_pending();
        poll
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if self.set {
            self.timer.cancel();
        }
    }
}
