//! CAN buses: a backend of circuits-can at the speed of a wire.
//!
//! A frame takes as long as its bits, with those that are stuffed, and is there when it is over. Of those who want to
//! send when the bus is free the one with the smallest identifier goes first; who sends tries again until somebody
//! acknowledges it, and errors are counted, as ISO 11898-1 says. By default a controller is up at 500 kbit/s, and knows
//! no CAN FD until it is [set up](circuits_can::Interface::configure) so; its clock has 40 MHz, of which it divides its
//! bit rates.
//!
//! What is particular to the kernel is so here:
//!
//! - An interface takes over ten frames beside the one that its controller sends. Then a write waits for room.
//! - While a controller is bus-off, or only listens, what is written is dropped, and no error is told: it is the error
//!   frames ([`Config::errors`](circuits_can::Config::errors)) and the [state](circuits_can::InterfaceInfo::state) that
//!   tell. What was still to be sent when it went bus-off is dropped as well.
//! - A receive buffer is full after 222 frames, and what comes then is lost and counted.
//! - Whoever may not set an interface up may open sockets on it nevertheless.
//!
//! A controller that is error-passive, and alone, tries again for ever. That is not told frame by frame, neither by the
//! trace nor to a node; and it is no reason for time to move.

// `bits` is a frame on the wire, `timing` what rates there are; `station` is who is on a bus, a controller of an
// interface or a `node`; `bus` is what is on it, `arbitration` who goes first there, `outcome` what comes of a frame,
// `conduct` what that does to everybody, `flaw`, `fault` and `report` what goes wrong, by whom, and how that is told.
// `state` is all of it, and `events` what happens by itself; `socket`, `programs`, `cycle` and `links` are the kernel's
// side, `backend` how programs come to it, and `plug` how tests put it together.

mod arbitration;
mod backend;
mod bits;
mod bus;
mod conduct;
mod cycle;
mod events;
mod fault;
mod flaw;
mod links;
mod node;
mod outcome;
mod plug;
mod programs;
mod report;
mod socket;
mod state;
mod station;
mod timing;
#[cfg(test)]
mod told;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};

use circuits_enumerate::CanLink;
use circuits_wait::Time;

pub use self::fault::Fault;
pub use self::node::{Controller, Failure, Node};
pub use self::plug::Place;
use self::state::State;
pub use crate::attention::Attention;
use crate::stub::Board;
use crate::time::{Agenda, Schedule};
use crate::trace::Action;
use crate::turn::Turn;
use crate::{Error, Result};

// include/uapi/asm-generic/errno-base.h, errno.h
const EPERM: i32 = 1;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const EOPNOTSUPP: i32 = 95;
const ENETDOWN: i32 = 100;

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// All CAN interfaces of a board, and the buses that they are on.
pub(crate) struct Can {
    state: Mutex<State>,
    agenda: Agenda,
    /// The board wanted to do something by itself, and somebody had the wires.
    is_missed: AtomicBool,
}

impl Can {
    pub(crate) fn new(schedule: &Arc<Schedule>, board: Weak<Board>) -> Can {
        let attention = Attention::new(board.clone());
        let advance = move || {
            if let Some(board) = board.upgrade() {
                board.can.act(&board);
            }
        };
        Can {
            state: Mutex::new(State::new(attention)),
            agenda: Agenda::new(schedule.clone(), advance),
            is_missed: AtomicBool::new(false),
        }
    }

    /// A node that panicked is as it is; the wires are whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Does what happens by itself until now, then `f`; and has those who wait see it.
    fn change<T>(&self, board: &Board, f: impl FnOnce(&mut State, Time) -> T) -> T {
        let done = self.change_in(self.lock(), board, |state, now| {
            state.advance_all(board, now);
            f(state, now)
        });
        self.make_up(board);
        done
    }

    /// Does `f` as things were when somebody looked last, which changes nothing that others wait for.
    fn look<T>(&self, board: &Board, f: impl FnOnce(&mut State) -> T) -> T {
        let done = f(&mut self.lock());
        self.make_up(board);
        done
    }

    /// Does what the board wanted to do meanwhile, once the wires are free.
    fn make_up(&self, board: &Board) {
        while self.is_missed.swap(false, Ordering::AcqRel) {
            self.change_in(self.lock(), board, |_, _| ());
        }
    }

    fn change_in<T>(
        &self,
        mut state: MutexGuard<'_, State>,
        board: &Board,
        f: impl FnOnce(&mut State, Time) -> T,
    ) -> T {
        let turn = Turn::begin();
        let now = board.schedule.now();
        state.advance(board, now);
        state.ask_nodes(now);
        let done = f(&mut state, now);
        let mut next = state.next();
        if next.is_some_and(|next| next <= now) {
            state.advance(board, now);
            next = state.next();
        }
        self.agenda.set(next);
        drop(state);
        drop(turn);
        board.schedule.notify();
        done
    }

    /// Does what happens by itself. A thread that has wires already waits for no others: it may be a node on these
    /// wires that drives a pin, or one that they wait for. Whoever has them sees to it in the end.
    pub(crate) fn act(&self, board: &Board) {
        if !Turn::is_on() {
            self.change_in(self.lock(), board, |_, _| ());
            return self.make_up(board);
        }
        self.is_missed.store(true, Ordering::Release);
        while self.is_missed.load(Ordering::Acquire) {
            let state = match self.state.try_lock() {
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(error)) => error.into_inner(),
                Ok(state) => state,
            };
            self.is_missed.store(false, Ordering::Release);
            self.change_in(state, board, |_, _| ());
        }
    }

    /// Whether a program has a socket on an interface.
    pub(crate) fn is_open(&self, board: &Board, name: &str) -> bool {
        self.look(board, |state| {
            let interface = state.find(name);
            interface.is_some_and(|id| state.sockets_of(id).next().is_some())
        })
    }

    /// An interface grows, if there is none of this name yet, like one that is told of; returns its number then.
    pub(crate) fn grow(
        &self,
        board: &Board,
        name: &str,
        is_virtual: bool,
        like: Option<&CanLink>,
    ) -> Option<u32> {
        self.change(board, |state, now| {
            let id = state.add(name, is_virtual, now)?;
            if let Some(link) = like {
                state.set_like(id, link);
            }
            Some(state.interfaces.get(&id)?.index)
        })
    }

    /// An interface has another name.
    pub(crate) fn rename(&self, board: &Board, name: &str, new: &str) {
        self.change(board, |state, _| state.rename(name, new));
    }

    /// What route netlink says of all interfaces.
    pub(crate) fn links(&self, board: &Board) -> Vec<CanLink> {
        self.change(board, |state, _| state.links())
    }

    /// Connects a node to the bus of an interface.
    pub(crate) fn attach(&self, board: &Board, name: &str, node: Box<dyn Node>) -> Result<Place> {
        self.change(board, |state, now| {
            let id = state.wired(name)?;
            let node = state.attach(id, node, board, now);
            node.map(Place).ok_or_else(|| no_interface(name))
        })
    }

    /// An interface goes, if there is one of this name.
    pub(crate) fn remove(&self, board: &Board, name: &str) -> bool {
        self.change(board, |state, now| {
            let Some(interface) = state.find(name) else {
                return false;
            };
            state.remove(interface, board, now);
            board.tell_at(now, || Action::RemoveBus { bus: name.into() });
            true
        })
    }
}

impl State {
    /// An interface that has wires.
    fn wired(&self, name: &str) -> Result<u64> {
        let id = self.find(name).ok_or_else(|| no_interface(name))?;
        match self.stations.contains_key(&id) {
            true => Ok(id),
            false => Err(Error::NoWires {
                interface: name.into(),
            }),
        }
    }
}

fn no_interface(name: &str) -> Error {
    Error::NoInterface {
        interface: name.into(),
    }
}

impl fmt::Debug for Can {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Can").finish_non_exhaustive()
    }
}
