//! A port as the kernel has it: who has it open, how it is set up, its buffers, counters and modem lines.

use std::sync::Arc;

use circuits_uart::{Config, Counters, FlowControl, Interest, ModemLines};
use circuits_wait::Time;

use super::controller::Controller;
use super::device::{Device, Line};
use super::fault::{self, Fault, Kind};
use super::input::{Input, Mark};
use super::sender::Sender;
use super::wave::{Ear, Heard};
use crate::time::Signal;

/// How many bytes a program may have written that have not left yet.
pub(super) const OUTPUT: usize = 4096;

/// How few of them are left when a program that waits to write goes on (WAKEUP_CHARS,
/// drivers/tty/n_tty.c).
pub(super) const WAKEUP: usize = 255;

pub(super) const XON: u8 = 0x11;
pub(super) const XOFF: u8 = 0x13;

pub(super) struct Tty {
    pub(super) name: Arc<str>,
    /// It was taken away, and what has its name now is another one.
    pub(super) is_removed: bool,
    pub(super) controller: Controller,
    /// It stays when the port is closed.
    pub(super) config: Config,
    pub(super) holders: Vec<Holder>,
    pub(super) is_exclusive: bool,
    /// Another program, that a test has made up.
    pub(super) held_by: Option<Arc<str>>,
    pub(super) input: Input,
    pub(super) sender: Sender,
    pub(super) ear: Ear,
    /// Nobody has it open, and this long it goes on sending what was written.
    pub(super) closing: Option<Time>,
    pub(super) is_breaking: bool,
    /// Who sends is to stop.
    pub(super) is_throttled: bool,
    /// The bus of RS-485 is this end's, or was until then.
    pub(super) drives: bool,
    pub(super) drove: Time,
    /// As programs set them.
    pub(super) rts: bool,
    pub(super) dtr: bool,
    /// RTS and DTR as the other end sees them.
    pub(super) outputs: (bool, bool),
    /// CTS, DSR, RI and CD.
    pub(super) inputs: ModemLines,
    pub(super) counters: Counters,
    pub(super) faults: Vec<Fault>,
    /// How many bytes are still to be lost by a fault.
    pub(super) losing: u32,
    /// Who has tried in vain, by [`Interest`].
    pub(super) wants: [bool; 4],
    pub(super) peer: Peer,
    /// For the trace: what came without a rest in between, and since when.
    pub(super) burst: (Time, Vec<u8>),
}

/// A program that has a port open.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) id: u64,
    /// What it waits for, by [`Interest`].
    pub(super) signals: [Arc<Signal>; 4],
}

/// What is at the other end of the line.
pub(super) enum Peer {
    Nothing,
    /// A port, which may be this one.
    Port(usize),
    Device(Box<Attached>),
}

/// A device, and its end of the line.
pub(super) struct Attached {
    pub(super) device: Box<dyn Device>,
    pub(super) sender: Sender,
    pub(super) ear: Ear,
    /// When it does something by itself, as it has said.
    pub(super) said_next: Option<Time>,
    /// The same, if it is to come.
    pub(super) next: Option<Time>,
    /// What it is given, between its calls.
    pub(super) line: Line,
}

impl Attached {
    /// Has it say when it does something by itself. What it says too late is at once.
    pub(super) fn ask(&mut self, now: Time) {
        self.said_next = self.device.next();
        self.next = self.said_next.map(|next| next.max(now));
    }
}

impl Tty {
    pub(super) fn new(name: &str) -> Tty {
        let controller = Controller::new();
        Tty {
            name: name.into(),
            is_removed: false,
            config: controller.fresh(),
            controller,
            holders: Vec::new(),
            is_exclusive: false,
            held_by: None,
            input: Input::default(),
            sender: Sender::default(),
            ear: Ear::default(),
            closing: None,
            is_breaking: false,
            is_throttled: false,
            drives: false,
            drove: Time::ZERO,
            rts: false,
            dtr: false,
            outputs: (false, false),
            inputs: ModemLines::default(),
            counters: Counters::default(),
            faults: Vec::new(),
            losing: 0,
            wants: [false; 4],
            peer: Peer::Nothing,
            burst: (Time::ZERO, Vec::new()),
        }
    }

    /// Whether it is gone, and nobody remembers it.
    pub(super) fn is_free(&self) -> bool {
        self.is_removed && self.holders.is_empty()
    }

    pub(super) fn is_open(&self) -> bool {
        !self.holders.is_empty()
    }

    pub(super) fn attached(&mut self) -> Option<&mut Attached> {
        match &mut self.peer {
            Peer::Device(attached) => Some(attached),
            _ => None,
        }
    }

    /// How a device on it speaks and listens.
    pub(super) fn config_of(&self, attached: &Attached) -> Config {
        let config = attached.device.config();
        config.unwrap_or_else(|| self.config.clone())
    }

    /// Has those go on who wait for it.
    pub(super) fn wake(&mut self, interest: Interest) {
        if std::mem::take(&mut self.wants[interest as usize]) {
            for holder in &self.holders {
                holder.signals[interest as usize].raise();
            }
        }
    }

    pub(super) fn wake_all(&mut self) {
        let all = [
            Interest::Read,
            Interest::Write,
            Interest::Drain,
            Interest::Modem,
        ];
        all.into_iter().for_each(|interest| self.wake(interest));
    }

    /// Has those go on who wait for bytes to leave, where they have.
    pub(super) fn wake_senders(&mut self) {
        match self.sender.waiting() {
            0 => {
                self.wake(Interest::Write);
                self.wake(Interest::Drain);
            }
            1..=WAKEUP => self.wake(Interest::Write),
            _ => {}
        }
    }

    /// Whether RS-485 switches the direction of the line, and what that does.
    pub(super) fn rs485(&self) -> Option<&circuits_uart::Rs485> {
        self.config
            .direction_control()
            .filter(|rs485| rs485.is_on())
    }

    /// Whether something stops what it sends.
    pub(super) fn is_stopped(&self) -> bool {
        match self.config.flow() {
            FlowControl::None => false,
            FlowControl::Hardware => !self.inputs.cts,
            FlowControl::Software => self.sender.is_off,
        }
    }

    /// The modem lines as programs see them.
    pub(super) fn lines(&self) -> ModemLines {
        let wires = &self.controller.lines;
        let mut lines = ModemLines::default();
        lines.rts = self.rts_level();
        lines.dtr = self.dtr;
        lines.cts = self.inputs.cts && wires.cts;
        lines.dsr = self.inputs.dsr && wires.dsr;
        lines.ri = self.inputs.ri && wires.ri;
        lines.cd = self.inputs.cd && wires.cd;
        lines
    }

    fn rts_level(&self) -> bool {
        let is_stopping = self.is_throttled && self.config.flow() == FlowControl::Hardware;
        match self.rs485() {
            Some(rs485) if self.is_open() || self.closing.is_some() => {
                self.drives == rs485.is_rts_on_send()
            }
            _ => self.rts && !is_stopping,
        }
    }

    /// RTS and DTR as they are on the wire.
    pub(super) fn driven(&self) -> (bool, bool) {
        let wires = &self.controller.lines;
        (self.rts_level() && wires.rts, self.dtr && wires.dtr)
    }

    /// Counts what changed of what a program sees.
    pub(super) fn count_changes(&mut self, before: &ModemLines) {
        let now = self.lines();
        let counters = &mut self.counters;
        for (was, is, count) in [
            (before.cts, now.cts, &mut counters.cts),
            (before.dsr, now.dsr, &mut counters.dsr),
            (before.ri, now.ri, &mut counters.ri),
            (before.cd, now.cd, &mut counters.cd),
        ] {
            *count = count.wrapping_add(u32::from(was != is));
        }
    }

    /// Whether what began to come then is not heard: nobody listens, or this end had the bus.
    pub(super) fn is_deaf(&self, start: Time) -> bool {
        let is_mute = |rs485: &circuits_uart::Rs485| !rs485.receives_while_sending();
        let drove = self.drives || start < self.drove;
        !self.is_open() || drove && self.rs485().is_some_and(is_mute)
    }

    /// What becomes of a byte by the fault that it meets at this time of the trace, if it does;
    /// `None`: it is lost.
    pub(super) fn meet_fault(&mut self, heard: Heard, now: Time) -> Option<Heard> {
        if let Some(losing) = self.losing.checked_sub(1) {
            self.losing = losing;
            self.counters.overruns = self.counters.overruns.wrapping_add(1);
            return None;
        }
        let (Heard::Byte(byte) | Heard::BadFrame(byte) | Heard::BadParity(byte)) = heard else {
            return Some(heard);
        };
        match fault::take(&mut self.faults, now) {
            None => Some(heard),
            Some(Kind::Framing) => Some(Heard::BadFrame(byte)),
            Some(Kind::Parity) => Some(Heard::BadParity(byte)),
            Some(Kind::Break) => Some(Heard::Break),
            Some(Kind::LostByte) => None,
            Some(Kind::FlippedBit) => match self.config.parity_bit() {
                circuits_uart::Parity::Even | circuits_uart::Parity::Odd => {
                    Some(Heard::BadParity(byte ^ 1))
                }
                _ => Some(Heard::Byte(byte ^ 1)),
            },
            Some(Kind::Overrun(bytes)) => {
                self.losing = bytes;
                self.meet_fault(heard, now)
            }
        }
    }

    /// Takes in what was heard; says whether it has any of it, or it was lost for want of room.
    pub(super) fn receive(&mut self, heard: Heard, now: Time) -> bool {
        let counters = &mut self.counters;
        counters.received = counters.received.wrapping_add(1);
        let (byte, error) = match heard {
            Heard::Byte(byte) => (byte, None),
            Heard::BadFrame(byte) => (byte, Some((&mut counters.framing_errors, Mark::Damaged))),
            Heard::BadParity(byte) => (byte, Some((&mut counters.parity_errors, Mark::Damaged))),
            Heard::Break => (0, Some((&mut counters.breaks, Mark::Break))),
        };
        let mark = error.filter(|_| self.controller.hears_errors).map(|error| {
            *error.0 = error.0.wrapping_add(1);
            error.1
        });
        if !self
            .input
            .push(byte, mark.filter(|_| self.config.reports_errors()))
        {
            let lost = &mut self.counters.buffer_overruns;
            *lost = lost.wrapping_add(1);
            return false;
        }
        let is_held = match self.controller.latency(&self.config) {
            Some(latency) => self.input.hold(now + latency),
            None => false,
        };
        if !is_held {
            self.wake(Interest::Read);
        }
        true
    }
}
