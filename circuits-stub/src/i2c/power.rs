//! Devices that lose their power, and have it again.

use std::collections::btree_map::Entry;
use std::time::Duration;

use circuits_i2c::Address;
use circuits_wait::Time;

use super::wire::{Buses, State};
use crate::stub::Board;
use crate::trace::Action;
use crate::{Error, Result};

impl Buses {
    /// Has a device lose its power at a time, or have it again.
    pub(super) fn power(&self, board: &Board, bus: &str, address: Address, on: bool) -> Result<()> {
        let no_bus = || Error::NoBus { bus: bus.into() };
        let wire = self.get(bus).ok_or_else(no_bus)?;
        let mut state = wire.lock();
        let now = board.schedule.now();
        if !state.devices.contains_key(&address) {
            return Err(Error::NoDevice {
                bus: bus.into(),
                address,
            });
        }
        state.end_dip(board, address, now);
        let before = match on {
            true => state.dips.remove(&address),
            false => state.dips.insert(address, None),
        };
        // What has power, and is to have it, goes on as it is.
        if before.is_some() == on {
            state.power(board, address, on, now);
        }
        Ok(())
    }
}

impl State {
    /// Has a device without power, which is spoken to, have it again if it is time.
    pub(super) fn end_dip(&mut self, board: &Board, address: Address, now: Time) {
        let until = self.dips.get(&address).copied().flatten();
        let Some(until) = until.filter(|until| *until <= now) else {
            return;
        };
        self.dips.remove(&address);
        self.power(board, address, true, until);
    }

    /// Has a device have no power for so long.
    pub(super) fn begin_dip(
        &mut self,
        board: &Board,
        address: Address,
        now: Time,
        length: Duration,
    ) {
        if !self.devices.contains_key(&address) {
            return;
        }
        // One that has none does not get it sooner.
        if let Entry::Vacant(dip) = self.dips.entry(address) {
            dip.insert(Some(now + length));
            self.power(board, address, false, now);
        }
    }

    fn power(&mut self, board: &Board, address: Address, on: bool, time: Time) {
        if let Some(device) = self.devices.get_mut(&address) {
            device.power(on, time);
            board.tell_at(time, || Action::Power {
                bus: self.name.clone(),
                address,
                on,
            });
        }
    }
}
