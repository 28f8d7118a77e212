use std::fmt;

use crate::{ErrorFrame, Id};

/// A frame to be sent, or as it was received: classic with up to 8 bytes, remote, or CAN FD with up to 64.
///
/// ```
/// use circuits_can::{Frame, Id};
///
/// let speed = Frame::new(Id::standard(0x201)?, &1500i16.to_le_bytes())?;
/// assert_eq!(speed.to_string(), "201#DC05");
/// assert_eq!("201#DC05".parse(), Ok(speed));
///
/// let image = Frame::fd(Id::extended(0x18ff_0001)?, &[0; 48])?.bit_rate_switch(true);
/// assert_eq!((image.dlc(), image.data().len()), (14, 48));
/// # Ok::<(), circuits_can::FrameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    id: Id,
    kind: Kind,
    bit_rate_switch: bool,
    error_passive: bool,
    len: u8,
    /// What a classic frame of 8 bytes says of its length, if it says more than 8; otherwise 0.
    dlc: u8,
    /// Zero after `len`.
    data: [u8; 64],
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Data,
    Remote,
    Fd,
}

/// The lengths of CAN FD, by data length code (ISO 11898-1).
const LENGTHS: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64];

impl Frame {
    /// Makes a classic frame with up to 8 bytes of data.
    ///
    /// # Errors
    /// [`FrameError::Length`].
    pub fn new(id: impl Into<Id>, data: &[u8]) -> Result<Frame, FrameError> {
        match data.len() {
            ..=8 => Ok(Frame::with(id.into(), Kind::Data, data)),
            length => Err(FrameError::Length { length, most: 8 }),
        }
    }

    /// Makes a remote frame, which asks for one with so many bytes of data, up to 8.
    ///
    /// # Errors
    /// [`FrameError::Length`].
    pub fn remote(id: impl Into<Id>, length: usize) -> Result<Frame, FrameError> {
        match length {
            ..=8 => Ok(Frame {
                len: length as u8,
                ..Frame::with(id.into(), Kind::Remote, &[])
            }),
            _ => Err(FrameError::Length { length, most: 8 }),
        }
    }

    /// Makes a CAN FD frame: with up to 8 bytes of data, or with 12, 16, 20, 24, 32, 48 or 64.
    ///
    /// # Errors
    /// [`FrameError::Length`], [`FrameError::FdLength`].
    pub fn fd(id: impl Into<Id>, data: &[u8]) -> Result<Frame, FrameError> {
        let length = data.len();
        match LENGTHS.iter().find(|next| usize::from(**next) >= length) {
            Some(next) if usize::from(*next) == length => {
                Ok(Frame::with(id.into(), Kind::Fd, data))
            }
            Some(&next) => Err(FrameError::FdLength { length, next }),
            None => Err(FrameError::Length { length, most: 64 }),
        }
    }

    /// Sets the data length code that a classic frame of 8 bytes, or a remote frame that asks for 8, says on the
    /// bus: 8, or one from 9 to 15, which mean 8 as well (`len8_dlc`). A controller sends and tells it only in
    /// [`Mode::ClassicDlc`](crate::Mode::ClassicDlc).
    ///
    /// ```
    /// use circuits_can::{Frame, Id};
    ///
    /// let frame = Frame::new(Id::standard(0x123)?, &[0x11; 8])?.len8_dlc(11)?;
    /// assert_eq!((frame.data().len(), frame.dlc()), (8, 11));
    /// assert_eq!(frame.to_string(), "123#1111111111111111_B");
    /// # Ok::<(), circuits_can::FrameError>(())
    /// ```
    ///
    /// # Errors
    /// [`FrameError::Dlc`]: it is another one, or a frame of another length.
    pub fn len8_dlc(mut self, dlc: u8) -> Result<Frame, FrameError> {
        if self.is_fd() || self.len != 8 || !matches!(dlc, 8..=15) {
            return Err(FrameError::Dlc { dlc });
        }
        self.dlc = if dlc > 8 { dlc } else { 0 };
        Ok(self)
    }

    fn with(id: Id, kind: Kind, bytes: &[u8]) -> Frame {
        let mut data = [0; 64];
        data[..bytes.len()].copy_from_slice(bytes);
        Frame {
            id,
            kind,
            bit_rate_switch: false,
            error_passive: false,
            len: bytes.len() as u8,
            dlc: 0,
            data,
        }
    }

    /// Sets whether the data of a CAN FD frame goes at the data bit rate (`CANFD_BRS`); of others nothing.
    pub fn bit_rate_switch(mut self, switch: bool) -> Frame {
        self.bit_rate_switch = switch && self.is_fd();
        self
    }

    /// Sets whether a CAN FD frame says that its sender is error-passive (`CANFD_ESI`); of others nothing.
    pub fn error_state_indicator(mut self, passive: bool) -> Frame {
        self.error_passive = passive && self.is_fd();
        self
    }

    /// Returns the identifier.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Returns the data, of which a remote frame has none.
    pub fn data(&self) -> &[u8] {
        match self.kind {
            Kind::Remote => &[],
            _ => &self.data[..usize::from(self.len)],
        }
    }

    /// Returns how many bytes of data it has, or asks for.
    pub(crate) fn length(&self) -> u8 {
        self.len
    }

    /// Returns the data length code: what the frame says of its length on the bus. That of a classic frame
    /// is more than 8 only if [`len8_dlc`](Frame::len8_dlc) made it so.
    pub fn dlc(&self) -> u8 {
        let code = LENGTHS.iter().position(|length| *length == self.len);
        self.dlc.max(code.unwrap_or_default() as u8)
    }

    /// Tells whether it is a remote frame.
    pub fn is_remote(&self) -> bool {
        self.kind == Kind::Remote
    }

    /// Tells whether it is a CAN FD frame.
    pub fn is_fd(&self) -> bool {
        self.kind == Kind::Fd
    }

    /// Tells whether its data goes at the data bit rate.
    pub fn switches_bit_rate(&self) -> bool {
        self.bit_rate_switch
    }

    /// Tells whether its sender was error-passive, as a CAN FD frame says.
    pub fn is_from_error_passive(&self) -> bool {
        self.error_passive
    }

    /// Returns the bits by which two frames that begin at the same time are told apart on the bus, the first one on
    /// top: who sends the smaller number goes on, the other one waits (ISO 11898-1).
    ///
    /// So the smaller [`Id`] goes first; a data frame before the remote frame that asks for it; a standard
    /// frame, remote or not, before extended ones that begin with the same 11 bits. Of two that are equal here
    /// neither waits, and they destroy each other: an identifier belongs to one sender.
    ///
    /// ```
    /// use circuits_can::Frame;
    ///
    /// let mut frames = ["123#R", "123#01", "048C0000#02", "122#03"].map(|text| text.parse::<Frame>().unwrap());
    /// frames.sort_by_key(Frame::arbitration);
    /// assert_eq!(frames.map(|frame| frame.to_string()), ["122#03", "123#01", "123#R", "048C0000#02"]);
    /// ```
    pub fn arbitration(&self) -> u32 {
        // The 32 bits of the arbitration field of an extended frame: 11 of the identifier, SRR, IDE, 18 more, RTR.
        // A standard frame has RTR where that has SRR (recessive), and IDE dominant; what follows is not compared
        // with what comes of an extended one. CAN FD has a dominant bit (RRS) instead of RTR. Whether a frame is CAN
        // FD is said after this field, so it does not take part.
        let remote = u32::from(self.is_remote());
        let (first, rest) = (self.id.arbitration() >> 19, self.id.raw() & 0x3_ffff);
        match self.id.is_extended() {
            true => (first << 21) | (0b11 << 19) | (rest << 1) | remote,
            false => (first << 21) | (remote << 20),
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({self})")
    }
}

/// What comes out of a socket: a frame of the bus, or an error frame, in which the controller says what
/// is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnyFrame {
    /// A frame of the bus.
    Frame(Frame),
    /// An error frame.
    Error(ErrorFrame),
}

/// Why there is no such frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// An identifier has more bits than it may.
    #[error("identifier {id:#x} has more than {bits} bits")]
    Id {
        /// The identifier.
        id: u32,
        /// How many bits it may have.
        bits: u8,
    },
    /// The data is too long.
    #[error("{length} bytes are too many for a frame, which has {most} at most")]
    Length {
        /// How long it is.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// No classic frame of this length says this of it.
    #[error(
        "data length code {dlc}: only a classic frame with 8 bytes of data has one of its own, from 8 to 15"
    )]
    Dlc {
        /// The data length code.
        dlc: u8,
    },
    /// CAN FD has no frames of this length.
    #[error("no CAN FD frame has {length} bytes of data: the next longer one has {next}")]
    FdLength {
        /// How long it is.
        length: usize,
        /// The next longer one that there is.
        next: u8,
    },
    /// A text is none of a frame, an identifier or a filter.
    #[error("expected {expected} at column {}", position + 1)]
    Text {
        /// How many bytes were as they may be: it is wrong after them.
        position: usize,
        /// What may be there.
        expected: &'static str,
    },
    /// Bytes are no frame as the kernel has it: there are others than 16 or 72 of them.
    #[error("{size} bytes are no frame: struct can_frame has 16, struct canfd_frame 72")]
    Size {
        /// How many they are.
        size: usize,
    },
    /// A frame as the kernel has it has flags that do not go with it, or that are not known.
    #[error("flags {flags:#x} do not go with such a frame")]
    Flags {
        /// The flags: those on top of the identifier, or those of a CAN FD frame.
        flags: u32,
    },
}
