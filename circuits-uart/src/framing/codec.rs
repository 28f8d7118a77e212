use std::io;

use tokio_util::bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use super::input::decode;
use super::{Error, FrameError, Framing};

/// A [`Framing`] as a codec of `tokio_util`, for its `Framed`, `FramedRead` and `FramedWrite`.
///
/// What comes is a frame, or what is wrong with one. An error of the stream is one of reading alone,
/// because `tokio_util` ends its streams at an error: a damaged frame would end them, too.
///
/// ```
/// use circuits_uart::framing::{Codec, FrameError, Slip};
/// use futures_lite::StreamExt;
/// use tokio_util::codec::FramedRead;
///
/// # futures_lite::future::block_on(async {
/// let port: &[u8] = b"\xc0one\xc0\xc0t\xdbwo\xc0\xc0three\xc0";
/// let mut frames = FramedRead::new(port, Codec::new(Slip::new()));
/// let mut seen = Vec::new();
/// while let Some(frame) = frames.try_next().await? {
///     match frame {
///         Ok(frame) => seen.push(frame),
///         Err(error) => assert!(matches!(error, FrameError::Corrupt { .. })),
///     }
/// }
/// assert_eq!(seen, ["one", "three"]);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
///
/// Frames share blocks of 4 KiB. Those are used again once the frames in them have been dropped: who keeps
/// a short one for long copies it.
#[derive(Clone, Debug)]
pub struct Codec<F> {
    framing: F,
    frame: Vec<u8>,
    /// The frame that is written, as it goes over the wire.
    output: Vec<u8>,
    /// Where the next frame that is handed out will be.
    block: BytesMut,
}

/// How much is taken from the heap for frames that are handed out.
const BLOCK: usize = 4096;

impl<F: Framing> Codec<F> {
    /// Makes a codec of a framing.
    pub fn new(framing: F) -> Codec<F> {
        Codec {
            framing,
            frame: Vec::new(),
            output: Vec::new(),
            block: BytesMut::with_capacity(BLOCK),
        }
    }

    /// Returns the framing.
    pub fn framing(&self) -> &F {
        &self.framing
    }

    /// Returns the framing, to set it up otherwise between two frames.
    pub fn framing_mut(&mut self) -> &mut F {
        &mut self.framing
    }

    /// Gives up what has begun, after a time-out: as [`Framed::finish`](super::Framed::finish).
    ///
    /// # Errors
    /// [`FrameError::Incomplete`]: it is no frame, and dropped.
    pub fn finish(&mut self) -> Result<Option<BytesMut>, FrameError> {
        match self.framing.finish(&mut self.frame) {
            Ok(true) => Ok(Some(self.hand_out())),
            ended => {
                self.frame.clear();
                ended.map(|_| None)
            }
        }
    }

    fn hand_out(&mut self) -> BytesMut {
        self.block.extend_from_slice(&self.frame);
        self.frame.clear();
        self.block.split()
    }
}

impl<F: Framing> Decoder for Codec<F> {
    type Item = Result<BytesMut, FrameError>;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let (taken, ended) = decode(&mut self.framing, bytes, &mut self.frame);
        bytes.advance(taken);
        Ok(ended.map(|ended| ended.map(|()| self.hand_out())))
    }

    fn decode_eof(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        match self.decode(bytes)? {
            None => Ok(self.finish().transpose()),
            ended => Ok(ended),
        }
    }
}

/// Of anything that is bytes: a slice, `Bytes`, a `Vec`, a string.
impl<F: Framing, B: AsRef<[u8]>> Encoder<B> for Codec<F> {
    type Error = Error;

    fn encode(&mut self, frame: B, bytes: &mut BytesMut) -> Result<(), Error> {
        self.output.clear();
        self.framing.encode(frame.as_ref(), &mut self.output)?;
        bytes.extend_from_slice(&self.output);
        Ok(())
    }
}
