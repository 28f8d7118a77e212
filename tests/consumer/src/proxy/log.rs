//! The pen: it notes what is asked of one place.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use circuits::wait::{Clock, Ready, Time};

use super::record::{Answer, Call, Entry, Fault, Place, Record};

/// Notes what is asked of one place.
#[derive(Debug)]
pub(super) struct Log {
    record: Record,
    clock: Arc<dyn Clock>,
    place: Place,
    end: Option<Call>,
}

impl Log {
    pub(super) fn new(record: &Record, clock: Arc<dyn Clock>, place: Place) -> Log {
        Log {
            record: record.clone(),
            clock,
            place,
            end: None,
        }
    }

    /// Notes this in the end, when it is dropped.
    pub(super) fn ending_with(mut self, call: Call) -> Log {
        self.end = Some(call);
        self
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Notes this. The time is taken under the lock, so times go up, whoever notes.
    pub(super) fn add(&self, asked: Time, call: Call, result: Result<Answer, Fault>) {
        let mut entries = self.record.lock();
        entries.push(Entry {
            asked,
            answered: self.clock.now(),
            place: self.place.clone(),
            call,
            result,
        });
    }

    /// Asks, and notes what came of it.
    pub(super) fn note<T, E>(
        &self,
        call: Call,
        ask: impl FnOnce() -> Result<T, E>,
        answer: impl FnOnce(&T) -> Answer,
    ) -> Result<T, E>
    where
        Fault: for<'a> From<&'a E>,
    {
        let asked = self.now();
        let result = ask();
        self.add(
            asked,
            call,
            result.as_ref().map(answer).map_err(Fault::from),
        );
        result
    }

    /// Notes what came of it, unless it is to be tried again: there was nothing to read, no room.
    pub(super) fn note_tried(&self, asked: Time, call: Call, result: Result<Answer, &io::Error>) {
        if !result
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        {
            self.add(asked, call, result.map_err(Fault::from));
        }
    }

    pub(super) fn block(
        &self,
        call: Call,
        ready: &dyn Ready,
        deadline: Option<Time>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> io::Result<bool> {
        self.note(
            call,
            || ready.block(deadline, op),
            |came| {
                if *came {
                    Answer::Done
                } else {
                    Answer::TimedOut
                }
            },
        )
    }

    pub(super) fn poll(
        &self,
        call: Call,
        ready: &dyn Ready,
        cx: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        let asked = self.now();
        let polled = ready.poll(cx, op);
        if let Poll::Ready(result) = &polled {
            let told = result.as_ref().map(|()| Answer::Done);
            self.add(asked, call, told.map_err(Fault::from));
        }
        polled
    }

    pub(super) fn cancel(&self, call: Call, ready: &dyn Ready) {
        let asked = self.now();
        ready.cancel();
        self.add(asked, call, Ok(Answer::Done));
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(call) = self.end.take() {
            self.add(self.now(), call, Ok(Answer::Done));
        }
    }
}
