mod command;
mod end;
mod message_command;
mod messages;
mod settings;
mod state;
mod syntax;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use self::state::{Call, Sim, State};
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

impl Modem {
    /// Makes a modem that was just switched on.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Modem {
        Modem(Arc::new(Mutex::new(State::new())))
    }

    /// Sets how strong the signal is, in dBm; `None`: it is not known.
    pub fn set_signal(&self, dbm: impl Into<Option<i16>>) {
        self.lock().dbm = dbm.into();
    }

    /// Sets what the network says of it. If a program has asked for it, it is told.
    pub fn set_registration(&self, registration: Registration) {
        self.change(|state| {
            let changes = state.registration != registration;
            state.registration = registration;
            if changes && state.settings.tells_registration {
                let news = format!("+CREG: {}", registration as u8);
                state.news.push_back(news);
            }
        });
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
        self.change(|state| state.network.push_back((from.into(), text.into())));
    }

    /// Returns the short messages that programs have sent, the oldest first.
    pub fn sent_sms(&self) -> Vec<Sms> {
        self.lock().sent.clone()
    }

    /// Calls it: it rings until it is answered, or the call is [given up](Modem::give_up). It is engaged if
    /// there is a call already.
    pub fn ring(&self, number: &str) {
        self.change(|state| {
            if state.call == Call::None {
                let number = number.into();
                state.call = Call::Rings { number, rang: None };
            }
        });
    }

    /// Ends the call from the other end.
    pub fn give_up(&self) {
        self.change(|state| {
            if std::mem::replace(&mut state.call, Call::None) == Call::Active {
                state.news.push_back("NO CARRIER".into());
            }
        });
    }

    /// Tells whether there is a call that was answered.
    pub fn is_in_call(&self) -> bool {
        self.lock().call == Call::Active
    }

    /// Returns the numbers that programs have called, the oldest first.
    pub fn dialled(&self) -> Vec<String> {
        self.lock().dialled.clone()
    }

    /// Changes what it does by itself, and has the board see it.
    fn change(&self, f: impl FnOnce(&mut State)) {
        let attention = {
            let mut state = self.lock();
            f(&mut state);
            state.attention.clone()
        };
        attention.draw();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
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
