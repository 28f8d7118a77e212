use circuits_can::{Frame, Id};
use circuits_wait::Time;

use super::bus::Role;
use crate::occasion::{self, Occasion, setters};

/// Something that goes wrong with what a CAN interface sends or receives, with the next frame that it could happen to
/// and once, if nothing else is said: see [`Stub::can_fault`](crate::Stub::can_fault).
///
/// What goes wrong is found out, counted and told by the rules of the bus; the frame is sent again.
///
/// ```
/// use circuits_can::{Config, ErrorMask, Frame, Id, Interface, Socket, State};
/// use circuits_stub::{Stub, can::Fault};
///
/// let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
/// let config = Config::new().errors(ErrorMask::BUS_OFF);
/// let can0 = Socket::open_on(&board, "can0", &config)?;
///
/// // Each attempt counts 8, and at 256 it is over.
/// board.can_fault("can0", Fault::bit_error().times(32))?;
/// can0.write(&Frame::new(Id::standard(0x123)?, &[])?, None)?;
/// assert!(can0.read(None)?.error().is_some());
/// let info = Interface::open_on(&board, "can0")?.info()?;
/// assert_eq!(info.state, Some(State::BusOff));
///
/// // can1 loses what can0 says of its speed, in the first second of the board's time.
/// let speed = Id::standard(0x181)?;
/// let second = std::time::Duration::from_secs(1);
/// board.can_fault("can1", Fault::overrun().of(speed).until(second).always())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    id: Option<Id>,
    occasion: Occasion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bit,
    Stuff,
    Form,
    Crc,
    NoAcknowledge,
    Overrun,
}

impl Fault {
    /// A bit of a frame that the interface sends comes back as another one: the frame is destroyed.
    pub fn bit_error() -> Fault {
        Fault::new(Kind::Bit)
    }

    /// In a frame that the interface receives it sees six equal bits: it destroys the frame, if it is not
    /// error-passive.
    pub fn stuff_error() -> Fault {
        Fault::new(Kind::Stuff)
    }

    /// In a frame that the interface receives it sees a bit that is never so: it destroys the frame, if it is not
    /// error-passive.
    pub fn form_error() -> Fault {
        Fault::new(Kind::Form)
    }

    /// A frame that the interface receives has another checksum: it destroys the frame, if it is not error-passive.
    pub fn crc_error() -> Fault {
        Fault::new(Kind::Crc)
    }

    /// The interface does not see that a frame that it sends is acknowledged.
    pub fn no_acknowledge() -> Fault {
        Fault::new(Kind::NoAcknowledge)
    }

    /// The buffer of the controller is full when a frame comes: it is lost, and an error frame says so.
    pub fn overrun() -> Fault {
        Fault::new(Kind::Overrun)
    }

    /// Only frames with this identifier count. Default: all.
    #[must_use]
    pub fn of(self, id: impl Into<Id>) -> Fault {
        Fault {
            id: Some(id.into()),
            ..self
        }
    }

    setters!("frames");

    fn new(kind: Kind) -> Fault {
        Fault {
            kind,
            id: None,
            occasion: Occasion::new(),
        }
    }

    pub(super) fn is_of(&self, role: Role) -> bool {
        match self.kind {
            Kind::Bit | Kind::NoAcknowledge => role == Role::Sender,
            Kind::Stuff | Kind::Form | Kind::Crc | Kind::Overrun => role == Role::Receiver,
        }
    }
}

/// Takes the fault of the frame that goes over the bus now, if there is one. Each attempt at sending is a frame.
pub(super) fn take(faults: &mut Vec<Fault>, role: Role, frame: &Frame, now: Time) -> Option<Kind> {
    occasion::take(faults, now, |fault| {
        let could = fault.is_of(role) && fault.id.is_none_or(|only| only == frame.id());
        (&mut fault.occasion, could.then_some(fault.kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_one_after_another() {
        let id = |id| Id::standard(id).unwrap();
        let mut faults = vec![
            Fault::bit_error().after(1),
            Fault::crc_error(),
            Fault::no_acknowledge().times(2),
            Fault::stuff_error().times(0),
            Fault::form_error().of(id(0x80)),
        ];
        let mut next = |role, of: u16| {
            let frame = Frame::new(id(of), &[]).unwrap();
            take(&mut faults, role, &frame, Time::ZERO)
        };
        assert_eq!(next(Role::Receiver, 1), Some(Kind::Crc));
        assert_eq!(next(Role::Receiver, 1), None);
        assert_eq!(next(Role::Sender, 1), Some(Kind::NoAcknowledge));
        assert_eq!(next(Role::Sender, 1), Some(Kind::Bit));
        assert_eq!(next(Role::Sender, 0x80), Some(Kind::NoAcknowledge));
        assert_eq!(next(Role::Sender, 0x80), None);
        assert_eq!(next(Role::Receiver, 0x80), Some(Kind::Form));
        assert!(faults.is_empty());
    }
}
