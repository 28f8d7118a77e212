//! Devices that lose their power, and have it again.

use std::collections::btree_map::Entry;
use std::time::Duration;

use circuits_i2c::Address;
use circuits_wait::Time;

use super::buses::Buses;
use super::wire::State;
use crate::stub::Board;
use crate::trace::Action;
use crate::{Error, Result};

impl Buses {
    /// Has a device lose its power at a time, or have it again.
    pub(super) fn power(&self, board: &Board, bus: &str, address: Address, on: bool) -> Result<()> {
        let no_bus = || Error::NoBus { bus: bus.into() };
        let wire = self.get(bus).ok_or_else(no_bus)?;
        wire.change(board, |state| {
            if !state.devices.contains_key(&address) {
                return Err(Error::NoDevice {
                    bus: bus.into(),
                    address,
                });
            }
            let before = match on {
                true => state.dips.remove(&address),
                false => state.dips.insert(address, None),
            };
            // What has power, and is to have it, goes on as it is.
            if before.is_some() == on {
                state.power(board, address, on, board.schedule.now());
            }
            Ok(())
        })
    }
}

impl State {
    /// When something happens by itself next.
    pub(super) fn next(&self) -> Option<Time> {
        let end = self.next_end().map(|(time, _)| time);
        let begin = self.next_begin().map(|(time, _)| time);
        end.into_iter().chain(begin).min()
    }

    /// Which device has its power again next, and when.
    fn next_end(&self) -> Option<(Time, Address)> {
        let ends = self.dips.iter();
        ends.filter_map(|(address, until)| Some(((*until)?, *address)))
            .min_by_key(|(time, _)| *time)
    }

    /// Which fault begins by itself next, and when: no transaction is cut into two.
    fn next_begin(&self) -> Option<(Time, usize)> {
        let begins = self.faults.iter().enumerate();
        begins
            .filter_map(|(index, fault)| Some((fault.due?.max(self.busy_until), index)))
            .min_by_key(|(time, _)| *time)
    }

    /// Does what was to happen by itself until now, one after another.
    pub(super) fn advance(&mut self, board: &Board, now: Time) {
        while let Some(time) = self.next().filter(|time| *time <= now) {
            // What has its power again may lose it at the same moment.
            if let Some((_, address)) = self.next_end().filter(|(end, _)| *end == time) {
                self.dips.remove(&address);
                self.power(board, address, true, time);
            } else if let Some((_, index)) = self.next_begin() {
                let shown = board.shown(time);
                if let Some((address, length)) = self.faults[index].begin(shown) {
                    self.begin_dip(board, address, time, length);
                }
                self.faults.retain(|fault| !fault.is_over(shown));
            }
        }
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
