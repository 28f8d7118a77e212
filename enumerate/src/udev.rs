//! How udevd frames uevents that it sends on (`udev_monitor_netlink_header`,
//! src/libsystemd/sd-device/device-monitor.c of systemd): numbers in the order of the machine, but for
//! the magic one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::ParseError;

const PREFIX: &[u8; 8] = b"libudev\0";
const MAGIC: u32 = 0xfeed_cafe;
/// The prefix and eight numbers.
const HEADER: usize = 40;

pub(crate) fn is_framed(datagram: &[u8]) -> bool {
    datagram.starts_with(PREFIX)
}

/// The fields in a frame.
pub(crate) fn fields(datagram: &[u8]) -> Result<&[u8], ParseError> {
    let word = |index: usize| {
        let bytes = datagram.get(8 + 4 * index..12 + 4 * index)?;
        <[u8; 4]>::try_from(bytes).ok()
    };
    let number = |index| word(index).map(|bytes| u32::from_ne_bytes(bytes) as usize);
    let magic = word(0).map(u32::from_be_bytes);
    let (Some(MAGIC), Some(offset), Some(length)) = (magic, number(2), number(3)) else {
        return Err(ParseError::BadFrame);
    };
    let end = offset.checked_add(length).ok_or(ParseError::BadFrame)?;
    let in_header = offset < HEADER;
    let fields = datagram.get(offset..end).filter(|_| !in_header);
    fields.ok_or(ParseError::BadFrame)
}

/// Fields in a frame. The kernel lets those who listen filter by the hashes.
pub(crate) fn frame(fields: &[u8], subsystem: Option<&OsStr>, devtype: Option<&OsStr>) -> Vec<u8> {
    let mut bytes = PREFIX.to_vec();
    bytes.extend(MAGIC.to_be_bytes());
    for number in [HEADER as u32, HEADER as u32, fields.len() as u32] {
        bytes.extend(number.to_ne_bytes());
    }
    for name in [subsystem, devtype] {
        let hash = name.map_or(0, |name| murmur_hash2(name.as_bytes()));
        bytes.extend(hash.to_be_bytes());
    }
    // The bloom filter of tags, of which there are none.
    bytes.extend([0; 8]);
    bytes.extend_from_slice(fields);
    bytes
}

/// MurmurHash2 by Austin Appleby, with the seed 0.
fn murmur_hash2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = bytes.len() as u32;
    let mut chunks = bytes.chunks_exact(4);
    for chunk in &mut chunks {
        let mut word = chunk
            .iter()
            .rev()
            .fold(0, |word: u32, byte| word << 8 | u32::from(*byte));
        word = word.wrapping_mul(M);
        word = (word ^ word >> 24).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ word;
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let word = rest
            .iter()
            .rev()
            .fold(0, |word: u32, byte| word << 8 | u32::from(*byte));
        hash = (hash ^ word).wrapping_mul(M);
    }
    hash = (hash ^ hash >> 13).wrapping_mul(M);
    hash ^ hash >> 15
}
