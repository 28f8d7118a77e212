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
//!
//! `bits` is a frame on the wire, `timing` what rates there are; `station` is who is on a bus, a controller of an
//! interface or a `node`; `bus` is what is on it, `arbitration` who goes first there, `outcome` what comes of a frame,
//! `conduct` what that does to everybody, `flaw`, `fault` and `report` what goes wrong, by whom, and how that is told.
//! `state` is all of it, and `events` what happens by itself; `socket`, `programs`, `cycle` and `links` are the kernel's
//! side, and `backend` how programs come to it.

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

use circuits_can::{Interface, InterfaceConfig};
use circuits_enumerate::CanLink;
use circuits_wait::Time;

pub use self::fault::Fault;
pub use self::node::{Controller, Failure, Node};
use self::state::State;
pub use crate::attention::Attention;
use crate::stub::Board;
use crate::time::{Agenda, Schedule};
use crate::trace::Action;
use crate::turn::Turn;
use crate::{Error, Result, Stub};

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

/// Where a node is: what it is taken off again by ([`Stub::unplug_can`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(u64);

/// CAN interfaces. They are called as Linux calls them: `can0`.
impl Stub {
    /// Adds an interface with a controller, if it is not there yet, on a bus of its own: nobody acknowledges what it
    /// sends.
    pub fn can_interface(self, name: &str) -> Stub {
        self.plug_can_interface(name);
        self
    }

    /// Puts interfaces, which are added if they are not there yet, on one bus, with all that is on their buses already.
    ///
    /// ```
    /// use circuits_can::{Config, Frame, Id, Socket};
    /// use circuits_stub::Stub;
    ///
    /// let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    /// let [can0, can1] = ["can0", "can1"].map(|name| Socket::open_on(&board, name, &Config::new()));
    /// let (can0, can1) = (can0?, can1?);
    /// can0.write(&Frame::new(Id::standard(0x123)?, b"hello")?, None)?;
    /// assert_eq!(can1.read_frame(None)?.data(), b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoWires`]: one of them is a `vcan`.
    pub fn can_bus<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Result<Stub> {
        self.plug_can_bus(names)?;
        Ok(self)
    }

    /// Adds an interface that has no controller and no wires, if it is not there yet, as the kernel's module vcan does:
    /// what is written comes to its other sockets at once. It has CAN FD frames.
    pub fn vcan(self, name: &str) -> Stub {
        self.plug_vcan(name);
        self
    }

    /// Connects a node to the bus of an interface, which is added if it is not there yet.
    ///
    /// # Errors
    /// [`Error::NoWires`]: it is a `vcan`.
    pub fn can_node(self, interface: &str, node: impl Node + 'static) -> Result<Stub> {
        self.plug_can(interface, node)?;
        Ok(self)
    }

    /// Sets an interface up, which is added if it is not there yet, and takes it up: what [`Interface::down`],
    /// [`Interface::configure`] and [`Interface::up`] do.
    ///
    /// ```
    /// use circuits_can::{Config, Frame, Id, InterfaceConfig, Socket};
    /// use circuits_stub::Stub;
    ///
    /// let fd = InterfaceConfig::new().bitrate(500_000).data_bitrate(2_000_000);
    /// let board = Stub::virtual_time()
    ///     .can_bus(["can0", "can1"])?
    ///     .can_configure("can0", &fd)?
    ///     .can_configure("can1", &fd)?;
    /// let can0 = Socket::open_on(&board, "can0", &Config::new())?;
    /// let can1 = Socket::open_on(&board, "can1", &Config::new())?;
    /// can0.write(&Frame::fd(Id::standard(0x123)?, &[0x55; 64])?.bit_rate_switch(true), None)?;
    /// assert_eq!(can1.read_frame(None)?.data().len(), 64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn can_configure(self, name: &str, config: &InterfaceConfig) -> circuits_can::Result<Stub> {
        self.plug_can_interface(name);
        let interface = Interface::open_on(&self, name)?;
        interface.down()?;
        interface.configure(config)?;
        interface.up()?;
        Ok(self)
    }

    /// Adds an interface while the board is in use, as if it was plugged in, if it is not there yet.
    pub fn plug_can_interface(&self, name: &str) {
        self.plug_interface(name, false);
    }

    /// Adds a `vcan` while the board is in use, if it is not there yet.
    pub fn plug_vcan(&self, name: &str) {
        self.plug_interface(name, true);
    }

    fn plug_interface(&self, name: &str, is_virtual: bool) {
        let board = self.board();
        if let Some(index) = board.can.grow(board, name, is_virtual, None) {
            board.tell(|| Action::AddBus { bus: name.into() });
            board.hotplug.can_came(board, name, index, is_virtual);
        }
    }

    /// Puts interfaces on one bus while the board is in use, as [`can_bus`](Stub::can_bus). What is on the bus of
    /// those that move breaks off.
    ///
    /// # Errors
    /// As there.
    pub fn plug_can_bus<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let names: Vec<&str> = names.into_iter().collect();
        names.iter().for_each(|name| self.plug_can_interface(name));
        let board = self.board();
        board.can.change(board, |state, now| {
            let found = names.iter().map(|name| state.wired(name));
            let found: Vec<u64> = found.collect::<Result<_>>()?;
            for other in found.iter().skip(1) {
                state.join(found[0], *other, board, now);
            }
            Ok(())
        })
    }

    /// Connects a node to the bus of an interface, which is added if it is not there yet, while the board is in use.
    ///
    /// # Errors
    /// As [`can_node`](Stub::can_node).
    pub fn plug_can(&self, interface: &str, node: impl Node + 'static) -> Result<Place> {
        self.plug_can_interface(interface);
        let board = self.board();
        board.can.attach(board, interface, Box::new(node))
    }

    /// Takes a node off its bus, and returns it, to be connected again; `None` if it is not there any more. What it
    /// sends breaks off, and what it was to send is lost.
    pub fn unplug_can(&self, place: Place) -> Option<Box<dyn Node>> {
        let board = self.board();
        board
            .can
            .change(board, |state, now| state.detach(place.0, board, now))
    }

    /// Takes an interface away while the board is in use, as if it was unplugged: whoever has a socket on it reads
    /// what there is, and is told so then ([`Removed`](circuits_can::Error::Removed)). Its name is free for the next. Nodes
    /// stay on the bus.
    ///
    /// # Errors
    /// [`Error::NoInterface`].
    pub fn remove_can_interface(&self, name: &str) -> Result<()> {
        let board = self.board();
        match board.can.remove(board, name) {
            true => board.hotplug.node_went(board, name),
            false => return Err(no_interface(name)),
        }
        Ok(())
    }

    /// Cuts the wires of an interface: it is alone then, until they are [mended](Stub::mend_can).
    ///
    /// # Errors
    /// [`Error::NoInterface`]; [`Error::NoWires`]: it is a `vcan`.
    pub fn cut_can(&self, name: &str) -> Result<()> {
        self.set_cut(name, true)
    }

    /// Mends the wires of an interface that were [cut](Stub::cut_can).
    ///
    /// # Errors
    /// As there.
    pub fn mend_can(&self, name: &str) -> Result<()> {
        self.set_cut(name, false)
    }

    fn set_cut(&self, name: &str, is_cut: bool) -> Result<()> {
        let board = self.board();
        board.can.change(board, |state, now| {
            let id = state.wired(name)?;
            if let Some(one) = state.stations.get_mut(&id) {
                one.is_cut = is_cut;
            }
            state.rewire(id, board, now);
            Ok(())
        })
    }

    /// Has something go wrong with what an interface sends or receives: with the next frame that the fault can meet,
    /// unless it says otherwise. Faults wait beside each other; one that has come to pass is gone.
    ///
    /// # Errors
    /// [`Error::NoInterface`]; [`Error::NoWires`]: it is a `vcan`.
    pub fn can_fault(&self, name: &str, fault: Fault) -> Result<()> {
        let board = self.board();
        board.can.change(board, |state, _| {
            let id = state.wired(name)?;
            if let Some(one) = state.stations.get_mut(&id) {
                one.faults.push(fault);
            }
            Ok(())
        })
    }

    /// Returns how much of the time the bus of an interface was busy, from 0 to 1: with frames and the three bits
    /// between them, and errors. It counts since this was asked last, at first since the bus is there; for a `vcan` it is 0.
    ///
    /// # Errors
    /// [`Error::NoInterface`].
    pub fn can_load(&self, name: &str) -> Result<f64> {
        let board = self.board();
        board.can.change(board, |state, now| {
            let id = state.find(name).ok_or_else(|| no_interface(name))?;
            let bus = state.stations.get(&id).map(|one| one.bus);
            let bus = bus.and_then(|bus| state.buses.get_mut(&bus));
            Ok(bus.map_or(0.0, |bus| bus.load(now)))
        })
    }
}
