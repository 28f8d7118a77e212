//! How CAN buses are put together.

use circuits_can::{Interface, InterfaceConfig};

use super::fault::Fault;
use super::no_interface;
use super::node::Node;
use crate::trace::Action;
use crate::{Result, Stub};

/// Where a node is: what it is taken off again by ([`Stub::unplug_can`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place(pub(super) u64);

/// CAN interfaces. They are called as Linux calls them: `can0`.
impl Stub {
    /// Adds an interface with a controller, if it is not there yet, on a bus of its own: nobody acknowledges what it
    /// sends.
    pub fn can_interface(self, name: &str) -> Stub {
        self.plug_can_interface(name);
        self
    }

    /// Puts interfaces, which are added if they are not there yet, on one bus, with all that is on their buses already.
    ///
    /// ```
    /// use circuits_can::{Config, Frame, Id, Socket};
    /// use circuits_stub::Stub;
    ///
    /// let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    /// let [can0, can1] = ["can0", "can1"].map(|name| Socket::open_on(&board, name, &Config::new()));
    /// let (can0, can1) = (can0?, can1?);
    /// can0.write(&Frame::new(Id::standard(0x123)?, b"hello")?, None)?;
    /// assert_eq!(can1.read_frame(None)?.data(), b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoWires`](crate::Error::NoWires): one of them is a `vcan`.
    pub fn can_bus<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Result<Stub> {
        self.plug_can_bus(names)?;
        Ok(self)
    }

    /// Adds an interface that has no controller and no wires, if it is not there yet, as the kernel's module vcan does:
    /// what is written comes to its other sockets at once. It has CAN FD frames.
    pub fn vcan(self, name: &str) -> Stub {
        self.plug_vcan(name);
        self
    }

    /// Connects a node to the bus of an interface, which is added if it is not there yet.
    ///
    /// # Errors
    /// [`Error::NoWires`](crate::Error::NoWires): it is a `vcan`.
    pub fn can_node(self, interface: &str, node: impl Node + 'static) -> Result<Stub> {
        self.plug_can(interface, node)?;
        Ok(self)
    }

    /// Sets an interface up, which is added if it is not there yet, and takes it up: what [`Interface::down`],
    /// [`Interface::configure`] and [`Interface::up`] do.
    ///
    /// ```
    /// use circuits_can::{Config, Frame, Id, InterfaceConfig, Socket};
    /// use circuits_stub::Stub;
    ///
    /// let fd = InterfaceConfig::new().bitrate(500_000).data_bitrate(2_000_000);
    /// let board = Stub::virtual_time()
    ///     .can_bus(["can0", "can1"])?
    ///     .can_configure("can0", &fd)?
    ///     .can_configure("can1", &fd)?;
    /// let can0 = Socket::open_on(&board, "can0", &Config::new())?;
    /// let can1 = Socket::open_on(&board, "can1", &Config::new())?;
    /// can0.write(&Frame::fd(Id::standard(0x123)?, &[0x55; 64])?.bit_rate_switch(true), None)?;
    /// assert_eq!(can1.read_frame(None)?.data().len(), 64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn can_configure(self, name: &str, config: &InterfaceConfig) -> circuits_can::Result<Stub> {
        self.plug_can_interface(name);
        let interface = Interface::open_on(&self, name)?;
        interface.down()?;
        interface.configure(config)?;
        interface.up()?;
        Ok(self)
    }

    /// Adds an interface while the board is in use, as if it was plugged in, if it is not there yet.
    pub fn plug_can_interface(&self, name: &str) {
        self.plug_interface(name, false);
    }

    /// Adds a `vcan` while the board is in use, if it is not there yet.
    pub fn plug_vcan(&self, name: &str) {
        self.plug_interface(name, true);
    }

    fn plug_interface(&self, name: &str, is_virtual: bool) {
        let board = self.board();
        if let Some(index) = board.can.grow(board, name, is_virtual, None) {
            board.tell(|| Action::AddBus { bus: name.into() });
            board.hotplug.can_came(board, name, index, is_virtual);
        }
    }

    /// Puts interfaces on one bus while the board is in use, as [`can_bus`](Stub::can_bus). What is on the bus of
    /// those that move breaks off.
    ///
    /// # Errors
    /// As there.
    pub fn plug_can_bus<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let names: Vec<&str> = names.into_iter().collect();
        names.iter().for_each(|name| self.plug_can_interface(name));
        let board = self.board();
        board.can.change(board, |state, now| {
            let found = names.iter().map(|name| state.wired(name));
            let found: Vec<u64> = found.collect::<Result<_>>()?;
            for other in found.iter().skip(1) {
                state.join(found[0], *other, board, now);
            }
            Ok(())
        })
    }

    /// Connects a node to the bus of an interface, which is added if it is not there yet, while the board is in use.
    ///
    /// # Errors
    /// As [`can_node`](Stub::can_node).
    pub fn plug_can(&self, interface: &str, node: impl Node + 'static) -> Result<Place> {
        self.plug_can_interface(interface);
        let board = self.board();
        board.can.attach(board, interface, Box::new(node))
    }

    /// Takes a node off its bus, and returns it, to be connected again; `None` if it is not there any more. What it
    /// sends breaks off, and what it was to send is lost.
    pub fn unplug_can(&self, place: Place) -> Option<Box<dyn Node>> {
        let board = self.board();
        board
            .can
            .change(board, |state, now| state.detach(place.0, board, now))
    }

    /// Takes an interface away while the board is in use, as if it was unplugged: whoever has a socket on it reads
    /// what there is, and is told so then ([`Removed`](circuits_can::Error::Removed)). Its name is free for the next. Nodes
    /// stay on the bus.
    ///
    /// # Errors
    /// [`Error::NoInterface`](crate::Error::NoInterface).
    pub fn remove_can_interface(&self, name: &str) -> Result<()> {
        let board = self.board();
        match board.can.remove(board, name) {
            true => board.hotplug.node_went(board, name),
            false => return Err(no_interface(name)),
        }
        Ok(())
    }

    /// Cuts the wires of an interface: it is alone then, until they are [mended](Stub::mend_can).
    ///
    /// # Errors
    /// [`Error::NoInterface`](crate::Error::NoInterface); [`Error::NoWires`](crate::Error::NoWires): it is a `vcan`.
    pub fn cut_can(&self, name: &str) -> Result<()> {
        self.set_cut(name, true)
    }

    /// Mends the wires of an interface that were [cut](Stub::cut_can).
    ///
    /// # Errors
    /// As there.
    pub fn mend_can(&self, name: &str) -> Result<()> {
        self.set_cut(name, false)
    }

    fn set_cut(&self, name: &str, is_cut: bool) -> Result<()> {
        let board = self.board();
        board.can.change(board, |state, now| {
            let id = state.wired(name)?;
            if let Some(one) = state.stations.get_mut(&id) {
                one.is_cut = is_cut;
            }
            state.rewire(id, board, now);
            Ok(())
        })
    }

    /// Has something go wrong with what an interface sends or receives: with the next frame that the fault can meet,
    /// unless it says otherwise. Faults wait beside each other, and one happens at a time: of those whose turn it is
    /// the one that was scheduled first. What has come to pass as often as it was to is gone.
    ///
    /// # Errors
    /// [`Error::NoInterface`](crate::Error::NoInterface); [`Error::NoWires`](crate::Error::NoWires): it is a `vcan`;
    /// [`Error::NoProbability`](crate::Error::NoProbability).
    pub fn can_fault(&self, name: &str, fault: Fault) -> Result<()> {
        fault.check()?;
        let board = self.board();
        board.can.change(board, |state, _| {
            let id = state.wired(name)?;
            if let Some(one) = state.stations.get_mut(&id) {
                one.faults.push(fault);
            }
            Ok(())
        })
    }

    /// Has nothing go wrong any more with what an interface sends or receives: forgets the
    /// [faults](Stub::can_fault) that were to come.
    ///
    /// ```
    /// use circuits_can::{Config, Frame, Id, Interface, Socket};
    /// use circuits_stub::{Stub, can::Fault};
    /// use std::time::Duration;
    ///
    /// let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
    /// let can0 = Socket::open_on(&board, "can0", &Config::new())?;
    /// let can1 = Socket::open_on(&board, "can1", &Config::new())?;
    ///
    /// // Nobody acknowledges what can0 says of its speed; all else is well.
    /// let speed = Id::standard(0x123)?;
    /// board.can_fault("can0", Fault::no_acknowledge().of(speed).always())?;
    /// can0.write(&Frame::new(speed, &[])?, None)?;
    /// assert!(can1.read(Duration::from_millis(10)).is_err());
    /// board.clear_can_faults("can0")?;
    /// assert!(can1.read(Duration::from_millis(10)).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn clear_can_faults(&self, name: &str) -> Result<()> {
        let board = self.board();
        board.can.change(board, |state, _| {
            let id = state.wired(name)?;
            if let Some(one) = state.stations.get_mut(&id) {
                one.faults.clear();
            }
            Ok(())
        })
    }

    /// Returns how much of the time the bus of an interface was busy, from 0 to 1: with frames and the three bits
    /// between them, and errors. It counts since this was asked last, at first since the bus is there; for a `vcan` it is 0.
    ///
    /// # Errors
    /// [`Error::NoInterface`](crate::Error::NoInterface).
    pub fn can_load(&self, name: &str) -> Result<f64> {
        let board = self.board();
        board.can.change(board, |state, now| {
            let id = state.find(name).ok_or_else(|| no_interface(name))?;
            let bus = state.stations.get(&id).map(|one| one.bus);
            let bus = bus.and_then(|bus| state.buses.get_mut(&bus));
            Ok(bus.map_or(0.0, |bus| bus.load(now)))
        })
    }
}
