use std::fmt::{self, Debug};
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::{Clock, Interrupt, Monotonic, Ready, Time, Timer};

/// Waits for what the kernel does not tell of, by trying again and again, less and less often.
///
/// Whether a serial port has sent everything it tells only who blocks for it, without a deadline
/// (`tcdrain`). That a network interface has room again after `ENOBUFS` it tells nobody.
pub struct Periodic {
    clock: Monotonic,
    interrupt: Option<Interrupt>,
    first: Duration,
    longest: Duration,
    /// Made by the first future that has to wait. It is taken out while it is used: wakers are dropped
    /// there, and what a waker does then must not find a lock.
    alarm: Mutex<Option<Alarm>>,
}

struct Alarm {
    timer: Box<dyn Timer>,
    /// When the next try is due, and how long after that one the one after it.
    next: Option<(Time, Duration)>,
}

impl Periodic {
    /// Makes a wait on `clock`, whose interrupt ends blocking ones. From the first try to the second are
    /// `first`; the times between later ones double, up to `longest`.
    pub fn new(clock: &Monotonic, first: Duration, longest: Duration) -> Periodic {
        Periodic {
            interrupt: clock.interrupt().ok(),
            clock: clock.clone(),
            first,
            longest,
            alarm: Mutex::new(None),
        }
    }

    fn longer(&self, interval: Duration) -> Duration {
        interval.saturating_mul(2).min(self.longest)
    }

    fn alarm(&self) -> MutexGuard<'_, Option<Alarm>> {
        self.alarm.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Leaves the timer for the next wait.
    fn rest(&self) {
        let alarm = self.alarm().take();
        if let Some(mut alarm) = alarm {
            if alarm.next.take().is_some() {
                alarm.timer.cancel();
            }
            *self.alarm() = Some(alarm);
        }
    }
}

impl Ready for Periodic {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        let mut interval = self.first;
        loop {
            if self.interrupt.as_ref().is_some_and(Interrupt::is_raised) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(|()| true),
            }
            let now = self.clock.now();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Ok(false);
            }
            let next = now + interval;
            let next = deadline.map_or(next, |deadline| deadline.min(next));
            self.clock.sleep_until(next)?;
            interval = self.longer(interval);
        }
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        loop {
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    self.rest();
                    return Poll::Ready(done);
                }
            }
            let alarm = self.alarm().take();
            let mut alarm = match alarm {
                Some(alarm) => alarm,
                None => Alarm {
                    timer: self.clock.timer()?,
                    next: None,
                },
            };
            let now = self.clock.now();
            let (next, interval) = match alarm.next {
                // It was woken for something else.
                Some((next, interval)) if now < next => (next, interval),
                Some((_, interval)) => (now + interval, self.longer(interval)),
                None => (now + self.first, self.longer(self.first)),
            };
            alarm.next = Some((next, interval));
            let poll = alarm.timer.poll_until(next, cx);
            *self.alarm() = Some(alarm);
            match poll {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => {}
            }
        }
    }

    fn cancel(&self) {
        self.rest();
    }
}

impl Debug for Periodic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Periodic")
            .field("first", &self.first)
            .field("longest", &self.longest)
            .finish_non_exhaustive()
    }
}
