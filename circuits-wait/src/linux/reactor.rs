use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::Waker;
use std::thread;

use rustix::event::epoll;

use super::fd::Direction;

/// One thread in one `epoll_wait(2)` for all futures of the process, whatever executor runs them.
/// It starts with the first future that has to wait and sleeps while nothing happens.
///
/// A descriptor is listened to from the moment that somebody waits for it, until the next event
/// (`EPOLLONESHOT`): that is a system call a wait, and nobody is woken for what nobody waits for. Edge-triggered
/// ones cost no call, and wake this thread for all that comes while it is read anyway, which was a quarter of the time
/// that reading a stream took, and a third of a round trip.
static REACTOR: OnceLock<Reactor> = OnceLock::new();

#[derive(Debug)]
struct Reactor {
    epoll: OwnedFd,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    /// Never used twice, so that an event on its way to a descriptor that is gone finds nobody.
    next: u64,
    by_key: HashMap<u64, Arc<Mutex<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    ready: bool,
    waker: Option<Waker>,
}

/// A descriptor that the reactor watches, until [`remove`](Registration::remove).
#[derive(Debug)]
pub(super) struct Registration {
    reactor: &'static Reactor,
    key: u64,
    slot: Arc<Mutex<Slot>>,
    flags: epoll::EventFlags,
}

impl Registration {
    /// Registers `fd`, for something to read or for room to write. It is not listened to yet.
    pub(super) fn new(fd: &impl AsFd, direction: Direction) -> io::Result<Registration> {
        let flags = match direction {
            Direction::Read => epoll::EventFlags::IN,
            Direction::Write => epoll::EventFlags::OUT,
        };
        let reactor = reactor()?;
        let slot = Arc::new(Mutex::new(Slot::default()));
        let mut slots = lock(&reactor.slots);
        slots.next += 1;
        let key = slots.next;
        epoll::add(
            &reactor.epoll,
            fd,
            epoll::EventData::new_u64(key),
            epoll::EventFlags::ONESHOT,
        )?;
        slots.by_key.insert(key, slot.clone());
        drop(slots);
        Ok(Registration {
            reactor,
            key,
            slot,
            flags: flags | epoll::EventFlags::ONESHOT,
        })
    }

    /// Leaves `waker` to be woken at the next event. What came before no longer counts: call this
    /// before the attempt.
    pub(super) fn arm(&self, waker: &Waker) {
        let mut slot = lock(&self.slot);
        slot.ready = false;
        let old = match &slot.waker {
            Some(old) if old.will_wake(waker) => None,
            _ => slot.waker.replace(waker.clone()),
        };
        // To drop a waker may run a user's code, which must not be under the lock.
        drop(slot);
        drop(old);
    }

    /// Has the next event told: at once, if it is there already.
    pub(super) fn listen(&self, fd: &impl AsFd) -> io::Result<()> {
        Ok(epoll::modify(
            &self.reactor.epoll,
            fd,
            epoll::EventData::new_u64(self.key),
            self.flags,
        )?)
    }

    /// Tells whether an event came since [`arm`](Registration::arm).
    pub(super) fn is_ready(&self) -> bool {
        lock(&self.slot).ready
    }

    pub(super) fn disarm(&self) {
        let old = lock(&self.slot).waker.take();
        drop(old);
    }

    /// Is an event, which the kernel did not tell of.
    pub(super) fn wake(&self) {
        wake(&self.slot);
    }

    pub(super) fn remove(&self, fd: &impl AsFd) {
        lock(&self.reactor.slots).by_key.remove(&self.key);
        // The descriptor is open until after this call, so it is there to be removed.
        let _ = epoll::delete(&self.reactor.epoll, fd);
    }
}

fn reactor() -> io::Result<&'static Reactor> {
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(reactor) = REACTOR.get() {
        return Ok(reactor);
    }
    let _one = lock(&STARTING);
    if let Some(reactor) = REACTOR.get() {
        return Ok(reactor);
    }
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let (ready, started) = std::sync::mpsc::channel::<&'static Reactor>();
    thread::Builder::new()
        .name("circuits-wait".into())
        .spawn(move || {
            if let Ok(reactor) = started.recv() {
                run(reactor);
            }
        })?;
    let reactor = REACTOR.get_or_init(|| Reactor {
        epoll,
        slots: Mutex::default(),
    });
    let _ = ready.send(reactor);
    Ok(reactor)
}

fn run(reactor: &Reactor) {
    let mut events = Vec::with_capacity(64);
    loop {
        events.clear();
        match epoll::wait(
            &reactor.epoll,
            rustix::buffer::spare_capacity(&mut events),
            None,
        ) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            // The descriptor is ours and open: no other error is possible (epoll_wait(2)).
            Err(_) => return,
        }
        for event in &events {
            let key = event.data.u64();
            let Some(slot) = lock(&reactor.slots).by_key.get(&key).cloned() else {
                continue;
            };
            // One that panics must not end the waits of all others.
            let _ = catch_unwind(AssertUnwindSafe(|| wake(&slot)));
        }
    }
}

fn wake(slot: &Mutex<Slot>) {
    let waker = {
        let mut slot = lock(slot);
        slot.ready = true;
        slot.waker.take()
    };
    // An executor may run our code in here: no lock is held.
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// No panic happens under these locks; if one did, the maps would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
