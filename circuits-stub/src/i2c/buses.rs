//! All buses of a board, and what is put on them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use circuits_i2c::Address;

use super::Device;
use super::controller::Controller;
use super::fault::Fault;
use super::wire::Wire;
use crate::stub::Board;
use crate::time::Schedule;
use crate::trace::Action;
use crate::{Error, Result};

/// All buses of a board, by name.
#[derive(Debug)]
pub(crate) struct Buses {
    wires: Mutex<BTreeMap<String, Arc<Wire>>>,
    schedule: Arc<Schedule>,
    board: Weak<Board>,
}

impl Buses {
    pub(crate) fn new(schedule: &Arc<Schedule>, board: Weak<Board>) -> Buses {
        Buses {
            wires: Mutex::default(),
            schedule: schedule.clone(),
            board,
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Wire>>> {
        self.wires.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Wire>> {
        self.lock().get(name).cloned()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Adds a bus; says whether there was none of this name.
    pub(crate) fn add(&self, name: &str) -> bool {
        let mut buses = self.lock();
        let is_new = !buses.contains_key(name);
        buses
            .entry(name.into())
            .or_insert_with(|| Wire::new(name, &self.schedule, &self.board));
        is_new
    }

    /// Takes a bus away, with all that is on it; says whether there was one.
    pub(crate) fn remove(&self, board: &Board, name: &str) -> bool {
        let Some(wire) = self.lock().remove(name) else {
            return false;
        };
        wire.change(board, |state| {
            state.is_removed = true;
            state.dips.clear();
            state.faults.clear();
            board.tell(|| Action::RemoveBus { bus: name.into() });
        });
        true
    }

    pub(crate) fn attach(
        &self,
        bus: &str,
        address: Address,
        device: Box<dyn Device>,
    ) -> Result<()> {
        let no_bus = || Error::NoBus { bus: bus.into() };
        let wire = self.get(bus).ok_or_else(no_bus)?;
        let mut state = wire.lock();
        if state.devices.contains_key(&address) {
            return Err(Error::AddressTaken {
                bus: bus.into(),
                address,
            });
        }
        state.devices.insert(address, device);
        Ok(())
    }

    pub(crate) fn detach(
        &self,
        board: &Board,
        bus: &str,
        address: Address,
    ) -> Option<Box<dyn Device>> {
        self.get(bus)?.change(board, |state| {
            // What comes next has power.
            state.dips.remove(&address);
            state.devices.remove(&address)
        })
    }

    pub(super) fn control(&self, bus: &str, controller: Controller) {
        if let Some(wire) = self.get(bus) {
            wire.lock().controller = controller;
        }
    }

    /// Says whether nobody had it before.
    pub(super) fn own(&self, bus: &str, address: Address, driver: &str) -> bool {
        self.get(bus).is_some_and(|wire| {
            let mut state = wire.lock();
            state.owners.insert(address, driver.into()).is_none()
        })
    }

    /// Where devices are on a bus; `None` if there is no such bus.
    pub(crate) fn addresses(&self, bus: &str) -> Option<Vec<Address>> {
        Some(self.get(bus)?.lock().devices.keys().copied().collect())
    }

    /// Says whether there is such a bus.
    pub(super) fn schedule(&self, board: &Board, bus: &str, fault: Fault) -> bool {
        let Some(wire) = self.get(bus) else {
            return false;
        };
        wire.change(board, |state| {
            let fault = fault.plan(board.made(), board.shown(board.schedule.now()));
            state.faults.push(fault);
        });
        true
    }

    /// Says whether there is such a bus.
    pub(super) fn clear_faults(&self, board: &Board, bus: &str) -> bool {
        let Some(wire) = self.get(bus) else {
            return false;
        };
        wire.change(board, |state| state.faults.clear());
        true
    }
}
