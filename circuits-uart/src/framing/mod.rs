//! Frames: where in a stream of bytes a message begins and ends.
//!
//! A [`Framing`] says so in both directions. [`Framed`] puts one on whatever implements std's `Read` and
//! `Write`: a port, a half of one, a file, a slice. With the feature `tokio`,
#![cfg_attr(feature = "tokio", doc = "[`Codec`]")]
#![cfg_attr(not(feature = "tokio"), doc = "`Codec`")]
//! does the same for `tokio_util::codec`.
//!
//! | framing | a frame | after noise |
//! | --- | --- | --- |
//! | [`Lines`] | ends with a line feed | the line is damaged, the next one is not |
//! | [`Delimiter`] | ends with any sequence of bytes | as `Lines` |
//! | [`Fixed`] | has so many bytes | all frames are shifted until [`Framed::finish`] |
//! | [`LengthPrefix`] | comes after its length | it may take long to find back: [`Framed::finish`] |
//! | [`Cobs`] | any bytes, of which none is 0 on the wire | the next frame is right again |
//! | [`Slip`] | any bytes, END is at its end | the next frame is right again |
//! | your own | as you say | |
//!
//! Each has a longest frame, 4096 bytes by default, and none takes more than twice that from the heap,
//! whatever comes. Once their buffers have grown, frames take nothing from it.
//!
//! ```
//! use circuits_uart::framing::{Framed, Lines};
//!
//! let device: &[u8] = b"T=21.5\r\nH=40\r\n";
//! let mut lines = Framed::new(device, Lines::new());
//! assert_eq!(lines.read_frame()?, Some(&b"T=21.5"[..]));
//! assert_eq!(lines.read_frame()?, Some(&b"H=40"[..]));
//! assert_eq!(lines.read_frame()?, None);
//! # Ok::<(), circuits_uart::framing::Error>(())
//! ```
//!
//! # A framing of one's own
//!
//! is often one of these and something more. Sentences of NMEA 0183 are lines that end with a checksum:
//!
//! ```
//! use circuits_uart::framing::{FrameError, Framed, Framing, Lines};
//!
//! struct Nmea(Lines);
//!
//! fn checksum(sentence: &[u8]) -> String {
//!     format!("{:02X}", sentence.iter().fold(0, |sum, byte| sum ^ byte))
//! }
//!
//! impl Framing for Nmea {
//!     fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
//!         if !self.0.decode(bytes, frame)? {
//!             return Ok(false);
//!         }
//!         // $…*hh
//!         let (Some(b"$"), Some(star)) = (frame.get(..1), frame.len().checked_sub(3)) else {
//!             return Err(FrameError::Corrupt { what: "it is no sentence" });
//!         };
//!         if frame[star] != b'*' || frame[star + 1..] != *checksum(&frame[1..star]).as_bytes() {
//!             return Err(FrameError::Corrupt { what: "its checksum is another" });
//!         }
//!         frame.truncate(star);
//!         frame.remove(0);
//!         Ok(true)
//!     }
//!
//!     fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
//!         self.0.encode(&[b"$", frame, b"*", checksum(frame).as_bytes()].concat(), bytes)
//!     }
//!
//!     fn reset(&mut self) {
//!         self.0.reset();
//!     }
//! }
//!
//! let receiver: &[u8] = b"$GPGLL,,,,*50\r\n$GPGLL,,,,V*07\r\n$GPGLL,,,,*50\r\n";
//! let mut sentences = Framed::new(receiver, Nmea(Lines::new()));
//! assert_eq!(sentences.read_frame()?, Some(&b"GPGLL,,,,"[..]));
//! assert!(sentences.read_frame().is_err());
//! assert_eq!(sentences.read_frame()?, Some(&b"GPGLL,,,,"[..]));
//! # Ok::<(), circuits_uart::framing::Error>(())
//! ```

use std::io::BufRead;

mod cobs;
#[cfg(feature = "tokio")]
mod codec;
mod delimiter;
mod error;
mod fixed;
mod framed;
mod input;
mod length_prefix;
mod lines;
mod slip;

pub use cobs::Cobs;
#[cfg(feature = "tokio")]
pub use codec::Codec;
pub use delimiter::Delimiter;
pub use error::{Error, FrameError};
pub use fixed::Fixed;
pub use framed::Framed;
pub use length_prefix::LengthPrefix;
pub use lines::{Ending, Lines};
pub use slip::Slip;

/// How frames lie in a stream of bytes. The [module](self) has some, and an example of one's own.
///
/// It may have a state, of what has come of a frame so far, and is cut off anywhere: in which pieces bytes
/// come says nothing. What it takes for the same bytes is the same.
pub trait Framing {
    /// Takes bytes off the front of `bytes` until a frame ends, or all of them, and appends what they say
    /// to `frame`. Returns whether a frame ended, which is in `frame` then.
    ///
    /// The caller empties `frame` after each end of a frame and after each error, and leaves it alone
    /// otherwise: what has come of a frame is in it, in any form, at the next call. `bytes` is not empty.
    /// A framing that returns false and leaves bytes is asked once more if it took any, and taken for
    /// broken if not.
    ///
    /// # Errors
    /// What is wrong with a frame, which is dropped. It may be said before the frame's end; then the framing
    /// takes the rest of it afterwards, without a word.
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError>;

    /// Appends `frame` to `bytes` as it goes over the wire.
    ///
    /// # Errors
    /// [`FrameError::NotEncodable`] and [`FrameError::TooLong`] for what would not be decoded as this frame.
    /// What is in `bytes` is nothing to be sent then.
    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError>;

    /// Gives up what has begun, since no more will come: the input has ended, or it has been silent for too
    /// long. Returns whether that is a frame, which is in `frame` then; false if nothing had begun.
    ///
    /// By default it is an error if there is anything in `frame`.
    ///
    /// # Errors
    /// [`FrameError::Incomplete`]: it is no frame.
    fn finish(&mut self, frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        self.reset();
        incomplete(!frame.is_empty(), frame.len())
    }

    /// Forgets what has begun: the next byte is the first. By default there is nothing to forget.
    fn reset(&mut self) {}
}

/// A framing that is chosen when the program runs.
impl<F: Framing + ?Sized> Framing for Box<F> {
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        (**self).decode(bytes, frame)
    }

    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        (**self).encode(frame, bytes)
    }

    fn finish(&mut self, frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        (**self).finish(frame)
    }

    fn reset(&mut self) {
        (**self).reset();
    }
}

/// How long a frame can be, if nothing else is said.
const MAX_LENGTH: usize = 4096;

/// What `finish` says of what is no frame.
fn incomplete(has_begun: bool, length: usize) -> Result<bool, FrameError> {
    match has_begun {
        true => Err(FrameError::Incomplete { length }),
        false => Ok(false),
    }
}

/// Takes so many bytes off the front, or all there are.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count.min(bytes.len()));
    *bytes = rest;
    taken
}

/// Where a byte is first. It is std's own search: as fast as `position` over a few bytes, and several times
/// as fast over many.
fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    let up_to = { bytes }.skip_until(byte).unwrap_or_default();
    bytes[..up_to].ends_with(&[byte]).then(|| up_to - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a framing makes of bytes, and of their end: at once, and byte by byte, which is the same.
    pub(super) fn decoded<F: Framing + Clone>(
        framing: &F,
        bytes: &[u8],
    ) -> Vec<Result<Vec<u8>, FrameError>> {
        let outcomes = [bytes.len().max(1), 1].map(|size| {
            let (mut framing, mut frame, mut seen) = (framing.clone(), Vec::new(), Vec::new());
            for mut piece in bytes.chunks(size) {
                while !piece.is_empty() {
                    let (taken, ended) = input::decode(&mut framing, piece, &mut frame);
                    piece = &piece[taken..];
                    seen.extend(ended.map(|ended| ended.map(|()| std::mem::take(&mut frame))));
                }
            }
            match framing.finish(&mut frame) {
                Ok(false) => {}
                Ok(true) => seen.push(Ok(frame)),
                Err(error) => seen.push(Err(error)),
            }
            seen
        });
        let [at_once, by_bytes] = outcomes;
        assert_eq!(at_once, by_bytes);
        at_once
    }

    /// A frame as it goes over the wire.
    pub(super) fn encoded(framing: &mut impl Framing, frame: &[u8]) -> Result<Vec<u8>, FrameError> {
        let mut bytes = b"before".to_vec();
        framing.encode(frame, &mut bytes)?;
        assert!(bytes.starts_with(b"before"));
        Ok(bytes.split_off(6))
    }

    pub(super) fn frame(bytes: impl AsRef<[u8]>) -> Result<Vec<u8>, FrameError> {
        Ok(bytes.as_ref().to_vec())
    }

    #[test]
    fn a_byte_is_found_where_it_is_first() {
        assert_eq!(find(b'a', b""), None);
        assert_eq!(find(b'a', b"bcd"), None);
        assert_eq!(find(b'a', b"abca"), Some(0));
        assert_eq!(find(b'a', b"bca"), Some(2));
    }

    /// Says what it is told, whatever comes.
    struct Broken(Result<bool, FrameError>);

    impl Framing for Broken {
        fn decode(&mut self, _: &mut &[u8], _: &mut Vec<u8>) -> Result<bool, FrameError> {
            self.0
        }

        fn encode(&mut self, _: &[u8], _: &mut Vec<u8>) -> Result<(), FrameError> {
            Ok(())
        }
    }

    #[test]
    fn a_framing_that_takes_nothing_is_no_endless_loop() {
        let (taken, ended) = input::decode(&mut Broken(Ok(false)), b"abc", &mut Vec::new());
        assert_eq!(taken, 3);
        assert!(matches!(ended, Some(Err(FrameError::Corrupt { .. }))));
        // That may be: an error, or a frame, that ends before the next byte.
        let (taken, ended) = input::decode(&mut Broken(Ok(true)), b"abc", &mut Vec::new());
        assert_eq!((taken, ended), (0, Some(Ok(()))));
    }

    #[test]
    fn a_framing_may_be_chosen_later() {
        let framings: [Box<dyn Framing>; 2] = [Box::new(Lines::new()), Box::new(Cobs::new())];
        let wires = framings.map(|mut framing| encoded(&mut framing, b"a").unwrap());
        assert_eq!(wires, [b"a\n".to_vec(), b"\x02a\0".to_vec()]);
    }
}
