//! What came to ports, as the trace has it: bytes that came without a rest together.

use circuits_wait::Time;

use super::tty::Peer;
use super::wave::Heard;
use super::wire::State;
use crate::stub::Board;
use crate::trace::Action;

/// How many of them are told together, at most.
const BURST: usize = 64;

impl State {
    /// Notes what came to a port, to tell of it.
    pub(super) fn tell_heard(
        &mut self,
        port: usize,
        heard: Heard,
        start: Time,
        board: &Board,
        now: Time,
    ) {
        let tty = &mut self.ttys[port];
        if let Heard::Byte(byte) = heard {
            if tty.burst.1.is_empty() {
                tty.burst.0 = start;
            }
            tty.burst.1.push(byte);
            return;
        }
        self.tell_burst(port, board, now);
        let port = self.ttys[port].name.clone();
        board.tell_at(now, || match heard {
            Heard::Break => Action::BreakReceived { port },
            Heard::Byte(byte) | Heard::BadFrame(byte) | Heard::BadParity(byte) => {
                Action::DamageReceived { port, byte }
            }
        });
    }

    /// Tells of what has come to ports to which nothing comes now, and of what has become much.
    pub(super) fn tell_bursts(&mut self, board: &Board, now: Time) {
        for port in 0..self.ttys.len() {
            let tty = &self.ttys[port];
            let from = match &tty.peer {
                Peer::Nothing => None,
                Peer::Port(other) => Some(&self.ttys[*other].sender),
                Peer::Device(attached) => Some(&attached.sender),
            };
            let comes = from.is_some_and(|from| from.is_sending());
            let goes_on = comes || tty.sender.is_sending() && tty.rs485().is_some();
            if !goes_on && tty.ear.is_quiet() || tty.burst.1.len() >= BURST {
                self.tell_burst(port, board, now);
            }
        }
    }

    fn tell_burst(&mut self, port: usize, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        if tty.burst.1.is_empty() {
            return;
        }
        let (start, bytes) = (tty.burst.0, std::mem::take(&mut tty.burst.1));
        let port = tty.name.clone();
        board.tell_at(now, || Action::SerialReceived {
            port,
            start: board.shown(start),
            bytes,
        });
    }
}
