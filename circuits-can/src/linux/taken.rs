use crate::AnyFrame;

// include/uapi/linux/can.h
const EXTENDED: u32 = 0x8000_0000;
const REMOTE: u32 = 0x4000_0000;
const ERROR: u32 = 0x2000_0000;
const FLAGS: u8 = 0x01 | 0x02 | 0x04;

/// Takes a frame as the kernel hands it out.
///
/// It passes on what programs send on virtual interfaces, and looks at lengths only. What is no frame is taken as a
/// controller would send it: with eleven bits of a standard identifier, without flags that mean nothing, and as
/// long as the next longer frame there is.
pub(super) fn taken(bytes: &[u8]) -> Option<AnyFrame> {
    match AnyFrame::from_bytes(bytes) {
        Ok(frame) => Some(frame),
        Err(_) => sent(bytes),
    }
}

fn sent(bytes: &[u8]) -> Option<AnyFrame> {
    let mut room = [0; AnyFrame::SIZE];
    let frame = room.get_mut(..bytes.len())?;
    frame.copy_from_slice(bytes);
    let (id, rest) = frame.split_first_chunk_mut::<4>()?;
    let [length, flags, ..] = rest else {
        return None;
    };
    let mut number = u32::from_ne_bytes(*id);
    if bytes.len() == AnyFrame::SIZE {
        number &= !(REMOTE | ERROR);
        *flags &= FLAGS;
        let lengths = [12, 16, 20, 24, 32, 48, 64];
        if *length > 8 {
            *length = lengths.into_iter().find(|next| *next >= *length)?;
        }
    }
    if number & ERROR != 0 {
        number &= !(EXTENDED | REMOTE);
    } else if number & EXTENDED == 0 {
        number &= REMOTE | 0x7ff;
    }
    *id = number.to_ne_bytes();
    AnyFrame::from_bytes(frame).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frame;

    fn bytes(id: u32, length: u8, flags: u8, size: usize) -> Vec<u8> {
        let head = [length, flags, 0, 0];
        let data = (1..).take(size - 8);
        let id = id.to_ne_bytes().into_iter();
        id.chain(head).chain(data).collect()
    }

    #[test]
    fn what_no_controller_sends_is_what_it_would_have_sent() {
        let frame = |id, length, flags, size| match taken(&bytes(id, length, flags, size)) {
            Some(AnyFrame::Frame(frame)) => frame.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(frame(0x801, 2, 0, 16), "001#0102");
        assert_eq!(frame(0x4000_0801, 0, 0, 16), "001#R");
        assert_eq!(frame(0x4000_0001, 1, 0xf9, 72), "001##501");
        let longer = taken(&bytes(0x9234_5678, 9, 0, 72)).unwrap();
        let data: Vec<u8> = (1..=12).collect();
        let id = crate::Id::extended(0x1234_5678).unwrap();
        assert_eq!(longer, AnyFrame::Frame(Frame::fd(id, &data).unwrap()));
        let error = taken(&bytes(0xe000_0040, 8, 0, 16));
        assert_eq!(error, taken(&bytes(0x2000_0040, 8, 0, 16)));
        assert!(matches!(error, Some(AnyFrame::Error(_))));
    }

    #[test]
    fn what_has_another_length_is_none() {
        for size in [8, 15, 17, 71] {
            assert_eq!(taken(&bytes(1, 0, 0, size)), None);
        }
        assert_eq!(taken(&[0; 2060]), None);
        assert_eq!(taken(&[]), None);
        assert_eq!(taken(&bytes(1, 9, 0, 16)), None);
        assert_eq!(taken(&bytes(1, 65, 0, 72)), None);
    }
}
