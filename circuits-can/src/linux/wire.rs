use crate::{AnyFrame, ErrorFrame, ErrorMask, Frame, Id};

// include/uapi/linux/can.h
const EXTENDED: u32 = 0x8000_0000;
const REMOTE: u32 = 0x4000_0000;
const ERROR: u32 = 0x2000_0000;
const BRS: u8 = 0x01;
const ESI: u8 = 0x02;
const FDF: u8 = 0x04;

/// `sizeof(struct can_frame)`.
const CLASSIC: usize = 16;
/// `sizeof(struct canfd_frame)`.
const FD: usize = 72;

/// A frame as the kernel has it: a `struct can_frame` or a `struct canfd_frame`.
pub(super) struct Wire {
    bytes: [u8; FD],
    length: usize,
}

impl Wire {
    pub(super) fn new(frame: &Frame) -> Wire {
        let mut bytes = [0; FD];
        let remote = if frame.is_remote() { REMOTE } else { 0 };
        bytes[..4].copy_from_slice(&(frame.id().can_id() | remote).to_ne_bytes());
        let data = frame.data();
        bytes[8..8 + data.len()].copy_from_slice(data);
        if frame.is_fd() {
            let brs = if frame.switches_bit_rate() { BRS } else { 0 };
            let esi = if frame.is_from_error_passive() {
                ESI
            } else {
                0
            };
            bytes[4] = data.len() as u8;
            bytes[5] = FDF | brs | esi;
            return Wire { bytes, length: FD };
        }
        bytes[4] = frame.dlc().min(8);
        if frame.dlc() > 8 {
            bytes[7] = frame.dlc();
        }
        Wire {
            bytes,
            length: CLASSIC,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Takes a frame out of what the kernel hands out; what is neither kind of frame is none.
pub(super) fn frame(bytes: &[u8]) -> Option<AnyFrame> {
    let (head, data) = bytes.split_first_chunk::<8>()?;
    let [a, b, c, d, len, flags, _, _] = *head;
    let id = u32::from_ne_bytes([a, b, c, d]);
    if id & ERROR != 0 {
        let data = *data.first_chunk()?;
        return Some(AnyFrame::Error(ErrorFrame::new(
            ErrorMask::from_bits(id),
            data,
        )));
    }
    let number = match id & EXTENDED {
        0 => Id::standard((id & 0x7ff) as u16),
        _ => Id::extended(id & 0x1fff_ffff),
    };
    let (number, len) = (number.ok()?, usize::from(len));
    let frame = match bytes.len() {
        CLASSIC if id & REMOTE != 0 => Frame::remote(number, len),
        CLASSIC => Frame::new(number, data.get(..len)?),
        FD => Frame::fd(number, data.get(..len)?).map(|frame| {
            let frame = frame.bit_rate_switch(flags & BRS != 0);
            frame.error_state_indicator(flags & ESI != 0)
        }),
        _ => return None,
    };
    frame.ok().map(AnyFrame::Frame)
}
