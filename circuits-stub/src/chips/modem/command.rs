//! What commands do (ITU-T V.250; 3GPP TS 27.007 and, for short messages, TS 27.005).

use circuits_wait::Time;

use super::messages::{PLACES, Selection, stamp};
use super::syntax::{Command, Kind, next, skip_separators};
use super::{Call, Registration, Sim, State};

/// What programs set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) echo: bool,
    pub(super) verbose: bool,
    pub(super) quiet: bool,
    /// Registers S3 and S4: what ends a line.
    pub(super) cr: u8,
    pub(super) lf: u8,
    /// +CMEE.
    errors: u32,
    /// +CMGF.
    pub(super) text_mode: bool,
    /// +CSCS: UTF-8, not IRA.
    utf8: bool,
    /// +CREG.
    pub(super) tells_registration: bool,
    /// +CLIP.
    pub(super) tells_caller: bool,
    /// +CNMI: mode, and what is done with a message that comes.
    new_messages: (u32, u32),
}

/// As a modem is switched on.
impl Default for Settings {
    fn default() -> Settings {
        Settings {
            echo: true,
            verbose: true,
            quiet: false,
            cr: 13,
            lf: 10,
            errors: 0,
            text_mode: false,
            utf8: false,
            tells_registration: false,
            tells_caller: false,
            new_messages: (2, 1),
        }
    }
}

/// How a command line ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Ok,
    NoCarrier,
    /// It is no command, or not with this parameter.
    Error,
    /// +CME ERROR: the equipment or the network cannot.
    Equipment(u16),
    /// +CMS ERROR: the same for messages.
    Message(u16),
    /// Not yet: the text of a message is to come.
    Prompt {
        to: String,
    },
}

/// Of +CME ERROR (TS 27.007, section 9.2).
const NOT_INSERTED: u16 = 10;
const PIN_REQUIRED: u16 = 11;
const INCORRECT_PASSWORD: u16 = 16;
const INCORRECT_PARAMETERS: u16 = 50;
/// Of +CMS ERROR (TS 27.005, section 3.2.5).
const NOT_ALLOWED: u16 = 302;
const NOT_SUPPORTED: u16 = 303;
pub(super) const INVALID_TEXT: u16 = 305;
const SIM_NOT_INSERTED: u16 = 310;
const SIM_PIN_REQUIRED: u16 = 311;
const INVALID_INDEX: u16 = 321;
pub(super) const NO_NETWORK: u16 = 331;

const MAKER: &str = "Circuits";
const MODEL: &str = "Virtual modem";
const REVISION: &str = "1.0";
/// The one that the GSM association has for examples.
const SERIAL: &str = "490154203237518";
/// Of the test network 001 01.
const SUBSCRIBER: &str = "001010123456789";
const OPERATOR: [&str; 2] = ["Circuits", "00101"];

type Done = Result<(), End>;

impl Settings {
    /// What is done with messages that come: whether they are told at once, as a whole.
    pub(super) fn tells_messages(&self) -> bool {
        // Without text mode it is a PDU that would be told.
        self.new_messages.1 == 2 && self.text_mode
    }

    /// Whether it is told where a message is kept.
    pub(super) fn tells_places(&self) -> bool {
        self.new_messages.1 != 0
    }

    /// A text as the terminal can show it.
    pub(super) fn shown(&self, text: &str) -> String {
        match self.utf8 {
            true => text.into(),
            false => text.replace(|c: char| !c.is_ascii(), "?"),
        }
    }

    /// A final result: what is told if it is told by words, and by numbers.
    pub(super) fn final_code(&self, end: &End) -> (String, String) {
        let both = |code: String| (code.clone(), code);
        match end {
            End::Ok => ("OK".into(), "0".into()),
            End::NoCarrier => ("NO CARRIER".into(), "3".into()),
            End::Equipment(error) if self.errors == 1 => both(format!("+CME ERROR: {error}")),
            End::Equipment(error) if self.errors == 2 => {
                both(format!("+CME ERROR: {}", reason(*error)))
            }
            End::Message(error) => both(format!("+CMS ERROR: {error}")),
            _ => ("ERROR".into(), "4".into()),
        }
    }
}

impl State {
    /// Does what a command line says, up to the first command that fails, and returns what is told before
    /// its end.
    pub(super) fn execute(&mut self, mut line: &str, now: Time) -> (Vec<String>, End) {
        let mut told = Vec::new();
        let end = loop {
            skip_separators(&mut line);
            if line.is_empty() {
                break End::Ok;
            }
            let command = next(&mut line).ok_or(End::Error);
            if let Err(end) = command.and_then(|command| self.command(command, now, &mut told)) {
                break end;
            }
        };
        match end {
            // Nothing may follow it.
            End::Prompt { .. } if !line.is_empty() => (told, End::Error),
            end => (told, end),
        }
    }

    fn command(&mut self, command: Command, now: Time, told: &mut Vec<String>) -> Done {
        match command {
            Command::Basic(letter, value) => return self.basic(&letter, value, told),
            Command::Register(register, value) => return self.register(register, value, told),
            Command::Dial { number, is_voice } => return self.dial(number, is_voice),
            Command::Extended { name, kind } => match &name[..] {
                "+GMI" | "+CGMI" => shows(&kind, MAKER, told),
                "+GMM" | "+CGMM" => shows(&kind, MODEL, told),
                "+GMR" | "+CGMR" => shows(&kind, REVISION, told),
                "+GSN" | "+CGSN" => shows(&kind, SERIAL, told),
                "+GCAP" => shows(&kind, "+GCAP: +CGSM", told),
                "+CIMI" => {
                    self.needs_sim()?;
                    shows(&kind, SUBSCRIBER, told)
                }
                "+CSQ" => self.signal(&kind, told),
                "+CPIN" => self.pin(&kind, told),
                "+CREG" => {
                    let is_on = self.settings.tells_registration;
                    let state = format!(",{}", self.registration as u8);
                    let set = numbered(&name, &kind, u32::from(is_on), 1, &state, told)?;
                    self.settings.tells_registration = set != 0;
                    Ok(())
                }
                "+CMEE" => {
                    self.settings.errors =
                        numbered(&name, &kind, self.settings.errors, 2, "", told)?;
                    Ok(())
                }
                "+CLIP" => {
                    let is_on = self.settings.tells_caller;
                    // The network has it.
                    let set = numbered(&name, &kind, u32::from(is_on), 1, ",1", told)?;
                    self.settings.tells_caller = set != 0;
                    Ok(())
                }
                "+CMGF" => {
                    let is_on = self.settings.text_mode;
                    let set = numbered(&name, &kind, u32::from(is_on), 1, "", told)?;
                    self.settings.text_mode = set != 0;
                    Ok(())
                }
                "+COPS" => self.operator(&kind, told),
                "+CSCS" => self.character_set(&kind, told),
                "+CCLK" => match kind {
                    Kind::Read => {
                        let clock = stamp(self.clock(now).moment(now));
                        told.push(format!("+CCLK: \"{clock}\""));
                        Ok(())
                    }
                    _ => Err(End::Error),
                },
                "+CNMI" => self.new_messages(&kind, told),
                "+CPMS" => self.storage(&kind, told),
                "+CMGS" => self.send(&kind),
                "+CMGR" => self.read(&kind, told),
                "+CMGL" => self.list(&kind, told),
                "+CMGD" => self.delete(&kind, told),
                _ => Err(End::Error),
            },
        }
    }

    fn basic(&mut self, letter: &str, value: u32, told: &mut Vec<String>) -> Done {
        let settings = &mut self.settings;
        match (letter, value) {
            ("E", 0 | 1) => settings.echo = value == 1,
            ("V", 0 | 1) => settings.verbose = value == 1,
            ("Q", 0 | 1) => settings.quiet = value == 1,
            ("Z" | "&F", 0) => *settings = Settings::default(),
            ("I", _) => told.push(format!("{MAKER}\r\n{MODEL}\r\nRevision: {REVISION}")),
            ("H", 0) => self.call = Call::None,
            ("A", 0) => match self.call {
                Call::Rings { .. } => self.call = Call::Active,
                _ => return Err(End::NoCarrier),
            },
            _ => return Err(End::Error),
        }
        Ok(())
    }

    fn register(&mut self, register: u32, value: Option<u32>, told: &mut Vec<String>) -> Done {
        let held = match register {
            3 => &mut self.settings.cr,
            4 => &mut self.settings.lf,
            _ => return Err(End::Error),
        };
        match value {
            None => told.push(format!("{held:03}")),
            Some(value) => match u8::try_from(value) {
                Ok(value @ 0..=127) => *held = value,
                _ => return Err(End::Error),
            },
        }
        Ok(())
    }

    fn dial(&mut self, number: String, is_voice: bool) -> Done {
        self.needs_sim()?;
        self.dialled.push(number);
        // Calls for data went with GSM.
        if !is_voice || !self.registration.is_served() || self.call != Call::None {
            return Err(End::NoCarrier);
        }
        self.call = Call::Active;
        Ok(())
    }

    fn signal(&self, kind: &Kind, told: &mut Vec<String>) -> Done {
        match kind {
            Kind::Execute => {
                // TS 27.007, section 8.5.
                let level = |dbm: i16| (dbm.clamp(-113, -51) + 113) / 2;
                let level = self.dbm.map_or(99, level);
                told.push(format!("+CSQ: {level},99"));
            }
            Kind::Test => told.push("+CSQ: (0-31,99),(99)".into()),
            _ => return Err(End::Error),
        }
        Ok(())
    }

    fn pin(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
        match (kind, &self.sim) {
            (Kind::Test, _) => Ok(()),
            (_, Sim::None) => Err(End::Equipment(NOT_INSERTED)),
            (Kind::Read, sim) => {
                let state = match sim {
                    Sim::Locked { .. } => "SIM PIN",
                    _ => "READY",
                };
                told.push(format!("+CPIN: {state}"));
                Ok(())
            }
            (Kind::Set(parameters), Sim::Locked { pin }) => {
                if parameters.as_slice() != [pin.as_str()] {
                    return Err(End::Equipment(INCORRECT_PASSWORD));
                }
                self.sim = Sim::Ready;
                Ok(())
            }
            (Kind::Set(_), _) => Err(End::Equipment(3)),
            _ => Err(End::Error),
        }
    }

    fn operator(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
        match kind {
            Kind::Read if self.registration.is_served() => {
                let format = self.operator_format;
                let [name, number] = OPERATOR;
                let operator = if format == 2 { number } else { name };
                told.push(format!("+COPS: 0,{format},\"{operator}\""));
            }
            Kind::Read => told.push("+COPS: 0".into()),
            Kind::Test => {
                let [name, number] = OPERATOR;
                let list = format!("(2,\"{name}\",\"{name}\",\"{number}\")");
                told.push(format!("+COPS: {list},,(0,3),(0-2)"));
            }
            Kind::Set(parameters) => match strings(parameters)[..] {
                ["0"] => {}
                ["3", format @ ("0" | "1" | "2")] => {
                    self.operator_format = format.as_bytes()[0] - b'0'
                }
                _ => return Err(End::Equipment(INCORRECT_PARAMETERS)),
            },
            Kind::Execute => return Err(End::Error),
        }
        Ok(())
    }

    fn character_set(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
        match kind {
            Kind::Read => {
                let set = if self.settings.utf8 { "UTF-8" } else { "IRA" };
                told.push(format!("+CSCS: \"{set}\""));
            }
            Kind::Test => told.push("+CSCS: (\"IRA\",\"UTF-8\")".into()),
            Kind::Set(parameters) => match strings(parameters)[..] {
                ["IRA"] => self.settings.utf8 = false,
                ["UTF-8"] => self.settings.utf8 = true,
                _ => return Err(End::Equipment(INCORRECT_PARAMETERS)),
            },
            Kind::Execute => return Err(End::Error),
        }
        Ok(())
    }

    fn new_messages(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
        let (mode, message) = self.settings.new_messages;
        match kind {
            Kind::Read => told.push(format!("+CNMI: {mode},{message},0,0,0")),
            Kind::Test => told.push("+CNMI: (0-2),(0-2),(0),(0),(0)".into()),
            Kind::Set(parameters) => {
                let numbers: Vec<_> = parameters.iter().map(|number| number.parse()).collect();
                self.settings.new_messages = match numbers[..] {
                    [Ok(mode @ 0..=2)] => (mode, message),
                    [Ok(mode @ 0..=2), Ok(message @ 0..=2), ..]
                        if numbers[2..].iter().all(|number| *number == Ok(0)) =>
                    {
                        (mode, message)
                    }
                    _ => return Err(End::Message(NOT_ALLOWED)),
                };
            }
            Kind::Execute => return Err(End::Error),
        }
        Ok(())
    }

    fn storage(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
        let used = self.inbox.used();
        match kind {
            Kind::Read => {
                let storage = format!("\"SM\",{used},{PLACES}");
                told.push(format!("+CPMS: {storage},{storage},{storage}"));
            }
            Kind::Test => told.push("+CPMS: (\"SM\"),(\"SM\"),(\"SM\")".into()),
            Kind::Set(storages) if storages.len() <= 3 && storages.iter().all(|s| s == "SM") => {
                let storage = format!("{used},{PLACES}");
                told.push(format!("+CPMS: {storage},{storage},{storage}"));
            }
            _ => return Err(End::Message(NOT_ALLOWED)),
        }
        Ok(())
    }

    fn send(&self, kind: &Kind) -> Done {
        match kind {
            Kind::Test => return Ok(()),
            Kind::Set(_) => self.needs_text()?,
            _ => return Err(End::Error),
        }
        match kind {
            Kind::Set(parameters) if !parameters[0].is_empty() && parameters.len() <= 2 => {
                let to = parameters[0].clone();
                Err(End::Prompt { to })
            }
            _ => Err(End::Message(INVALID_TEXT)),
        }
    }

    fn read(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
        let Kind::Set(parameters) = kind else {
            return if *kind == Kind::Test {
                Ok(())
            } else {
                Err(End::Error)
            };
        };
        self.needs_text()?;
        let settings = self.settings;
        let place = parameters[0].parse().unwrap_or(0);
        let message = self.inbox.get(place).ok_or(End::Message(INVALID_INDEX))?;
        told.push(format!(
            "+CMGR: \"{}\",\"{}\",,\"{}\"\r\n{}",
            message.state(),
            message.from,
            stamp(message.moment),
            settings.shown(&message.text)
        ));
        message.is_read = true;
        Ok(())
    }

    fn list(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
        let selection = match kind {
            Kind::Test => {
                let states = "\"REC UNREAD\",\"REC READ\",\"STO UNSENT\",\"STO SENT\",\"ALL\"";
                told.push(format!("+CMGL: ({states})"));
                return Ok(());
            }
            Kind::Execute => Selection::Unread,
            Kind::Set(states) => match strings(states)[..] {
                ["REC UNREAD"] => Selection::Unread,
                ["REC READ"] => Selection::Read,
                ["ALL"] => Selection::All,
                // Nothing is kept to be sent.
                ["STO UNSENT" | "STO SENT"] => Selection::None,
                _ => return Err(End::Message(INVALID_TEXT)),
            },
            Kind::Read => return Err(End::Error),
        };
        self.needs_text()?;
        let settings = self.settings;
        let listed = self.inbox.select(selection).map(|(place, message)| {
            let listed = format!(
                "+CMGL: {place},\"{}\",\"{}\",,\"{}\"\r\n{}",
                message.state(),
                message.from,
                stamp(message.moment),
                settings.shown(&message.text)
            );
            message.is_read = true;
            listed
        });
        let listed: Vec<_> = listed.collect();
        if !listed.is_empty() {
            told.push(listed.join("\r\n"));
        }
        Ok(())
    }

    fn delete(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
        let parameters = match kind {
            Kind::Set(parameters) => strings(parameters),
            Kind::Test => {
                told.push(format!("+CMGD: (1-{PLACES}),(0-4)"));
                return Ok(());
            }
            _ => return Err(End::Error),
        };
        self.needs_message_sim()?;
        let place = parameters[0].parse().unwrap_or(0);
        let selection = match parameters[1..] {
            [] | ["0"] if (1..=PLACES).contains(&place) => Selection::None,
            // The first parameter is not looked at. 2 and 3 are those that were sent, too.
            ["1" | "2" | "3"] => Selection::Read,
            ["4"] => Selection::All,
            _ => return Err(End::Message(INVALID_INDEX)),
        };
        self.inbox.delete(
            if selection == Selection::None {
                place
            } else {
                0
            },
            selection,
        );
        Ok(())
    }

    fn needs_sim(&self) -> Done {
        match self.sim {
            Sim::Ready => Ok(()),
            Sim::Locked { .. } => Err(End::Equipment(PIN_REQUIRED)),
            Sim::None => Err(End::Equipment(NOT_INSERTED)),
        }
    }

    fn needs_message_sim(&self) -> Done {
        match self.sim {
            Sim::Ready => Ok(()),
            Sim::Locked { .. } => Err(End::Message(SIM_PIN_REQUIRED)),
            Sim::None => Err(End::Message(SIM_NOT_INSERTED)),
        }
    }

    /// Messages as PDUs are not there.
    fn needs_text(&self) -> Done {
        self.needs_message_sim()?;
        match self.settings.text_mode {
            true => Ok(()),
            false => Err(End::Message(NOT_SUPPORTED)),
        }
    }
}

impl Registration {
    /// Whether there is a network that serves it.
    pub(super) fn is_served(self) -> bool {
        matches!(self, Registration::Home | Registration::Roaming)
    }
}

/// A command that shows something.
fn shows(kind: &Kind, what: &str, told: &mut Vec<String>) -> Done {
    match kind {
        Kind::Execute => told.push(what.into()),
        Kind::Test => {}
        _ => return Err(End::Error),
    }
    Ok(())
}

/// A command that is a number from 0 on. It returns what it is set to.
fn numbered(
    name: &str,
    kind: &Kind,
    held: u32,
    last: u32,
    rest: &str,
    told: &mut Vec<String>,
) -> Result<u32, End> {
    match kind {
        Kind::Read => told.push(format!("{name}: {held}{rest}")),
        Kind::Test => told.push(format!("{name}: (0-{last})")),
        // Without a parameter it is 0.
        Kind::Execute => return Ok(0),
        Kind::Set(parameters) => {
            let number = match &parameters[..] {
                [number] => number.parse().ok().filter(|number| *number <= last),
                _ => None,
            };
            return number.ok_or(End::Equipment(INCORRECT_PARAMETERS));
        }
    }
    Ok(held)
}

fn strings(parameters: &[String]) -> Vec<&str> {
    parameters.iter().map(String::as_str).collect()
}

/// Of the errors that there are.
fn reason(error: u16) -> &'static str {
    match error {
        NOT_INSERTED => "SIM not inserted",
        PIN_REQUIRED => "SIM PIN required",
        INCORRECT_PASSWORD => "incorrect password",
        INCORRECT_PARAMETERS => "Incorrect parameters",
        _ => "operation not allowed",
    }
}
