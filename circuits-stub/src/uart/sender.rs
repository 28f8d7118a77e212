//! What an end of a line sends: what waits for it, and what is on the wire.

use std::collections::VecDeque;
use std::time::Duration;

use circuits_wait::Time;

/// An end that sends.
#[derive(Debug, Default)]
pub(super) struct Sender {
    /// What `parts` counts.
    bytes: VecDeque<u8>,
    parts: VecDeque<Part>,
    /// XON or XOFF, which goes before all else, whatever stops that.
    pub(super) urgent: Option<u8>,
    pub(super) under_way: Option<UnderWay>,
    /// The other end has sent XOFF.
    pub(super) is_off: bool,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Bytes(usize),
    Pause(Duration),
    Break(Duration),
}

/// What is on the wire, or keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnderWay {
    pub(super) what: What,
    pub(super) start: Time,
    pub(super) end: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Byte {
        byte: u8,
        way: Way,
        /// It is none of what waits, but XON or XOFF.
        is_urgent: bool,
    },
    /// Nothing is sent.
    Pause,
    /// The line is held low.
    Break,
    /// The line is this end's, and nothing is sent yet.
    Lead,
    /// The line still is this end's.
    Trail,
}

/// How a byte comes to the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As it was sent, when it is over.
    Whole,
    /// By the levels of the line, which the other end looks at by itself.
    Levels,
    /// Not at all.
    Nowhere,
}

/// What goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Byte(u8),
    Urgent(u8),
    Pause(Duration),
    Break(Duration),
}

impl Sender {
    /// Makes room for so many bytes, so that none has to be made later.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes.saturating_sub(self.bytes.len()));
        self.parts.reserve(4);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.bytes.extend(bytes);
        match self.parts.back_mut() {
            Some(Part::Bytes(count)) => *count += bytes.len(),
            _ => self.parts.push_back(Part::Bytes(bytes.len())),
        }
    }

    pub(super) fn pause(&mut self, duration: Duration) {
        self.parts.push_back(Part::Pause(duration));
    }

    pub(super) fn send_break(&mut self, duration: Duration) {
        self.parts.push_back(Part::Break(duration));
    }

    /// How many bytes have not left yet.
    pub(super) fn waiting(&self) -> usize {
        let is_one = |under_way: &UnderWay| {
            matches!(
                under_way.what,
                What::Byte {
                    is_urgent: false,
                    ..
                }
            )
        };
        self.bytes.len() + usize::from(self.under_way.as_ref().is_some_and(is_one))
    }

    /// How many bytes are not on the wire yet.
    pub(super) fn queued(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a byte is on the wire.
    pub(super) fn is_sending(&self) -> bool {
        let under_way = self.under_way.as_ref();
        under_way.is_some_and(|under_way| matches!(under_way.what, What::Byte { .. }))
    }

    /// Throws away what is not on the wire yet.
    pub(super) fn discard(&mut self) {
        self.bytes.clear();
        self.parts.clear();
    }

    /// Takes what goes next; while it is stopped, only what is urgent.
    pub(super) fn take(&mut self, is_stopped: bool) -> Option<Next> {
        if let Some(byte) = self.urgent.take() {
            return Some(Next::Urgent(byte));
        }
        match self.parts.front_mut()? {
            Part::Bytes(_) if is_stopped => None,
            Part::Bytes(count) => {
                *count -= 1;
                if *count == 0 {
                    self.parts.pop_front();
                }
                self.bytes.pop_front().map(Next::Byte)
            }
            Part::Pause(duration) => {
                let pause = Next::Pause(*duration);
                self.parts.pop_front();
                Some(pause)
            }
            Part::Break(duration) => {
                let low = Next::Break(*duration);
                self.parts.pop_front();
                Some(low)
            }
        }
    }

    /// Whether there is anything that may go.
    pub(super) fn has_next(&self, is_stopped: bool) -> bool {
        self.urgent.is_some()
            || match self.parts.front() {
                Some(Part::Bytes(_)) => !is_stopped,
                Some(_) => true,
                None => false,
            }
    }

    /// When so few bytes are left that have not left yet, if nothing stops it and each takes so long; `None`
    /// if that is so already, or nothing is under way.
    pub(super) fn when_left(&self, bytes: usize, each: Duration) -> Option<Time> {
        let under_way = self.under_way.as_ref()?;
        let before = self.waiting().checked_sub(bytes).filter(|left| *left > 0)?;
        // What is under way ends anyway, and may be none of them.
        let more = match under_way.what {
            What::Byte {
                is_urgent: false, ..
            } => before - 1,
            _ => before,
        };
        Some(under_way.end + each * u32::try_from(more).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_and_starts_others_is_not_stopped() {
        let mut sender = Sender::default();
        sender.bytes(b"a");
        sender.urgent = Some(0x11);
        assert!(sender.has_next(true));
        assert_eq!(sender.take(true), Some(Next::Urgent(0x11)));
        assert!(!sender.has_next(true));
        assert_eq!(sender.take(true), None);
        assert_eq!(sender.take(false), Some(Next::Byte(b'a')));
    }
}
