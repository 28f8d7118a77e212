//! What goes over the wires of a controller, to whom, and how long it takes.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_spi::{ChipSelect, Config, Operation};
use circuits_wait::Time;

use super::message::Message;
use super::{Controller, Device};
use crate::stub::Board;
use crate::trace::{Action, Exchange};
use crate::{Error, Result};

/// include/uapi/asm-generic/errno.h
const EINVAL: i32 = 22;
const EMSGSIZE: i32 = 90;
const ESHUTDOWN: i32 = 108;

/// All controllers of a board, by number.
#[derive(Debug, Default)]
pub(crate) struct Controllers(Mutex<BTreeMap<u32, Arc<Wire>>>);

/// One controller, and what is connected to its wires.
pub(crate) struct Wire {
    number: u32,
    state: Mutex<State>,
    /// Lines that have another level, each from a time on, which nobody on the wires has seen yet.
    changes: Mutex<Vec<(usize, bool, Time)>>,
}

pub(super) struct State {
    controller: Controller,
    busy_until: Time,
    nodes: BTreeMap<u32, Node>,
    /// How many nodes there have been.
    count: u64,
    on_lines: Vec<OnLine>,
}

/// A chip select of the controller.
struct Node {
    /// What comes later under the same name is another one.
    id: u64,
    config: Config,
    device: Option<Box<dyn Device>>,
}

/// A device whose chip select is a line.
struct OnLine {
    line: usize,
    device: Box<dyn Device>,
    is_selected: bool,
}

/// `spidev1.0` is chip select 0 of controller 1.
pub(super) fn numbers(name: &str) -> Result<(u32, u32)> {
    let parts = || {
        let (controller, select) = name.strip_prefix("spidev")?.split_once('.')?;
        Some((controller.parse().ok()?, select.parse().ok()?))
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

    /// The names of all nodes, in order.
    pub(super) fn nodes(&self) -> Vec<String> {
        let wires: Vec<Arc<Wire>> = self.lock().values().cloned().collect();
        let names = wires.iter().flat_map(|wire| {
            let state = wire.lock();
            let selects: Vec<u32> = state.nodes.keys().copied().collect();
            selects.into_iter().map(|select| wire.name(select))
        });
        names.collect()
    }

    /// Adds a node; says whether there was none of this name.
    pub(crate) fn add(&self, number: u32, select: u32) -> bool {
        let wire = self.wire(number);
        let mut state = wire.lock();
        if state.nodes.contains_key(&select) {
            return false;
        }
        state.count += 1;
        let node = Node {
            id: state.count,
            config: Config::new(),
            device: None,
        };
        state.nodes.insert(select, node);
        true
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
        let mut state = wire.lock();
        if state.nodes.remove(&select).is_none() {
            return false;
        }
        board.tell(|| Action::RemoveBus { bus: name.into() });
        true
    }

    pub(crate) fn attach(&self, name: &str, device: Box<dyn Device>) -> Result<()> {
        let no_node = || Error::NoNode { node: name.into() };
        let (number, select) = numbers(name)?;
        let wire = self.find(number).ok_or_else(no_node)?;
        let mut state = wire.lock();
        let node = state.nodes.get_mut(&select).ok_or_else(no_node)?;
        if node.device.is_some() {
            return Err(Error::NodeTaken { node: name.into() });
        }
        node.device = Some(device);
        Ok(())
    }

    pub(super) fn detach(&self, name: &str) -> Option<Box<dyn Device>> {
        let (number, select) = numbers(name).ok()?;
        let wire = self.find(number)?;
        wire.lock().nodes.get_mut(&select)?.device.take()
    }

    /// Lines have another level, each from a time on.
    pub(crate) fn lines_changed(&self, changes: &[(usize, bool, Time)]) {
        let wires: Vec<Arc<Wire>> = self.lock().values().cloned().collect();
        for wire in wires {
            wire.lock_changes().extend_from_slice(changes);
            wire.see_lines();
        }
    }
}

impl OnLine {
    fn see(&mut self, level: bool, time: Time) {
        let selected = level == self.device.is_active_high();
        match (self.is_selected, selected) {
            (false, true) => self.device.select(time),
            (true, false) => self.device.deselect(time),
            _ => {}
        }
        self.is_selected = selected;
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
                on_lines: Vec::new(),
            }),
        }
    }

    /// A device that panicked is as it is; the bus is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn lock_changes(&self) -> MutexGuard<'_, Vec<(usize, bool, Time)>> {
        self.changes.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Has devices whose chip select is a line see it. If the wires are busy, whoever has them does so in
    /// the end: it may be a device, which drives a pin.
    fn see_lines(&self) {
        while !self.lock_changes().is_empty() {
            let Ok(mut state) = self.state.try_lock() else {
                return;
            };
            state.see_lines(&mut self.lock_changes());
        }
    }

    fn name(&self, select: u32) -> String {
        format!("spidev{}.{select}", self.number)
    }

    pub(super) fn set(&self, controller: Controller) {
        self.lock().controller = controller;
    }

    pub(super) fn controller(&self) -> Controller {
        self.lock().controller.clone()
    }

    pub(super) fn attach_on(&self, line: usize, device: Box<dyn Device>, level: bool, now: Time) {
        let mut on_line = OnLine {
            line,
            device,
            is_selected: false,
        };
        on_line.see(level, now);
        self.lock().on_lines.push(on_line);
    }

    /// Which node is on a chip select now.
    pub(super) fn id(&self, select: u32) -> Option<u64> {
        Some(self.lock().nodes.get(&select)?.id)
    }

    pub(super) fn configure(&self, select: u32, id: u64, config: &Config) -> io::Result<()> {
        let mut state = self.lock();
        if !state.controller.can(config) {
            return Err(errno(EINVAL));
        }
        let held = state.controller.held(config);
        state.node(select, id)?.config = held;
        Ok(())
    }

    pub(super) fn config(&self, select: u32, id: u64) -> io::Result<Config> {
        Ok(self.lock().node(select, id)?.config.clone())
    }

    /// Sends a message; returns when the wires are free again.
    pub(super) fn message(
        &self,
        board: &Board,
        (select, id): (u32, u64),
        operations: &mut [Operation<'_, u8>],
    ) -> (io::Result<()>, Time) {
        let mut state = self.lock();
        state.see_lines(&mut self.lock_changes());
        let now = board.schedule.now();
        let config = match state.node(select, id) {
            Ok(node) => node.config.clone(),
            Err(error) => return (Err(error), now),
        };
        if let Err(error) = state.check(&config, operations) {
            return (Err(error), now);
        }
        let start = state.busy_until.max(now);
        let mut message = Message {
            select,
            config: &config,
            time: start,
            hz: config
                .max_speed_hz()
                .min(state.controller.max_speed_hz)
                .max(1),
        };
        // What is sent may be gone when it is done.
        let traced = board.is_traced();
        let before: Option<Vec<_>> =
            traced.then(|| operations.iter().map(Exchange::before).collect());
        message.run(&mut state, operations);
        let free = message.time;
        state.busy_until = free;
        if let Some(exchanges) = before {
            let exchanges = exchanges.into_iter().zip(operations.iter());
            board.tell_at(start, || Action::Spi {
                device: self.name(select).into(),
                exchanges: exchanges
                    .map(|(exchange, operation)| exchange.after(operation))
                    .collect(),
            });
        }
        drop(state);
        self.see_lines();
        (Ok(()), free)
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

    fn see_lines(&mut self, changes: &mut Vec<(usize, bool, Time)>) {
        for (line, level, time) in changes.drain(..) {
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
    pub(super) fn of_node(&mut self, select: u32, config: &Config) -> Option<&mut Box<dyn Device>> {
        of_node(&mut self.nodes, select, config)
    }
}

fn of_node<'a>(
    nodes: &'a mut BTreeMap<u32, Node>,
    select: u32,
    config: &Config,
) -> Option<&'a mut Box<dyn Device>> {
    let active_high = match config.selects() {
        ChipSelect::None => return None,
        ChipSelect::ActiveLow => false,
        ChipSelect::ActiveHigh => true,
    };
    let device = nodes.get_mut(&select)?.device.as_mut()?;
    Some(device).filter(|device| device.is_active_high() == active_high)
}

/// The device on a node's chip select, and those whose lines are active.
pub(super) struct Selected<'a> {
    node: Option<&'a mut Box<dyn Device>>,
    on_lines: &'a mut [OnLine],
}

impl Selected<'_> {
    pub(super) fn devices(&mut self) -> impl Iterator<Item = &mut Box<dyn Device>> {
        let on_lines = self.on_lines.iter_mut().filter(|on| on.is_selected);
        let node = self.node.iter_mut().map(|device| &mut **device);
        node.chain(on_lines.map(|on| &mut on.device))
    }
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Wire")
            .field("number", &self.number)
            .field("busy_until", &state.busy_until)
            .field("nodes", &state.nodes.keys())
            .finish_non_exhaustive()
    }
}
