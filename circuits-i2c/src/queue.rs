//! The order of the calls on a bus whose handle blocks: first come, first served, whether they
//! block or are awaited.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread;

use embedded_hal::i2c::Operation;

use crate::messages::Messages;
use crate::{Address, Done, Handle};

/// The line at a bus. A call takes a ticket when it is made; futures hand theirs to the worker
/// thread, which starts with the first of them and ends with the bus.
#[derive(Debug)]
pub(crate) struct Queue {
    handle: Box<dyn Handle>,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    next_ticket: u64,
    serving: u64,
    requests: VecDeque<(u64, Arc<Request>)>,
    has_worker: bool,
    closed: bool,
}

impl Queue {
    pub(crate) fn new(handle: Box<dyn Handle>) -> Queue {
        Queue {
            handle,
            state: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    pub(crate) fn handle(&self) -> &dyn Handle {
        &*self.handle
    }

    /// Runs a transaction when all before it are done.
    pub(crate) fn transaction(&self, address: Address, operations: &mut [Operation<'_>]) -> Done {
        let mut state = lock(&self.state);
        let ticket = state.take_ticket();
        while state.serving != ticket {
            state = self.moved.wait(state).unwrap_or_else(|e| e.into_inner());
        }
        drop(state);
        let _next = ServeNext(self);
        self.handle.transaction(address, operations)
    }

    /// Hands a request to the worker. It is run whether somebody still waits for it or not.
    pub(crate) fn submit(self: &Arc<Queue>, request: &Arc<Request>) -> io::Result<()> {
        let mut state = lock(&self.state);
        if !state.has_worker {
            let queue = self.clone();
            thread::Builder::new()
                .name("circuits-i2c".into())
                .spawn(move || queue.work())?;
            state.has_worker = true;
        }
        let ticket = state.take_ticket();
        state.requests.push_back((ticket, request.clone()));
        self.moved.notify_all();
        Ok(())
    }

    /// Lets the worker end when it has nothing left to do.
    pub(crate) fn close(&self) {
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
                let next = ServeNext(self);
                request.run(&*self.handle, next);
            }
        }
    }
}

/// Lets the next in line go, even if the handle panicked.
struct ServeNext<'a>(&'a Queue);

impl Drop for ServeNext<'_> {
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

impl State {
    fn take_ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket - 1
    }
}

/// A transaction that the worker runs. It owns the data meanwhile: the future that asked for it may
/// be dropped at any time.
#[derive(Debug, Default)]
pub(crate) struct Request(Mutex<Job>);

#[derive(Debug, Default)]
struct Job {
    address: Option<Address>,
    messages: Messages,
    done: Option<Done>,
    waker: Option<Waker>,
}

impl Request {
    pub(crate) fn load(&self, address: Address, operations: &[Operation<'_>]) {
        let mut job = lock(&self.0);
        job.address = Some(address);
        job.done = None;
        job.messages.join(operations);
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Done> {
        let mut job = lock(&self.0);
        match job.done.take() {
            Some(done) => Poll::Ready(done),
            None => {
                let old = match &job.waker {
                    Some(old) if old.will_wake(cx.waker()) => None,
                    _ => job.waker.replace(cx.waker().clone()),
                };
                drop(job);
                drop(old);
                Poll::Pending
            }
        }
    }

    pub(crate) fn store(&self, operations: &mut [Operation<'_>]) {
        lock(&self.0).messages.split(operations);
    }

    fn run(&self, handle: &dyn Handle, next: ServeNext<'_>) {
        let mut job = lock(&self.0);
        let mut messages = std::mem::take(&mut job.messages);
        let address = job.address;
        drop(job);
        let run = AssertUnwindSafe(|| match address {
            Some(address) => messages.run(|all| handle.transaction(address, all)),
            None => Done {
                result: Err(io::ErrorKind::InvalidInput.into()),
                busy_until: None,
            },
        });
        // The panic of a backend is its own affair; who waits for it must not wait for ever.
        let done = catch_unwind(run).unwrap_or_else(|_| Done {
            result: Err(io::Error::other("the backend panicked")),
            busy_until: None,
        });
        drop(next);
        let mut job = lock(&self.0);
        job.messages = messages;
        job.done = Some(done);
        // Only now: the future may have been polled meanwhile, by a task other than the one that
        // first waited.
        let waker = job.waker.take();
        drop(job);
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
