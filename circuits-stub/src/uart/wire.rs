//! Which ports there are, what is joined to what, and the modem lines in between.

use circuits_uart::{Interest, ModemLines};
use circuits_wait::Time;

use super::Attention;
use super::device::{Device, Line, Said};
use super::sender::{Sender, UnderWay, Way, What};
use super::tty::{Attached, Peer, Tty};
use super::wave::Ear;
use crate::stub::Board;
use crate::trace::Action;

/// All ports of a board. A number is a port's for as long as it is there, or somebody has it open.
pub(super) struct State {
    pub(super) ttys: Vec<Tty>,
    /// How often a port was opened.
    pub(super) opened: u64,
    /// Of the board that they are on.
    attention: Attention,
}

impl State {
    pub(super) fn new(attention: Attention) -> State {
        State {
            ttys: Vec::new(),
            opened: 0,
            attention,
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let is_it = |tty: &Tty| !tty.is_removed && &*tty.name == name;
        self.ttys.iter().position(is_it)
    }

    pub(super) fn names(&self) -> Vec<String> {
        let there = self.ttys.iter().filter(|tty| !tty.is_removed);
        let mut names: Vec<String> = there.map(|tty| tty.name.to_string()).collect();
        names.sort();
        names
    }

    /// Adds a port, if there is none of this name, and says so.
    pub(super) fn add(&mut self, name: &str) -> bool {
        if self.find(name).is_some() {
            return false;
        }
        let tty = Tty::new(name);
        match self.ttys.iter_mut().find(|tty| tty.is_free()) {
            Some(free) => *free = tty,
            None => self.ttys.push(tty),
        }
        true
    }

    /// Takes a port away. Returns what was connected to it, to be dropped without the lock.
    pub(super) fn remove(
        &mut self,
        port: usize,
        board: &Board,
        now: Time,
    ) -> Option<Box<dyn Device>> {
        let device = self.disconnect(port, board, now);
        let tty = &mut self.ttys[port];
        tty.is_removed = true;
        tty.closing = None;
        tty.held_by = None;
        tty.is_breaking = false;
        tty.sender.discard();
        tty.sender.under_way = None;
        tty.input.lose_held();
        tty.wants = [true; 4];
        tty.wake_all();
        device
    }

    pub(super) fn is_connected(&self, port: usize) -> bool {
        !matches!(self.ttys[port].peer, Peer::Nothing)
    }

    /// Joins two ports that nothing is connected to, or one to itself.
    pub(super) fn join(&mut self, one: usize, other: usize, board: &Board, now: Time) {
        for (end, peer) in [(one, other), (other, one)] {
            let is_breaking = self.ttys[peer].is_breaking;
            let tty = &mut self.ttys[end];
            tty.peer = Peer::Port(peer);
            tty.ear = Ear::default();
            if is_breaking {
                tty.ear.set(false, now);
            }
        }
        self.show_outputs(one, board, now);
        if one != other {
            self.show_outputs(other, board, now);
        }
    }

    /// Connects a device to a port that nothing is connected to.
    pub(super) fn attach(
        &mut self,
        port: usize,
        device: Box<dyn Device>,
        board: &Board,
        now: Time,
    ) {
        let tty = &mut self.ttys[port];
        let mut ear = Ear::default();
        if tty.is_breaking {
            ear.set(false, now);
        }
        tty.ear = Ear::default();
        let mut attached = Attached {
            device,
            sender: Sender::default(),
            ear,
            said_next: None,
            next: None,
            line: Line::new(self.attention.clone()),
        };
        attached.ask(now);
        tty.peer = Peer::Device(Box::new(attached));
        if self.ttys[port].is_open() {
            self.show_outputs(port, board, now);
        }
    }

    /// Takes off what is connected to a port, and returns it, if it is a device.
    pub(super) fn disconnect(
        &mut self,
        port: usize,
        board: &Board,
        now: Time,
    ) -> Option<Box<dyn Device>> {
        let peer = std::mem::replace(&mut self.ttys[port].peer, Peer::Nothing);
        self.let_go(port, board, now);
        match peer {
            Peer::Nothing => None,
            Peer::Port(other) => {
                if other != port {
                    self.ttys[other].peer = Peer::Nothing;
                    self.let_go(other, board, now);
                }
                None
            }
            Peer::Device(attached) => Some(attached.device),
        }
    }

    /// Nothing is at the other end any more.
    fn let_go(&mut self, port: usize, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        tty.ear = Ear::default();
        if let Some(UnderWay {
            what: What::Byte { way, .. },
            ..
        }) = &mut tty.sender.under_way
        {
            *way = Way::Nowhere;
        }
        self.set_inputs(port, ModemLines::default(), board, now);
    }

    /// Has the other end see RTS and DTR of a port, where they changed.
    pub(super) fn update_outputs(&mut self, port: usize, board: &Board, now: Time) {
        if self.ttys[port].outputs != self.ttys[port].driven() {
            self.show_outputs(port, board, now);
        }
    }

    /// Has the other end see RTS and DTR of a port.
    pub(super) fn show_outputs(&mut self, port: usize, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        let (rts, dtr) = tty.driven();
        tty.outputs = (rts, dtr);
        match tty.peer {
            Peer::Nothing => {}
            Peer::Port(other) => {
                let mut lines = ModemLines::default();
                (lines.cts, lines.dsr, lines.cd) = (rts, dtr, dtr);
                self.set_inputs(other, lines, board, now);
            }
            Peer::Device(_) => self.call(port, board, now, |device, line| {
                device.modem_lines(rts, dtr, line)
            }),
        }
    }

    /// The other end of a port sets CTS, DSR, RI and CD.
    pub(super) fn set_inputs(&mut self, port: usize, lines: ModemLines, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        let before = tty.lines();
        tty.inputs = lines;
        let after = tty.lines();
        if before == after {
            return;
        }
        if tty.is_open() {
            tty.count_changes(&before);
            tty.wake(Interest::Modem);
        }
        self.tell_lines(port, before, board, now);
        // It may have been CTS that it waited for.
        self.start(port, board, now);
    }

    /// Puts into the trace how the modem lines of a port changed.
    pub(super) fn tell_lines(&self, port: usize, before: ModemLines, board: &Board, now: Time) {
        let tty = &self.ttys[port];
        let lines = tty.lines();
        if before != lines {
            board.tell_at(now, || Action::ModemLines {
                port: tty.name.clone(),
                before,
                lines,
            });
        }
    }

    /// Has the devices say anew when they do something by themselves: a test may have changed that since
    /// they were called.
    pub(super) fn ask_devices(&mut self, now: Time) {
        for attached in self.ttys.iter_mut().filter_map(Tty::attached) {
            if attached.device.next() != attached.said_next {
                attached.ask(now);
            }
        }
    }

    /// Calls the device on a port, if there is one, and does what it says.
    pub(super) fn call(
        &mut self,
        port: usize,
        board: &Board,
        now: Time,
        f: impl FnOnce(&mut dyn Device, &mut Line),
    ) {
        let Some(attached) = self.ttys[port].attached() else {
            return;
        };
        let mut line = std::mem::replace(&mut attached.line, Line::new(Attention::default()));
        line.time = now;
        f(&mut *attached.device, &mut line);
        let mut bytes = &line.bytes[..];
        let mut set = None;
        for said in line.said.drain(..) {
            match said {
                Said::Bytes(count) => {
                    let (sent, more) = bytes.split_at(count);
                    attached.sender.bytes(sent);
                    bytes = more;
                }
                Said::Pause(duration) => attached.sender.pause(duration),
                Said::Break(duration) => attached.sender.send_break(duration),
                Said::Modem(lines) => set = Some(lines),
            }
        }
        line.bytes.clear();
        attached.line = line;
        attached.ask(now);
        self.start_device(port, board, now);
        if let Some(lines) = set {
            self.set_inputs(port, lines, board, now);
        }
    }
}
