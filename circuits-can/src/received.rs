use std::time::SystemTime;

use circuits_wait::Time;

use crate::{AnyFrame, ErrorFrame, ErrorMask, Frame};

/// A frame as a socket received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    content: AnyFrame,
    time: Time,
    system_time: Option<SystemTime>,
    lost: u32,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Elsewhere,
    ThisSystem,
    ThisSocket,
}

impl Received {
    /// Makes one: for backends. It came from elsewhere, and nothing was lost before it.
    pub fn new(content: AnyFrame, time: Time) -> Received {
        Received {
            content,
            time,
            system_time: None,
            lost: 0,
            origin: Origin::Elsewhere,
        }
    }

    /// Makes a place for one, as reading a burst needs it.
    pub fn empty() -> Received {
        let nothing = ErrorFrame::new(ErrorMask::NONE, [0; 8]);
        Received::new(AnyFrame::Error(nothing), Time::ZERO)
    }

    /// Sets how many frames were lost before it.
    pub fn after_loss(mut self, lost: u32) -> Received {
        self.lost = lost;
        self
    }

    /// Sets the time that the system's clock of the day had.
    pub fn at_system_time(mut self, time: SystemTime) -> Received {
        self.system_time = Some(time);
        self
    }

    /// Sets that it was sent by this system, and whether by the socket itself.
    pub fn looped_back(mut self, own: bool) -> Received {
        self.origin = match own {
            true => Origin::ThisSocket,
            false => Origin::ThisSystem,
        };
        self
    }

    /// Returns what it is.
    pub fn content(&self) -> &AnyFrame {
        &self.content
    }

    /// Returns the frame, if it is one of the bus.
    pub fn frame(&self) -> Option<&Frame> {
        match &self.content {
            AnyFrame::Frame(frame) => Some(frame),
            AnyFrame::Error(_) => None,
        }
    }

    /// Returns the error frame, if it is one: there are none unless
    /// [`Config::errors`](crate::Config::errors) asks for them.
    pub fn error(&self) -> Option<&ErrorFrame> {
        match &self.content {
            AnyFrame::Frame(_) => None,
            AnyFrame::Error(error) => Some(error),
        }
    }

    /// Returns when it was received, on the board's clock.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns when it was received, by the clock of the day, if there is one: as it was then, so it may jump.
    pub fn system_time(&self) -> Option<SystemTime> {
        self.system_time
    }

    /// Returns how many frames were lost since the one before it, because the socket's buffer was full:
    /// who reads was too slow.
    pub fn lost(&self) -> u32 {
        self.lost
    }

    /// Tells whether it was sent by this system: by this socket or by another one.
    pub fn is_local(&self) -> bool {
        self.origin != Origin::Elsewhere
    }

    /// Tells whether it was sent by this very socket, which receives its own frames only if
    /// [asked for](crate::Config::own_messages).
    pub fn is_own(&self) -> bool {
        self.origin == Origin::ThisSocket
    }

    pub(crate) fn take_lost(&mut self) -> u32 {
        std::mem::take(&mut self.lost)
    }
}
