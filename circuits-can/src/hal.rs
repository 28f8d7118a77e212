//! embedded-can's traits, for sockets and references to them.

#[cfg(feature = "embedded-can-04")]
mod v04 {
    use std::io;

    use embedded_can_04 as embedded_can;

    use crate::{
        Cause, ControllerProblem, Error, ErrorFrame, Frame, Id, Location, Socket, Violation,
    };

    impl embedded_can::Error for Error {
        fn kind(&self) -> embedded_can::ErrorKind {
            match self {
                Error::Lost { .. } => embedded_can::ErrorKind::Overrun,
                Error::Bus { error, .. } => embedded_can::Error::kind(error),
                _ => embedded_can::ErrorKind::Other,
            }
        }
    }

    /// The kind of its first cause that embedded-can has one for.
    impl embedded_can::Error for ErrorFrame {
        fn kind(&self) -> embedded_can::ErrorKind {
            self.causes()
                .find_map(kind)
                .unwrap_or(embedded_can::ErrorKind::Other)
        }
    }

    fn kind(cause: Cause) -> Option<embedded_can::ErrorKind> {
        use embedded_can::ErrorKind;
        match cause {
            Cause::NoAcknowledge => Some(ErrorKind::Acknowledge),
            Cause::Controller(ControllerProblem::ReceiveOverflow) => Some(ErrorKind::Overrun),
            // A wrong checksum and a missing acknowledgement have no bit of their own: drivers tell them by the
            // place (m_can), some as a bit error as well (flexcan).
            Cause::Protocol {
                violation: Violation::Unspecified | Violation::Bit,
                location,
                ..
            } if matches!(
                location,
                Location::CRC_SEQUENCE | Location::ACKNOWLEDGE_SLOT
            ) =>
            {
                Some(match location {
                    Location::CRC_SEQUENCE => ErrorKind::Crc,
                    _ => ErrorKind::Acknowledge,
                })
            }
            Cause::Protocol { violation, .. } => match violation {
                Violation::Bit | Violation::DominantBit | Violation::RecessiveBit => {
                    Some(ErrorKind::Bit)
                }
                Violation::Stuff => Some(ErrorKind::Stuff),
                Violation::Form => Some(ErrorKind::Form),
                _ => None,
            },
            _ => None,
        }
    }

    impl From<embedded_can::StandardId> for Id {
        fn from(id: embedded_can::StandardId) -> Id {
            Id::from_bits(u32::from(id.as_raw()), false)
        }
    }

    impl From<embedded_can::ExtendedId> for Id {
        fn from(id: embedded_can::ExtendedId) -> Id {
            Id::from_bits(id.as_raw(), true)
        }
    }

    impl From<embedded_can::Id> for Id {
        fn from(id: embedded_can::Id) -> Id {
            match id {
                embedded_can::Id::Standard(id) => id.into(),
                embedded_can::Id::Extended(id) => id.into(),
            }
        }
    }

    impl From<Id> for embedded_can::Id {
        fn from(id: Id) -> embedded_can::Id {
            match id.is_extended() {
                true => embedded_can::Id::Extended(
                    embedded_can::ExtendedId::new(id.raw())
                        .unwrap_or(embedded_can::ExtendedId::MAX),
                ),
                false => embedded_can::Id::Standard(
                    embedded_can::StandardId::new(id.raw() as u16)
                        .unwrap_or(embedded_can::StandardId::MAX),
                ),
            }
        }
    }

    /// Classic frames; CAN FD frames have their own constructor, and their data and identifier here. The data length
    /// code is the length of the data, as the trait has it, or what a remote frame asks for, whatever the frame says on
    /// the bus ([`Frame::dlc`]).
    impl embedded_can::Frame for Frame {
        fn new(id: impl Into<embedded_can::Id>, data: &[u8]) -> Option<Frame> {
            Frame::new(id.into(), data).ok()
        }

        fn new_remote(id: impl Into<embedded_can::Id>, dlc: usize) -> Option<Frame> {
            Frame::remote(id.into(), dlc).ok()
        }

        fn is_extended(&self) -> bool {
            self.id().is_extended()
        }

        fn is_remote_frame(&self) -> bool {
            self.is_remote()
        }

        fn id(&self) -> embedded_can::Id {
            Frame::id(self).into()
        }

        fn dlc(&self) -> usize {
            // A driver takes so many bytes of the data, which panics where the code says more.
            usize::from(self.length())
        }

        fn data(&self) -> &[u8] {
            Frame::data(self)
        }
    }

    /// Nothing waits here. `nb::block!` tries again without a rest, which takes a whole processor, and on a virtual board
    /// in virtual time is for ever: time moves when somebody waits, so have a delay between two tries.
    impl embedded_can::nb::Can for &Socket {
        type Frame = Frame;
        type Error = Error;

        fn transmit(&mut self, frame: &Frame) -> nb::Result<Option<Frame>, Error> {
            self.try_write(frame)
                .map(|()| None)
                .map_err(or_would_block(self))
        }

        fn receive(&mut self) -> nb::Result<Frame, Error> {
            let next = self.try_read().map_err(or_would_block(self))?;
            next.map_err(nb::Error::Other)
        }
    }

    fn or_would_block(socket: &Socket) -> impl Fn(io::Error) -> nb::Error<Error> + '_ {
        |error| match error.kind() {
            io::ErrorKind::WouldBlock => nb::Error::WouldBlock,
            _ => nb::Error::Other(socket.failed("such frames")(error)),
        }
    }

    impl embedded_can::blocking::Can for &Socket {
        type Frame = Frame;
        type Error = Error;

        fn transmit(&mut self, frame: &Frame) -> Result<(), Error> {
            self.write(frame, self.timeout())
        }

        fn receive(&mut self) -> Result<Frame, Error> {
            self.read_frame(self.timeout())
        }
    }

    /// Nothing waits here. `nb::block!` tries again without a rest, which takes a whole processor, and on a virtual board
    /// in virtual time is for ever: time moves when somebody waits, so have a delay between two tries.
    impl embedded_can::nb::Can for Socket {
        type Frame = Frame;
        type Error = Error;

        fn transmit(&mut self, frame: &Frame) -> nb::Result<Option<Frame>, Error> {
            embedded_can::nb::Can::transmit(&mut &*self, frame)
        }

        fn receive(&mut self) -> nb::Result<Frame, Error> {
            embedded_can::nb::Can::receive(&mut &*self)
        }
    }

    impl embedded_can::blocking::Can for Socket {
        type Frame = Frame;
        type Error = Error;

        fn transmit(&mut self, frame: &Frame) -> Result<(), Error> {
            embedded_can::blocking::Can::transmit(&mut &*self, frame)
        }

        fn receive(&mut self) -> Result<Frame, Error> {
            embedded_can::blocking::Can::receive(&mut &*self)
        }
    }
}
