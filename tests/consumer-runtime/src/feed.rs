//! How datagrams are framed between processes.

use std::io::{self, Write};

/// A longer one would end the stream for whoever reads it.
pub const LONGEST: usize = 65536;

/// Writes a datagram and its length in one write: a pipe takes up to 4096 bytes whole or not at
/// all, and no datagram of the kernel is longer, so being killed does not leave half of one.
pub fn send(out: &mut impl Write, datagram: &[u8]) -> io::Result<()> {
    if datagram.len() > LONGEST {
        let message = format!("a datagram of {} bytes is too long", datagram.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut framed = (datagram.len() as u32).to_le_bytes().to_vec();
    framed.extend_from_slice(datagram);
    out.write_all(&framed)
}

/// What follows is all that there is.
pub fn cold_plug(out: &mut impl Write) -> io::Result<()> {
    send(out, b"cold-plug")
}

/// That was all; what happens follows.
pub fn live(out: &mut impl Write) -> io::Result<()> {
    send(out, b"live")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_comes_first_lowest_byte_first() {
        let mut out = Vec::new();
        send(&mut out, &[7; 258]).unwrap();
        assert_eq!(out[..4], [2, 1, 0, 0]);
        assert_eq!(out[4..], [7; 258]);
    }

    #[test]
    fn marks_are_words() {
        let mut out = Vec::new();
        cold_plug(&mut out).unwrap();
        live(&mut out).unwrap();
        assert_eq!(out, b"\x09\0\0\0cold-plug\x04\0\0\0live");
    }

    #[test]
    fn the_longest_goes_and_a_longer_one_does_not() {
        let mut out = Vec::new();
        send(&mut out, &[1; LONGEST]).unwrap();
        assert_eq!(out[..4], [0, 0, 1, 0]);
        out.clear();
        send(&mut out, &[1; LONGEST + 1]).unwrap_err();
        assert!(out.is_empty());
    }
}
