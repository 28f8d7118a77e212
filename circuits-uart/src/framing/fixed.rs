use super::{FrameError, Framing, take};

/// Each frame has the same number of bytes.
///
/// Nothing tells where one begins: after a byte that was lost all frames are shifted, until
/// [`Framed::finish`](super::Framed::finish) is called in a silence, or
/// [`Framed::discard`](super::Framed::discard).
///
/// ```
/// use circuits_uart::framing::{Fixed, Framed};
///
/// // The distance from a lidar: 59 59, centimetres, strength, …, checksum.
/// let lidar: &[u8] = &[0x59, 0x59, 0x7b, 0x00, 0x2c, 0x01, 0x00, 0x00, 0x5a];
/// let mut frames = Framed::new(lidar, Fixed::new(9)?);
/// assert_eq!(frames.read_frame()?.map(|frame| frame[2]), Some(123));
/// # Ok::<(), circuits_uart::framing::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fixed {
    length: usize,
}

impl Fixed {
    /// Makes the framing of frames of so many bytes, one at least.
    ///
    /// # Errors
    /// [`FrameError::Invalid`] for frames without bytes.
    pub fn new(length: usize) -> Result<Fixed, FrameError> {
        match length {
            0 => Err(FrameError::Invalid {
                what: "a frame of a fixed length has one byte at least",
            }),
            length => Ok(Fixed { length }),
        }
    }
}

impl Framing for Fixed {
    fn decode(&mut self, bytes: &mut &[u8], frame: &mut Vec<u8>) -> Result<bool, FrameError> {
        frame.extend_from_slice(take(bytes, self.length.saturating_sub(frame.len())));
        Ok(frame.len() >= self.length)
    }

    fn encode(&mut self, frame: &[u8], bytes: &mut Vec<u8>) -> Result<(), FrameError> {
        if frame.len() != self.length {
            return Err(FrameError::NotEncodable {
                what: "it has not the length that all frames have",
            });
        }
        bytes.extend_from_slice(frame);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{decoded, encoded, frame};
    use super::*;

    #[test]
    fn frames_have_their_length() {
        let mut framing = Fixed::new(3).unwrap();
        let rest = Err(FrameError::Incomplete { length: 2 });
        assert_eq!(
            decoded(&framing, b"abcdefgh"),
            [frame("abc"), frame("def"), rest]
        );
        assert_eq!(encoded(&mut framing, b"abc"), frame("abc"));
        for wrong in ["", "ab", "abcd"] {
            let refused = encoded(&mut framing, wrong.as_bytes());
            assert!(matches!(refused, Err(FrameError::NotEncodable { .. })));
        }
        assert!(matches!(Fixed::new(0), Err(FrameError::Invalid { .. })));
    }
}
