//! Who is on a bus: the controller of an interface, or a node with one of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use circuits_can::{ErrorCounters, Frame, Mode, State};
use circuits_wait::Time;

use super::bits::Rates;
use super::fault::Fault;
use super::node::{Controller, Node};
use super::timing::{CLOCK, NOMINAL, Timing};

/// The bit rate of an interface that nobody has set up, and of a bus without any.
pub(super) const BITRATE: u32 = 500_000;

/// From where on a controller warns, is error-passive, and bus-off (ISO 11898-1).
const WARNING: u16 = 96;
const PASSIVE: u16 = 128;
const OFF: u16 = 256;

pub(super) struct Station {
    /// As the trace calls it.
    pub(super) name: Arc<str>,
    /// On which bus it is, and on which one it is while no wire is cut.
    pub(super) bus: u64,
    pub(super) home: u64,
    /// Its wires are cut.
    pub(super) is_cut: bool,
    pub(super) owner: Owner,
    /// It is up: a node always is.
    pub(super) is_on: bool,
    /// From when on it takes part.
    pub(super) joins: Time,
    pub(super) counters: ErrorCounters,
    pub(super) is_off: bool,
    /// What it is to send, in this order. What is on the bus is the first.
    pub(super) queue: VecDeque<Pending>,
    /// The first one is on the bus.
    pub(super) is_sending: bool,
    /// It is not tried again.
    pub(super) is_last_try: bool,
    /// Until when it does not send, because it is error-passive and has just sent.
    pub(super) suspended: Time,
    pub(super) faults: Vec<Fault>,
    /// What comes now does not fit, by a fault.
    pub(super) overruns: bool,
}

pub(super) enum Owner {
    Interface(Box<Settings>),
    Node(Box<Attached>),
}

/// How the controller of an interface is set up.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// What its bit rates are made of, in hertz.
    pub(super) clock: u32,
    pub(super) timing: Option<Timing>,
    pub(super) data: Option<Timing>,
    pub(super) modes: Vec<Mode>,
    pub(super) restart_after: Option<Duration>,
    /// When it restarts by itself.
    pub(super) restarts: Option<Time>,
}

/// A node, as it said when it was asked last.
pub(super) struct Attached {
    pub(super) node: Box<dyn Node>,
    pub(super) said_next: Option<Time>,
    /// The same, if it is to come.
    pub(super) next: Option<Time>,
    pub(super) takes_part: bool,
    pub(super) bitrate: Option<u32>,
    /// What it is given, between its calls.
    pub(super) controller: Controller,
}

/// A frame that is to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) frame: Frame,
    pub(super) since: Time,
    /// The socket that wrote it.
    pub(super) from: Option<u64>,
    /// It comes to the other sockets of the interface when it was sent.
    pub(super) loops_back: bool,
}

impl Settings {
    /// As nobody would have to set it up.
    pub(super) fn new() -> Settings {
        Settings {
            clock: CLOCK,
            timing: Timing::nearest(&NOMINAL, CLOCK, BITRATE, None).ok(),
            data: None,
            modes: Vec::new(),
            restart_after: None,
            restarts: None,
        }
    }

    pub(super) fn has(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }
}

impl Attached {
    pub(super) fn new(node: Box<dyn Node>, controller: Controller) -> Attached {
        Attached {
            takes_part: node.takes_part(),
            bitrate: node.bitrate(),
            node,
            said_next: None,
            next: None,
            controller,
        }
    }

    /// Has it say when it does something by itself. What it says too late is at once. Says whether it takes part
    /// otherwise than before.
    pub(super) fn ask(&mut self, now: Time) -> bool {
        self.said_next = self.node.next();
        self.next = self.said_next.map(|next| next.max(now));
        let (before, rate) = (self.takes_part, self.bitrate);
        self.takes_part = self.node.takes_part();
        self.bitrate = self.node.bitrate();
        (before, rate) != (self.takes_part, self.bitrate)
    }
}

impl Station {
    pub(super) fn new(name: Arc<str>, bus: u64, owner: Owner, now: Time) -> Station {
        Station {
            name,
            bus,
            home: bus,
            is_cut: false,
            owner,
            is_on: true,
            joins: now,
            counters: ErrorCounters::default(),
            is_off: false,
            queue: VecDeque::new(),
            is_sending: false,
            is_last_try: false,
            suspended: Time::ZERO,
            faults: Vec::new(),
            overruns: false,
        }
    }

    /// Forgets what was, and takes part from then on.
    pub(super) fn begin(&mut self, joins: Time) {
        self.is_off = false;
        self.counters = ErrorCounters::default();
        self.queue.clear();
        self.is_last_try = false;
        self.joins = joins;
    }

    pub(super) fn settings(&self) -> Option<&Settings> {
        match &self.owner {
            Owner::Interface(settings) => Some(settings),
            Owner::Node(_) => None,
        }
    }

    pub(super) fn settings_mut(&mut self) -> Option<&mut Settings> {
        match &mut self.owner {
            Owner::Interface(settings) => Some(settings),
            Owner::Node(_) => None,
        }
    }

    pub(super) fn attached(&mut self) -> Option<&mut Attached> {
        match &mut self.owner {
            Owner::Interface(_) => None,
            Owner::Node(attached) => Some(attached),
        }
    }

    pub(super) fn has(&self, mode: Mode) -> bool {
        self.settings().is_some_and(|settings| settings.has(mode))
    }

    /// Its state, as its counters have it.
    pub(super) fn state(&self) -> State {
        let most = self.counters.transmit.max(self.counters.receive);
        match most {
            _ if !self.is_on => State::Stopped,
            _ if self.is_off => State::BusOff,
            PASSIVE.. => State::ErrorPassive,
            WARNING.. => State::ErrorWarning,
            _ => State::ErrorActive,
        }
    }

    pub(super) fn is_passive(&self) -> bool {
        self.state() == State::ErrorPassive
    }

    /// Whether it hears the bus.
    pub(super) fn is_there(&self) -> bool {
        self.is_on && !self.is_off
    }

    /// Whether it may make a bit dominant: acknowledge, send, and destroy what it does not understand.
    pub(super) fn is_heard(&self) -> bool {
        self.is_there()
            && match &self.owner {
                Owner::Interface(settings) => !settings.has(Mode::ListenOnly),
                Owner::Node(attached) => attached.takes_part,
            }
    }

    /// Whether a frame is sent once, whatever comes of it.
    pub(super) fn is_one_shot(&self) -> bool {
        self.is_last_try
            || match &self.owner {
                Owner::Interface(settings) => settings.has(Mode::OneShot),
                Owner::Node(attached) => attached.node.one_shot(),
            }
    }

    /// Its bit rates, as far as it has any of its own.
    pub(super) fn rates(&self) -> (Option<u32>, Option<u32>) {
        match &self.owner {
            Owner::Interface(settings) => (
                settings.timing.map(|timing| timing.bitrate),
                settings.data.map(|timing| timing.bitrate),
            ),
            Owner::Node(attached) => (attached.bitrate, attached.node.data_bitrate()),
        }
    }

    /// Whether its CAN FD frames are as in the standard.
    pub(super) fn is_iso(&self) -> bool {
        !self.has(Mode::FdNonIso)
    }

    pub(super) fn has_fd(&self) -> bool {
        match &self.owner {
            Owner::Interface(settings) => settings.has(Mode::Fd),
            Owner::Node(attached) => attached.node.has_fd(),
        }
    }

    /// A frame as its controller sends and tells it: of no more than 8 bytes, where it is not set up otherwise.
    pub(super) fn says(&self, frame: &Frame) -> Frame {
        let is_plain = self.settings().is_some() && !self.has(Mode::ClassicDlc);
        match is_plain && !frame.is_fd() {
            true => frame.len8_dlc(8).unwrap_or(*frame),
            false => *frame,
        }
    }

    /// Whether it can read a frame that goes over the bus at these rates, or sees errors in it.
    pub(super) fn mismatch(&self, frame: &Frame, rates: Rates, is_iso: bool) -> Option<Mismatch> {
        let (nominal, data) = self.rates();
        let differs = |mine: Option<u32>, theirs: u32| {
            // Half a percent each way is what the bits of a frame bear.
            mine.is_some_and(|mine| u64::from(mine.abs_diff(theirs)) * 100 > u64::from(theirs))
        };
        if differs(nominal, rates.nominal) {
            return Some(Mismatch::Rate);
        }
        if !frame.is_fd() {
            return None;
        }
        match self.has_fd() {
            false => Some(Mismatch::Format),
            true if frame.switches_bit_rate() && differs(data, rates.data) => Some(Mismatch::Data),
            true if self.settings().is_some() && self.is_iso() != is_iso => Some(Mismatch::Crc),
            true => None,
        }
    }

    /// Counts an error of what it sends.
    pub(super) fn count_sent_error(&mut self) {
        self.counters.transmit += 8;
        if self.counters.transmit >= OFF {
            self.counters.transmit = OFF;
            self.is_off = true;
        }
    }

    /// Counts an error of what it receives: one, and eight more if its error flag came before those of others. A counter
    /// that is error-passive goes no further.
    pub(super) fn count_received_error(&mut self, is_first: bool) {
        let counts = !self.has(Mode::ListenOnly) && self.counters.receive < PASSIVE;
        if counts {
            self.counters.receive += if is_first { 9 } else { 1 };
        }
    }

    pub(super) fn count_sent(&mut self) {
        self.counters.transmit = self.counters.transmit.saturating_sub(1);
    }

    /// From error-passive it comes back to somewhere below (ISO 11898-1: 119 to 127).
    pub(super) fn count_received(&mut self) {
        self.counters.receive = match self.counters.receive {
            PASSIVE.. => 119,
            count => count.saturating_sub(1),
        };
    }
}

/// Why one does not understand a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mismatch {
    /// It has another bit rate.
    Rate,
    /// It does not know CAN FD.
    Format,
    /// It has another data bit rate.
    Data,
    /// Its CAN FD is the other one.
    Crc,
}
