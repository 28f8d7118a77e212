//! The short messages that a modem keeps (3GPP TS 27.005, section 3).

use crate::chips::utc::Moment;

/// Places for messages, counted from 1 on.
#[derive(Debug)]
pub(super) struct Inbox([Option<Message>; PLACES]);

pub(super) const PLACES: usize = 20;

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) from: String,
    pub(super) text: String,
    pub(super) moment: Moment,
    pub(super) is_read: bool,
}

/// Which messages are listed, or deleted besides one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    Unread,
    Read,
    All,
    None,
}

impl Inbox {
    pub(super) fn new() -> Inbox {
        Inbox([const { None }; PLACES])
    }

    pub(super) fn has_room(&self) -> bool {
        self.used() < PLACES
    }

    pub(super) fn used(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Keeps a message in the first place that is free, if there is one.
    pub(super) fn keep(&mut self, message: Message) -> Option<usize> {
        let free = self.0.iter().position(Option::is_none)?;
        self.0[free] = Some(message);
        Some(free + 1)
    }

    pub(super) fn get(&mut self, place: usize) -> Option<&mut Message> {
        self.0.get_mut(place.checked_sub(1)?)?.as_mut()
    }

    pub(super) fn select(
        &mut self,
        selection: Selection,
    ) -> impl Iterator<Item = (usize, &mut Message)> {
        let kept = (1..).zip(&mut self.0);
        let kept = kept.filter_map(|(place, message)| Some((place, message.as_mut()?)));
        kept.filter(move |(_, message)| selection.has(message))
    }

    /// Deletes what is in a place, and a selection.
    pub(super) fn delete(&mut self, place: usize, selection: Selection) {
        for (number, held) in (1..).zip(&mut self.0) {
            let is_selected = held.as_ref().is_some_and(|message| selection.has(message));
            if number == place || is_selected {
                *held = None;
            }
        }
    }
}

impl Selection {
    fn has(self, message: &Message) -> bool {
        match self {
            Selection::Unread => !message.is_read,
            Selection::Read => message.is_read,
            Selection::All => true,
            Selection::None => false,
        }
    }
}

impl Message {
    /// The state, as it is told in text mode.
    pub(super) fn state(&self) -> &'static str {
        if self.is_read {
            "REC READ"
        } else {
            "REC UNREAD"
        }
    }
}

/// `26/01/31,12:00:05+00`: the time zone is in quarters of an hour.
pub(super) fn stamp(moment: Moment) -> String {
    let Moment {
        month,
        day,
        hour,
        minute,
        second,
        ..
    } = moment;
    let year = moment.year % 100;
    format!("{year:02}/{month:02}/{day:02},{hour:02}:{minute:02}:{second:02}+00")
}
