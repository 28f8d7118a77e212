//! SPI controllers, and the devices on them: a backend of circuits-spi at the speed of a wire.
//!
//! `wire` is who is on one, `chip` a device there, `message` what goes over it, `controller` what it can
//! do, `fault` what goes wrong, `backend` how programs come to it.
//!
//! Devices see a whole message at the time of the call that sends it, with the times at which its parts
//! are on the wires, which may be still to come.

mod backend;
mod chip;
mod controller;
mod fault;
mod message;
mod wire;

use circuits_gpio::LineSpec;
use circuits_spi::Mode;
use circuits_wait::Time;

pub use self::controller::Controller;
pub use self::fault::Fault;
pub(crate) use self::wire::Controllers;
use crate::trace::Action;
use crate::{Error, Result, Stub};

/// A device on a bus, as the wire sees it: byte by byte, most significant bit first. A byte has the bits
/// of its word: the upper four of a word of 4 bits are 0.
///
/// What is called here has the wires to itself. It may drive [pins](crate::Pin) and read their levels,
/// and goes by the times that it is given. It must not use the board otherwise, as by sending,
/// listing, opening or waiting: that may wait for the wires for ever.
///
/// ```
/// use circuits_spi::{Config, Device};
/// use circuits_stub::{Stub, spi};
/// use embedded_hal::spi::{Operation, SpiDevice};
///
/// /// Counts how many bytes it has got since it was selected.
/// struct Counter(u8);
///
/// impl spi::Device for Counter {
///     fn select(&mut self, _: circuits_wait::Time) {
///         self.0 = 0;
///     }
///     fn transfer(&mut self, _: u8) -> u8 {
///         self.0 += 1;
///         self.0
///     }
/// }
///
/// let board = Stub::virtual_time().spi_device("spidev0.0", Counter(0))?;
/// let mut device = Device::open_on(&board, "spidev0.0", &Config::new())?;
/// let mut bytes = [0; 2];
/// device.transaction(&mut [Operation::Write(&[7]), Operation::Read(&mut bytes)])?;
/// assert_eq!(bytes, [2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Device: Send {
    /// The device's chip select becomes active.
    fn select(&mut self, time: Time) {
        let _ = time;
    }

    /// The clock starts to run, while the device is selected: right after that, and after each pause
    /// in the middle of a transaction, or between transactions if a line selects it. What takes time
    /// may be over by now.
    fn clock(&mut self, time: Time) {
        let _ = time;
    }

    /// A byte goes to the device while one comes from it. Only while it is selected.
    fn transfer(&mut self, byte: u8) -> u8;

    /// The device's chip select becomes inactive: what a memory was sent it begins to write now.
    fn deselect(&mut self, time: Time) {
        let _ = time;
    }

    /// Tells whether the device takes data at the edges that a mode has. Where it does not, what it
    /// gets, and what comes from it, is off by a bit. Default: it takes any.
    fn understands(&self, mode: Mode) -> bool {
        let _ = mode;
        true
    }

    /// Tells whether the device is meant while its chip select is high. Default: while it is low.
    fn is_active_high(&self) -> bool {
        false
    }
}

impl<D: Device + ?Sized> Device for Box<D> {
    fn select(&mut self, time: Time) {
        (**self).select(time);
    }

    fn clock(&mut self, time: Time) {
        (**self).clock(time);
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        (**self).transfer(byte)
    }

    fn deselect(&mut self, time: Time) {
        (**self).deselect(time);
    }

    fn understands(&self, mode: Mode) -> bool {
        (**self).understands(mode)
    }

    fn is_active_high(&self) -> bool {
        (**self).is_active_high()
    }
}

/// SPI devices. They are called as Linux calls their nodes: `spidev0.1` is on chip select 1 of
/// controller 0.
impl Stub {
    /// Adds a node to which nothing is connected, if it is not there yet.
    ///
    /// # Errors
    /// [`Error::NoNode`]: the name is none of spidev's.
    pub fn spi_node(self, node: &str) -> Result<Stub> {
        self.plug_spi_node(node)?;
        Ok(self)
    }

    /// Sets what the controller of a node can do, which is added if it is not there yet. Default:
    /// [everything](Controller::new).
    ///
    /// # Errors
    /// As [`spi_node`](Stub::spi_node).
    pub fn spi_controller(self, node: &str, controller: Controller) -> Result<Stub> {
        self.plug_spi_node(node)?;
        let (number, _) = wire::numbers(node)?;
        self.board().controllers.wire(number).set(controller);
        Ok(self)
    }

    /// Connects a device to a node, which is added if it is not there yet.
    ///
    /// # Errors
    /// [`Error::NoNode`]; [`Error::NodeTaken`] if another one is connected to it.
    pub fn spi_device(self, node: &str, device: impl Device + 'static) -> Result<Stub> {
        self.plug_spi(node, device)?;
        Ok(self)
    }

    /// Connects a device to the wires of a node's controller, and to a line of the board instead of the
    /// node's chip select: it is selected while that line is low (or high, if it
    /// [says so](Device::is_active_high)).
    ///
    /// # Errors
    /// [`Error::NoNode`]; [`Error::NoLine`], [`Error::Ambiguous`].
    pub fn spi_device_on(
        self,
        node: &str,
        select: impl Into<LineSpec>,
        device: impl Device + 'static,
    ) -> Result<Stub> {
        self.plug_spi_node(node)?;
        let (number, _) = wire::numbers(node)?;
        let line = self.find(select)?;
        let board = self.board();
        let wire = board.controllers.wire(number);
        wire.attach_on(board, line, Box::new(device));
        Ok(self)
    }

    /// Connects a device to a node while the board is in use.
    ///
    /// # Errors
    /// As [`spi_device`](Stub::spi_device).
    pub fn plug_spi(&self, node: &str, device: impl Device + 'static) -> Result<()> {
        self.plug_spi_node(node)?;
        self.board().controllers.attach(node, Box::new(device))
    }

    /// Takes a device off a node, and returns it, to be connected again; `None` if nothing was there.
    pub fn unplug_spi(&self, node: &str) -> Option<Box<dyn Device>> {
        self.board().controllers.detach(node)
    }

    /// Adds a node while the board is in use, as if spidev was bound to it, if it is not there yet.
    ///
    /// # Errors
    /// As [`spi_node`](Stub::spi_node).
    pub fn plug_spi_node(&self, node: &str) -> Result<()> {
        let (number, select) = wire::numbers(node)?;
        let board = self.board();
        if board.controllers.add(number, select) {
            board.tell(|| Action::AddBus { bus: node.into() });
            board.hotplug.spi_came(board, number, select);
        }
        Ok(())
    }

    /// Takes a node away while the board is in use, with what is connected to it, as if spidev was
    /// unbound: whoever has it open is told so ([`Removed`](circuits_spi::Error::Removed)).
    ///
    /// # Errors
    /// [`Error::NoNode`].
    pub fn remove_spi_node(&self, node: &str) -> Result<()> {
        let board = self.board();
        match board.controllers.remove(board, node) {
            true => board.hotplug.node_went(board, node),
            false => return Err(Error::NoNode { node: node.into() }),
        }
        Ok(())
    }

    /// Has something go wrong with what programs send to a node: with the next message, unless the fault says
    /// otherwise. Faults wait beside each other, and one happens at a time: of those whose turn it is the one that was
    /// scheduled first. What has come to pass as often as it was to is gone. The others on the controller meet none;
    /// what is refused, because it is too long for one, is no message.
    ///
    /// ```
    /// use circuits_spi::{Config, Device, ErrorKind};
    /// use circuits_stub::{Stub, spi::Fault};
    /// use embedded_hal::spi::SpiDevice;
    ///
    /// let board = Stub::virtual_time().spi_node("spidev0.0")?;
    /// let mut device = Device::open_on(&board, "spidev0.0", &Config::new())?;
    /// board.spi_fault("spidev0.0", Fault::failed())?;
    /// assert_eq!(device.write(&[1]).unwrap_err().kind(), ErrorKind::Io);
    /// device.write(&[1])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoNode`];
    /// [`Error::NoProbability`](crate::Error::NoProbability).
    pub fn spi_fault(&self, node: &str, fault: Fault) -> Result<()> {
        fault.check()?;
        let faults = |faults: &mut Vec<Fault>| faults.push(fault);
        self.board().controllers.change_faults(node, faults)
    }

    /// Has nothing go wrong any more with what programs send to a node: forgets the [faults](Stub::spi_fault) that were
    /// to come.
    ///
    /// ```
    /// use circuits_spi::{Config, Device};
    /// use circuits_stub::{Stub, spi::Fault};
    /// use embedded_hal::spi::SpiDevice;
    ///
    /// let board = Stub::virtual_time().spi_node("spidev0.0")?;
    /// let mut device = Device::open_on(&board, "spidev0.0", &Config::new())?;
    /// board.spi_fault("spidev0.0", Fault::stuck_low().always())?;
    /// let mut byte = [0];
    /// device.read(&mut byte)?;
    /// assert_eq!(byte, [0x00]);
    /// board.clear_spi_faults("spidev0.0")?;
    /// device.read(&mut byte)?;
    /// assert_eq!(byte, [0xff]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn clear_spi_faults(&self, node: &str) -> Result<()> {
        self.board().controllers.change_faults(node, Vec::clear)
    }
}
