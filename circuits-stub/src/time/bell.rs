use std::io;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use circuits_wait::{Ready, Time};

use super::schedule::Schedule;
use super::signal::Signal;
use super::wait::Wait;

/// What a handle of the board waits on: a signal, as [`Ready`] has it.
#[derive(Debug)]
pub(crate) struct Bell {
    schedule: Arc<Schedule>,
    signal: Arc<Signal>,
    what: Arc<str>,
    /// The slot of futures, once there was one.
    slot: OnceLock<usize>,
}

impl Bell {
    /// `what` completes *waits for …*.
    pub(crate) fn new(schedule: Arc<Schedule>, what: impl Into<Arc<str>>) -> Bell {
        Bell {
            schedule,
            signal: Arc::default(),
            what: what.into(),
            slot: OnceLock::new(),
        }
    }

    pub(crate) fn signal(&self) -> &Arc<Signal> {
        &self.signal
    }

    /// Blocks until the signal has gone up once. An interrupt does not end this wait.
    pub(super) fn wait_for_first(&self) -> io::Result<()> {
        while self.signal.count() == 0 {
            self.schedule.wait(&Wait {
                interruptible: false,
                ..self.wait(0, None)
            })?;
        }
        Ok(())
    }

    fn wait(&self, seen: u64, deadline: Option<Time>) -> Wait<'_> {
        Wait {
            signal: Some((&self.signal, seen)),
            deadline,
            interruptible: true,
            what: &self.what,
        }
    }
}

impl Ready for Bell {
    fn block(
        &self,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        loop {
            if self.schedule.is_interrupted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let seen = self.signal.count();
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done.map(|()| true),
            }
            if !self.schedule.wait(&self.wait(seen, deadline))? {
                return Ok(false);
            }
        }
    }

    fn poll(
        &self,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        loop {
            let seen = self.signal.count();
            match op() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    self.cancel();
                    return Poll::Ready(done);
                }
            }
            let slot = *self
                .slot
                .get_or_init(|| self.schedule.lock().add_slot(self.what.clone()));
            match self.schedule.poll(slot, cx, &self.wait(seen, None)) {
                Poll::Ready(changed) => changed?,
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn cancel(&self) {
        if let Some(&slot) = self.slot.get() {
            self.schedule.cancel(slot);
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            let waker = self.schedule.lock().remove_slot(slot);
            drop(waker);
        }
    }
}
