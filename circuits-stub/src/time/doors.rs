//! How one comes to take part in the board's time.

use std::fmt;
use std::io;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

use super::bell::Bell;
use super::here::{self, Here};
use super::places::{Blocked, Kind, PlaceKey, Turn};
use super::schedule::{Schedule, State};
use super::task::{Task, waker};

impl Schedule {
    /// Runs `f` with the calling thread taking part.
    pub(crate) fn run<T>(self: &Arc<Schedule>, f: impl FnOnce() -> T) -> T {
        if !self.is_virtual || here::participant(self).is_some() {
            return f();
        }
        let mut state = self.lock();
        let key = state.add_root(here::thread_name());
        state.make_ready(key);
        drop(self.settle(state));
        let _part = Part::take(self, key);
        f()
    }

    /// Starts a thread that takes part from this call on, before it exists.
    pub(crate) fn spawn<T: Send + 'static>(
        self: &Arc<Schedule>,
        name: &str,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        if self.is_virtual && here::participant(self).is_none() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a thread that takes part in virtual time is started by one that does: run the test by Stub::run",
            ));
        }
        let key = self.is_virtual.then(|| {
            let mut state = self.lock();
            let key = state.add_place(name.into(), Kind::Thread, None);
            state.make_ready(key);
            key
        });
        let end = Bell::new(self.clone(), format!("the end of {name}"));
        let (schedule, ended) = (self.clone(), end.signal().clone());
        let result = Arc::new(Mutex::new(None));
        let kept = result.clone();
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            let _part = key.map(|key| Part::take(&schedule, key));
            // Told before it leaves, and if it panics: who joins it is ready then, and it is not
            // the end of all.
            let _end = on_drop(|| {
                ended.raise();
                schedule.notify();
            });
            // If nobody joins it, the result is dropped here, in the thread's own turn.
            let result = f();
            *lock(&kept) = Some(result);
            drop(kept);
        });
        match thread {
            Ok(thread) => Ok(JoinHandle {
                end,
                name: name.into(),
                thread,
                result,
            }),
            Err(error) => {
                if let Some(key) = key {
                    here::leave(self, key);
                }
                Err(error)
            }
        }
    }

    /// Runs a future in the place of the calling thread.
    pub(crate) fn block_on<F: Future>(self: &Arc<Schedule>, future: F) -> F::Output {
        if !self.is_virtual {
            return block_on(future);
        }
        self.run(|| {
            let mut future = pin!(future);
            let Some(key) = here::participant(self) else {
                return block_on(future);
            };
            let waker = waker(self, key);
            loop {
                let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
                let mut state = self.lock();
                if let Poll::Ready(output) = poll {
                    state.wake_outer(key);
                    return output;
                }
                let outer = state
                    .place(key)
                    .map(|place| std::mem::replace(&mut place.blocked, Blocked::BlockOn));
                state.wait_for_wakers(key);
                let mut state = self.wait_for_turn(key, self.settle(state));
                if let (Some(place), Some(outer)) = (state.place(key), outer) {
                    place.blocked = outer;
                }
            }
        })
    }

    /// Lets `drive` run a future by an executor, in the place of the calling thread.
    pub(crate) fn block_on_with<F: Future, T>(
        self: &Arc<Schedule>,
        drive: impl FnOnce(Task<F>) -> T,
        future: F,
    ) -> T {
        self.run(|| {
            let Some(key) = here::participant(self) else {
                return drive(Task::lent(self, None, future));
            };
            let before = self.lock().place(key).map(|place| {
                place.thread = thread::current();
                (
                    std::mem::replace(&mut place.kind, Kind::Task),
                    place.executor.take(),
                )
            });
            let _back = on_drop(|| {
                let mut state = self.lock();
                let inner = state
                    .place(key)
                    .zip(before)
                    .and_then(|(place, (kind, executor))| {
                        place.kind = kind;
                        std::mem::replace(&mut place.executor, executor)
                    });
                state.wake_outer(key);
                self.get_back(key, state);
                drop(inner);
            });
            // What the executor does between polls is nobody's turn.
            let _nobody = Here::take(self, None);
            drive(Task::lent(self, Some(key), future))
        })
    }

    pub(crate) fn task<F: Future>(self: &Arc<Schedule>, name: &str, future: F) -> Task<F> {
        Task::new(self, name, future)
    }

    /// Runs `f` while time may move on without the caller.
    pub(crate) fn outside<T>(self: &Arc<Schedule>, f: impl FnOnce() -> T) -> T {
        let Some(key) = here::participant(self) else {
            return f();
        };
        let mut state = self.lock();
        let outer = state
            .place(key)
            .map(|place| std::mem::replace(&mut place.blocked, Blocked::Wait));
        state.make_waiting(key, Turn::Outside);
        drop(self.settle(state));
        let _back = on_drop(|| {
            let state = self.lock();
            self.get_back(key, state);
            if let (Some(place), Some(outer)) = (self.lock().place(key), outer) {
                place.blocked = outer;
            }
        });
        // Who is outside is a guest, if it waits on the board all the same.
        let _nobody = Here::take(self, None);
        f()
    }

    /// Waits for the turn of a place that may have lost it.
    fn get_back<'a>(&'a self, key: PlaceKey, mut state: MutexGuard<'a, State>) {
        if !state.is_running(key) {
            let outer = state
                .place(key)
                .map(|place| std::mem::replace(&mut place.blocked, Blocked::Wait));
            state.make_ready(key);
            state = self.wait_for_turn(key, self.settle(state));
            if let (Some(place), Some(outer)) = (state.place(key), outer) {
                place.blocked = outer;
            }
        }
    }
}

/// A thread that takes part, until it is dropped.
struct Part<'a> {
    schedule: &'a Arc<Schedule>,
    key: PlaceKey,
    _here: Here,
}

impl<'a> Part<'a> {
    /// Takes the place when its turn comes.
    fn take(schedule: &'a Arc<Schedule>, key: PlaceKey) -> Part<'a> {
        let mut state = schedule.lock();
        if let Some(place) = state.place(key) {
            place.thread = thread::current();
        }
        drop(schedule.wait_for_turn(key, state));
        Part {
            schedule,
            key,
            _here: Here::take(schedule, Some(key)),
        }
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        here::leave(self.schedule, self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

struct OnDrop<F: FnOnce()>(Option<F>);

fn on_drop<F: FnOnce()>(f: F) -> OnDrop<F> {
    OnDrop(Some(f))
}

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

/// A thread of the board, to be waited for on the board's clock.
pub struct JoinHandle<T> {
    end: Bell,
    name: Arc<str>,
    thread: thread::JoinHandle<()>,
    result: Arc<Mutex<Option<T>>>,
}

impl<T> JoinHandle<T> {
    /// Waits for the end of the thread and returns what it returned. An interrupt of the board does
    /// not end this wait.
    ///
    /// # Errors
    /// [`io::ErrorKind::Deadlock`] on a virtual clock when nothing can happen any more.
    ///
    /// # Panics
    /// As the thread did, if it did.
    pub fn join(self) -> io::Result<T> {
        self.end.wait_for_first()?;
        if let Err(panic) = self.thread.join() {
            resume_unwind(panic);
        }
        // It is there: the thread has ended and has not panicked.
        lock(&self.result)
            .take()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Runs a future in real time.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(thread::current())).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}
