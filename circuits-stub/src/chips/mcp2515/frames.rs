//! How frames lie in the buffers, and what filters make of them.

use circuits_can::{Frame, FrameError, Id};

/// Four bytes of the identifier, the length, and the data.
pub(super) const LENGTH: usize = 13;

/// Of the second byte of the identifier: EXIDE, or IDE where it was received.
pub(super) const EXTENDED: u8 = 1 << 3;
/// Of the same: a standard remote frame was received. An extended one says so with its length.
const SRR: u8 = 1 << 4;
const RTR: u8 = 1 << 6;

/// Reads what is to be sent.
pub(super) fn to_send(bytes: &[u8; LENGTH]) -> Option<Frame> {
    let (id, rest) = bytes.split_at(4);
    let id = read_id(id).ok()?;
    let length = usize::from(rest[0] & 0x0f).min(8);
    let frame = match rest[0] & RTR {
        0 => Frame::new(id, &rest[1..1 + length]),
        _ => Frame::remote(id, length),
    };
    frame.ok()
}

/// Writes what was received.
pub(super) fn received(frame: &Frame) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[..4].copy_from_slice(&write_id(frame.id()));
    bytes[4] = frame.dlc();
    match (frame.is_remote(), frame.id().is_extended()) {
        (true, true) => bytes[4] |= RTR,
        (true, false) => bytes[1] |= SRR,
        _ => {}
    }
    let data = &frame.data()[..frame.data().len().min(8)];
    bytes[5..5 + data.len()].copy_from_slice(data);
    bytes
}

/// Tells whether a filter lets a frame through: one for extended identifiers, or for standard ones, whose other
/// bits are compared with the first two bytes of the data (section 4.5.1).
pub(super) fn passes(frame: &Frame, filter: &[u8; 4], mask: &[u8; 4]) -> bool {
    if frame.id().is_extended() != (filter[1] & EXTENDED != 0) {
        return false;
    }
    let mut bits = write_id(frame.id());
    let mut mask = *mask;
    if !frame.id().is_extended() {
        mask[1] &= 0b1110_0000;
        for at in 0..2 {
            match frame.data().get(at) {
                Some(byte) => bits[2 + at] = *byte,
                None => mask[2 + at] = 0,
            }
        }
    }
    mask[1] &= 0b1110_0011;
    (0..4).all(|at| (bits[at] ^ filter[at]) & mask[at] == 0)
}

fn read_id(bytes: &[u8]) -> Result<Id, FrameError> {
    let [sidh, sidl, eid8, eid0] = [0, 1, 2, 3].map(|at| u32::from(bytes[at]));
    let standard = sidh << 3 | sidl >> 5;
    match sidl as u8 & EXTENDED {
        0 => Id::standard(standard as u16),
        _ => Id::extended(standard << 18 | (sidl & 0b11) << 16 | eid8 << 8 | eid0),
    }
}

fn write_id(id: Id) -> [u8; 4] {
    let raw = id.raw();
    let (standard, extended) = match id.is_extended() {
        true => (raw >> 18, raw & 0x3_ffff),
        false => (raw, 0),
    };
    let flag = if id.is_extended() { EXTENDED } else { 0 };
    [
        (standard >> 3) as u8,
        (standard << 5) as u8 & 0b1110_0000 | flag | (extended >> 16) as u8,
        (extended >> 8) as u8,
        extended as u8,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_lie_as_the_datasheet_says() {
        let frame = Frame::new(Id::standard(0x7a5).unwrap(), &[1, 2]).unwrap();
        let bytes = received(&frame);
        assert_eq!(bytes, [0xf4, 0xa0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0]);
        assert_eq!(to_send(&bytes), Some(frame));
        let frame = Frame::new(Id::extended(0x1234_5678).unwrap(), &[9; 8]).unwrap();
        let bytes = received(&frame);
        assert_eq!(bytes[..5], [0x91, 0xa8, 0x56, 0x78, 8]);
        assert_eq!(to_send(&bytes), Some(frame));
    }

    /// A standard one says so elsewhere than an extended one.
    #[test]
    fn remote_frames_lie_as_the_datasheet_says() {
        let frame = Frame::remote(Id::standard(0x7a5).unwrap(), 3).unwrap();
        assert_eq!(received(&frame)[..6], [0xf4, 0xb0, 0, 0, 3, 0]);
        let frame = Frame::remote(Id::extended(0x1234_5678).unwrap(), 3).unwrap();
        let bytes = received(&frame);
        assert_eq!(bytes[..6], [0x91, 0xa8, 0x56, 0x78, 0x43, 0]);
        assert_eq!(to_send(&bytes), Some(frame));
    }

    #[test]
    fn lengths_above_eight_are_eight() {
        let frame = to_send(&[0, 0x20, 0, 0, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(frame.unwrap().data(), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    /// Figure 4-4 and table 4-2.
    #[test]
    fn filters_compare_what_the_mask_has() {
        let standard = |id, data: &[u8]| Frame::new(Id::standard(id).unwrap(), data).unwrap();
        let filter = [0xf4, 0xa0, 0x11, 0x22];
        let all = [0xff, 0xe3, 0xff, 0xff];
        assert!(passes(&standard(0x7a5, &[0x11, 0x22, 0x33]), &filter, &all));
        assert!(!passes(&standard(0x7a4, &[0x11, 0x22]), &filter, &all));
        assert!(!passes(&standard(0x7a5, &[0x11, 0x23]), &filter, &all));
        assert!(
            passes(&standard(0x7a5, &[0x11]), &filter, &all),
            "what is not there"
        );
        let id = [0xff, 0xe0, 0, 0];
        assert!(passes(&standard(0x7a5, &[7, 8]), &filter, &id));
        assert!(passes(&standard(0x123, &[7, 8]), &filter, &[0; 4]));

        let extended = |id| Frame::new(Id::extended(id).unwrap(), &[0x11, 0x22]).unwrap();
        assert!(
            !passes(&extended(0x123), &filter, &[0; 4]),
            "it is for standard ones"
        );
        let filter = [0x91, 0xa8, 0x56, 0x78];
        assert!(passes(&extended(0x1234_5678), &filter, &all));
        assert!(!passes(&extended(0x1234_5679), &filter, &all));
        assert!(!passes(&extended(0x1236_5678), &filter, &all));
        assert!(passes(
            &extended(0x1236_5679),
            &filter,
            &[0xff, 0xe0, 0xff, 0xfe]
        ));
        assert!(!passes(&standard(0x7a5, &[]), &filter, &[0; 4]));
    }
}
