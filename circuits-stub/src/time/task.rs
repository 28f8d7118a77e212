use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use super::here::{self, Here};
use super::places::{Blocked, Kind, PlaceKey, Turn};
use super::schedule::Schedule;

/// A future that takes part in the board's time, for any executor to run:
/// [`Stub::task`](crate::Stub::task) makes it.
///
/// Timers, channels and combinators *inside* it are its own affair; it takes part once. Dropped, it
/// takes part no more.
pub struct Task<F> {
    future: Option<Pin<Box<F>>>,
    /// None in real time, and when it was polled inside another participant: it is a part of that
    /// one then.
    place: Option<TaskPlace>,
}

struct TaskPlace {
    schedule: Arc<Schedule>,
    key: PlaceKey,
    waker: Waker,
    /// The place is that of the thread which drives the executor, and goes back to it.
    lent: bool,
    polled: bool,
    /// The place is given up by who takes the turn next.
    gone: bool,
}

impl<F: Future> Task<F> {
    /// Takes part from now on, before its first poll: the order of the calls is the order of the
    /// turns.
    pub(super) fn new(schedule: &Arc<Schedule>, name: &str, future: F) -> Task<F> {
        let place = schedule.is_virtual.then(|| {
            let mut state = schedule.lock();
            let key = state.add_place(name.into(), Kind::Task, here::participant(schedule));
            state.make_ready(key);
            drop(schedule.settle(state));
            TaskPlace::new(schedule, key, false)
        });
        Task {
            future: Some(Box::pin(future)),
            place,
        }
    }

    /// Takes the place of a thread, which drives the executor meanwhile.
    pub(super) fn lent(schedule: &Arc<Schedule>, key: Option<PlaceKey>, future: F) -> Task<F> {
        Task {
            future: Some(Box::pin(future)),
            place: key.map(|key| TaskPlace::new(schedule, key, true)),
        }
    }
}

impl TaskPlace {
    fn new(schedule: &Arc<Schedule>, key: PlaceKey, lent: bool) -> TaskPlace {
        TaskPlace {
            schedule: schedule.clone(),
            key,
            waker: waker(schedule, key),
            lent,
            polled: false,
            gone: false,
        }
    }

    /// Leaves word for when its turn comes, and tells whether it has.
    fn begin(&mut self, cx: &mut Context<'_>) -> bool {
        self.polled = true;
        let mut state = self.schedule.lock();
        if state.lingers_here() {
            let executor = state.release();
            drop(self.schedule.settle(state));
            drop(executor);
            state = self.schedule.lock();
        }
        let running = state.is_running(self.key);
        let Some(place) = state.place(self.key) else {
            return false;
        };
        place.thread = thread::current();
        place.woken &= !running;
        let old = match &place.executor {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => place.executor.replace(cx.waker().clone()),
        };
        drop(state);
        drop(old);
        running
    }

    /// The future is done: the turn goes on when the executor has told of it, if it has anybody to
    /// tell.
    fn finish(&mut self) {
        if self.lent {
            return;
        }
        self.gone = true;
        let mut state = self.schedule.lock();
        if state.linger(self.key) {
            // Should no other task be polled there.
            self.schedule.watch_over(&mut state);
            drop(self.schedule.settle(state));
        } else {
            drop(state);
            here::leave(&self.schedule, self.key);
        }
    }

    fn end(&self) {
        let mut state = self.schedule.lock();
        state.wait_for_wakers(self.key);
        drop(self.schedule.settle(state));
    }
}

impl<F: Future> Future for Task<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Done already; a future may do anything then but must not be polled.
        let Some(future) = &mut this.future else {
            return Poll::Pending;
        };
        if this.place.as_ref().is_some_and(|place| {
            !place.polled && !place.lent && here::participant(&place.schedule).is_some()
        }) {
            this.place = None;
        }
        let Some(place) = &mut this.place else {
            return future.as_mut().poll(cx);
        };
        if !place.begin(cx) {
            return Poll::Pending;
        }
        let here = Here::take(&place.schedule, Some(place.key));
        let poll = future.as_mut().poll(&mut Context::from_waker(&place.waker));
        match poll {
            Poll::Ready(_) => {
                this.future = None;
                drop(here);
                place.finish();
            }
            Poll::Pending => {
                drop(here);
                place.end();
            }
        }
        poll
    }
}

impl<F> Drop for Task<F> {
    fn drop(&mut self) {
        // What it waits for is cancelled before it leaves.
        self.future = None;
    }
}

impl Drop for TaskPlace {
    fn drop(&mut self) {
        if !self.lent && !self.gone {
            here::leave(&self.schedule, self.key);
        }
    }
}

impl<F> fmt::Debug for Task<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("takes_part", &self.place.is_some())
            .finish_non_exhaustive()
    }
}

/// Makes the waker that queues a place for its turn.
pub(super) fn waker(schedule: &Arc<Schedule>, key: PlaceKey) -> Waker {
    Arc::new(PlaceWaker {
        schedule: Arc::downgrade(schedule),
        key,
    })
    .into()
}

struct PlaceWaker {
    schedule: Weak<Schedule>,
    key: PlaceKey,
}

impl Wake for PlaceWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(schedule) = self.schedule.upgrade() else {
            return;
        };
        let mut state = schedule.lock();
        match state.place(self.key) {
            Some(place) if place.turn == Turn::Waiting && place.blocked != Blocked::Wait => {
                state.make_ready(self.key)
            }
            Some(place) => place.woken = true,
            None => {}
        }
        let executor = state.release();
        drop(schedule.settle(state));
        drop(executor);
    }
}
