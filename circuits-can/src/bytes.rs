//! Frames as the kernel has them: `struct can_frame` and `struct canfd_frame` (include/uapi/linux/can.h).

use crate::{AnyFrame, ErrorFrame, ErrorMask, Frame, FrameError, Id};

const EXTENDED: u32 = 0x8000_0000;
const REMOTE: u32 = 0x4000_0000;
const ERROR: u32 = 0x2000_0000;
const ID: u32 = 0x1fff_ffff;

// The flags of a CAN FD frame.
const BRS: u8 = 1;
const ESI: u8 = 2;
const FDF: u8 = 4;

/// `CAN_MTU`.
const CLASSIC: usize = 16;
/// `CANFD_MTU`.
const FD: usize = 72;
/// Where the data begins, in both.
const DATA: usize = 8;

impl AnyFrame {
    /// How many bytes a frame has as the kernel has it, at most.
    pub const SIZE: usize = FD;

    /// Makes a frame of what the kernel has: 16 bytes, `struct can_frame`, or 72, `struct canfd_frame`, with the
    /// numbers in this machine's order.
    ///
    /// What the kernel does not look at is not looked at here: what is after the data, padding, and
    /// `len8_dlc` where it says nothing. Programs on a virtual interface leave anything there.
    ///
    /// # Errors
    /// [`FrameError::Size`]; [`FrameError::Length`], [`FrameError::FdLength`]; [`FrameError::Id`]: a standard
    /// identifier has more than 11 bits; [`FrameError::Flags`]: the flags are not known, or do not go together, as
    /// in a remote CAN FD frame.
    pub fn from_bytes(bytes: &[u8]) -> Result<AnyFrame, FrameError> {
        let size = bytes.len();
        let (CLASSIC | FD, &[a, b, c, d, length, flags, _, len8_dlc, ref data @ ..]) =
            (size, bytes)
        else {
            return Err(FrameError::Size { size });
        };
        let can_id = u32::from_ne_bytes([a, b, c, d]);
        let length = usize::from(length);
        let data = data.get(..length).ok_or(FrameError::Length {
            length,
            most: size - DATA,
        })?;
        let no_flags = |flags: u32| match flags {
            0 => Ok(()),
            flags => Err(FrameError::Flags { flags }),
        };

        if size == FD {
            no_flags(can_id & (ERROR | REMOTE))?;
            no_flags(u32::from(flags & !(BRS | ESI | FDF)))?;
            let frame = Frame::fd(id(can_id)?, data)?
                .bit_rate_switch(flags & BRS != 0)
                .error_state_indicator(flags & ESI != 0);
            return Ok(AnyFrame::Frame(frame));
        }
        if can_id & ERROR != 0 {
            no_flags(can_id & (EXTENDED | REMOTE))?;
            let mut all = [0; 8];
            all[..length].copy_from_slice(data);
            let error = ErrorFrame::new(ErrorMask::from_bits(can_id & ID), all);
            return Ok(AnyFrame::Error(error));
        }
        let frame = match can_id & REMOTE {
            0 => Frame::new(id(can_id)?, data)?,
            _ => Frame::remote(id(can_id)?, length)?,
        };
        match (length, len8_dlc) {
            (8, 9..=15) => frame.len8_dlc(len8_dlc).map(AnyFrame::Frame),
            _ => Ok(AnyFrame::Frame(frame)),
        }
    }

    /// Writes it into `buffer` as the kernel has it, and returns what was written: 16 bytes, or 72 for a CAN FD
    /// frame.
    pub fn to_bytes<'a>(&self, buffer: &'a mut [u8; AnyFrame::SIZE]) -> &'a [u8] {
        match self {
            AnyFrame::Frame(frame) => frame.to_bytes(buffer),
            AnyFrame::Error(error) => {
                let can_id = error.class().bits() | ERROR;
                write(buffer, can_id, [8, 0, 0, 0], error.data());
                &buffer[..CLASSIC]
            }
        }
    }
}

impl Frame {
    /// Writes it into `buffer` as the kernel has it, and returns what was written: 16 bytes
    /// (`struct can_frame`), or 72 for a CAN FD frame (`struct canfd_frame`).
    ///
    /// ```
    /// use circuits_can::{AnyFrame, Frame};
    ///
    /// let frame: Frame = "123#DEADBEEF".parse()?;
    /// let mut buffer = [0; AnyFrame::SIZE];
    /// let bytes = frame.to_bytes(&mut buffer);
    /// assert_eq!(bytes.len(), 16);
    /// assert_eq!(AnyFrame::from_bytes(bytes)?, AnyFrame::Frame(frame));
    /// # Ok::<(), circuits_can::FrameError>(())
    /// ```
    pub fn to_bytes<'a>(&self, buffer: &'a mut [u8; AnyFrame::SIZE]) -> &'a [u8] {
        let (id, length) = (self.id().can_id(), self.length());
        if self.is_fd() {
            let brs = if self.switches_bit_rate() { BRS } else { 0 };
            let esi = if self.is_from_error_passive() { ESI } else { 0 };
            // The kernel sets it in all that it hands out, and older ones do not look at it.
            write(buffer, id, [length, FDF | brs | esi, 0, 0], self.data());
            return &buffer[..];
        }
        let remote = if self.is_remote() { REMOTE } else { 0 };
        let len8_dlc = match self.dlc() {
            dlc @ 9.. => dlc,
            _ => 0,
        };
        write(buffer, id | remote, [length, 0, 0, len8_dlc], self.data());
        &buffer[..CLASSIC]
    }
}

fn id(can_id: u32) -> Result<Id, FrameError> {
    match can_id & EXTENDED {
        0 => match can_id & ID {
            id @ ..=0x7ff => Ok(Id::from_bits(id, false)),
            id => Err(FrameError::Id { id, bits: 11 }),
        },
        _ => Ok(Id::from_bits(can_id, true)),
    }
}

fn write(buffer: &mut [u8; FD], can_id: u32, rest: [u8; 4], data: &[u8]) {
    buffer[..4].copy_from_slice(&can_id.to_ne_bytes());
    buffer[4..DATA].copy_from_slice(&rest);
    buffer[DATA..DATA + data.len()].copy_from_slice(data);
    buffer[DATA + data.len()..].fill(0);
}
