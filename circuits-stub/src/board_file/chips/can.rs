//! Nodes on CAN buses.

use std::time::Duration;

use super::{Known, known};
use crate::board_file::chip::Bus::Can;
use crate::board_file::chip::{Chip, Site};
use crate::board_file::source::{Result, Value};
use crate::chips::Odrive;

pub(super) const CHIPS: &[Known] = &[known("odrive", &[Can], odrive)];

fn odrive(chip: &mut Chip<'_, '_>) -> Result<()> {
    let mut made = Odrive::new(chip.need("axis", |axis| axis.integer(0..=63))?);
    let heartbeat = chip.interval("heartbeat_every")?;
    let estimates = chip.interval("estimates_every")?;
    if let Some(time) = chip.interval("watchdog")? {
        made = made.watchdog(time);
    }
    if let Some(inertia) = chip.get("inertia", Value::positive)? {
        made = made.inertia(inertia as f32);
    }
    if let Some(volts) = chip.number("supply")? {
        made.set_supply(volts);
    }
    if let Some(torque) = chip.number("load")? {
        made.set_load(torque);
    }
    if chip.get("block", Value::bool)? == Some(true) {
        made.block(true);
    }
    let intervals = [
        heartbeat.unwrap_or(Duration::from_millis(100)),
        estimates.unwrap_or(Duration::from_millis(10)),
    ];
    let speak = |odrive: &Odrive, [heartbeat, estimates]: [Duration; 2]| {
        odrive
            .clone()
            .heartbeat_every(heartbeat)
            .estimates_every(estimates);
    };
    if chip.get("while_open", Value::bool)? != Some(true) {
        speak(&made, intervals);
        return chip.on_can(made);
    }
    speak(&made, [Duration::ZERO; 2]);
    chip.on_can(made.clone())?;
    let Site::Can { interface, .. } = chip.site else {
        return Ok(());
    };
    let (interface, mut speaks) = (interface.to_owned(), false);
    chip.bench.stub.every(LOOK, move |stub, _| {
        let is_open = stub.board().can.is_open(stub.board(), &interface);
        if std::mem::replace(&mut speaks, is_open) != is_open {
            speak(
                &made,
                if is_open {
                    intervals
                } else {
                    [Duration::ZERO; 2]
                },
            );
        }
    });
    Ok(())
}

/// How often a chip looks whether somebody listens.
const LOOK: Duration = Duration::from_millis(50);
