//! What embedded-hal prescribes for a transaction (`embedded_hal::spi::Operation`), word by word.

use std::time::Duration;

use circuits_spi::Limits;
use circuits_stub::trace::Exchange;

use crate::Buffers;
use crate::drawn::{Case, Op};

/// What happens on the wires at a time: a word, as it is in the memory that a backend is handed; where
/// nobody asked for a side of it there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Beat {
    Word {
        sent: Option<u32>,
        came: Option<u32>,
    },
    Delay(Duration),
}

/// What a transaction has to come to.
#[derive(Debug)]
pub(crate) struct Prescribed {
    pub(crate) beats: Vec<Beat>,
    /// What a device on the wires is sent.
    pub(crate) bytes: Vec<u8>,
    /// What is in the buffers that are read into, an operation each.
    pub(crate) read: Vec<Vec<u8>>,
    pub(crate) duration: Duration,
}

/// What the device says to a byte: each place has another answer, and each byte.
pub(crate) fn answer(position: usize, byte: u8) -> u8 {
    let place = (position as u32).wrapping_mul(0x9e37_79b1) >> 24;
    place as u8 ^ byte.rotate_left(3)
}

/// Sends words, and puts into their place what the device says; adds what it was sent to `bytes`.
pub(crate) fn exchange(
    data: &mut [u8],
    bits: u8,
    is_lsb_first: bool,
    position: &mut usize,
    bytes: &mut Vec<u8>,
) {
    for memory in data.chunks_exact_mut(usize::from(bits / 8)) {
        let sent = ordered(word(memory), bits, is_lsb_first);
        let mut came = 0;
        for number in (0..bits / 8).rev() {
            let byte = (sent >> (8 * number)) as u8;
            came |= u32::from(answer(*position, byte)) << (8 * number);
            *position += 1;
            bytes.push(byte);
        }
        store(ordered(came, bits, is_lsb_first), memory);
    }
}

pub(crate) fn prescribed(case: &Case) -> Prescribed {
    let size = usize::from(case.bits / 8);
    // As a backend is handed them.
    let handed = |memory: &[u8]| ordered(word(memory), case.bits, case.is_reversed_before());
    let mut all = Prescribed {
        beats: Vec::new(),
        bytes: Vec::new(),
        read: Buffers::new(case).read(),
        duration: Duration::ZERO,
    };
    let mut position = 0;
    for (number, op) in case.operations.iter().enumerate() {
        if let Op::DelayNs(ns) = op {
            let delay = Duration::from_nanos((*ns).into());
            all.duration += delay;
            push_delay(&mut all.beats, delay);
        }
        let (written, read) = (case.written(number), &mut all.read[number]);
        // A transfer runs for the longer of its sides. What is sent where there is nothing to send is
        // up to us: zeros. Where both sides are there, both wires are used to the end.
        let is_both = !written.is_empty() && !read.is_empty();
        for at in (0..written.len().max(read.len())).step_by(size) {
            let sent = written.get(at..at + size);
            let mut memory = sent.unwrap_or(&[0; 4][..size]).to_vec();
            exchange(
                &mut memory,
                case.bits,
                case.lsb_first,
                &mut position,
                &mut all.bytes,
            );
            let came = read.get_mut(at..at + size).map(|place| {
                place.copy_from_slice(&memory);
                handed(&memory)
            });
            all.beats.push(Beat::Word {
                sent: sent.map(handed).or(is_both.then_some(0)),
                came: came.or(is_both.then(|| handed(&memory))),
            });
            all.duration +=
                Duration::from_nanos(1_000_000_000 / u64::from(case.hz)) * case.bits.into();
        }
    }
    all
}

/// What a backend was handed, in one row.
pub(crate) fn beats(messages: &[Vec<Exchange>], case: &Case) -> Vec<Beat> {
    let size = usize::from(case.bits / 8);
    let mut beats = Vec::new();
    for exchange in messages.iter().flatten() {
        let word = |sent: Option<&[u8]>, came: Option<&[u8]>| Beat::Word {
            sent: sent.map(word),
            came: came.map(word),
        };
        match exchange {
            Exchange::Write(bytes) => {
                beats.extend(bytes.chunks(size).map(|memory| word(Some(memory), None)));
            }
            Exchange::Read(bytes) => {
                beats.extend(bytes.chunks(size).map(|memory| word(None, Some(memory))));
            }
            Exchange::Transfer { written, read } => {
                assert_eq!(written.len(), read.len());
                let both = written.chunks(size).zip(read.chunks(size));
                beats.extend(both.map(|(sent, came)| word(Some(sent), Some(came))));
            }
            Exchange::Delay(delay) => push_delay(&mut beats, *delay),
            other => panic!("{other:?}"),
        }
    }
    beats
}

/// Two one after another are one, and one of no length is none.
fn push_delay(beats: &mut Vec<Beat>, delay: Duration) {
    match beats.last_mut() {
        _ if delay.is_zero() => {}
        Some(Beat::Delay(before)) => *before += delay,
        _ => beats.push(Beat::Delay(delay)),
    }
}

/// What becomes of a transaction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Fits,
    TooMuch,
    NoWholeWords,
}

/// A part of a message: which sides it has, of what length; or how long it waits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Data {
        written: bool,
        read: bool,
        len: usize,
    },
    Wait(u128),
}

pub(crate) fn verdict(case: &Case, limits: &Limits) -> Verdict {
    let size = usize::from(case.bits / 8);
    let (mut parts, mut is_whole) = (Vec::new(), true);
    for op in &case.operations {
        let (read, written) = match *op {
            Op::Read(len) => (len, 0),
            Op::Write(len) => (0, len),
            Op::Transfer(read, written) => (read, written),
            Op::TransferInPlace(len) => (len, len),
            Op::DelayNs(ns) => {
                parts.push(Part::Wait(ns.into()));
                continue;
            }
        };
        is_whole &= read % size == 0 && written % size == 0;
        // Two sides go as one, of which the shorter is filled up.
        let (len, is_written, is_read) = (read.max(written), written > 0, read > 0);
        match parts.last_mut() {
            _ if len == 0 => {}
            Some(Part::Data {
                written,
                read,
                len: before,
            }) if (*written, *read) == (is_written, is_read) => {
                *before += len;
            }
            _ => parts.push(Part::Data {
                written: is_written,
                read: is_read,
                len,
            }),
        }
    }
    match (is_whole, fits(&parts, limits)) {
        (false, _) => Verdict::NoWholeWords,
        (true, true) => Verdict::Fits,
        (true, false) => Verdict::TooMuch,
    }
}

fn fits(parts: &[Part], limits: &Limits) -> bool {
    let (mut transfers, mut sums) = (0, [0, 0]);
    for part in parts {
        match *part {
            Part::Wait(ns) => transfers += ns.div_ceil(limits.delay_ns.into()).max(1),
            Part::Data { written, read, len } => {
                transfers += 1;
                let padded = len.div_ceil(limits.alignment) * limits.alignment;
                sums[0] += if written { padded } else { 0 };
                sums[1] += if read { padded } else { 0 };
            }
        }
    }
    transfers <= limits.transfers as u128 && sums.iter().all(|sum| *sum <= limits.bytes)
}

/// What every message has to be: within the limits, without what is empty, and without neighbours that
/// could be one; and as long as can be.
pub(crate) fn check_shapes(messages: &[Vec<Exchange>], limits: &Limits) {
    let messages = messages.iter().map(|message| message.iter().map(part));
    let messages: Vec<Vec<Part>> = messages.map(Iterator::collect).collect();
    for parts in &messages {
        assert!(!parts.is_empty(), "a message of nothing");
        assert!(fits(parts, limits), "{parts:?} does not fit {limits:?}");
        for part in parts {
            assert!(!matches!(part, Part::Data { len: 0, .. }), "{parts:?}");
        }
        for pair in parts.windows(2) {
            assert!(!is_one_kind(pair), "neighbours in {parts:?}");
        }
    }
    for pair in messages.windows(2) {
        let longer: Vec<Part> = pair[0].iter().chain(pair[1].first()).copied().collect();
        assert!(!fits(&longer, limits), "{:?} could be longer", pair[0]);
    }
}

fn part(exchange: &Exchange) -> Part {
    let (written, read, len) = match exchange {
        Exchange::Write(bytes) => (true, false, bytes.len()),
        Exchange::Read(bytes) => (false, true, bytes.len()),
        Exchange::Transfer { written, .. } => (true, true, written.len()),
        Exchange::Delay(delay) => return Part::Wait(delay.as_nanos()),
        other => panic!("{other:?}"),
    };
    Part::Data { written, read, len }
}

fn is_one_kind(pair: &[Part]) -> bool {
    let side = |part: &Part| match *part {
        Part::Data { written, read, .. } => Some((written, read)),
        Part::Wait(_) => None,
    };
    side(&pair[0]).is_some() && side(&pair[0]) == side(&pair[1])
}

/// A word of 8, 16 or 32 bits, in the machine's order.
fn word(memory: &[u8]) -> u32 {
    match *memory {
        [byte] => byte.into(),
        [a, b] => u16::from_ne_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_ne_bytes([a, b, c, d]),
        _ => panic!("no word: {memory:?}"),
    }
}

fn store(word: u32, memory: &mut [u8]) {
    match memory {
        [byte] => *byte = word as u8,
        [_, _] => memory.copy_from_slice(&(word as u16).to_ne_bytes()),
        _ => memory.copy_from_slice(&word.to_ne_bytes()),
    }
}

/// The bits of a word, turned round if they go the other way.
fn ordered(word: u32, bits: u8, is_lsb_first: bool) -> u32 {
    match is_lsb_first {
        true => (0..bits).fold(0, |turned, bit| turned << 1 | (word >> bit & 1)),
        false => word,
    }
}
