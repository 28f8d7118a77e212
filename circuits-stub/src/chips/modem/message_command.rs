//! What the commands for short messages do (3GPP TS 27.005, section 3).

use super::end::{
    Done, End, INVALID_INDEX, INVALID_TEXT, NOT_ALLOWED, NOT_SUPPORTED, SIM_NOT_INSERTED,
    SIM_PIN_REQUIRED,
};
use super::messages::{PLACES, Selection, stamp};
use super::state::{Sim, State};
use super::syntax::{Kind, strings};

impl State {
    pub(super) fn new_messages(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
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

    pub(super) fn storage(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
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

    pub(super) fn send(&self, kind: &Kind) -> Done {
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

    pub(super) fn read(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
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

    pub(super) fn list(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
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

    pub(super) fn delete(&mut self, kind: &Kind, told: &mut Vec<String>) -> Done {
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
