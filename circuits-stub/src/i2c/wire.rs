//! The wire of a bus, and who is on it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};
use std::time::Duration;

use circuits_i2c::{Address, Operation};
use circuits_wait::Time;

use super::controller::Controller;
use super::fault::{self, Fault, Kind};
use super::{Acknowledge, Device, Transfer};
use crate::stub::Board;
use crate::time::{Agenda, Schedule};
use crate::trace::{Action, End};
use crate::turn::Turn;

/// One bus.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(super) name: Arc<str>,
    agenda: Agenda,
    /// The board wanted to do something by itself, and somebody had the wire.
    is_missed: AtomicBool,
    state: Mutex<State>,
}

impl Wire {
    pub(super) fn new(name: &str, schedule: &Arc<Schedule>, board: &Weak<Board>) -> Arc<Wire> {
        Arc::new_cyclic(|wire: &Weak<Wire>| Wire {
            name: name.into(),
            agenda: Wire::agenda(wire.clone(), schedule, board.clone()),
            is_missed: AtomicBool::new(false),
            state: Mutex::new(State {
                name: name.into(),
                is_removed: false,
                kept: Vec::new(),
                busy_until: Time::ZERO,
                controller: Controller::new(),
                timeout: TIMEOUT,
                retries: 0,
                owners: BTreeMap::new(),
                faults: Vec::new(),
                devices: BTreeMap::new(),
                dips: BTreeMap::new(),
            }),
        })
    }

    fn agenda(wire: Weak<Wire>, schedule: &Arc<Schedule>, board: Weak<Board>) -> Agenda {
        Agenda::new(schedule.clone(), move || {
            if let (Some(wire), Some(board)) = (wire.upgrade(), board.upgrade()) {
                wire.act(&board);
            }
        })
    }

    /// A device that panicked is as it is; the bus is whole.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Does what happens by itself until now, then `f`.
    pub(super) fn change<T>(&self, board: &Board, f: impl FnOnce(&mut State) -> T) -> T {
        let done = self.change_in(self.lock(), board, f);
        while self.is_missed.swap(false, Ordering::AcqRel) {
            self.change_in(self.lock(), board, |_| ());
        }
        done
    }

    fn change_in<T>(
        &self,
        mut state: MutexGuard<'_, State>,
        board: &Board,
        f: impl FnOnce(&mut State) -> T,
    ) -> T {
        let turn = Turn::begin();
        state.advance(board, board.schedule.now());
        let done = f(&mut state);
        self.agenda.set(state.next());
        drop(state);
        drop(turn);
        done
    }

    /// Does what happens by itself. A thread that has wires already waits for no others: on it may run a device of
    /// this very bus that drives a pin. Whoever has them sees to it in the end.
    fn act(&self, board: &Board) {
        if !Turn::is_on() {
            return self.change(board, |_| ());
        }
        self.is_missed.store(true, Ordering::Release);
        while self.is_missed.load(Ordering::Acquire) {
            let state = match self.state.try_lock() {
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(error)) => error.into_inner(),
                Ok(state) => state,
            };
            self.is_missed.store(false, Ordering::Release);
            self.change_in(state, board, |_| ());
        }
    }
}

/// The timeout of an adapter that nobody has set (`i2c_register_adapter`,
/// drivers/i2c/i2c-core-base.c).
const TIMEOUT: Duration = Duration::from_secs(1);

pub(super) struct State {
    pub(super) name: Arc<str>,
    /// Taken away.
    pub(super) is_removed: bool,
    /// What was in the buffers of the transaction that is under way.
    kept: Vec<u8>,
    pub(super) busy_until: Time,
    pub(super) controller: Controller,
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) owners: BTreeMap<Address, String>,
    pub(super) faults: Vec<Fault>,
    pub(super) devices: BTreeMap<Address, Box<dyn Device>>,
    /// Devices without power, and until when, if that is known.
    pub(super) dips: BTreeMap<Address, Option<Time>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("busy_until", &self.busy_until)
            .field("controller", &self.controller)
            .field("faults", &self.faults)
            .field("devices", &self.devices.keys())
            .finish_non_exhaustive()
    }
}

/// A message on its way.
pub(super) enum Message<'a> {
    Write(&'a [u8]),
    Read(&'a mut [u8]),
    /// A read whose first byte says how many more there are: `I2C_M_RECV_LEN`.
    ReadBlock {
        /// Room for the first byte, the longest block, and the packet error code.
        buffer: &'a mut [u8],
        /// How many bytes come after the block.
        extra: usize,
        /// How many bytes there were altogether.
        len: &'a mut usize,
    },
}

/// How a transaction went.
pub(super) struct Run {
    /// When the wire was free again.
    pub(super) stop: Time,
    pub(super) failed: Option<Failed>,
}

/// Where a transaction ended early: in which message, after how many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed {
    pub(super) message: usize,
    pub(super) bytes: usize,
    pub(super) errno: i32,
    pub(super) end: End,
}

// include/uapi/asm-generic/errno.h
const EIO: i32 = 5;
pub(super) const EAGAIN: i32 = 11;
const EBUSY: i32 = 16;
const EPROTO: i32 = 71;
const ETIMEDOUT: i32 = 110;

impl State {
    /// Keeps what is in the buffers of reads: a program gets what a transaction has read only if all of
    /// it went well (`i2cdev_ioctl_rdwr`).
    pub(super) fn keep(&mut self, operations: &[Operation<'_>]) {
        self.kept.clear();
        for operation in operations {
            if let Operation::Read(buffer) = operation {
                self.kept.extend_from_slice(buffer);
            }
        }
    }

    /// Puts it back.
    pub(super) fn put_back(&self, operations: &mut [Operation<'_>]) {
        let mut kept = self.kept.as_slice();
        for operation in operations {
            if let Operation::Read(buffer) = operation {
                let (own, rest) = kept.split_at(buffer.len().min(kept.len()));
                buffer[..own.len()].copy_from_slice(own);
                kept = rest;
            }
        }
    }

    /// Sends and receives, from `start` on.
    pub(super) fn run<'a>(
        &mut self,
        board: &Board,
        address: Address,
        messages: impl Iterator<Item = Message<'a>>,
        start: Time,
    ) -> Run {
        // Who comes while the bus is busy begins later than now.
        self.advance(board, start);
        let fault = fault::take(&mut self.faults, address, board.shown(start));
        if let Some(Kind::BrownOut(length)) = fault {
            self.begin_dip(board, address, start, length);
        }
        let early = |errno, end| Failed {
            message: 0,
            bytes: 0,
            errno,
            end,
        };
        let (failed, after) = match fault {
            Some(Kind::Stuck) => (early(ETIMEDOUT, End::TimedOut), self.timeout),
            Some(Kind::Busy) => (early(EBUSY, End::Busy), self.timeout),
            // A start and seven bits.
            Some(Kind::ArbitrationLost) => {
                let after = self.controller.time(8);
                (early(EAGAIN, End::ArbitrationLost), after)
            }
            // The same with an acknowledge.
            Some(Kind::Failed) => {
                let after = self.controller.time(10);
                (early(EIO, End::Failed), after)
            }
            _ => return self.send(board, address, messages, start, fault),
        };
        Run {
            stop: start + after,
            failed: Some(failed),
        }
    }

    fn send<'a>(
        &mut self,
        board: &Board,
        address: Address,
        messages: impl Iterator<Item = Message<'a>>,
        start: Time,
        fault: Option<Kind>,
    ) -> Run {
        let controller = &self.controller;
        let has_power = !self.dips.contains_key(&address);
        let mut device = self.devices.get_mut(&address);
        let (mut bits, mut written, mut started) = (0u64, 0, false);
        let (mut failed, mut last_read) = (None, None);
        for (number, mut message) in messages.enumerate() {
            let fail = |bytes, errno, end| Failed {
                message: number,
                bytes,
                errno,
                end,
            };
            let transfer = match message {
                Message::Write(_) => Transfer::Write,
                Message::Read(_) | Message::ReadBlock { .. } => Transfer::Read,
            };
            bits += address_bits(address, transfer);
            let time = start + controller.time(bits);
            let answers = fault != Some(Kind::NoAddress)
                && has_power
                && device
                    .as_mut()
                    .is_some_and(|device| device.start(transfer, time) == Acknowledge::Yes);
            let Some(device) = device.as_mut().filter(|_| answers) else {
                failed = Some(fail(0, controller.no_acknowledge(), End::NoAcknowledge));
                break;
            };
            started = true;
            match &mut message {
                Message::Write(data) => {
                    for (taken, byte) in data.iter().enumerate() {
                        bits += 9;
                        let is_refused = fault == Some(Kind::NoByte(written));
                        if is_refused || device.write(*byte) == Acknowledge::No {
                            let errno = controller.no_acknowledge();
                            failed = Some(fail(taken, errno, End::NoAcknowledge));
                            break;
                        }
                        written += 1;
                    }
                }
                Message::Read(buffer) => {
                    buffer.iter_mut().for_each(|byte| *byte = device.read());
                    bits += 9 * buffer.len() as u64;
                }
                Message::ReadBlock { buffer, extra, len } => {
                    buffer[0] = device.read();
                    let rest = match usize::from(buffer[0]) {
                        0 => Err(()),
                        block => buffer.get_mut(1..1 + block + *extra).ok_or(()),
                    };
                    bits += 9;
                    **len = 1;
                    match rest {
                        Ok(rest) => {
                            rest.iter_mut().for_each(|byte| *byte = device.read());
                            bits += 9 * rest.len() as u64;
                            **len += rest.len();
                        }
                        Err(()) => failed = Some(fail(1, EPROTO, End::Stop)),
                    }
                }
            }
            if failed.is_some() {
                break;
            }
            // Of the last byte of all that is read.
            if fault == Some(Kind::FlippedBit) && !matches!(message, Message::Write(_)) {
                last_read = Some(message);
            }
        }
        if let Some(message) = last_read {
            flip(message);
            board.tell_at(start, || Action::Fault {
                of: self.name.clone(),
                what: "a bit is turned over",
            });
        }
        bits += 1;
        let stop = start + controller.time(bits);
        if let Some(device) = device.filter(|_| started) {
            device.stop(stop);
        }
        Run { stop, failed }
    }
}

/// Turns over a bit of what was read.
fn flip(message: Message<'_>) {
    let last = match message {
        Message::Write(_) => None,
        Message::Read(buffer) => buffer.last_mut(),
        Message::ReadBlock { buffer, len, .. } => buffer[..*len].last_mut(),
    };
    if let Some(last) = last {
        *last ^= 1;
    }
}

/// A start, and the address with its acknowledges (UM10204, 3.1.10 and 3.1.11).
fn address_bits(address: Address, transfer: Transfer) -> u64 {
    match (address, transfer) {
        (Address::TenBit(_), Transfer::Write) => 1 + 2 * 9,
        // A repeated start turns it round.
        (Address::TenBit(_), Transfer::Read) => 1 + 2 * 9 + 1 + 9,
        _ => 1 + 9,
    }
}
