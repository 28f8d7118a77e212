//! What happens on the wires of ports by itself, and when: one thing after another, by its time.
//!
//! It is done when somebody looks: a program that does something with a port, or the board by itself when
//! the time has come at which somebody waits for something ([`State::next`]). What nobody waits for is done
//! later, as of its time.

use circuits_uart::{FlowControl, Interest};
use circuits_wait::Time;

use super::sender::Sender;
use super::tty::{Peer, Tty, WAKEUP};
use super::wire::State;
use crate::stub::Board;

/// What happens by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// What the port sends is over.
    Sent,
    /// What the device sends is over.
    Said,
    /// The port looks at its line.
    Look,
    /// The device looks at its line.
    DeviceLooks,
    /// An adapter hands on what it has kept.
    HandOn,
    /// The device acts.
    Act,
    /// What was written before the port was closed is given up.
    GiveUp,
}

impl Tty {
    /// What happens to it by itself first, and when.
    fn next_event(&self) -> Option<(Time, Event)> {
        let mut first = None;
        if let Some(under_way) = &self.sender.under_way {
            sooner(&mut first, (under_way.end, Event::Sent));
        }
        if let Peer::Device(attached) = &self.peer {
            if let Some(under_way) = &attached.sender.under_way {
                sooner(&mut first, (under_way.end, Event::Said));
            }
            if let Some(next) = attached.next {
                sooner(&mut first, (next, Event::Act));
            }
            if !attached.ear.is_quiet() {
                if let Some(next) = attached.ear.next(&self.config_of(attached)) {
                    sooner(&mut first, (next, Event::DeviceLooks));
                }
            }
        }
        if !self.ear.is_quiet() {
            if let Some(next) = self.ear.next(&self.config) {
                sooner(&mut first, (next, Event::Look));
            }
        }
        if let Some(due) = self.input.due {
            sooner(&mut first, (due, Event::HandOn));
        }
        if let Some(closing) = self.closing {
            sooner(&mut first, (closing, Event::GiveUp));
        }
        first
    }

    /// Whether what happens to it has no consequences but for those who wait for it.
    fn is_plain(&self) -> bool {
        let is_quiet = match &self.peer {
            Peer::Device(attached) => attached.ear.is_quiet(),
            _ => true,
        };
        is_quiet
            && self.ear.is_quiet()
            && self.config.flow() == FlowControl::None
            && self.rs485().is_none()
    }

    fn wants(&self, interest: Interest) -> bool {
        self.wants[interest as usize]
    }
}

/// Of what there may be nothing of yet, keeps what is first.
fn sooner<T: PartialOrd>(first: &mut Option<T>, other: T) {
    if first.as_ref().is_none_or(|first| other < *first) {
        *first = Some(other);
    }
}

// These are asked at every byte, and so they are loops that take no more time than they must in a test,
// which is seldom optimized.
impl State {
    fn next_event(&self) -> Option<(Time, usize, Event)> {
        let mut first = None;
        for (port, tty) in self.ttys.iter().enumerate() {
            if let Some((time, event)) = tty.next_event() {
                sooner(&mut first, (time, port, event));
            }
        }
        first
    }

    /// When something happens that somebody waits for; or anything, if all is to be told at once.
    pub(super) fn next(&self, is_traced: bool) -> Option<Time> {
        let mut first = None;
        for tty in &self.ttys {
            if is_traced || !tty.is_plain() {
                return self.next_event().map(|(time, _, _)| time);
            }
            self.next_waited_for(tty, &mut first);
        }
        first
    }

    /// The same of a port that is plain.
    fn next_waited_for(&self, tty: &Tty, first: &mut Option<Time>) {
        let mut soon = |time: Option<Time>| {
            if let Some(time) = time {
                sooner(first, time);
            }
        };
        let end = |sender: &Sender| sender.under_way.as_ref().map(|under_way| under_way.end);
        if tty.wants(Interest::Read) {
            soon(tty.input.due);
            match &tty.peer {
                Peer::Nothing => {}
                Peer::Port(other) => soon(end(&self.ttys[*other].sender)),
                Peer::Device(attached) => soon(end(&attached.sender)),
            }
        }
        if let Peer::Device(attached) = &tty.peer {
            // It is told of each byte when it comes.
            soon(end(&tty.sender));
            soon(attached.next);
        }
        if tty.sender.under_way.is_none() {
            return soon(tty.closing);
        }
        let each = tty.config.character_time();
        if tty.wants(Interest::Write) {
            soon(tty.sender.when_left(WAKEUP, each));
        }
        if tty.wants(Interest::Drain) || tty.closing.is_some() {
            soon(tty.sender.when_left(0, each));
            soon(tty.closing);
        }
    }

    /// Does what happens by itself until now.
    pub(super) fn advance(&mut self, board: &Board, now: Time) {
        let is_traced = board.is_traced();
        while let Some((time, port, event)) = self.next_event().filter(|next| next.0 <= now) {
            self.happen(port, event, board, time);
            if is_traced {
                self.tell_bursts(board, time);
            }
        }
    }

    fn happen(&mut self, port: usize, event: Event, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        match event {
            Event::Sent => self.sent(port, board, now),
            Event::Said => self.said(port, board, now),
            Event::Look => {
                if let Some(heard) = tty.ear.look(&tty.config, now) {
                    self.arrive(port, heard, now, board, now);
                }
            }
            Event::DeviceLooks => {
                let Peer::Device(attached) = &tty.peer else {
                    return;
                };
                let config = tty.config_of(attached);
                let heard = tty
                    .attached()
                    .and_then(|attached| attached.ear.look(&config, now));
                if let Some(heard) = heard {
                    self.device_hears(port, heard, board, now);
                }
            }
            Event::HandOn => {
                tty.input.release();
                tty.wake(Interest::Read);
            }
            Event::Act => {
                self.call(port, board, now, |device, line| device.act(line));
                if let Some(attached) = self.ttys[port].attached() {
                    attached.next = attached.next.filter(|next| *next > now);
                }
            }
            Event::GiveUp => {
                tty.sender.discard();
                self.closed(port, board, now);
            }
        }
    }
}
