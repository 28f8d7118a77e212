//! What goes over the wires of ports: how it starts, and what comes of it when it is over.

use circuits_uart::FlowControl;
use circuits_wait::Time;

use super::sender::{Next, UnderWay, Way, What};
use super::tty::{Peer, Tty, XOFF, XON};
use super::wave::{self, Heard};
use super::wire::State;
use crate::stub::Board;
use crate::trace::Action;

impl State {
    /// What a port has sent is over.
    pub(super) fn sent(&mut self, port: usize, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        let Some(under_way) = tty.sender.under_way.take() else {
            return;
        };
        match under_way.what {
            What::Byte { byte, way, .. } => {
                let heard = Heard::Byte(wave::data(&tty.config, byte));
                tty.counters.sent = tty.counters.sent.wrapping_add(1);
                let is_loop = matches!(tty.peer, Peer::Port(other) if other == port);
                // Both directions are one pair of wires.
                let hears_itself = tty
                    .rs485()
                    .is_some_and(|rs485| rs485.receives_while_sending());
                if hears_itself && !is_loop {
                    self.arrive(port, heard, under_way.start, board, now);
                }
                match (way, &self.ttys[port].peer) {
                    (Way::Whole, Peer::Port(other)) => {
                        self.arrive(*other, heard, under_way.start, board, now);
                    }
                    (Way::Whole, Peer::Device(_)) => self.device_hears(port, heard, board, now),
                    _ => {}
                }
            }
            What::Trail => {
                self.let_bus_go(port, board, now);
            }
            What::Pause | What::Break | What::Lead => {}
        }
        self.start(port, board, now);
        self.ttys[port].wake_senders();
        if self.ttys[port].closing.is_some() && self.ttys[port].sender.waiting() == 0 {
            self.closed(port, board, now);
        }
    }

    /// The bus of RS-485 is not this end's any more.
    fn let_bus_go(&mut self, port: usize, board: &Board, now: Time) {
        self.change_lines(port, board, now, |tty| {
            (tty.drives, tty.drove) = (false, now);
        });
    }

    /// Does something to a port by which RTS or DTR may change, and tells of it.
    pub(super) fn change_lines(
        &mut self,
        port: usize,
        board: &Board,
        now: Time,
        f: impl FnOnce(&mut Tty),
    ) {
        let before = self.ttys[port].lines();
        f(&mut self.ttys[port]);
        self.tell_lines(port, before, board, now);
        self.update_outputs(port, board, now);
    }

    /// What a device has sent is over.
    pub(super) fn said(&mut self, port: usize, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        let under_way = tty
            .attached()
            .and_then(|attached| attached.sender.under_way.take());
        if let Some(UnderWay {
            what:
                What::Byte {
                    byte,
                    way: Way::Whole,
                    ..
                },
            start,
            ..
        }) = under_way
        {
            let heard = Heard::Byte(wave::data(&tty.config, byte));
            self.arrive(port, heard, start, board, now);
        }
        self.start_device(port, board, now);
    }

    /// Something came to a port.
    pub(super) fn arrive(
        &mut self,
        port: usize,
        heard: Heard,
        start: Time,
        board: &Board,
        now: Time,
    ) {
        let tty = &mut self.ttys[port];
        if tty.is_deaf(start) {
            return;
        }
        let met = tty.meet_fault(heard, board.shown(now));
        let unseen = match (heard, met) {
            (_, None) => Some("a byte is lost"),
            (Heard::Byte(was), Some(Heard::Byte(is))) if was != is => Some("a bit is turned over"),
            _ => None,
        };
        if let Some(what) = unseen {
            let of = &tty.name;
            board.tell_at(now, || Action::Fault {
                of: of.clone(),
                what,
            });
        }
        let Some(heard) = met else {
            return;
        };
        let is_software = tty.config.flow() == FlowControl::Software;
        if let (true, Heard::Byte(byte @ (XON | XOFF))) = (is_software, heard) {
            tty.counters.received = tty.counters.received.wrapping_add(1);
            tty.sender.is_off = byte == XOFF;
            self.start(port, board, now);
            return;
        }
        let has_room = tty.receive(heard, now);
        if board.is_traced() {
            self.tell_heard(port, heard, start, board, now);
        } else if !tty.burst.1.is_empty() {
            // Who was to be told has gone meanwhile.
            tty.burst.1.clear();
        }
        let tty = &mut self.ttys[port];
        if !has_room && !std::mem::replace(&mut tty.input.is_losing, true) {
            let port = &tty.name;
            board.tell_at(now, || Action::Overrun { port: port.clone() });
        }
        self.throttle(port, board, now);
    }

    /// Something came to a device.
    pub(super) fn device_hears(&mut self, port: usize, heard: Heard, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        let Peer::Device(attached) = &tty.peer else {
            return;
        };
        let is_software = tty.config_of(attached).flow() == FlowControl::Software;
        if let (true, Heard::Byte(byte @ (XON | XOFF)), Some(attached)) =
            (is_software, heard, tty.attached())
        {
            attached.sender.is_off = byte == XOFF;
            self.start_device(port, board, now);
            return;
        }
        self.call(port, board, now, |device, line| match heard {
            Heard::Byte(byte) => device.receive(byte, line),
            Heard::BadFrame(byte) | Heard::BadParity(byte) => device.receive_damaged(byte, line),
            Heard::Break => device.receive_break(line),
        });
    }

    /// Stops who sends, when there is little room left, or has it go on.
    pub(super) fn throttle(&mut self, port: usize, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        let flow = tty.config.flow();
        let throttled = match tty.is_throttled {
            _ if flow == FlowControl::None => false,
            true => !tty.input.is_nearly_empty(),
            false => tty.input.is_nearly_full(),
        };
        if throttled == tty.is_throttled {
            return;
        }
        self.change_lines(port, board, now, |tty| tty.is_throttled = throttled);
        if flow == FlowControl::Software {
            let byte = if throttled { XOFF } else { XON };
            self.ttys[port].sender.urgent = Some(byte);
            self.start(port, board, now);
        }
    }

    /// Has a port send what is next, if it can.
    pub(super) fn start(&mut self, port: usize, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        let is_stopped = tty.is_stopped();
        let is_trailing = matches!(
            tty.sender.under_way,
            Some(UnderWay {
                what: What::Trail,
                ..
            })
        );
        let is_busy = tty.sender.under_way.is_some() && !is_trailing;
        if is_busy || tty.is_breaking {
            return;
        }
        let has_next = tty.sender.has_next(is_stopped);
        if let Some(rs485) = tty.rs485() {
            let wait = |ms: u32| std::time::Duration::from_millis(ms.into());
            let (before, after) = (wait(rs485.before_ms()), wait(rs485.after_ms()));
            if has_next && !tty.drives {
                tty.sender.under_way = Some(UnderWay {
                    what: What::Lead,
                    start: now,
                    end: now + before,
                });
                self.change_lines(port, board, now, |tty| tty.drives = true);
                return;
            }
            if !has_next && tty.drives && !is_trailing {
                tty.sender.under_way = Some(UnderWay {
                    what: What::Trail,
                    start: now,
                    end: now + after,
                });
            }
        }
        if has_next {
            self.send_next(port, is_stopped, now);
        }
    }

    fn send_next(&mut self, port: usize, is_stopped: bool, now: Time) {
        let tty = &mut self.ttys[port];
        let (byte, is_urgent) = match tty.sender.take(is_stopped) {
            Some(Next::Byte(byte)) => (byte, false),
            Some(Next::Urgent(byte)) => (byte, true),
            // A program does neither.
            Some(Next::Pause(_) | Next::Break(_)) | None => return,
        };
        let tty = &self.ttys[port];
        let config = &tty.config;
        let way = match &tty.peer {
            Peer::Nothing => Way::Nowhere,
            Peer::Port(other) => {
                let other = &self.ttys[*other];
                way(other.ear.is_quiet() && wave::agree(config, &other.config))
            }
            Peer::Device(attached) => {
                way(attached.ear.is_quiet() && wave::agree(config, &tty.config_of(attached)))
            }
        };
        let end = now + config.character_time();
        if way == Way::Levels {
            self.put_on_wire(port, byte, now);
        }
        self.ttys[port].sender.under_way = Some(UnderWay {
            what: What::Byte {
                byte,
                way,
                is_urgent,
            },
            start: now,
            end,
        });
    }

    /// Has the other end of a port look at the levels of a byte.
    pub(super) fn put_on_wire(&mut self, port: usize, byte: u8, start: Time) {
        let config = self.ttys[port].config.clone();
        if let Some(ear) = self.other_ear(port) {
            ear.character(&config, byte, start);
        }
    }

    pub(super) fn other_ear(&mut self, port: usize) -> Option<&mut wave::Ear> {
        match self.ttys[port].peer {
            Peer::Nothing => None,
            Peer::Port(other) => Some(&mut self.ttys[other].ear),
            Peer::Device(_) => {
                let attached = self.ttys[port].attached()?;
                Some(&mut attached.ear)
            }
        }
    }

    /// Has the device on a port send what is next, if it can.
    pub(super) fn start_device(&mut self, port: usize, _board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        let Peer::Device(attached) = &tty.peer else {
            return;
        };
        if attached.sender.under_way.is_some() {
            return;
        }
        let config = tty.config_of(attached);
        let is_stopped = match config.flow() {
            FlowControl::None => false,
            FlowControl::Hardware => !tty.outputs.0,
            FlowControl::Software => attached.sender.is_off,
        };
        let is_understood = tty.ear.is_quiet() && wave::agree(&config, &tty.config);
        let Peer::Device(attached) = &mut tty.peer else {
            return;
        };
        let (what, end) = match attached.sender.take(is_stopped) {
            None => return,
            Some(Next::Byte(byte) | Next::Urgent(byte)) => {
                let way = way(is_understood);
                if way == Way::Levels {
                    tty.ear.character(&config, byte, now);
                }
                let what = What::Byte {
                    byte,
                    way,
                    is_urgent: false,
                };
                (what, now + config.character_time())
            }
            Some(Next::Pause(duration)) => (What::Pause, now + duration),
            Some(Next::Break(duration)) => {
                tty.ear.set(false, now);
                tty.ear.set(true, now + duration);
                (What::Break, wave::after_break(&config, now + duration))
            }
        };
        attached.sender.under_way = Some(UnderWay {
            what,
            start: now,
            end,
        });
    }
}

fn way(is_understood: bool) -> Way {
    match is_understood {
        true => Way::Whole,
        false => Way::Levels,
    }
}
