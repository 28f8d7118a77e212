//! Serial ports, and what is at the other end of their lines: a backend of circuits-uart at the speed of a
//! wire.
//!
//! `tty` is a port as the kernel has it, `input` what it has not read, `controller` what its hardware can
//! do; `sender` is what an end sends, `wire` who is joined to whom, `traffic` what goes over the lines,
//! `events` what happens there by itself and when, and `wave` what bits make of it where the two ends differ.
//! `programs` is what programs do, `backend` how they come to it, `fault` what goes wrong, `burst` what the
//! trace has of it, and `pty` a line to programs that are not on the board.
//!
//! A byte is there when its last stop bit is over. Where both ends are set up alike it is the one that was
//! sent. Otherwise the receiver looks at the levels of the line at its own times, and has what it finds.

mod backend;
mod burst;
mod controller;
mod device;
mod events;
mod fault;
mod input;
mod programs;
#[cfg(unix)]
mod pty;
mod sender;
#[cfg(test)]
mod told;
mod traffic;
mod tty;
mod wave;
mod wire;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};

use circuits_wait::Time;

pub use self::controller::Controller;
pub use self::device::{Device, Line};
pub use self::fault::Fault;
use self::wire::State;
pub use crate::attention::Attention;
use crate::stub::Board;
use crate::time::{Agenda, Schedule};
use crate::trace::Action;
use crate::turn::Turn;
use crate::{Error, Result, Stub};

// include/uapi/asm-generic/errno-base.h
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const ENOTTY: i32 = 25;

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// A port by its name or its node's path.
fn node(name: &str) -> &str {
    name.strip_prefix("/dev/").unwrap_or(name)
}

/// All serial ports of a board.
pub(crate) struct Serial {
    state: Mutex<State>,
    agenda: Agenda,
    /// The board wanted to do something by itself, and somebody had the lines.
    is_missed: AtomicBool,
}

impl Serial {
    pub(crate) fn new(schedule: &Arc<Schedule>, board: Weak<Board>) -> Serial {
        let attention = Attention::new(board.clone());
        let advance = move || {
            if let Some(board) = board.upgrade() {
                board.serial.act(&board);
            }
        };
        Serial {
            state: Mutex::new(State::new(attention)),
            agenda: Agenda::new(schedule.clone(), advance),
            is_missed: AtomicBool::new(false),
        }
    }

    /// A device that panicked is as it is; the lines are whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Does what happens by itself until now, then `f`; and has those who wait see it.
    fn change<T>(&self, board: &Board, f: impl FnOnce(&mut State, Time) -> T) -> T {
        let done = self.change_in(self.lock(), board, f);
        self.make_up(board);
        done
    }

    /// Does `f` as things were when somebody looked last, which changes nothing that others wait for.
    fn look<T>(&self, board: &Board, f: impl FnOnce(&mut State) -> T) -> T {
        let done = f(&mut self.lock());
        self.make_up(board);
        done
    }

    /// Does what the board wanted to do meanwhile, once the lines are free.
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
        state.ask_devices(now);
        let done = f(&mut state, now);
        let mut next = state.next(board.is_traced());
        if next.is_some_and(|next| next <= now) {
            state.advance(board, now);
            next = state.next(board.is_traced());
        }
        self.agenda.set(next);
        drop(state);
        drop(turn);
        board.schedule.notify();
        done
    }

    /// Does what happens by itself. A thread that has wires already waits for no others: it may be a device
    /// on these lines that drives a pin, or one that they wait for. Whoever has them sees to it in the end.
    pub(crate) fn act(&self, board: &Board) {
        if !Turn::is_on() {
            return self.change(board, |_, _| ());
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

    /// A port of this name grows, if there is none yet; says whether it did.
    pub(crate) fn grow(&self, name: &str) -> bool {
        self.lock().add(name)
    }

    /// A port goes, if there is one of this name, with what is connected to it.
    pub(crate) fn remove(&self, board: &Board, name: &str) -> bool {
        let removed = self.change(board, |state, now| {
            let port = state.find(name)?;
            let device = state.remove(port, board, now);
            board.tell_at(now, || Action::RemoveBus { bus: name.into() });
            Some(device)
        });
        // Dropped when the lines are free: a device may have a lot to do then.
        removed.is_some()
    }

    pub(crate) fn attach(&self, board: &Board, name: &str, device: Box<dyn Device>) -> Result<()> {
        let mut device = Some(device);
        self.change(board, |state, now| {
            let port = state.find(name).ok_or_else(|| no_port(name))?;
            if state.is_connected(port) {
                return Err(Error::PortTaken { port: name.into() });
            }
            if let Some(device) = device.take() {
                state.attach(port, device, board, now);
            }
            Ok(())
        })
    }
}

fn no_port(name: &str) -> Error {
    Error::NoPort { port: name.into() }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serial").finish_non_exhaustive()
    }
}

/// Serial ports. They are called as Linux calls their nodes: `ttyAMA0`.
impl Stub {
    /// Adds a port to which nothing is connected, if it is not there yet: what it sends goes nowhere, and
    /// it receives nothing.
    pub fn serial_port(self, name: &str) -> Stub {
        self.plug_serial_port(name);
        self
    }

    /// Joins two ports, which are added if they are not there yet, by a null modem cable: what one sends
    /// the other receives, RTS of one is CTS of the other, and DTR is DSR and CD.
    ///
    /// # Errors
    /// [`Error::PortTaken`] if something is connected to one of them.
    pub fn serial_cable(self, one: &str, other: &str) -> Result<Stub> {
        self.plug_serial_cable(one, other)?;
        Ok(self)
    }

    /// Connects a port, which is added if it is not there yet, to itself: it receives what it sends, its RTS
    /// is its CTS, and its DTR is its DSR and CD.
    ///
    /// # Errors
    /// [`Error::PortTaken`] if something is connected to it.
    pub fn serial_loop(self, name: &str) -> Result<Stub> {
        self.plug_serial_cable(name, name)?;
        Ok(self)
    }

    /// Connects a device to a port, which is added if it is not there yet.
    ///
    /// # Errors
    /// [`Error::PortTaken`] if something is connected to it.
    pub fn serial_device(self, name: &str, device: impl Device + 'static) -> Result<Stub> {
        self.plug_serial(name, device)?;
        Ok(self)
    }

    /// Has a port, which is added if it is not there yet, be one of this controller. Default:
    /// [`Controller::new`], which can do all. It is set up as nobody has set it up before.
    pub fn serial_controller(self, name: &str, controller: Controller) -> Stub {
        self.plug_serial_port(name);
        let board = self.board();
        board.serial.change(board, |state, now| {
            if let Some(port) = state.find(node(name)) {
                state.change_lines(port, board, now, |tty| {
                    tty.config = controller.fresh();
                    tty.controller = controller;
                });
            }
        });
        self
    }

    /// Adds a port while the board is in use, as if it was plugged in, if it is not there yet.
    pub fn plug_serial_port(&self, name: &str) {
        let (board, name) = (self.board(), node(name));
        if board.serial.grow(name) {
            board.tell(|| Action::AddBus { bus: name.into() });
            board.hotplug.serial_came(board, name);
        }
    }

    /// Joins two ports, or one to itself, while the board is in use.
    ///
    /// # Errors
    /// As [`serial_cable`](Stub::serial_cable).
    pub fn plug_serial_cable(&self, one: &str, other: &str) -> Result<()> {
        self.plug_serial_port(one);
        self.plug_serial_port(other);
        let board = self.board();
        board.serial.change(board, |state, now| {
            let find = |name: &str| state.find(node(name)).ok_or_else(|| no_port(name));
            let ends = [(find(one)?, one), (find(other)?, other)];
            for (port, name) in ends {
                if state.is_connected(port) {
                    return Err(Error::PortTaken { port: name.into() });
                }
            }
            state.join(ends[0].0, ends[1].0, board, now);
            Ok(())
        })
    }

    /// Connects a device to a port while the board is in use.
    ///
    /// # Errors
    /// As [`serial_device`](Stub::serial_device).
    pub fn plug_serial(&self, name: &str, device: impl Device + 'static) -> Result<()> {
        self.plug_serial_port(name);
        let board = self.board();
        board.serial.attach(board, node(name), Box::new(device))
    }

    /// Takes off what is connected to a port: a cable, or a device, which is returned, to be connected
    /// again. What is on the line is lost.
    pub fn unplug_serial(&self, name: &str) -> Option<Box<dyn Device>> {
        let board = self.board();
        board.serial.change(board, |state, now| {
            let port = state.find(node(name))?;
            state.disconnect(port, board, now)
        })
    }

    /// Takes a port away while the board is in use, with what is connected to it, as if it was unplugged:
    /// whoever has it open reads what there is, and is told so then
    /// ([`Removed`](circuits_uart::Error::Removed)). Its name is free for the next.
    ///
    /// # Errors
    /// [`Error::NoPort`].
    pub fn remove_serial_port(&self, name: &str) -> Result<()> {
        let (board, name) = (self.board(), node(name));
        match board.serial.remove(board, name) {
            true => board.hotplug.node_went(board, name),
            false => return Err(no_port(name)),
        }
        Ok(())
    }

    /// Has something go wrong with what comes to a port: with the next byte, unless the fault says
    /// otherwise. Faults wait beside each other, and one happens at a time: of those whose turn it is the one
    /// that was scheduled first. What has come to pass as often as it was to is gone. What comes while no
    /// program has the port open meets none.
    ///
    /// # Errors
    /// [`Error::NoPort`];
    /// [`Error::NoProbability`](crate::Error::NoProbability).
    pub fn serial_fault(&self, name: &str, fault: Fault) -> Result<()> {
        fault.check()?;
        let board = self.board();
        board.serial.change(board, |state, _| {
            let port = state.find(node(name)).ok_or_else(|| no_port(name))?;
            state.ttys[port].faults.push(fault);
            Ok(())
        })
    }

    /// Has nothing go wrong any more with what comes to a port: forgets the [faults](Stub::serial_fault) that were
    /// to come, and what an overrun was still to lose.
    ///
    /// ```
    /// use circuits_stub::{Stub, uart::Fault};
    /// use circuits_uart::{Config, Port};
    /// use std::io::{Read, Write};
    ///
    /// let board = Stub::virtual_time().serial_loop("ttyAMA0")?;
    /// let mut port = Port::open_on(&board, "ttyAMA0", &Config::new())?;
    /// board.serial_fault("ttyAMA0", Fault::lost_byte().always())?;
    /// port.write_all(b"abc")?;
    /// port.flush()?;
    /// board.clear_serial_faults("ttyAMA0")?;
    /// port.write_all(b"d")?;
    /// let mut byte = [0];
    /// port.read_exact(&mut byte)?;
    /// assert_eq!(byte, *b"d");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoPort`].
    pub fn clear_serial_faults(&self, name: &str) -> Result<()> {
        let board = self.board();
        board.serial.change(board, |state, _| {
            let port = state.find(node(name)).ok_or_else(|| no_port(name))?;
            let tty = &mut state.ttys[port];
            tty.faults.clear();
            tty.losing = 0;
            Ok(())
        })
    }

    /// Has another program have a port open, and nobody else open it: `gpsd (pid 312)`. Until it
    /// [lets go](Stub::release_serial).
    ///
    /// # Errors
    /// [`Error::NoPort`]; [`Error::PortInUse`] if a program has it already.
    pub fn hold_serial(&self, name: &str, holder: &str) -> Result<()> {
        let board = self.board();
        board.serial.look(board, |state| {
            let port = state.find(node(name)).ok_or_else(|| no_port(name))?;
            let tty = &mut state.ttys[port];
            if tty.is_open() || tty.held_by.is_some() {
                return Err(Error::PortInUse { port: name.into() });
            }
            tty.held_by = Some(holder.into());
            Ok(())
        })
    }

    /// Has the other program close a port that it was given by [`hold_serial`](Stub::hold_serial).
    ///
    /// # Errors
    /// [`Error::NoPort`].
    pub fn release_serial(&self, name: &str) -> Result<()> {
        let board = self.board();
        board.serial.look(board, |state| {
            let port = state.find(node(name)).ok_or_else(|| no_port(name))?;
            state.ttys[port].held_by = None;
            Ok(())
        })
    }

    /// Joins a port, which is added if it is not there yet, to a new pseudo-terminal, and returns the path
    /// that other programs open: `picocom /dev/pts/3`. They come and go as they like; at what baud rate is
    /// all the same, and so is their flow control. What nobody reads there is lost beyond some 64 KiB, which the
    /// trace tells.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] in virtual time, which other programs do not have, and on systems
    /// without pseudo-terminals; [`io::ErrorKind::ResourceBusy`] if something is connected to the port;
    /// the system's.
    pub fn serial_pty(&self, name: &str) -> io::Result<PathBuf> {
        let board = self.board();
        if board.schedule.is_virtual() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a pseudo-terminal is for programs that have no virtual time: make the board by Stub::real_time",
            ));
        }
        #[cfg(unix)]
        {
            self.plug_serial_port(name);
            pty::open(board, node(name))
        }
        #[cfg(not(unix))]
        {
            let _ = name;
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A device on other wires has the board act while somebody looks at these.
    #[test]
    fn what_was_missed_is_made_up_for() {
        let stub = Stub::real_time().serial_port("ttyS0");
        let board = stub.board();
        board.serial.look(board, |_| {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _turn = Turn::begin();
                    board.serial.act(board);
                });
            });
            assert!(board.serial.is_missed.load(Ordering::Acquire));
        });
        assert!(!board.serial.is_missed.load(Ordering::Acquire));
        let _turn = Turn::begin();
        board.serial.act(board);
        assert!(!board.serial.is_missed.load(Ordering::Acquire));
    }
}
