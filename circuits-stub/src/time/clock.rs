use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use circuits_wait::{Clock, Interrupt, Time, Timer};

use super::schedule::Schedule;
use super::wait::Wait;

/// The clock of a virtual board.
pub(crate) struct BoardClock {
    schedule: Arc<Schedule>,
    what: Arc<str>,
}

impl fmt::Debug for BoardClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BoardClock")
            .field(&self.schedule.now())
            .finish()
    }
}

impl BoardClock {
    pub(crate) fn new(schedule: Arc<Schedule>) -> BoardClock {
        BoardClock {
            schedule,
            what: "its time".into(),
        }
    }

    fn wait(&self, time: Time, interruptible: bool) -> Wait<'_> {
        Wait {
            signal: None,
            deadline: Some(time),
            interruptible,
            what: &self.what,
        }
    }
}

impl Clock for BoardClock {
    fn now(&self) -> Time {
        self.schedule.now()
    }

    fn sleep_until(&self, time: Time) -> io::Result<()> {
        if self.schedule.is_interrupted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.schedule.wait(&self.wait(time, true)).map(drop)
    }

    fn delay_until(&self, time: Time) {
        // A wait that has a deadline and is not interruptible ends by its deadline alone.
        let _ = self.schedule.wait(&self.wait(time, false));
    }

    fn timer(&self) -> io::Result<Box<dyn Timer>> {
        let slot = self.schedule.lock().add_slot(self.what.clone());
        Ok(Box::new(Alarm {
            schedule: self.schedule.clone(),
            what: self.what.clone(),
            slot,
        }))
    }

    fn interrupt(&self) -> io::Result<Interrupt> {
        self.schedule.interrupt()
    }

    fn is_virtual(&self) -> bool {
        self.schedule.is_virtual
    }
}

#[derive(Debug)]
struct Alarm {
    schedule: Arc<Schedule>,
    what: Arc<str>,
    slot: usize,
}

impl Timer for Alarm {
    fn poll_until(&mut self, time: Time, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wait = Wait {
            signal: None,
            deadline: Some(time),
            interruptible: false,
            what: &self.what,
        };
        self.schedule.poll(self.slot, cx, &wait)
    }

    fn cancel(&mut self) {
        self.schedule.cancel(self.slot);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let waker = self.schedule.lock().remove_slot(self.slot);
        drop(waker);
    }
}
