//! The board's buses as programs have them.

use std::io;
use std::sync::Arc;

use circuits_i2c::smbus::{Call, Reply};
use circuits_i2c::{Address, Backend, Config, Done, Functions, Handle, Operation};
use circuits_wait::{Clock, Time};

use super::smbus::Messages;
use super::wire::{EAGAIN, Failed, Message, Run, State, Wire};
use crate::Stub;
use crate::stub::Board;
use crate::trace::{self, Action, End};

/// The adapter is gone.
const ENODEV: i32 = 19;
/// The controller cannot do it.
const EOPNOTSUPP: i32 = 95;

impl Backend for Stub {
    fn open(&self, name: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        let board = self.board();
        let name = name.strip_prefix("/dev/").unwrap_or(name);
        let wire = board.buses.get(name).ok_or(io::ErrorKind::NotFound)?;
        self.permit(name)?;
        let mut state = wire.lock();
        state.timeout = config.adapter_timeout().unwrap_or(state.timeout);
        state.retries = config.adapter_retries().unwrap_or(state.retries);
        drop(state);
        Ok(Box::new(StubBus {
            board: board.clone(),
            wire,
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.board().buses.names())
    }

    fn adapter(&self, bus: &str) -> io::Result<String> {
        self.board().hotplug.adapter(bus)
    }
}

#[derive(Debug)]
struct StubBus {
    board: Arc<Board>,
    wire: Arc<Wire>,
}

impl Handle for StubBus {
    fn transaction(&self, address: Address, operations: &mut [Operation<'_>]) -> Done {
        self.change(|state| self.transact(state, address, operations))
    }

    fn blocks(&self) -> bool {
        false
    }

    fn functions(&self) -> Functions {
        self.wire.lock().controller.all_functions()
    }

    fn owner(&self, address: Address) -> io::Result<Option<String>> {
        Ok(self.wire.lock().owners.get(&address).cloned())
    }

    fn smbus(&self, address: Address, pec: bool, call: &Call, reply: &mut Reply) -> Done {
        self.change(|state| self.call(state, address, pec, call, reply))
    }
}

impl StubBus {
    /// Does `f`, if the bus is still there.
    fn change(&self, f: impl FnOnce(&mut State) -> Done) -> Done {
        self.wire
            .change(&self.board, |state| match state.is_removed {
                true => Done::at_once(Err(io::Error::from_raw_os_error(ENODEV))),
                false => f(state),
            })
    }

    fn transact(
        &self,
        state: &mut State,
        address: Address,
        operations: &mut [Operation<'_>],
    ) -> Done {
        if is_refused(state, address, operations) {
            return unsupported();
        }
        state.keep(operations);
        let mut tries = state.retries;
        let first = self.board.schedule.now();
        loop {
            let start = state.busy_until.max(self.board.schedule.now());
            let messages = operations.iter_mut().map(|operation| match operation {
                Operation::Write(bytes) => Message::Write(bytes),
                Operation::Read(buffer) => Message::Read(buffer),
            });
            let run = state.run(&self.board, address, messages, start);
            let shown = operations.iter().map(|operation| match operation {
                Operation::Write(bytes) => trace::Message::Write(bytes.to_vec()),
                Operation::Read(buffer) => trace::Message::Read(buffer.to_vec()),
            });
            self.tell(address, start, &run, shown);
            state.busy_until = run.stop;
            let in_time = run.stop.since(first) < state.timeout;
            match run.failed {
                Some(failed) if failed.errno == EAGAIN && tries > 0 && in_time => tries -= 1,
                failed => {
                    if failed.is_some() {
                        state.put_back(operations);
                    }
                    return done(failed, run.stop);
                }
            }
        }
    }

    fn call(
        &self,
        state: &mut State,
        address: Address,
        pec: bool,
        call: &Call,
        reply: &mut Reply,
    ) -> Done {
        let pec = pec && call.may_have_pec();
        let mut needed = call.function();
        if pec {
            needed = needed | Functions::PEC;
        }
        if !state.controller.can(needed) || is_too_wide(state, address) {
            return unsupported();
        }
        let mut tries = state.retries;
        let first = self.board.schedule.now();
        loop {
            let start = state.busy_until.max(self.board.schedule.now());
            let mut messages = Messages::new(address, pec, call);
            let run = state.run(&self.board, address, messages.messages(), start);
            self.tell(address, start, &run, messages.shown());
            state.busy_until = run.stop;
            let in_time = run.stop.since(first) < state.timeout;
            match run.failed {
                Some(failed) if failed.errno == EAGAIN && tries > 0 && in_time => tries -= 1,
                Some(failed) => return done(Some(failed), run.stop),
                None => {
                    let result = messages.reply(call).map(|got| *reply = got);
                    return Done {
                        result,
                        busy_until: Some(run.stop),
                    };
                }
            }
        }
    }

    fn tell(
        &self,
        address: Address,
        start: Time,
        run: &Run,
        messages: impl Iterator<Item = trace::Message>,
    ) {
        self.board.tell(|| Action::I2c {
            bus: self.wire.name.clone(),
            address,
            start: self.board.shown(start),
            stop: self.board.shown(run.stop),
            messages: sent(messages, run.failed),
            end: run.failed.map_or(End::Stop, |failed| failed.end),
        });
    }
}

/// Whether the controller cannot do such a transaction.
fn is_refused(state: &State, address: Address, operations: &[Operation<'_>]) -> bool {
    let controller = &state.controller;
    let is_empty = |operation: &Operation<'_>| match operation {
        Operation::Write(bytes) => bytes.is_empty(),
        Operation::Read(buffer) => buffer.is_empty(),
    };
    let before_last = operations
        .split_last()
        .map_or(&[][..], |(_, before)| before);
    !controller.can(Functions::I2C)
        || is_too_wide(state, address)
        || controller.reads_last_only()
            && before_last
                .iter()
                .any(|operation| matches!(operation, Operation::Read(_)))
        || !controller.takes_empty_messages() && operations.iter().any(is_empty)
}

fn is_too_wide(state: &State, address: Address) -> bool {
    matches!(address, Address::TenBit(_)) && !state.controller.can(Functions::TEN_BIT)
}

fn unsupported() -> Done {
    Done::at_once(Err(io::Error::from_raw_os_error(EOPNOTSUPP)))
}

fn done(failed: Option<Failed>, stop: Time) -> Done {
    Done {
        result: match failed {
            Some(failed) => Err(io::Error::from_raw_os_error(failed.errno)),
            None => Ok(()),
        },
        busy_until: Some(stop),
    }
}

/// The messages, up to where it ended.
fn sent(
    messages: impl Iterator<Item = trace::Message>,
    failed: Option<Failed>,
) -> Vec<trace::Message> {
    let count = failed.map_or(usize::MAX, |failed| failed.message + 1);
    let mut messages: Vec<_> = messages.take(count).collect();
    if let (Some(failed), Some(trace::Message::Write(bytes) | trace::Message::Read(bytes))) =
        (failed, messages.last_mut())
    {
        bytes.truncate(failed.bytes);
    }
    messages
}
