//! I2C buses, and the devices on them: a backend of circuits-i2c at the speed of a wire.

mod backend;
mod buses;
mod controller;
mod fault;
mod power;
mod smbus;
mod wire;

use circuits_i2c::Address;
use circuits_wait::Time;

pub(crate) use self::buses::Buses;
pub use self::controller::Controller;
pub use self::fault::Fault;
use crate::{Error, Result, Stub};

/// A device on a bus, as the wire sees it: byte by byte.
///
/// What is called here has the wires to itself. It may drive [pins](crate::Pin) and read their levels,
/// and goes by the times that it is given. It must not use the board otherwise, as by sending or
/// waiting: that may wait for the wires for ever.
///
/// ```
/// use circuits_stub::{Stub, i2c::{Acknowledge, Device, Transfer}};
/// use circuits_i2c::{Bus, Config};
/// use embedded_hal::i2c::I2c;
///
/// /// Counts how often it was read.
/// struct Counter(u8);
///
/// impl Device for Counter {
///     fn write(&mut self, _: u8) -> Acknowledge {
///         Acknowledge::No
///     }
///     fn read(&mut self) -> u8 {
///         self.0 += 1;
///         self.0
///     }
/// }
///
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x20, Counter(0))?;
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// let mut bytes = [0; 3];
/// bus.read(0x20, &mut bytes)?;
/// assert_eq!(bytes, [1, 2, 3]);
/// assert!(bus.write(0x20, &[7]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Device: Send {
    /// The device is addressed, after a start or a repeated start. It may not answer: as a memory
    /// that is busy with writing.
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        let _ = (transfer, time);
        Acknowledge::Yes
    }

    /// The device is sent a byte.
    fn write(&mut self, byte: u8) -> Acknowledge;

    /// The device sends a byte. It cannot refuse: where it has none, the line stays high (0xff).
    fn read(&mut self) -> u8;

    /// The transaction is over, at this time: what a memory was sent it begins to write now. Only
    /// after a start that the device has acknowledged.
    fn stop(&mut self, time: Time) {
        let _ = time;
    }

    /// The device loses its power at this time, or has it again: see [`Stub::power_i2c`]. It has the registers then
    /// that it has after power-on, and drives no pins while it has none; what it is in, such as the temperature, stays.
    /// It is not addressed meanwhile, which is not its affair. Default: nothing, as of a device that keeps all.
    fn power(&mut self, on: bool, time: Time) {
        let _ = (on, time);
    }
}

impl<D: Device + ?Sized> Device for Box<D> {
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        (**self).start(transfer, time)
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        (**self).write(byte)
    }

    fn read(&mut self) -> u8 {
        (**self).read()
    }

    fn stop(&mut self, time: Time) {
        (**self).stop(time)
    }

    fn power(&mut self, on: bool, time: Time) {
        (**self).power(on, time)
    }
}

/// Which way data goes after a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// To the device.
    Write,
    /// From the device.
    Read,
}

/// Whether a device takes what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// It does.
    Yes,
    /// It does not; the transaction fails.
    No,
}

impl Stub {
    /// Has an I2C bus, which is added if it is not there yet, be that of this controller. Default:
    /// [`Controller::new`], which can do all.
    pub fn i2c_controller(self, bus: &str, controller: Controller) -> Stub {
        self.plug_i2c_bus(bus);
        if let Some(adapter) = controller.adapter_name() {
            self.board().hotplug.call_adapter(bus, adapter);
        }
        self.board().buses.control(bus, controller);
        self
    }

    /// Has a driver of the kernel's have a device of an I2C bus, which is added if it is not there
    /// yet. Programs are told so, and can speak to it all the same.
    pub fn i2c_owner(self, bus: &str, address: impl Into<Address>, driver: &str) -> Stub {
        let (board, address) = (self.board(), address.into());
        self.plug_i2c_bus(bus);
        if board.buses.own(bus, address, driver) {
            board.hotplug.client_came(board, bus, address, driver);
        }
        self
    }

    /// Has a transaction on an I2C bus fail: the next one, unless the fault says otherwise. Faults
    /// wait beside each other, and one happens at a time: of those whose turn it is the one that was
    /// scheduled first. What has come to pass as often as it was to is gone.
    ///
    /// # Errors
    /// [`Error::NoBus`];
    /// [`Error::NoProbability`](crate::Error::NoProbability).
    pub fn i2c_fault(&self, bus: &str, fault: Fault) -> Result<()> {
        fault.check()?;
        let board = self.board();
        match board.buses.schedule(board, bus, fault) {
            true => Ok(()),
            false => Err(Error::NoBus { bus: bus.into() }),
        }
    }

    /// Has a device of an I2C bus lose its power, or have it again. Without power it acknowledges nothing; with it,
    /// it is as it is after power-on: each chip of [`chips`](crate::chips) says what it keeps. One that has power, and is
    /// to have it, goes on as it is.
    ///
    /// ```
    /// use circuits_i2c::{Bus, Config, ErrorKind};
    /// use circuits_stub::{Stub, chips::Pca9685};
    /// use embedded_hal::i2c::I2c;
    ///
    /// let board = Stub::virtual_time().i2c_device("i2c-1", 0x40, Pca9685::new())?;
    /// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
    /// bus.write(0x40, &[0x00, 0x20])?; // MODE1: awake
    ///
    /// board.power_i2c("i2c-1", 0x40, false)?;
    /// let error = bus.write(0x40, &[0x00]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NoAcknowledge);
    ///
    /// board.power_i2c("i2c-1", 0x40, true)?;
    /// let mut mode1 = [0];
    /// bus.write_read(0x40, &[0x00], &mut mode1)?;
    /// assert_eq!(mode1, [0x11], "asleep");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoBus`]; [`Error::NoDevice`]: nothing is at this address.
    pub fn power_i2c(&self, bus: &str, address: impl Into<Address>, on: bool) -> Result<()> {
        let board = self.board();
        board.buses.power(board, bus, address.into(), on)
    }

    /// Has nothing go wrong on an I2C bus any more: forgets the [faults](Stub::i2c_fault) that were to come.
    ///
    /// ```
    /// use circuits_i2c::{Bus, Config};
    /// use circuits_stub::{Stub, chips::Tmp102, i2c::Fault};
    /// use embedded_hal::i2c::I2c;
    ///
    /// let board = Stub::virtual_time().i2c_device("i2c-1", 0x48, Tmp102::new())?;
    /// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
    /// board.i2c_fault("i2c-1", Fault::no_acknowledge().always())?;
    /// assert!(bus.write(0x48, &[0]).is_err());
    /// assert!(bus.write(0x48, &[0]).is_err());
    /// board.clear_i2c_faults("i2c-1")?;
    /// bus.write(0x48, &[0])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoBus`].
    pub fn clear_i2c_faults(&self, bus: &str) -> Result<()> {
        let board = self.board();
        match board.buses.clear_faults(board, bus) {
            true => Ok(()),
            false => Err(Error::NoBus { bus: bus.into() }),
        }
    }
}
