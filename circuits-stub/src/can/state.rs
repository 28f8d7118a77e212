//! All interfaces, nodes and buses of a board, and what happens to them by itself, one thing after another.
//!
//! It is done when somebody looks, or by the board when the time has come ([`State::next`]): each thing as of its own
//! time.

use std::collections::BTreeMap;
use std::sync::Arc;

use circuits_can::{AnyFrame, ErrorCounters, ErrorFrame, Frame, Mode, Received};
use circuits_wait::Time;

use super::Attention;
use super::bus::{Bus, Phase};
use super::cycle::Cycle;
use super::node::{Controller, Failure, Node, Order};
use super::report;
use super::socket::Socket;
use super::station::{Owner, Pending, Settings, Station};
use crate::stub::Board;
use crate::trace::Action;

/// How many recessive bits a controller wants to see before it takes part: after it was taken up, and after it was
/// bus-off.
const INTEGRATION: u32 = 11;
pub(super) const RECOVERY: u32 = 128 * 11;

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

/// What happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The next thing on a bus.
    Bus(u64),
    /// The driver restarts a controller that is bus-off.
    Restart(u64),
    /// A node acts.
    Act(u64),
    /// The next frame of a cycle is due.
    Cycle(u64),
}

/// Of what there may be nothing of yet, keeps what is first.
fn sooner<T: PartialOrd>(first: &mut Option<T>, other: T) {
    if first.as_ref().is_none_or(|first| other < *first) {
        *first = Some(other);
    }
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
    pub(super) fn joins(&mut self, id: u64, now: Time) -> Time {
        let wait = self.rates_of(id).nominal(INTEGRATION);
        let Some(bus) = self.stations.get(&id).map(|one| one.bus) else {
            return now;
        };
        self.resume(bus, now);
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

    /// Has a frame come to the sockets of an interface: from the bus, or from one that wrote it to the others.
    pub(super) fn deliver(
        &mut self,
        interface: u64,
        frame: &Frame,
        from: Option<Option<u64>>,
        now: Time,
    ) {
        let content = AnyFrame::Frame(*frame);
        for (id, socket) in &mut self.sockets {
            let is_own = from == Some(Some(*id));
            if socket.interface != Some(interface)
                || is_own && !socket.config.receives_own()
                || !socket.wants(&content)
            {
                continue;
            }
            let received = Received::new(content, now);
            socket.push(match from {
                Some(_) => received.looped_back(is_own),
                None => received,
            });
        }
    }

    /// Has an error frame come to those sockets of an interface that ask for it. Says whether there was one that had
    /// room.
    pub(super) fn report(&mut self, interface: u64, error: &ErrorFrame, now: Time) -> bool {
        let content = AnyFrame::Error(*error);
        let mut is_told = false;
        for socket in self.sockets_of(interface) {
            if socket.wants(&content) {
                is_told |= !socket.is_full();
                socket.push(Received::new(content, now));
            }
        }
        is_told
    }

    /// Has those who wait to write to an interface look again.
    fn wake_writers(&mut self, interface: u64) {
        for socket in self.sockets_of(interface) {
            socket.room.raise();
        }
    }

    /// A frame of one was sent. If it is error-passive it may not go on before a time.
    pub(super) fn sent(&mut self, id: u64, goes_on: Time, board: &Board, now: Time) {
        let Some(one) = self.stations.get_mut(&id) else {
            return;
        };
        let before = (one.state(), one.counters);
        (one.is_sending, one.is_last_try) = (false, false);
        let Some(pending) = one.queue.pop_front() else {
            return;
        };
        one.count_sent();
        if one.is_passive() {
            one.suspended = goes_on;
        }
        let hears_itself = one.has(Mode::Loopback);
        self.wake_writers(id);
        if pending.loops_back {
            self.deliver(id, &pending.frame, Some(pending.from), now);
        }
        if hears_itself {
            self.deliver(id, &pending.frame, None, now);
        }
        self.call(id, board, now, |node, controller| {
            node.sent(&pending.frame, controller);
        });
        self.changed(id, before, board, now);
    }

    /// A frame of one was not sent.
    pub(super) fn not_sent(&mut self, id: u64, why: Failure, board: &Board, now: Time) {
        let Some(one) = self.stations.get_mut(&id) else {
            return;
        };
        let Some(pending) = one.queue.front() else {
            return;
        };
        let frame = pending.frame;
        if one.is_one_shot() {
            one.queue.pop_front();
            one.is_last_try = false;
            self.wake_writers(id);
        }
        self.call(id, board, now, |node, controller| {
            node.failed(&frame, why, controller);
        });
    }

    /// A frame came to one.
    pub(super) fn received(&mut self, id: u64, frame: &Frame, board: &Board, now: Time) {
        let Some(one) = self.stations.get_mut(&id) else {
            return;
        };
        if !one.is_there() {
            return;
        }
        let before = (one.state(), one.counters);
        one.count_received();
        let counters = one.counters;
        if std::mem::take(&mut one.overruns) {
            self.report(id, &report::overflow(counters), now);
        } else {
            let plain = one.says(frame);
            self.deliver(id, &plain, None, now);
            self.call(id, board, now, |node, controller| {
                node.receive(&plain, controller);
            });
        }
        self.changed(id, before, board, now);
    }

    /// The state or the counters of one may have changed.
    pub(super) fn changed(
        &mut self,
        id: u64,
        before: (circuits_can::State, ErrorCounters),
        board: &Board,
        now: Time,
    ) {
        let Some(one) = self.stations.get_mut(&id) else {
            return;
        };
        let (state, counters) = (one.state(), one.counters);
        if (state, counters) == before {
            return;
        }
        if state != before.0 {
            let station = one.name.clone();
            board.tell_at(now, || Action::CanState {
                station,
                state,
                counters,
            });
            if one.is_off {
                // The kernel takes its queue away (`dev_deactivate`).
                one.queue.clear();
                (one.is_sending, one.is_last_try) = (false, false);
                if let Some(settings) = one.settings_mut() {
                    settings.restarts = settings.restart_after.map(|after| now + after);
                }
                self.wake_writers(id);
            }
            self.report(id, &report::is_now(state, counters), now);
        }
        self.call(id, board, now, |node, controller| {
            node.state_changed(controller);
        });
    }

    /// A controller that is bus-off begins to take part again.
    pub(super) fn restart(&mut self, id: u64, board: &Board, now: Time) {
        let bit = self.rates_of(id).nominal(1);
        let Some(one) = self.stations.get_mut(&id).filter(|one| one.is_off) else {
            return;
        };
        one.is_off = false;
        one.counters = ErrorCounters::default();
        one.joins = now + bit * RECOVERY;
        if let Some(settings) = one.settings_mut() {
            settings.restarts = None;
        }
        let station = one.name.clone();
        let (state, counters) = (one.state(), one.counters);
        board.tell_at(now, || Action::CanState {
            station,
            state,
            counters,
        });
        self.report(id, &report::restarted(), now);
    }

    /// Calls a node, and does what it has its controller do.
    pub(super) fn call(
        &mut self,
        id: u64,
        board: &Board,
        now: Time,
        f: impl FnOnce(&mut dyn Node, &mut Controller),
    ) {
        let Some(one) = self.stations.get_mut(&id) else {
            return;
        };
        let (state, counters, sending) = (one.state(), one.counters, one.is_sending);
        let Some(attached) = one.attached() else {
            return;
        };
        let controller = &mut attached.controller;
        controller.sending = sending;
        (controller.time, controller.state, controller.counters) = (now, state, counters);
        f(&mut *attached.node, controller);
        let mut orders = std::mem::take(&mut controller.orders);
        for order in orders.drain(..) {
            self.obey(id, order, board, now);
        }
        if let Some(attached) = self.stations.get_mut(&id).and_then(Station::attached) {
            attached.controller.orders = orders;
            attached.ask(now);
        }
    }

    fn obey(&mut self, id: u64, order: Order, board: &Board, now: Time) {
        let Some(one) = self.stations.get_mut(&id) else {
            return;
        };
        match order {
            Order::Send(_) if one.is_off => {}
            Order::Send(frame) => one.queue.push_back(Pending {
                frame,
                since: now,
                from: None,
                loops_back: false,
            }),
            Order::Abort => {
                one.queue.truncate(usize::from(one.is_sending));
                one.is_last_try = one.is_sending;
            }
            Order::Restart => self.restart(id, board, now),
            Order::Reset => {
                self.leave(id, board, now);
                let bit = self.rates_of(id).nominal(1);
                if let Some(one) = self.stations.get_mut(&id) {
                    one.begin(now + bit * INTEGRATION);
                }
            }
        }
    }

    /// Has the nodes say anew when they do something by themselves: a test may have changed that since they were called.
    pub(super) fn ask_nodes(&mut self, now: Time) {
        for attached in self.stations.values_mut().filter_map(Station::attached) {
            if attached.node.next() != attached.said_next {
                attached.ask(now);
            }
            attached.takes_part = attached.node.takes_part();
            attached.bitrate = attached.node.bitrate();
        }
    }

    fn next_event(&self) -> Option<(Time, Event)> {
        let mut first = None;
        for (id, bus) in &self.buses {
            let time = match bus.phase {
                Phase::Free { from } => self.begins(*id, from),
                Phase::Start { end, .. } => Some(end),
                Phase::Frame => Some(bus.step()),
                Phase::Stalled { .. } => None,
            };
            if let Some(time) = time {
                sooner(&mut first, (time, Event::Bus(*id)));
            }
        }
        for (id, one) in &self.stations {
            match &one.owner {
                Owner::Interface(settings) => {
                    if let Some(time) = settings.restarts {
                        sooner(&mut first, (time, Event::Restart(*id)));
                    }
                }
                Owner::Node(attached) => {
                    if let Some(time) = attached.next {
                        sooner(&mut first, (time, Event::Act(*id)));
                    }
                }
            }
        }
        for (id, cycle) in &self.cycles {
            if let Some(time) = cycle.next {
                sooner(&mut first, (time, Event::Cycle(*id)));
            }
        }
        first
    }

    /// When something happens next that may have consequences for others.
    pub(super) fn next(&self) -> Option<Time> {
        let (time, event) = self.next_event()?;
        let Event::Bus(bus) = event else {
            return Some(time);
        };
        // That a frame begins, or was acknowledged, is nothing that anybody sees.
        let later = match self.buses.get(&bus)?.phase {
            Phase::Frame if self.is_acknowledged(bus) => self.buses.get(&bus)?.step_seen(),
            _ => time,
        };
        Some(later)
    }

    /// Does what happens by itself until now.
    pub(super) fn advance(&mut self, board: &Board, now: Time) {
        while let Some((time, event)) = self.next_event().filter(|next| next.0 <= now) {
            if self
                .concerns(event)
                .is_some_and(|bus| self.resume(bus, time))
            {
                // What happened there by then comes first.
                continue;
            }
            self.happen(event, board, time);
        }
    }

    /// Does what happens by itself until now, and has all buses looked at on which nothing comes of trying again.
    pub(super) fn advance_all(&mut self, board: &Board, now: Time) {
        self.advance(board, now);
        let buses: Vec<u64> = self.buses.keys().copied().collect();
        for bus in buses {
            if self.resume(bus, now) {
                self.advance(board, now);
            }
        }
    }

    /// On which bus it makes a difference.
    fn concerns(&self, event: Event) -> Option<u64> {
        let station = match event {
            Event::Bus(_) => return None,
            Event::Restart(id) | Event::Act(id) => id,
            Event::Cycle(id) => self.cycles.get(&id)?.interface,
        };
        Some(self.stations.get(&station)?.bus)
    }

    fn happen(&mut self, event: Event, board: &Board, now: Time) {
        match event {
            Event::Bus(id) => match self.buses.get(&id).map(|bus| bus.phase) {
                Some(Phase::Free { .. }) => self.begin(id, now),
                Some(Phase::Start { start, .. }) => self.decide(id, start, board, now),
                Some(Phase::Frame) => self.step(id, board, now),
                Some(Phase::Stalled { .. }) | None => {}
            },
            Event::Restart(id) => self.restart(id, board, now),
            Event::Act(id) => {
                self.call(id, board, now, |node, controller| node.act(controller));
                if let Some(attached) = self.stations.get_mut(&id).and_then(Station::attached) {
                    attached.next = attached.next.filter(|next| *next > now);
                }
            }
            Event::Cycle(id) => self.send_of_cycle(id, board, now),
        }
    }
}
