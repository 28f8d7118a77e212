use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::thread::{ClockId, clock_nanosleep_absolute};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use super::fd::{Fd, timespec};
use crate::{Clock, Interrupt, Ready, Time, Timer};

/// A wait shorter than this is spent spinning: to go to sleep and come back takes longer
/// (timerslack is 50 µs, prctl(2)).
const SPIN: Duration = Duration::from_micros(50);

/// The kernel's clock that never jumps (`CLOCK_MONOTONIC`, clock_gettime(2)), the one it stamps
/// GPIO edges with.
#[derive(Clone, Debug, Default)]
pub struct Monotonic {
    interrupt: Option<Interrupt>,
}

impl Monotonic {
    /// Makes a clock whose waits nothing interrupts.
    pub fn new() -> Monotonic {
        Monotonic { interrupt: None }
    }

    /// Makes a clock whose blocking waits end when `interrupt` is raised.
    pub fn interrupted_by(interrupt: Interrupt) -> Monotonic {
        Monotonic {
            interrupt: Some(interrupt),
        }
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Time {
        Time::monotonic()
    }

    fn sleep_until(&self, time: Time) -> io::Result<()> {
        let Some(interrupt) = &self.interrupt else {
            self.delay_until(time);
            return Ok(());
        };
        loop {
            if interrupt.is_raised() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let left = time.since(self.now());
            if left < SPIN {
                self.delay_until(time);
                return Ok(());
            }
            match poll(
                &mut [PollFd::new(interrupt, PollFlags::IN)],
                Some(&timespec(left)),
            ) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) if !interrupt.is_raised() => interrupt.drain(),
                Ok(_) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn delay_until(&self, time: Time) {
        loop {
            match time.since(self.now()) {
                Duration::ZERO => return,
                left if left < SPIN => std::hint::spin_loop(),
                // After a signal, or when the kernel cannot count that far in one: again.
                _ => drop(clock_nanosleep_absolute(
                    ClockId::Monotonic,
                    &timespec(time.since(Time::ZERO)),
                )),
            }
        }
    }

    fn timer(&self) -> io::Result<Box<dyn Timer>> {
        let fd = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )?;
        Ok(Box::new(Alarm {
            fd: Fd::new(Timerfd(fd), &Monotonic::new()),
            set: None,
        }))
    }

    fn interrupt(&self) -> io::Result<Interrupt> {
        self.interrupt
            .clone()
            .ok_or_else(|| io::ErrorKind::Unsupported.into())
    }
}

/// A timerfd (timerfd_create(2)), and the time it is set to.
#[derive(Debug)]
struct Alarm {
    fd: Fd<Timerfd>,
    set: Option<Time>,
}

#[derive(Debug)]
struct Timerfd(OwnedFd);

impl Timerfd {
    /// All zeros disarm it.
    fn set(&self, time: Time) -> io::Result<()> {
        let value = Itimerspec {
            it_interval: timespec(Duration::ZERO),
            it_value: timespec(time.since(Time::ZERO)),
        };
        timerfd_settime(&self.0, TimerfdTimerFlags::ABSTIME, &value)?;
        Ok(())
    }
}

impl AsFd for Timerfd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Timer for Alarm {
    fn poll_until(&mut self, time: Time, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let clock = Monotonic::new();
        if time.since(clock.now()) < SPIN {
            clock.delay_until(time);
            self.cancel();
            return Poll::Ready(Ok(()));
        }
        if self.set != Some(time) {
            self.fd.get_ref().set(time)?;
            self.set = Some(time);
        }
        self.fd.poll(cx, &mut || {
            if clock.now() < time {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok(())
            }
        })
    }

    fn cancel(&mut self) {
        if self.set.take().is_some() {
            // It can only fail on a descriptor or time that is not valid; ours are.
            let _ = self.fd.get_ref().set(Time::ZERO);
        }
        self.fd.cancel();
    }
}
