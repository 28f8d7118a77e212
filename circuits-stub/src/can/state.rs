//! All interfaces, nodes and buses of a board.

use std::collections::BTreeMap;
use std::sync::Arc;

use circuits_can::Mode;
use circuits_wait::Time;

use super::Attention;
use super::bus::{Bus, Phase};
use super::cycle::Cycle;
use super::node::{Controller, Node};
use super::socket::Socket;
use super::station::{Owner, Settings, Station};
use crate::stub::Board;
use crate::trace::Action;

/// How many recessive bits a controller wants to see before it takes part in what is on its bus already.
const INTEGRATION: u32 = 11;

/// All by numbers of their own, which are never used again. That of an interface and of its controller is the same.
pub(super) struct State {
    made: u64,
    /// The number of the last interface, as the kernel counts them: its first one is `lo`.
    index: u32,
    pub(super) interfaces: BTreeMap<u64, Interface>,
    pub(super) stations: BTreeMap<u64, Station>,
    pub(super) buses: BTreeMap<u64, Bus>,
    pub(super) sockets: BTreeMap<u64, Socket>,
    pub(super) cycles: BTreeMap<u64, Cycle>,
    attention: Attention,
}

/// An interface, as the kernel has it.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) name: Arc<str>,
    /// `ifindex`.
    pub(super) index: u32,
    /// It has no controller: it is a `vcan`.
    pub(super) is_virtual: bool,
    pub(super) is_up: bool,
}

impl State {
    pub(super) fn new(attention: Attention) -> State {
        State {
            made: 0,
            index: 1,
            interfaces: BTreeMap::new(),
            stations: BTreeMap::new(),
            buses: BTreeMap::new(),
            sockets: BTreeMap::new(),
            cycles: BTreeMap::new(),
            attention,
        }
    }

    /// A number that nothing has.
    pub(super) fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub(super) fn find(&self, name: &str) -> Option<u64> {
        let mut interfaces = self.interfaces.iter();
        let (id, _) = interfaces.find(|(_, interface)| &*interface.name == name)?;
        Some(*id)
    }

    /// Adds an interface, if there is none of this name. With a controller it is up, on a bus of its own.
    pub(super) fn add(&mut self, name: &str, is_virtual: bool, now: Time) -> Option<u64> {
        if self.find(name).is_some() {
            return None;
        }
        self.index = self.index.wrapping_add(1);
        let id = self.number();
        let name: Arc<str> = name.into();
        if !is_virtual {
            let bus = self.add_bus(now);
            let owner = Owner::Interface(Box::new(Settings::new()));
            let station = Station::new(name.clone(), bus, owner, now);
            self.stations.insert(id, station);
        }
        let interface = Interface {
            name,
            index: self.index,
            is_virtual,
            is_up: true,
        };
        self.interfaces.insert(id, interface);
        Some(id)
    }

    pub(super) fn rename(&mut self, name: &str, new: &str) {
        let (Some(id), None) = (self.find(name), self.find(new)) else {
            return;
        };
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.name = new.into();
        }
        if let Some(one) = self.stations.get_mut(&id) {
            one.name = new.into();
        }
    }

    pub(super) fn add_bus(&mut self, now: Time) -> u64 {
        let bus = self.number();
        self.buses.insert(bus, Bus::new(now));
        bus
    }

    /// Adds a node to the bus of an interface.
    pub(super) fn attach(
        &mut self,
        interface: u64,
        node: Box<dyn Node>,
        board: &Board,
        now: Time,
    ) -> Option<u64> {
        let one = self.stations.get(&interface)?;
        let (bus, name) = (one.home, format!("{}'s node", one.name));
        let is_taken = |name: &str| self.stations.values().any(|one| &*one.name == name);
        let name = match is_taken(&name) {
            false => name,
            true => (2..)
                .map(|number| format!("{name} {number}"))
                .find(|name| !is_taken(name))?,
        };
        let id = self.number();
        let mut attached =
            super::station::Attached::new(node, Controller::new(self.attention.clone()));
        attached.ask(now);
        let owner = Owner::Node(Box::new(attached));
        let name: Arc<str> = name.into();
        board.tell_at(now, || Action::AddNode { node: name.clone() });
        self.stations
            .insert(id, Station::new(name, bus, owner, now));
        Some(id)
    }

    /// Takes a node off its bus.
    pub(super) fn detach(&mut self, node: u64, board: &Board, now: Time) -> Option<Box<dyn Node>> {
        self.stations.get_mut(&node)?.attached()?;
        self.leave(node, board, now);
        let station = self.stations.remove(&node)?;
        self.tidy();
        match station.owner {
            Owner::Node(attached) => {
                let node = station.name;
                board.tell_at(now, || Action::RemoveNode { node });
                Some(attached.node)
            }
            Owner::Interface(_) => None,
        }
    }

    /// Takes an interface away. Its sockets are told for ever.
    pub(super) fn remove(&mut self, interface: u64, board: &Board, now: Time) {
        self.leave(interface, board, now);
        self.stations.remove(&interface);
        self.interfaces.remove(&interface);
        self.cycles.retain(|_, cycle| cycle.interface != interface);
        for socket in self.sockets_of(interface) {
            socket.removed();
        }
        self.tidy();
    }

    /// Has two interfaces, and all that is on their buses, be on one bus, if they have wires.
    pub(super) fn join(&mut self, one: u64, other: u64, board: &Board, now: Time) {
        let home = |id: u64| self.stations.get(&id).map(|station| station.home);
        let (Some(home), Some(other)) = (home(one), home(other)) else {
            return;
        };
        let all = self.stations.iter_mut();
        let moves: Vec<u64> = all
            .filter(|(_, station)| station.home == other)
            .map(|(id, station)| {
                station.home = home;
                *id
            })
            .collect();
        for id in moves {
            self.rewire(id, board, now);
        }
    }

    /// Has one be on the bus that it is to be on: one of its own, if its wires are cut or it hears but itself.
    pub(super) fn rewire(&mut self, id: u64, board: &Board, now: Time) {
        let Some(one) = self.stations.get(&id) else {
            return;
        };
        let is_alone = one.is_cut || one.is_on && one.has(Mode::Loopback);
        let (bus, home) = (one.bus, one.home);
        let to = match is_alone {
            false => home,
            true if bus != home => bus,
            true => self.add_bus(now),
        };
        self.move_to(id, to, board, now);
    }

    /// Has one be on another bus from now on.
    fn move_to(&mut self, id: u64, bus: u64, board: &Board, now: Time) {
        if self.stations.get(&id).is_none_or(|one| one.bus == bus) {
            return;
        }
        self.leave(id, board, now);
        if let Some(one) = self.stations.get_mut(&id) {
            one.bus = bus;
        }
        let joins = self.joins(id, now);
        if let Some(one) = self.stations.get_mut(&id) {
            one.joins = one.joins.max(joins);
        }
        self.tidy();
    }

    /// When one takes part that comes to its bus now: a while after what is on it, or at once if nothing is.
    pub(super) fn joins(&self, id: u64, now: Time) -> Time {
        let wait = self.rates_of(id).nominal(INTEGRATION);
        let Some(bus) = self.stations.get(&id).map(|one| one.bus) else {
            return now;
        };
        match self.buses.get(&bus).map(|bus| bus.phase) {
            Some(Phase::Free { from }) if from <= now => now,
            _ => now + wait,
        }
    }

    /// Forgets buses that nobody is on.
    fn tidy(&mut self) {
        let State {
            buses, stations, ..
        } = self;
        let is_used = |bus: u64| {
            let mut all = stations.values();
            all.any(|one| one.bus == bus || one.home == bus)
        };
        buses.retain(|bus, _| is_used(*bus));
    }

    pub(super) fn sockets_of(&mut self, interface: u64) -> impl Iterator<Item = &mut Socket> {
        let sockets = self.sockets.values_mut();
        sockets.filter(move |socket| socket.interface == Some(interface))
    }
}
