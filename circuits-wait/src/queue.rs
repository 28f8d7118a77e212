//! The order of the calls on a bus whose handle blocks: first come, first served, whether they
//! block or are awaited.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread;

/// A call that a worker can make, with the data that it needs and what it comes to.
pub trait Job: Debug + Default + Send + 'static {
    /// What it is made on.
    type Handle: Debug + Send + Sync + ?Sized + 'static;
    /// What it comes to.
    type Done: Debug + Send + 'static;

    /// Makes the call; it may block.
    fn run(&mut self, handle: &Self::Handle) -> Self::Done;
}

/// The line at a bus that cannot be polled, and blocks the thread while it is busy. A call takes a
/// ticket when it is made; futures hand theirs to a worker thread, which starts with the first of them
/// and ends with the bus.
#[derive(Debug)]
pub struct Queue<J: Job> {
    handle: Box<J::Handle>,
    worker: &'static str,
    state: Mutex<State<J>>,
    moved: Condvar,
}

#[derive(Debug)]
struct State<J: Job> {
    next_ticket: u64,
    serving: u64,
    requests: VecDeque<(u64, Arc<Request<J>>)>,
    has_worker: bool,
    closed: bool,
}

impl<J: Job> Queue<J> {
    /// Makes a queue before a handle. Its thread will have this name.
    pub fn new(handle: Box<J::Handle>, worker: &'static str) -> Queue<J> {
        Queue {
            handle,
            worker,
            state: Mutex::new(State {
                next_ticket: 0,
                serving: 0,
                requests: VecDeque::new(),
                has_worker: false,
                closed: false,
            }),
            moved: Condvar::new(),
        }
    }

    /// Returns the handle, for what needs no turn.
    pub fn handle(&self) -> &J::Handle {
        &self.handle
    }

    /// Makes a call when all before it are done.
    pub fn run<T>(&self, call: impl FnOnce(&J::Handle) -> T) -> T {
        let mut state = lock(&self.state);
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        while state.serving != ticket {
            state = self.moved.wait(state).unwrap_or_else(|e| e.into_inner());
        }
        drop(state);
        let _next = ServeNext(self);
        call(&self.handle)
    }

    /// Hands a request to the worker. It is run whether somebody still waits for it or not.
    ///
    /// # Errors
    /// The system has no more threads to give.
    pub fn submit(self: &Arc<Queue<J>>, request: &Arc<Request<J>>) -> io::Result<()> {
        let mut state = lock(&self.state);
        if !state.has_worker {
            let queue = self.clone();
            thread::Builder::new()
                .name(self.worker.into())
                .spawn(move || queue.work())?;
            state.has_worker = true;
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.requests.push_back((ticket, request.clone()));
        self.moved.notify_all();
        Ok(())
    }

    /// Lets the worker end when it has nothing left to do.
    pub fn close(&self) {
        lock(&self.state).closed = true;
        self.moved.notify_all();
    }

    fn work(&self) {
        loop {
            let mut state = lock(&self.state);
            let request = loop {
                match state.requests.front() {
                    Some((ticket, _)) if *ticket == state.serving => {
                        break state.requests.pop_front();
                    }
                    None if state.closed => return,
                    _ => state = self.moved.wait(state).unwrap_or_else(|e| e.into_inner()),
                }
            };
            drop(state);
            if let Some((_, request)) = request {
                request.run(&self.handle, ServeNext(self));
            }
        }
    }
}

/// Lets the next in line go, even if the handle panicked.
struct ServeNext<'a, J: Job>(&'a Queue<J>);

impl<J: Job> Drop for ServeNext<'_, J> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.serving += 1;
        let somebody_waits = state.serving != state.next_ticket;
        drop(state);
        if somebody_waits {
            self.0.moved.notify_all();
        }
    }
}

/// A call that the worker makes. It owns the data meanwhile: the future that asked for it may be
/// dropped at any time.
#[derive(Debug)]
pub struct Request<J: Job>(Mutex<Slot<J>>);

#[derive(Debug)]
struct Slot<J: Job> {
    job: J,
    done: Option<io::Result<J::Done>>,
    waker: Option<Waker>,
}

impl<J: Job> Default for Request<J> {
    fn default() -> Request<J> {
        Request(Mutex::new(Slot {
            job: J::default(),
            done: None,
            waker: None,
        }))
    }
}

impl<J: Job> Request<J> {
    /// Prepares the call, before it is submitted.
    pub fn load(&self, prepare: impl FnOnce(&mut J)) {
        let mut slot = lock(&self.0);
        slot.done = None;
        prepare(&mut slot.job);
    }

    /// Returns what the call came to, or has the task woken when it is done. If the backend panicked,
    /// it is an error that says so.
    pub fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Result<J::Done>> {
        let mut slot = lock(&self.0);
        match slot.done.take() {
            Some(done) => Poll::Ready(done),
            None => {
                let old = match &slot.waker {
                    Some(old) if old.will_wake(cx.waker()) => None,
                    _ => slot.waker.replace(cx.waker().clone()),
                };
                drop(slot);
                drop(old);
                Poll::Pending
            }
        }
    }

    /// Looks at the data of a call that is done.
    pub fn store<T>(&self, look: impl FnOnce(&J) -> T) -> T {
        look(&lock(&self.0).job)
    }

    fn run(&self, handle: &J::Handle, next: ServeNext<'_, J>) {
        let mut job = std::mem::take(&mut lock(&self.0).job);
        // The panic of a backend is its own affair; who waits for it must not wait for ever.
        let done = catch_unwind(AssertUnwindSafe(|| job.run(handle)))
            .map_err(|_| io::Error::other("the backend panicked"));
        drop(next);
        let mut slot = lock(&self.0);
        slot.job = job;
        slot.done = Some(done);
        // Only now: the future may have been polled meanwhile, by a task other than the one that
        // first waited.
        let waker = slot.waker.take();
        drop(slot);
        if let Some(waker) = waker {
            // Its panic is not the bus's end.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

/// No code of a backend runs under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
