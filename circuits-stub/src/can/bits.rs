//! Frames as they go over a bus, bit by bit (ISO 11898-1): how long they are, with the bits that are
//! stuffed, and where two of them differ.

use std::ops::Range;
use std::time::Duration;

use circuits_can::Frame;

/// An extended CAN FD frame with 64 bytes of data, of which every fourth bit is followed by one that is stuffed.
const LONGEST: usize = 736;

/// CRC delimiter, acknowledge slot, acknowledge delimiter, end of frame.
const END: usize = 1 + 1 + 1 + 7;

/// How many recessive bits come after a frame before the next one.
pub(super) const INTERMISSION: u32 = 3;
/// How many bits an error-passive sender waits besides.
pub(super) const SUSPEND: u32 = 8;
/// How many bits an error flag has.
pub(super) const ERROR_FLAG: u32 = 6;
/// How many recessive bits come after error flags.
pub(super) const ERROR_DELIMITER: u32 = 8;

/// A frame's bits, from the start of frame to the end of the CRC sequence. `true` is recessive.
pub(super) struct Bits {
    bits: [bool; LONGEST],
    length: usize,
    /// Those that go at the data bit rate, the CRC delimiter included, if any do.
    fast: Range<usize>,
    /// Where it says that it is CAN FD, or would.
    pub(super) format: usize,
    /// Where the data begins.
    pub(super) data: usize,
    /// The last bits that were equal, if the next one is to be stuffed after five of them.
    run: usize,
    crc: u16,
}

/// How long bits take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) nominal: u32,
    /// In the data phase of CAN FD.
    pub(super) data: u32,
}

impl Rates {
    /// How long so many bits take that are not in the data phase.
    pub(super) fn nominal(self, bits: u32) -> Duration {
        duration(bits.into(), self.nominal)
    }
}

fn duration(bits: u64, rate: u32) -> Duration {
    let rate = u64::from(rate.max(1));
    Duration::from_nanos((bits * 1_000_000_000 + rate / 2) / rate)
}

impl Bits {
    /// `is_iso`: CAN FD frames are as in the standard, and count the bits that are stuffed.
    pub(super) fn of(frame: &Frame, is_iso: bool) -> Bits {
        let mut bits = Bits {
            bits: [false; LONGEST],
            length: 0,
            fast: 0..0,
            format: 0,
            data: 0,
            run: 0,
            crc: 0,
        };
        let id = frame.id();
        // Start of frame.
        bits.push(false);
        match id.is_extended() {
            false => {
                bits.number(id.raw(), 11);
                // RTR, which CAN FD has not; IDE.
                bits.push(frame.is_remote());
                bits.push(false);
            }
            true => {
                bits.number(id.raw() >> 18, 11);
                // SRR, IDE.
                bits.push(true);
                bits.push(true);
                bits.number(id.raw() & 0x3_ffff, 18);
                bits.push(frame.is_remote());
            }
        }
        bits.format = bits.length;
        let mut switch = None;
        if frame.is_fd() {
            // FDF, res, BRS, ESI.
            bits.push(true);
            bits.push(false);
            bits.push(frame.switches_bit_rate());
            switch = frame.switches_bit_rate().then_some(bits.length);
            bits.push(frame.is_from_error_passive());
        } else {
            // r0; an extended frame has r1 before it.
            bits.push(false);
            if id.is_extended() {
                bits.push(false);
            }
        }
        bits.number(frame.dlc().into(), 4);
        bits.data = bits.length;
        for byte in frame.data() {
            bits.number((*byte).into(), 8);
        }
        match frame.is_fd() {
            false => {
                let crc = bits.crc;
                bits.number(crc.into(), 15);
                bits.stuff();
            }
            true => bits.fixed(frame.data().len(), is_iso),
        }
        if let Some(start) = switch {
            // The bit rate changes in the middle of BRS and of the CRC delimiter: together they are one bit
            // of each.
            bits.fast = start..bits.length + 1;
        }
        bits
    }

    /// The next bit, after one that is stuffed, if there were five equal ones.
    fn push(&mut self, bit: bool) {
        self.stuff();
        self.put(bit);
        let feedback = bit != (self.crc & 0x4000 != 0);
        self.crc = (self.crc << 1) & 0x7fff;
        if feedback {
            self.crc ^= 0x4599;
        }
    }

    fn stuff(&mut self) {
        if self.run == 5 {
            let last = self.bits[self.length - 1];
            self.put(!last);
        }
    }

    fn put(&mut self, bit: bool) {
        let is_same = self.length > 0 && self.bits[self.length - 1] == bit;
        self.run = if is_same { self.run + 1 } else { 1 };
        if let Some(place) = self.bits.get_mut(self.length) {
            *place = bit;
            self.length += 1;
        }
    }

    fn number(&mut self, number: u32, bits: u32) {
        for bit in (0..bits).rev() {
            self.push(number >> bit & 1 != 0);
        }
    }

    /// What follows the data of a CAN FD frame: how many bits were stuffed, and the CRC, with a bit stuffed
    /// before it and after each four, whatever they are. What they are makes no difference for anything here:
    /// frames that differ do so before that.
    fn fixed(&mut self, length: usize, is_iso: bool) {
        let counted = if is_iso { 4 } else { 0 };
        let crc = if length > 16 { 21 } else { 17 };
        let bits: usize = counted + crc;
        for _ in 0..bits + bits.div_ceil(4) {
            let last = self.bits[self.length - 1];
            self.put(!last);
        }
    }

    /// How long it takes until so many bits are over.
    pub(super) fn time(&self, bits: usize, rates: Rates) -> Duration {
        let fast = bits.min(self.fast.end).saturating_sub(self.fast.start);
        duration((bits - fast) as u64, rates.nominal) + duration(fast as u64, rates.data)
    }

    /// How many bits there are, to the end of the frame.
    pub(super) fn all(&self) -> usize {
        self.length + END
    }

    /// How many there are up to and with the acknowledge slot.
    pub(super) fn acknowledged(&self) -> usize {
        self.length + 2
    }

    /// Where the data bit rate begins, if it does.
    pub(super) fn switch(&self) -> usize {
        self.fast.start
    }

    /// The first bit in which two frames differ, and whether it is recessive in this one.
    pub(super) fn difference(&self, other: &Bits) -> Option<(usize, bool)> {
        let both = self.bits[..self.length]
            .iter()
            .zip(&other.bits[..other.length]);
        let index = both.into_iter().position(|(one, other)| one != other)?;
        Some((index, self.bits[index]))
    }
}

#[cfg(test)]
mod tests {
    use circuits_can::Id;

    use super::*;

    const FD: Rates = Rates {
        nominal: 500_000,
        data: 2_000_000,
    };

    fn frame(text: &str) -> Frame {
        text.parse().unwrap()
    }

    fn count(text: &str) -> usize {
        Bits::of(&frame(text), true).all()
    }

    fn shown(text: &str) -> String {
        let bits = Bits::of(&frame(text), true);
        let bits = bits.bits[..bits.length].iter();
        bits.map(|bit| if *bit { '1' } else { '0' }).collect()
    }

    /// What is left when the bits that were stuffed are taken out.
    fn plain(text: &str) -> Vec<bool> {
        let bits = Bits::of(&frame(text), true);
        let (mut plain, mut run, mut last) = (Vec::new(), 0, None);
        for &bit in &bits.bits[..bits.length] {
            if run == 5 {
                assert_ne!(Some(bit), last, "six equal bits");
                run = 1;
            } else {
                plain.push(bit);
                run = if last == Some(bit) { run + 1 } else { 1 };
            }
            last = Some(bit);
        }
        plain
    }

    #[test]
    fn a_bit_is_stuffed_after_five_equal_ones() {
        // Start of frame and four bits of the identifier, a stuffed one; the other seven, RTR, IDE, r0,
        // the length, with one before its last bit; one byte, with one in the middle.
        let bits = shown("014#01");
        let expected = "00000 1 0010100 0 0 0 1 0001 00000 1 001".replace(' ', "");
        assert!(bits.starts_with(&expected), "{bits}");
        assert_eq!(plain("014#01").len(), 1 + 11 + 3 + 4 + 8 + 15);
        let extended = plain("12345678#1122334455667788");
        assert_eq!(extended.len(), 1 + 32 + 2 + 4 + 64 + 15);
    }

    /// The check value of CRC-15/CAN, and that a frame with its CRC is divided without remainder.
    #[test]
    fn the_checksum_is_that_of_can() {
        let mut bits = Bits::of(&frame("000#"), true);
        bits.crc = 0;
        for byte in b"123456789" {
            bits.number((*byte).into(), 8);
        }
        assert_eq!(bits.crc, 0x059e);
        for text in ["014#01", "7FF#R", "12345678#1122334455667788"] {
            let mut bits = Bits::of(&frame("000#"), true);
            bits.crc = 0;
            plain(text).into_iter().for_each(|bit| bits.push(bit));
            assert_eq!(bits.crc, 0, "{text}");
        }
    }

    /// What canbusload of can-utils counts with stuffed bits (`-e`), less the three bits after a frame.
    #[test]
    fn frames_are_as_long_as_others_count_them() {
        for (text, bits) in [
            ("000#", 53),
            ("000#0000000000000000", 127),
            ("7FF#FFFFFFFFFFFFFFFF", 126),
            ("555#3C3C3C3C3C3C3C3C", 127),
            ("123#1122334455667788", 112),
            ("123#112233", 72),
            ("014#01", 58),
            ("123#R", 48),
            ("00000000#0000000000000000", 150),
            ("1FFFFFFF#FFFFFFFFFFFFFFFF", 149),
            ("12345678#1122334455667788", 134),
            ("12345678#R", 69),
        ] {
            assert_eq!(count(text), bits - 3, "{text}");
        }
    }

    /// By hand: 1 + 11 + 2 + 4 + 4 bits, the data, the count of stuffed bits and the CRC with a bit after each four,
    /// and the end.
    #[test]
    fn frames_of_can_fd_have_fixed_bits() {
        // 0 1010 1010 101 | 0 0 | 1 0 0 0 | 00 (1) 01 | 0101 0101
        assert_eq!(count("555##055"), 22 + 1 + 8 + 4 + 17 + 6 + END);
        let sixteen = format!("555##0{}", "55".repeat(16));
        assert_eq!(count(&sixteen), 22 + 128 + 4 + 17 + 6 + END);
        let twenty = format!("555##0{}", "55".repeat(20));
        assert_eq!(count(&twenty), 22 + 160 + 4 + 21 + 7 + END);
        let extended = format!("15555555##0{}", "55".repeat(64));
        assert_eq!(count(&extended), 41 + 512 + 4 + 21 + 7 + END);
        let before = Bits::of(&frame(&twenty), false);
        assert_eq!(before.all(), 22 + 160 + 21 + 6 + END, "without the count");
        // Five equal bits at the end of the data need no other bit than the fixed one.
        assert_eq!(count("555##0DF"), count("555##055"));
        assert_eq!(count("555##0FB"), count("555##055") + 1);
        let longest = format!("00000000##0{}", "00".repeat(64));
        assert!(count(&longest) < LONGEST, "{}", count(&longest));
    }

    #[test]
    fn the_data_goes_at_its_own_rate() {
        let slow = Bits::of(&frame("555##055"), true);
        let fast = Bits::of(&frame("555##155"), true);
        let all = fast.all();
        assert_eq!(slow.all(), all + 1);
        assert_eq!(slow.time(all, FD), Duration::from_micros(2 * all as u64));
        // ESI, the length, the data, the CRC, and its delimiter.
        let phase = 1 + 4 + 8 + 4 + 17 + 6 + 1;
        let nanos = 2000 * (all - phase) as u64 + 500 * phase as u64;
        assert_eq!(fast.time(all, FD), Duration::from_nanos(nanos));
        // 1 + 11 + 2 + 3
        assert_eq!(fast.time(17, FD), Duration::from_micros(34));
        assert_eq!(fast.time(18, FD), Duration::from_nanos(34_500));
    }

    #[test]
    fn frames_differ_where_their_bits_do() {
        let of = |text: &str| Bits::of(&frame(text), true);
        assert_eq!(of("123#00").difference(&of("123#00")), None);
        let (at, recessive) = of("123#80").difference(&of("123#00")).unwrap();
        assert!(recessive);
        assert_eq!(at, of("123#00").data);
        assert!(!of("123#00").difference(&of("123#80")).unwrap().1);
        let id = Id::standard(0x123).unwrap();
        let (at, _) = of("123#00").difference(&of("123#0000")).unwrap();
        assert!(at < of("123#00").data, "{id}: the length");
    }
}
