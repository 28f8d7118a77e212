//! The marks in the input where a byte was damaged or a break came (`PARMRK`, termios(3)).

use std::iter;

use crate::Received;

/// What was read from the kernel with marks in it, and not handed out yet.
#[derive(Debug, Default)]
pub(super) struct Marks {
    raw: Vec<u8>,
    /// How much of that was handed out.
    start: usize,
}

impl Marks {
    /// As many as the kernel has for one reader (`N_TTY_BUF_SIZE`, drivers/tty/n_tty.c).
    pub(super) const ROOM: usize = 4096;

    /// Hands out what comes next, if there is a whole something.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> Option<Received> {
        let (read, received) = decode(&self.raw[self.start..], buffer);
        self.start += read;
        received
    }

    /// Returns how many bytes that are, with those of the marks.
    pub(super) fn len(&self) -> usize {
        self.raw.len() - self.start
    }

    /// Returns where more is to be appended, and makes room for it.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.raw.drain(..self.start);
        self.start = 0;
        self.raw.reserve(Marks::ROOM);
        &mut self.raw
    }

    /// Takes in bytes with marks.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.room().extend(bytes);
    }

    /// Takes in bytes that have no marks.
    pub(super) fn extend_unmarked(&mut self, bytes: &[u8]) {
        let room = self.room();
        for byte in bytes {
            let times = if *byte == 0xff { 2 } else { 1 };
            room.extend(iter::repeat_n(*byte, times));
        }
    }

    /// Counts bytes, damaged bytes and breaks.
    pub(super) fn waiting(&self) -> usize {
        let (mut rest, mut count, mut bytes) = (&self.raw[self.start..], 0, [0; 64]);
        while let (read, Some(received)) = decode(rest, &mut bytes) {
            rest = &rest[read..];
            count += match received {
                Received::Bytes(bytes) => bytes,
                _ => 1,
            };
        }
        count
    }

    /// Throws all of it away.
    pub(super) fn clear(&mut self) {
        self.raw.clear();
        self.start = 0;
    }
}

/// Decodes what comes first: bytes as far as they go and there is room, or a mark. Returns how much of
/// `raw` that was. Of a mark the beginning alone says nothing yet.
///
/// A damaged byte X is `ff 00 X`, a break `ff 00 00`, and a byte ff is `ff ff`. So a damaged byte 0 is a
/// break: the kernel makes no difference (`n_tty_receive_parity_error`, drivers/tty/n_tty.c).
fn decode(raw: &[u8], buffer: &mut [u8]) -> (usize, Option<Received>) {
    let (mut read, mut count) = (0, 0);
    while count < buffer.len() {
        let plain = raw[read..].iter().position(|byte| *byte == 0xff);
        let plain = plain.unwrap_or(raw.len() - read).min(buffer.len() - count);
        buffer[count..count + plain].copy_from_slice(&raw[read..read + plain]);
        (read, count) = (read + plain, count + plain);
        if count == buffer.len() {
            break;
        }
        match raw[read..] {
            [0xff, 0x00, byte, ..] if count == 0 => {
                let received = match byte {
                    0 => Received::Break,
                    byte => Received::Damaged(byte),
                };
                return (read + 3, Some(received));
            }
            [] | [0xff] | [0xff, 0x00, ..] => break,
            // Anything else the kernel does not send: the byte is what it is.
            [_, second, ..] => {
                buffer[count] = 0xff;
                count += 1;
                read += if second == 0xff { 2 } else { 1 };
            }
            // It begins with ff, or is empty.
            [_] => break,
        }
    }
    (read, (count > 0).then_some(Received::Bytes(count)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads all that there is, with room for `room` bytes.
    fn take_all(marks: &mut Marks, room: usize) -> Vec<Item> {
        let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
        while let Some(received) = marks.take(&mut buffer) {
            match received {
                Received::Bytes(count) => {
                    all.extend(buffer[..count].iter().map(|byte| Byte(*byte)))
                }
                Received::Damaged(byte) => all.push(Damaged(byte)),
                Received::Break => all.push(Break),
            }
        }
        all
    }

    /// What comes over a line.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Item {
        Byte(u8),
        Damaged(u8),
        Break,
    }
    use Item::*;

    /// What the kernel makes of it.
    fn encode(all: &[Item]) -> Vec<u8> {
        let encode = |each: &Item| match *each {
            Byte(0xff) => vec![0xff, 0xff],
            Byte(byte) => vec![byte],
            Damaged(byte) => vec![0xff, 0, byte],
            Break => vec![0xff, 0, 0],
        };
        all.iter().flat_map(encode).collect()
    }

    fn fill(marks: &mut Marks, bytes: &[u8]) {
        marks.room().extend(bytes);
    }

    #[test]
    fn marks_are_told_in_their_places() {
        let mut marks = Marks::default();
        fill(&mut marks, b"ab\xff\x00\x07\xff\xffc\xff\x00\x00");
        assert_eq!(marks.waiting(), 6);
        let expected = [
            Byte(b'a'),
            Byte(b'b'),
            Damaged(7),
            Byte(0xff),
            Byte(b'c'),
            Break,
        ];
        assert_eq!(take_all(&mut marks, 10), expected);
        assert!(marks.raw[marks.start..].is_empty());
    }

    #[test]
    fn half_a_mark_is_waited_for() {
        let mut marks = Marks::default();
        fill(&mut marks, b"a\xff");
        assert_eq!(take_all(&mut marks, 10), [Byte(b'a')]);
        fill(&mut marks, b"\x00");
        assert_eq!(take_all(&mut marks, 10), []);
        assert_eq!(
            (marks.waiting(), marks.raw[marks.start..].is_empty()),
            (0, false)
        );
        fill(&mut marks, b"\xffb");
        assert_eq!(take_all(&mut marks, 10), [Damaged(0xff), Byte(b'b')]);
    }

    #[test]
    fn bytes_from_before_have_no_marks() {
        let mut marks = Marks::default();
        marks.extend_unmarked(b"\xff\x00\x01\xff");
        fill(&mut marks, b"\xff\x00\x01");
        let expected = [Byte(0xff), Byte(0), Byte(1), Byte(0xff), Damaged(1)];
        assert_eq!(take_all(&mut marks, 2), expected);
    }

    fn received() -> impl Strategy<Value = Item> {
        // More of those that matter.
        let byte = prop_oneof![any::<u8>(), Just(0xff), Just(0)];
        // The kernel's damaged 0 is a break.
        let damaged = prop_oneof![1..=255u8, Just(0xff)].prop_map(Damaged);
        prop_oneof![4 => byte.prop_map(Byte), 1 => damaged, 1 => Just(Break)]
    }

    proptest! {
        #[test]
        fn any_line_is_read_as_it_was(
            line in prop::collection::vec(received(), 0..200),
            cuts in prop::collection::vec(1..20usize, 1..20),
            room in 1..20usize,
        ) {
            let (raw, mut marks, mut read) = (encode(&line), Marks::default(), Vec::new());
            let (mut rest, mut cuts) = (&raw[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (part, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                fill(&mut marks, part);
                let waiting = marks.waiting();
                let taken = take_all(&mut marks, room);
                prop_assert_eq!(taken.len(), waiting);
                read.extend(taken);
                rest = after;
            }
            prop_assert_eq!(read, line);
            prop_assert!(marks.raw[marks.start..].is_empty());
        }

        #[test]
        fn no_bytes_are_too_many(raw: Vec<u8>, room in 1..20usize) {
            let mut marks = Marks::default();
            fill(&mut marks, &raw);
            take_all(&mut marks, room);
            // The beginning of a mark, at most.
            prop_assert!(marks.raw.len() - marks.start < 3);
        }
    }
}
