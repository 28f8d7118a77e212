//! What commands do (ITU-T V.250; 3GPP TS 27.007 and, for short messages, TS 27.005).

use circuits_wait::Time;

use super::Registration;
use super::end::{
    Done, End, INCORRECT_PARAMETERS, INCORRECT_PASSWORD, NOT_INSERTED, OPERATION_NOT_ALLOWED,
    PIN_REQUIRED,
};
use super::messages::stamp;
use super::settings::Settings;
use super::state::{Call, Sim, State};
use super::syntax::{Command, Kind, next, skip_separators, strings};

const MAKER: &str = "Circuits";
const MODEL: &str = "Virtual modem";
const REVISION: &str = "1.0";
/// The one that the GSM association has for examples.
const SERIAL: &str = "490154203237518";
/// Of the test network 001 01.
const SUBSCRIBER: &str = "001010123456789";
const OPERATOR: [&str; 2] = ["Circuits", "00101"];

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
            Command::Basic(letter, value) => self.basic(&letter, value, told),
            Command::Register(register, value) => self.register(register, value, told),
            Command::Dial { number, is_voice } => self.dial(number, is_voice),
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
            (Kind::Set(_), _) => Err(End::Equipment(OPERATION_NOT_ALLOWED)),
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

    fn needs_sim(&self) -> Done {
        match self.sim {
            Sim::Ready => Ok(()),
            Sim::Locked { .. } => Err(End::Equipment(PIN_REQUIRED)),
            Sim::None => Err(End::Equipment(NOT_INSERTED)),
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
