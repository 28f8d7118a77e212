use super::bus::Role;

/// Something that goes wrong with what a CAN interface sends or receives: see
/// [`Stub::can_fault`](crate::Stub::can_fault).
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
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    after: u32,
    times: u32,
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

    /// So many frames come before it, from now on, of those that it could meet: sent or received ones. Each attempt
    /// at sending counts. Default: none.
    #[must_use]
    pub fn after(self, frames: u32) -> Fault {
        Fault {
            after: frames,
            ..self
        }
    }

    /// It comes so many times, with one frame after another. Default: once.
    #[must_use]
    pub fn times(self, frames: u32) -> Fault {
        Fault {
            times: frames,
            ..self
        }
    }

    fn new(kind: Kind) -> Fault {
        Fault {
            kind,
            after: 0,
            times: 1,
        }
    }

    fn is_of(&self, role: Role) -> bool {
        match self.kind {
            Kind::Bit | Kind::NoAcknowledge => role == Role::Sender,
            Kind::Stuff | Kind::Form | Kind::Crc | Kind::Overrun => role == Role::Receiver,
        }
    }
}

/// Takes the fault of the frame that goes over the bus now, if there is one. Others are nearer then.
pub(super) fn take(faults: &mut Vec<Fault>, role: Role) -> Option<Kind> {
    let mut taken = None;
    faults.retain_mut(|fault| {
        if !fault.is_of(role) {
            return true;
        }
        match fault.after.checked_sub(1) {
            Some(after) => fault.after = after,
            None if taken.is_none() && fault.times > 0 => {
                taken = Some(fault.kind);
                fault.times -= 1;
            }
            // One at a time: this one is for the next.
            None => {}
        }
        fault.times > 0
    });
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_one_after_another() {
        let mut faults = vec![
            Fault::bit_error().after(1),
            Fault::crc_error(),
            Fault::no_acknowledge().times(2),
            Fault::stuff_error().times(0),
        ];
        assert_eq!(take(&mut faults, Role::Receiver), Some(Kind::Crc));
        assert_eq!(take(&mut faults, Role::Receiver), None);
        let mut next = || take(&mut faults, Role::Sender);
        assert_eq!(next(), Some(Kind::NoAcknowledge));
        assert_eq!(next(), Some(Kind::Bit));
        assert_eq!(next(), Some(Kind::NoAcknowledge));
        assert_eq!(next(), None);
        assert!(faults.is_empty());
    }
}
