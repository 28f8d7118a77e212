//! The I2C bus, whose adapter may be unplugged, and the devices on it as drivers get them.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::rc::Rc;
use std::time::Duration;

use circuits::Board;
use circuits::embedded_hal::i2c::{ErrorKind, ErrorType, I2c, Operation};
use circuits::enumerate::Identity;
use circuits::i2c;

use crate::part::Result;

/// A bus that was opened. All who speak on it have it by this one, and so wait for each other.
#[derive(Debug)]
pub(crate) struct Bus {
    bus: i2c::Bus,
    /// Whether the adapter is gone.
    is_gone: Rc<Cell<bool>>,
}

impl Bus {
    /// Opens a bus by its name. Who the adapter is, which `identity` is for, is known from then on.
    pub(crate) fn open(board: &Board, name: &str, identity: &mut Option<Identity>) -> Result<Bus> {
        let bus = match identity {
            // Under whatever name it has now. It is not waited for: the button is, meanwhile.
            Some(identity) => {
                board.reconnect(identity, Duration::ZERO, |name| board.i2c_bus(name))?
            }
            None => board.i2c_bus(name)?,
        };
        if identity.is_none() {
            let adapters = board.devices()?.i2c_adapters();
            let of_name = adapters.into_iter().find(|adapter| {
                adapter.name == name || adapter.description.as_deref() == Some(name)
            });
            *identity = of_name.map(|adapter| adapter.identity);
        }
        Ok(Bus {
            bus,
            is_gone: Rc::default(),
        })
    }

    /// Whether a device has found out that the adapter is gone. The bus is to be closed then, and all that is on
    /// it: the kernel waits for that.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.get()
    }

    /// Returns what drivers get for the device at an address.
    ///
    /// # Errors
    /// `InUse`, if the kernel has a driver for it.
    pub(crate) fn device(&self, address: u8) -> Result<Device> {
        Ok(Device {
            device: self.bus.device(address)?,
            heard: Heard::default(),
            is_gone: self.is_gone.clone(),
        })
    }
}

/// What the bus has said last.
///
/// Drivers wrap its errors, each in a way of its own, and some throw them away: that of the screen says that a
/// write failed, and no more. But what is to be done is in the bus's words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heard(Rc<RefCell<Option<i2c::Error>>>);

impl Heard {
    /// Returns the bus's error for that of a driver, which has failed; that itself, if it was not the bus.
    pub(crate) fn instead_of<E: Debug>(
        &self,
        error: E,
    ) -> Box<dyn std::error::Error + Send + Sync> {
        match self.0.take() {
            Some(error) => error.into(),
            None => format!("the driver says {error:?}").into(),
        }
    }
}

/// A device on the bus, which remembers the error that it gave its driver.
#[derive(Debug)]
pub(crate) struct Device {
    device: i2c::Device,
    heard: Heard,
    is_gone: Rc<Cell<bool>>,
}

impl Device {
    pub(crate) fn heard(&self) -> Heard {
        self.heard.clone()
    }
}

impl ErrorType for Device {
    type Error = ErrorKind;
}

impl I2c for Device {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> std::result::Result<(), ErrorKind> {
        self.device
            .transaction(address, operations)
            .map_err(|error| {
                let kind = circuits::embedded_hal::i2c::Error::kind(&error);
                if error.kind() == i2c::ErrorKind::Removed {
                    self.is_gone.set(true);
                }
                *self.heard.0.borrow_mut() = Some(error);
                kind
            })
    }
}
