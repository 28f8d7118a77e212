//! What of the trace a program prints that runs on the board: `trace = true`, or a list of kinds.

use super::source::{Result, Value};
use crate::trace::Action;

/// Kinds of entries, all of them or some.
#[derive(Clone, Debug)]
pub(super) enum Traced {
    All,
    Some(Vec<Kind>),
}

/// What happens, by where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gpio,
    I2c,
    Spi,
    Uart,
    Can,
    Hotplug,
    Notes,
}

const KINDS: &[(&str, Kind)] = &[
    ("gpio", Kind::Gpio),
    ("i2c", Kind::I2c),
    ("spi", Kind::Spi),
    ("uart", Kind::Uart),
    ("can", Kind::Can),
    ("hotplug", Kind::Hotplug),
    ("notes", Kind::Notes),
];

impl Traced {
    pub(super) fn read(value: Value<'_>) -> Result<Traced> {
        if !value.is_list() {
            return match value.bool() {
                Ok(true) => Ok(Traced::All),
                Ok(false) => Ok(Traced::Some(Vec::new())),
                Err(_) => Err(value.is_no("true, false or a list, like [\"gpio\", \"notes\"]")),
            };
        }
        let kinds = value.list()?;
        let kinds = kinds.iter().map(|kind| kind.one_of("kind", KINDS));
        Ok(Traced::Some(kinds.collect::<Result<_>>()?))
    }

    pub(super) fn is_any(&self) -> bool {
        match self {
            Traced::All => true,
            Traced::Some(kinds) => !kinds.is_empty(),
        }
    }

    pub(super) fn has(&self, action: &Action) -> bool {
        match self {
            Traced::All => true,
            Traced::Some(kinds) => {
                // Who wants no traffic wants to know the path.
                let is_pty = matches!(action, Action::Pty { .. });
                kinds.contains(&kind(action)) || is_pty && kinds.contains(&Kind::Notes)
            }
        }
    }
}

fn kind(action: &Action) -> Kind {
    match action {
        Action::Request { .. }
        | Action::Configure { .. }
        | Action::Release { .. }
        | Action::Set { .. }
        | Action::Drive { .. }
        | Action::Contention { .. } => Kind::Gpio,
        Action::AddChip { .. }
        | Action::RemoveChip { .. }
        | Action::AddBus { .. }
        | Action::RemoveBus { .. }
        | Action::Plug { .. }
        | Action::Unplug { .. }
        | Action::Power { .. } => Kind::Hotplug,
        Action::I2c { .. } => Kind::I2c,
        Action::Spi { .. } => Kind::Spi,
        Action::SerialConfigure { .. }
        | Action::SerialSend { .. }
        | Action::SerialReceived { .. }
        | Action::DamageReceived { .. }
        | Action::BreakReceived { .. }
        | Action::Overrun { .. }
        | Action::Break { .. }
        | Action::Pty { .. }
        | Action::ModemLines { .. } => Kind::Uart,
        Action::AddNode { .. }
        | Action::RemoveNode { .. }
        | Action::CanUp { .. }
        | Action::CanDown { .. }
        | Action::CanFrame { .. }
        | Action::CanError { .. }
        | Action::CanState { .. } => Kind::Can,
        Action::Fault { .. } | Action::Note(_) => Kind::Notes,
    }
}
