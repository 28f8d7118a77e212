//! What frames and errors do to those who are on a bus, and what these do then.

use circuits_can::{AnyFrame, ErrorCounters, ErrorFrame, Frame, Mode, Received};
use circuits_wait::Time;

use super::node::{Controller, Failure, Node, Order};
use super::report;
use super::state::State;
use super::station::{Pending, Station};
use crate::stub::Board;
use crate::trace::Action;

/// How many recessive bits a controller wants to see before it takes part again after it was bus-off.
const RECOVERY: u32 = 128 * 11;

/// Where a frame comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Bus,
    /// It was written here: to a socket, if not by a cycle.
    Here(Option<u64>),
}

impl State {
    /// Has a frame come to the sockets of an interface.
    pub(super) fn deliver(&mut self, interface: u64, frame: &Frame, origin: Origin, now: Time) {
        let content = AnyFrame::Frame(*frame);
        for (id, socket) in &mut self.sockets {
            let is_own = origin == Origin::Here(Some(*id));
            if socket.interface != Some(interface)
                || is_own && !socket.config.receives_own()
                || !socket.wants(&content)
            {
                continue;
            }
            let received = Received::new(content, now);
            socket.push(match origin {
                Origin::Here(_) => received.looped_back(is_own),
                Origin::Bus => received,
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
            self.deliver(id, &pending.frame, Origin::Here(pending.from), now);
        }
        if hears_itself {
            self.deliver(id, &pending.frame, Origin::Bus, now);
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
            self.deliver(id, &plain, Origin::Bus, now);
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
                let joins = self.joins(id, now);
                if let Some(one) = self.stations.get_mut(&id) {
                    one.begin(joins);
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
}
