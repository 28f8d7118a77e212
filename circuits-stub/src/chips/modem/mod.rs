mod command;
mod messages;
mod syntax;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_uart::ModemLines;
use circuits_wait::Time;

use self::command::{End, INVALID_TEXT, NO_NETWORK, Settings};
use self::messages::{Inbox, Message, stamp};
use self::syntax::{CR, Input};
use super::utc::Utc;
use crate::uart::{Device, Line};
use crate::{Error, Result};

/// A cellular modem that is spoken to by AT commands (ITU-T V.250; 3GPP TS 27.007 and TS 27.005), at the
/// port's settings, whatever they are.
///
/// It has a SIM, a network and a signal of -73 dBm. Of the commands there are
///
/// - `ATA`, `ATD`, `ATE`, `ATH`, `ATI`, `ATQ`, `ATV`, `ATZ`, `AT&F`, `ATS3`, `ATS4` and `A/`;
/// - `+GMI`, `+GMM`, `+GMR`, `+GSN`, `+GCAP` and their twins with a C, `+CIMI`, `+CSQ`, `+CREG`, `+COPS`,
///   `+CPIN`, `+CMEE`, `+CSCS` (IRA and UTF-8), `+CLIP`, `+CCLK?`;
/// - `+CMGF`, `+CMGS`, `+CMGR`, `+CMGL`, `+CMGD`, `+CNMI` and `+CPMS`, in text mode (`AT+CMGF=1`) alone.
///
/// All others are an `ERROR`. What it says by itself (`+CMTI`, `+CMT`, `RING`, `+CLIP`, `+CREG`) waits while a
/// command line or a message is being typed. RI is active for the first of five seconds of each ring, and
/// CD while the text of a message is typed; DSR and CTS are active. PDUs, calls for data, `+++` and messages
/// of several parts are not there, and DTR and RTS do nothing.
///
/// Clones are the same modem.
///
/// ```
/// use circuits_stub::{Stub, chips::Modem};
/// use circuits_uart::{Config, Port};
/// use std::io::{Read, Write};
///
/// let modem = Modem::new();
/// let board = Stub::virtual_time().serial_device("ttyAMA0", modem.clone())?;
/// let mut port = Port::open_on(&board, "ttyAMA0", &Config::new())?;
/// modem.set_signal(-91);
/// port.write_all(b"ATE0;+CSQ\r")?;
/// let expected = "ATE0;+CSQ\r\r\n+CSQ: 11,99\r\n\r\nOK\r\n";
/// let mut answer = vec![0; expected.len()];
/// port.read_exact(&mut answer)?;
/// assert_eq!(std::str::from_utf8(&answer)?, expected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Modem(Arc<Mutex<State>>);

/// A short message that a program has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// The number that it went to.
    pub to: String,
    /// Its text.
    pub text: String,
    /// When it was sent.
    pub time: Time,
}

/// What the network says of a modem (`<stat>`, TS 27.007, section 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Registration {
    /// It is not registered, and does not search.
    None = 0,
    /// It is registered at home.
    Home = 1,
    /// It is not registered, and searches.
    Searching = 2,
    /// The network does not want it.
    Denied = 3,
    /// It is not known.
    Unknown = 4,
    /// It is registered abroad.
    Roaming = 5,
}

struct State {
    settings: Settings,
    operator_format: u8,
    dbm: Option<i16>,
    registration: Registration,
    sim: Sim,
    delay: Duration,
    utc: Option<Utc>,
    input: Input,
    /// A message whose text is being typed.
    typed: Option<(String, Vec<u8>)>,
    inbox: Inbox,
    /// Messages that are still in the network: from whom, and what.
    network: VecDeque<(String, String)>,
    sent: Vec<Sms>,
    dialled: Vec<String>,
    call: Call,
    /// What it will say by itself.
    news: VecDeque<String>,
    lines: ModemLines,
    is_connected: bool,
}

#[derive(Debug)]
enum Sim {
    None,
    Locked { pin: String },
    Ready,
}

#[derive(Debug, PartialEq, Eq)]
enum Call {
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

impl Modem {
    /// Makes a modem that was just switched on.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Modem {
        let mut lines = ModemLines::default();
        (lines.cts, lines.dsr) = (true, true);
        Modem(Arc::new(Mutex::new(State {
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
        })))
    }

    /// Sets how strong the signal is, in dBm; `None`: it is not known.
    pub fn set_signal(&self, dbm: impl Into<Option<i16>>) {
        self.lock().dbm = dbm.into();
    }

    /// Sets what the network says of it. If a program has asked for it, it is told.
    pub fn set_registration(&self, registration: Registration) {
        let mut state = self.lock();
        let changes = state.registration != registration;
        state.registration = registration;
        if changes && state.settings.tells_registration {
            let news = format!("+CREG: {}", registration as u8);
            state.news.push_back(news);
        }
    }

    /// Puts a SIM in that wants a PIN.
    pub fn lock_sim(&self, pin: &str) {
        self.lock().sim = Sim::Locked { pin: pin.into() };
    }

    /// Takes the SIM out.
    pub fn remove_sim(&self) {
        self.lock().sim = Sim::None;
    }

    /// Sets how long it takes for an answer, from the end of a command on. Default: no time.
    pub fn set_delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Sets its clock at a time of the board: year (2000 to 2099), month, day, hour, minute, second. Default:
    /// the beginning of 2026, when it is connected.
    ///
    /// # Errors
    /// [`Error::NoDate`].
    pub fn set_datetime(&self, now: Time, datetime: [u16; 6]) -> Result<()> {
        let utc = Utc::new(now, datetime).ok_or(Error::NoDate { datetime })?;
        self.lock().utc = Some(utc);
        Ok(())
    }

    /// Sends it a short message, which comes as soon as there are a network, a SIM, and room for it.
    pub fn receive_sms(&self, from: &str, text: &str) {
        self.lock().network.push_back((from.into(), text.into()));
    }

    /// Returns the short messages that programs have sent, the oldest first.
    pub fn sent_sms(&self) -> Vec<Sms> {
        self.lock().sent.clone()
    }

    /// Calls it: it rings until it is answered, or the call is [given up](Modem::give_up). It is engaged if
    /// there is a call already.
    pub fn ring(&self, number: &str) {
        let mut state = self.lock();
        if state.call == Call::None {
            let number = number.into();
            state.call = Call::Rings { number, rang: None };
        }
    }

    /// Ends the call from the other end.
    pub fn give_up(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.call, Call::None) == Call::Active {
            state.news.push_back("NO CARRIER".into());
        }
    }

    /// Tells whether there is a call that was answered.
    pub fn is_in_call(&self) -> bool {
        self.lock().call == Call::Active
    }

    /// Returns the numbers that programs have called, the oldest first.
    pub fn dialled(&self) -> Vec<String> {
        self.lock().dialled.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl State {
    fn clock(&mut self, now: Time) -> Utc {
        *self.utc.get_or_insert_with(|| Utc::started(now))
    }

    fn receive(&mut self, byte: u8, line: &mut Line) {
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
            _ if settings.quiet => {}
            end => {
                let (word, number) = settings.final_code(&end);
                line.send(&settings.code(&word, &number));
            }
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

    fn next(&self) -> Option<Time> {
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
    fn act(&mut self, line: &mut Line) {
        let now = line.time();
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

impl Settings {
    /// Information (V.250, section 5.7.1).
    fn text(&self, text: &str) -> Vec<u8> {
        let end = [self.cr, self.lf];
        match self.verbose {
            true => [&end, text.as_bytes(), &end].concat(),
            false => [text.as_bytes(), &end].concat(),
        }
    }

    /// A result code, as a word or as a number.
    fn code(&self, word: &str, number: &str) -> Vec<u8> {
        match self.verbose {
            true => self.text(word),
            false => [number.as_bytes(), &[self.cr]].concat(),
        }
    }

    /// What comes unasked, of which some has a number, too (V.250, table 1).
    fn unsolicited(&self, news: &str) -> Vec<u8> {
        match news {
            "RING" => self.code(news, "2"),
            "NO CARRIER" => self.code(news, "3"),
            _ => self.text(news),
        }
    }
}

impl Device for Modem {
    fn receive(&mut self, byte: u8, line: &mut Line) {
        let mut state = self.lock();
        state.receive(byte, line);
        // The lines, and what waited for the end of a line.
        state.act(line);
    }

    fn next(&self) -> Option<Time> {
        self.lock().next()
    }

    fn act(&mut self, line: &mut Line) {
        self.lock().act(line);
    }
}

impl fmt::Debug for Modem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Modem")
            .field("registration", &state.registration)
            .field("call", &state.call)
            .finish_non_exhaustive()
    }
}
