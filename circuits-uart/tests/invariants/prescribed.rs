//! What comes of bytes, worked out once more: from all of them at once, one by one, and with no thought
//! for memory or time.

use circuits_uart::framing::FrameError;

use super::{Chosen, DELIMITERS, Kind, Outcome};

pub(super) fn outcomes(chosen: &Chosen, bytes: &[u8]) -> Vec<Outcome> {
    let limit = chosen.max_length;
    match chosen.kind {
        Kind::Lines(_) => delimited(bytes, b"\n", |line, is_whole| {
            let text = line.strip_suffix(b"\r").unwrap_or(line);
            match text.len() > limit {
                true => Err(FrameError::TooLong { limit }),
                false if is_whole => Ok(text.to_vec()),
                false => Err(incomplete(line.len())),
            }
        }),
        Kind::Delimiter(number) => {
            let delimiter = DELIMITERS[number].as_bytes();
            delimited(bytes, delimiter, |part, is_whole| {
                let begun = |length: &usize| part.ends_with(&delimiter[..*length]);
                let begun = (0..delimiter.len()).rev().find(begun).unwrap_or(0);
                match part.len() {
                    length if is_whole && length <= limit => Ok(part.to_vec()),
                    length if !is_whole && length - begun <= limit => Err(incomplete(length)),
                    _ => Err(FrameError::TooLong { limit }),
                }
            })
        }
        Kind::Fixed => {
            let frame = |frame: &[u8]| match frame.len() {
                length if length < limit => Err(incomplete(length)),
                _ => Ok(frame.to_vec()),
            };
            bytes.chunks(limit).map(frame).collect()
        }
        Kind::LengthPrefix {
            width,
            is_big_endian,
            before,
            counts_all,
        } => {
            let mut rest = bytes;
            let mut seen = Vec::new();
            while !rest.is_empty() {
                let Some((head, after)) = rest.split_at_checked(before + width) else {
                    seen.push(Err(incomplete(rest.len())));
                    break;
                };
                let (head, length) = head.split_at(before);
                let digit = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
                let mut length = match is_big_endian {
                    true => length.iter().fold(0, digit),
                    false => length.iter().rev().fold(0, digit),
                };
                if counts_all {
                    let Some(less) = length.checked_sub(before + width) else {
                        seen.push(Err(FrameError::Corrupt {
                            what: "its length is less than what comes before it",
                        }));
                        rest = after;
                        continue;
                    };
                    length = less;
                }
                let (body, next) = after.split_at(length.min(after.len()));
                seen.push(match before + length {
                    whole if whole > limit => Err(FrameError::TooLong { limit }),
                    _ if body.len() < length => Err(incomplete(rest.len())),
                    _ => Ok([head, body].concat()),
                });
                rest = next;
            }
            seen
        }
        Kind::Cobs => stuffed(bytes, 0, limit, |part, is_whole, frame| {
            if part.is_empty() {
                return Ok(false);
            }
            let mut rest = part;
            while let [code, more @ ..] = rest {
                let left = usize::from(*code) - 1;
                frame.append(more.iter().take(left))?;
                if more.len() < left && is_whole {
                    return Err(FrameError::Corrupt {
                        what: "it ends in the middle of a block",
                    });
                }
                rest = &more[left.min(more.len())..];
                if left < 254 && !rest.is_empty() {
                    frame.append(&[0])?;
                }
            }
            Ok(true)
        }),
        Kind::Slip => stuffed(bytes, 0xc0, limit, |part, is_whole, frame| {
            let mut rest = part.iter();
            while let Some(byte) = rest.next() {
                let byte = match byte {
                    0xdb => match rest.next() {
                        Some(0xdc) => &0xc0,
                        Some(0xdd) => &0xdb,
                        None if !is_whole => break,
                        _ => {
                            return Err(FrameError::Corrupt {
                                what: "it has an escape that stands for nothing",
                            });
                        }
                    },
                    byte => byte,
                };
                frame.append([byte])?;
            }
            Ok(!part.is_empty())
        }),
    }
}

fn incomplete(length: usize) -> FrameError {
    FrameError::Incomplete { length }
}

/// The parts that end with a delimiter, and the last one, unless there is nothing in it.
fn delimited(
    bytes: &[u8],
    delimiter: &[u8],
    outcome: impl Fn(&[u8], bool) -> Outcome,
) -> Vec<Outcome> {
    let (mut rest, mut seen) = (bytes, Vec::new());
    let find = |bytes: &[u8]| {
        bytes
            .windows(delimiter.len())
            .position(|at| at == delimiter)
    };
    while let Some(at) = find(rest) {
        seen.push(outcome(&rest[..at], true));
        rest = &rest[at + delimiter.len()..];
    }
    if !rest.is_empty() {
        seen.push(outcome(rest, false));
    }
    seen
}

/// A frame that is no longer than it can be.
struct Frame(Vec<u8>, usize);

impl Frame {
    fn append<'a>(&mut self, bytes: impl IntoIterator<Item = &'a u8>) -> Result<(), FrameError> {
        for byte in bytes {
            if self.0.len() == self.1 {
                return Err(FrameError::TooLong { limit: self.1 });
            }
            self.0.push(*byte);
        }
        Ok(())
    }
}

/// The parts between bytes that end a frame; `decode` says whether a part is one at all.
fn stuffed(
    bytes: &[u8],
    end: u8,
    limit: usize,
    decode: impl Fn(&[u8], bool, &mut Frame) -> Result<bool, FrameError>,
) -> Vec<Outcome> {
    let parts: Vec<&[u8]> = bytes.split(|byte| *byte == end).collect();
    let outcome = |(number, part): (usize, &&[u8])| {
        let is_whole = number + 1 < parts.len();
        let mut frame = Frame(Vec::new(), limit);
        match decode(part, is_whole, &mut frame) {
            Ok(false) => None,
            Ok(true) if is_whole => Some(Ok(frame.0)),
            Ok(true) => Some(Err(incomplete(frame.0.len()))),
            Err(error) => Some(Err(error)),
        }
    };
    parts.iter().enumerate().filter_map(outcome).collect()
}
