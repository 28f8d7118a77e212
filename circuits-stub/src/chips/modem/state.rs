//! What a modem is in, and what it does with what comes.

use std::collections::VecDeque;
use std::time::Duration;

use circuits_uart::ModemLines;
use circuits_wait::Time;

use super::end::{End, INVALID_TEXT, NO_NETWORK};
use super::messages::{Inbox, Message, stamp};
use super::settings::Settings;
use super::syntax::{CR, Input};
use super::{Registration, Sms};
use crate::chips::utc::Utc;
use crate::uart::{Attention, Line};

pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) operator_format: u8,
    pub(super) dbm: Option<i16>,
    pub(super) registration: Registration,
    pub(super) sim: Sim,
    pub(super) delay: Duration,
    pub(super) utc: Option<Utc>,
    pub(super) input: Input,
    /// A message whose text is being typed.
    pub(super) typed: Option<(String, Vec<u8>)>,
    pub(super) inbox: Inbox,
    /// Messages that are still in the network: from whom, and what.
    pub(super) network: VecDeque<(String, String)>,
    pub(super) sent: Vec<Sms>,
    pub(super) dialled: Vec<String>,
    pub(super) call: Call,
    /// What it will say by itself.
    pub(super) news: VecDeque<String>,
    pub(super) lines: ModemLines,
    pub(super) is_connected: bool,
    pub(super) attention: Attention,
}

#[derive(Debug)]
pub(super) enum Sim {
    None,
    Locked { pin: String },
    Ready,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    None,
    /// None: it has not rung yet.
    Rings {
        number: String,
        rang: Option<Time>,
    },
    Active,
}

const CTRL_Z: u8 = 26;
const ESCAPE: u8 = 27;
const BACKSPACE: u8 = 8;
/// The longest message of one part.
const LONGEST: usize = 160;

const RINGS_EVERY: Duration = Duration::from_secs(5);
const RINGS_FOR: Duration = Duration::from_secs(1);

impl State {
    pub(super) fn new() -> State {
        let mut lines = ModemLines::default();
        (lines.cts, lines.dsr) = (true, true);
        State {
            settings: Settings::default(),
            operator_format: 0,
            dbm: Some(-73),
            registration: Registration::Home,
            sim: Sim::Ready,
            delay: Duration::ZERO,
            utc: None,
            input: Input::default(),
            typed: None,
            inbox: Inbox::new(),
            network: VecDeque::new(),
            sent: Vec::new(),
            dialled: Vec::new(),
            call: Call::None,
            news: VecDeque::new(),
            lines,
            is_connected: false,
            attention: Attention::default(),
        }
    }

    pub(super) fn clock(&mut self, now: Time) -> Utc {
        *self.utc.get_or_insert_with(|| Utc::started(now))
    }

    pub(super) fn receive(&mut self, byte: u8, line: &mut Line) {
        match self.typed.take() {
            Some((to, text)) => self.type_text(to, text, byte, line),
            None => {
                if self.settings.echo {
                    line.send(&[byte]);
                }
                if let Some(command) = self.input.take(byte) {
                    let (told, end) = self.execute(&command, line.time());
                    self.answer(&told, end, line);
                }
            }
        }
    }

    /// Takes a character of the text of a message (TS 27.005, section 3.5.1).
    fn type_text(&mut self, to: String, mut text: Vec<u8>, byte: u8, line: &mut Line) {
        match byte {
            CTRL_Z => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let (told, end) = self.send_text(to, text, line.time());
                self.answer(&told, end, line);
            }
            ESCAPE => self.answer(&[], End::Ok, line),
            _ => {
                match byte {
                    BACKSPACE => drop(text.pop()),
                    _ => text.push(byte),
                }
                if self.settings.echo {
                    line.send(&[byte]);
                }
                if byte == CR {
                    line.send(b"\r\n> ");
                }
                self.typed = Some((to, text));
            }
        }
    }

    fn send_text(&mut self, to: String, text: String, time: Time) -> (Vec<String>, End) {
        if text.chars().count() > LONGEST {
            return (Vec::new(), End::Message(INVALID_TEXT));
        }
        if !self.registration.is_served() {
            return (Vec::new(), End::Message(NO_NETWORK));
        }
        let reference = self.sent.len() % 256;
        self.sent.push(Sms { to, text, time });
        (vec![format!("+CMGS: {reference}")], End::Ok)
    }

    /// Tells what a command came to.
    fn answer(&mut self, told: &[String], end: End, line: &mut Line) {
        if self.delay > Duration::ZERO {
            line.pause(self.delay);
        }
        let settings = self.settings;
        for text in told {
            line.send(&settings.text(text));
        }
        match end {
            End::Prompt { to } => {
                line.send(b"\r\n> ");
                self.typed = Some((to, Vec::new()));
            }
            end => line.send(&settings.result(&end)),
        }
    }

    /// Whether it may say something by itself.
    fn is_quiet(&self) -> bool {
        self.input.is_empty() && self.typed.is_none()
    }

    /// Whether the first message of the network can come.
    fn has_message(&self) -> bool {
        let has_room = self.inbox.has_room() || self.settings.tells_messages();
        let is_served = self.registration.is_served() && matches!(self.sim, Sim::Ready);
        is_served && has_room && !self.network.is_empty()
    }

    pub(super) fn next(&self) -> Option<Time> {
        let has_news = !self.news.is_empty() || self.has_message();
        if !self.is_connected || has_news && self.is_quiet() {
            return Some(Time::ZERO);
        }
        match &self.call {
            Call::Rings { rang: None, .. } => Some(Time::ZERO),
            Call::Rings {
                rang: Some(rang), ..
            } if self.lines.ri => Some(*rang + RINGS_FOR),
            Call::Rings {
                rang: Some(rang), ..
            } => Some(*rang + RINGS_EVERY),
            _ if self.lines.ri => Some(Time::ZERO),
            _ => None,
        }
    }

    /// Does what there is to do by itself.
    pub(super) fn act(&mut self, line: &mut Line) {
        let now = line.time();
        self.attention = line.attention();
        self.clock(now);
        self.ring(now);
        let ri = match self.call {
            Call::Rings {
                rang: Some(rang), ..
            } => now < rang + RINGS_FOR,
            _ => false,
        };
        let mut lines = self.lines;
        (lines.ri, lines.cd) = (ri, self.typed.is_some());
        if lines != self.lines || !self.is_connected {
            line.set_modem_lines(lines);
        }
        (self.lines, self.is_connected) = (lines, true);
        while self.is_quiet() && self.has_message() {
            self.take_message(now);
        }
        if self.is_quiet() {
            for news in std::mem::take(&mut self.news) {
                line.send(&self.settings.unsolicited(&news));
            }
        }
    }

    fn ring(&mut self, now: Time) {
        let Call::Rings { number, rang } = &mut self.call else {
            return;
        };
        if rang.is_some_and(|rang| now < rang + RINGS_EVERY) {
            return;
        }
        *rang = Some(now);
        self.news.push_back("RING".into());
        if self.settings.tells_caller {
            // Of numbers of the country, and of others.
            let kind = if number.starts_with('+') { 145 } else { 129 };
            self.news.push_back(format!("+CLIP: \"{number}\",{kind}"));
        }
    }

    fn take_message(&mut self, now: Time) {
        let Some((from, text)) = self.network.pop_front() else {
            return;
        };
        let moment = self.clock(now).moment(now);
        if self.settings.tells_messages() {
            let text = self.settings.shown(&text);
            let stamp = stamp(moment);
            let news = format!("+CMT: \"{from}\",,\"{stamp}\"\r\n{text}");
            self.news.push_back(news);
            return;
        }
        let kept = self.inbox.keep(Message {
            from,
            text,
            moment,
            is_read: false,
        });
        if let Some(place) = kept.filter(|_| self.settings.tells_places()) {
            self.news.push_back(format!("+CMTI: \"SM\",{place}"));
        }
    }
}
