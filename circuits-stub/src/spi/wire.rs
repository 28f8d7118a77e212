//! What goes over the wires of a controller, to whom, and how long it takes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use circuits_spi::{ChipSelect, Config, Operation};
use circuits_wait::Time;

use super::chip::{Chip, OnLine, Selected};
use super::fault::{self, Fault, Kind};
use super::message::Message;
use super::{Controller, Device};
use crate::stub::Board;
use crate::trace::{Action, Exchange};
use crate::turn::Turn;
use crate::{Error, Result};

/// include/uapi/asm-generic/errno.h
pub(super) const EIO: i32 = 5;
const EINVAL: i32 = 22;
const EMSGSIZE: i32 = 90;
const ESHUTDOWN: i32 = 108;
pub(super) const ETIMEDOUT: i32 = 110;

/// All controllers of a board, by number.
#[derive(Debug, Default)]
pub(crate) struct Controllers(Mutex<BTreeMap<u32, Arc<Wire>>>);

/// One controller, and what is connected to its wires.
pub(crate) struct Wire {
    number: u32,
    state: Mutex<State>,
    /// Lines that have another level, each from a time on, which nobody on the wires has seen yet.
    changes: Mutex<VecDeque<Change>>,
}

/// A line, its level, and since when.
type Change = (usize, bool, Time);

pub(super) struct State {
    controller: Controller,
    busy_until: Time,
    nodes: BTreeMap<u32, Node>,
    /// How many nodes there have been.
    count: u64,
    /// Which chip selects there have been: they stay when a driver lets go of them.
    selects: BTreeSet<u32>,
    on_lines: Vec<OnLine>,
}

/// A chip select of the controller.
struct Node {
    /// What comes later under the same name is another one.
    id: u64,
    config: Config,
    chip: Option<Chip>,
    faults: Vec<Fault>,
}

/// `spidev1.0` is chip select 0 of controller 1, and has no other name.
pub(super) fn numbers(name: &str) -> Result<(u32, u32)> {
    let parts = || {
        let (controller, select) = name.strip_prefix("spidev")?.split_once('.')?;
        let numbers: (u32, u32) = (controller.parse().ok()?, select.parse().ok()?);
        Some(numbers).filter(|(controller, select)| format!("spidev{controller}.{select}") == name)
    };
    parts().ok_or_else(|| Error::NoNode { node: name.into() })
}

impl Controllers {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Wire>>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The wires of a controller, which is added if it is not there yet.
    pub(super) fn wire(&self, number: u32) -> Arc<Wire> {
        let mut wires = self.lock();
        let wire = wires
            .entry(number)
            .or_insert_with(|| Arc::new(Wire::new(number)));
        wire.clone()
    }

    pub(super) fn find(&self, number: u32) -> Option<Arc<Wire>> {
        self.lock().get(&number).cloned()
    }

    /// Whether there are none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The names of all nodes, in order.
    pub(super) fn nodes(&self) -> Vec<String> {
        let wires: Vec<Arc<Wire>> = self.lock().values().cloned().collect();
        let names = wires.iter().flat_map(|wire| {
            let selects: Vec<u32> = wire.hold(|state| state.nodes.keys().copied().collect());
            selects.into_iter().map(|select| wire.name(select))
        });
        names.collect()
    }

    /// Adds a node; says whether there was none of this name.
    pub(crate) fn add(&self, number: u32, select: u32) -> bool {
        let wire = self.wire(number);
        wire.hold(|state| {
            if state.nodes.contains_key(&select) {
                return false;
            }
            state.count += 1;
            state.selects.insert(select);
            let node = Node {
                id: state.count,
                config: Config::new(),
                chip: None,
                faults: Vec::new(),
            };
            state.nodes.insert(select, node);
            true
        })
    }

    /// Adds a node by its name; says whether there was none.
    pub(crate) fn grow(&self, name: &str) -> bool {
        numbers(name).is_ok_and(|(number, select)| self.add(number, select))
    }

    /// Takes a node away, with what is connected to it; says whether there was one.
    pub(crate) fn remove(&self, board: &Board, name: &str) -> bool {
        let wire = numbers(name)
            .ok()
            .and_then(|(number, select)| Some((self.find(number)?, select)));
        let Some((wire, select)) = wire else {
            return false;
        };
        // Given out, and dropped when the wires are free: a device may have a lot to do then.
        let removed = wire.hold(|state| {
            let removed = state.nodes.remove(&select)?;
            board.tell(|| Action::RemoveBus { bus: name.into() });
            Some(removed)
        });
        removed.is_some()
    }

    pub(crate) fn attach(&self, name: &str, device: Box<dyn Device>) -> Result<()> {
        let no_node = || Error::NoNode { node: name.into() };
        let (number, select) = numbers(name)?;
        let wire = self.find(number).ok_or_else(no_node)?;
        let mut device = Some(device);
        wire.hold(|state| {
            let node = state.nodes.get_mut(&select).ok_or_else(no_node)?;
            if node.chip.is_some() {
                return Err(Error::NodeTaken { node: name.into() });
            }
            node.chip = device.take().map(Chip::new);
            Ok(())
        })
    }

    pub(super) fn detach(&self, name: &str) -> Option<Box<dyn Device>> {
        let (number, select) = numbers(name).ok()?;
        let wire = self.find(number)?;
        wire.hold(|state| Some(state.nodes.get_mut(&select)?.chip.take()?.device))
    }

    /// Has other faults be to come for a node.
    pub(super) fn change_faults(&self, name: &str, f: impl FnOnce(&mut Vec<Fault>)) -> Result<()> {
        let no_node = || Error::NoNode { node: name.into() };
        let (number, select) = numbers(name)?;
        let wire = self.find(number).ok_or_else(no_node)?;
        wire.hold(|state| {
            let node = state.nodes.get_mut(&select).ok_or_else(no_node)?;
            f(&mut node.faults);
            Ok(())
        })
    }

    /// Lines have another level, each from a time on. Called under the lines' lock: whoever sees them
    /// sees them in this order.
    pub(crate) fn lines_changed(&self, changes: &[Change]) {
        for wire in self.lock().values() {
            wire.lock_changes().extend(changes);
        }
    }

    /// Has devices see lines that changed. Called without the lines' lock: devices drive pins.
    pub(crate) fn see_lines(&self) {
        let wires: Vec<Arc<Wire>> = self.lock().values().cloned().collect();
        wires.iter().for_each(|wire| wire.see_lines());
    }
}

impl Wire {
    fn new(number: u32) -> Wire {
        Wire {
            number,
            changes: Mutex::default(),
            state: Mutex::new(State {
                controller: Controller::new(),
                busy_until: Time::ZERO,
                nodes: BTreeMap::new(),
                count: 0,
                selects: BTreeSet::new(),
                on_lines: Vec::new(),
            }),
        }
    }

    /// A device that panicked is as it is; the bus is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Has the wires for as long as `f` takes, and then has devices see what lines did meanwhile.
    fn hold<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let turn = Turn::begin();
        let mut state = self.lock();
        let done = f(&mut state);
        drop(state);
        drop(turn);
        let is_all_seen = self.lock_changes().is_empty();
        if !is_all_seen {
            self.see_lines();
        }
        done
    }

    fn lock_changes(&self) -> MutexGuard<'_, VecDeque<Change>> {
        self.changes.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn next_change(&self) -> Option<Change> {
        self.lock_changes().pop_front()
    }

    /// Has devices whose chip select is a line see it, and returns when they have. Only a device that
    /// drives a pin does not wait for wires that are busy: it may have them itself, or be waited for
    /// by another one. Whoever has them sees to it in the end.
    fn see_lines(&self) {
        loop {
            let state = match self.state.try_lock() {
                Err(TryLockError::WouldBlock) if Turn::is_on() => return,
                Err(TryLockError::WouldBlock) => self.lock(),
                Err(TryLockError::Poisoned(error)) => error.into_inner(),
                Ok(state) => state,
            };
            self.show_lines(state);
            // Somebody may have come who did not wait.
            if self.lock_changes().is_empty() {
                return;
            }
        }
    }

    fn show_lines(&self, mut state: MutexGuard<'_, State>) {
        let _turn = Turn::begin();
        state.see_lines(self);
    }

    fn name(&self, select: u32) -> String {
        format!("spidev{}.{select}", self.number)
    }

    pub(super) fn set(&self, controller: Controller) {
        self.hold(|state| state.controller = controller);
    }

    pub(super) fn controller(&self) -> Controller {
        self.hold(|state| state.controller.clone())
    }

    pub(super) fn attach_on(&self, board: &Board, line: usize, device: Box<dyn Device>) {
        self.hold(|state| {
            let mut on_line = OnLine {
                line,
                chip: Chip::new(device),
                is_selected: false,
            };
            // What changes from now on it sees when it is there.
            let level = board.lines.observe(board, line);
            on_line.see(level, board.schedule.now());
            state.on_lines.push(on_line);
        });
    }

    /// Whether there is a chip select, with a node or without.
    pub(super) fn has_select(&self, select: u32) -> bool {
        self.hold(|state| state.selects.contains(&select))
    }

    /// Which node is on a chip select now.
    pub(super) fn id(&self, select: u32) -> Option<u64> {
        self.hold(|state| Some(state.nodes.get(&select)?.id))
    }

    pub(super) fn configure(&self, select: u32, id: u64, config: &Config) -> io::Result<()> {
        self.hold(|state| {
            if !state.controller.can(config) {
                return Err(errno(EINVAL));
            }
            let held = state.controller.held(config);
            state.node(select, id)?.config = held;
            Ok(())
        })
    }

    pub(super) fn config(&self, select: u32, id: u64) -> io::Result<Config> {
        self.hold(|state| Ok(state.node(select, id)?.config.clone()))
    }

    /// Sends a message; returns when the wires are free again.
    pub(super) fn message(
        &self,
        board: &Board,
        place: (u32, u64),
        operations: &mut [Operation<'_, u8>],
    ) -> (io::Result<()>, Time) {
        self.hold(|state| {
            state.see_lines(self);
            self.send(state, board, place, operations)
        })
    }

    fn send(
        &self,
        state: &mut State,
        board: &Board,
        (select, id): (u32, u64),
        operations: &mut [Operation<'_, u8>],
    ) -> (io::Result<()>, Time) {
        let now = board.schedule.now();
        let config = match state.node(select, id) {
            Ok(node) => node.config.clone(),
            Err(error) => return (Err(error), now),
        };
        if let Err(error) = state.check(&config, operations) {
            return (Err(error), now);
        }
        let start = state.busy_until.max(now);
        let hz = config.max_speed_hz().min(state.controller.max_speed_hz);
        let mut message = Message {
            select,
            config: &config,
            time: start,
            hz: hz.max(1),
            stuck: None,
        };
        let shown = board.shown(start);
        let fault = state
            .node(select, id)
            .map(|node| fault::take(&mut node.faults, shown));
        let fault = fault.ok().flatten();
        if let Some(fault) = fault {
            board.tell(|| Action::Fault {
                of: self.name(select).into(),
                what: fault.name(),
            });
        }
        if let Some(kind @ (Kind::TimedOut | Kind::Failed)) = fault {
            if let Some(error) = message.fail(kind, state, operations) {
                state.busy_until = message.time;
                return (Err(error), message.time);
            }
        }
        if let Some(Kind::Stuck(high)) = fault {
            message.stuck = Some(high);
        }
        // What is sent may be gone when it is done.
        let traced = board.is_traced();
        let before: Option<Vec<_>> =
            traced.then(|| operations.iter().map(Exchange::before).collect());
        message.run(state, operations);
        if fault == Some(Kind::FlippedBit) {
            message.flip(operations);
        }
        let stop = message.time;
        state.busy_until = stop;
        if let Some(exchanges) = before {
            let exchanges = exchanges.into_iter().zip(operations.iter());
            board.tell(|| Action::Spi {
                device: self.name(select).into(),
                start: board.shown(start),
                stop: board.shown(stop),
                chip_select: config.selects(),
                exchanges: exchanges
                    .map(|(exchange, operation)| exchange.after(operation))
                    .collect(),
            });
        }
        (Ok(()), stop)
    }
}

impl State {
    fn node(&mut self, select: u32, id: u64) -> io::Result<&mut Node> {
        let node = self.nodes.get_mut(&select).filter(|node| node.id == id);
        node.ok_or_else(|| errno(ESHUTDOWN))
    }

    /// What spidev and the controllers' core refuse (`spidev_message`, drivers/spi/spidev.c;
    /// `__spi_validate`, drivers/spi/spi.c).
    fn check(&self, config: &Config, operations: &[Operation<'_, u8>]) -> io::Result<()> {
        let limits = &self.controller.limits;
        let (mut transfers, mut written, mut read) = (0, 0, 0);
        for operation in operations {
            transfers += limits.transfers_of(operation);
            let (w, r) = match operation {
                Operation::Read(buffer) => (0, buffer.len()),
                Operation::Write(bytes) => (bytes.len(), 0),
                Operation::Transfer(r, w) => (w.len(), r.len()),
                Operation::TransferInPlace(buffer) => (buffer.len(), buffer.len()),
                Operation::DelayNs(_) => (0, 0),
            };
            if config.is_three_wire() && w > 0 && r > 0 {
                return Err(errno(EINVAL));
            }
            written += limits.bytes_of(w);
            read += limits.bytes_of(r);
        }
        match transfers > limits.transfers || written > limits.bytes || read > limits.bytes {
            true => Err(errno(EMSGSIZE)),
            false => Ok(()),
        }
    }

    fn see_lines(&mut self, wire: &Wire) {
        while let Some((line, level, time)) = wire.next_change() {
            let on_line = self.on_lines.iter_mut().filter(|on| on.line == line);
            on_line.for_each(|on| on.see(level, time));
        }
    }

    /// Everyone who listens now.
    pub(super) fn selected(&mut self, select: u32, config: &Config) -> Selected<'_> {
        Selected {
            node: of_node(&mut self.nodes, select, config),
            on_lines: &mut self.on_lines,
        }
    }

    /// The device on a node's chip select, if that moves.
    pub(super) fn of_node(&mut self, select: u32, config: &Config) -> Option<&mut Chip> {
        of_node(&mut self.nodes, select, config)
    }
}

fn of_node<'a>(
    nodes: &'a mut BTreeMap<u32, Node>,
    select: u32,
    config: &Config,
) -> Option<&'a mut Chip> {
    let active_high = match config.selects() {
        ChipSelect::None => return None,
        ChipSelect::ActiveLow => false,
        ChipSelect::ActiveHigh => true,
    };
    let chip = nodes.get_mut(&select)?.chip.as_mut()?;
    Some(chip).filter(|chip| chip.device.is_active_high() == active_high)
}

pub(super) fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let busy_until = self.hold(|state| state.busy_until);
        f.debug_struct("Wire")
            .field("number", &self.number)
            .field("busy_until", &busy_until)
            .finish_non_exhaustive()
    }
}
