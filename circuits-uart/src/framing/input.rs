use std::fmt;

use super::{FrameError, Framing};

/// What a read takes: as much as the kernel's terminal layer hands out at once (`N_TTY_BUF_SIZE`).
const BUFFER: usize = 4096;

/// What has come and was not handed out yet: bytes that are not decoded, and what has been decoded of a
/// frame.
///
/// `next` until there is nothing; then fill `space`, say so by `filled`, and begin anew.
pub(super) struct Input<F> {
    pub(super) framing: F,
    frame: Vec<u8>,
    /// The frame was handed out: it is forgotten when the next one begins.
    is_done: bool,
    /// A byte of the frame that comes was damaged on the wire, or there was a break in it.
    is_damaged: bool,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<F: Framing> Input<F> {
    pub(super) fn new(framing: F) -> Input<F> {
        Input {
            framing,
            frame: Vec::new(),
            is_done: false,
            is_damaged: false,
            buffer: vec![0; BUFFER].into(),
            start: 0,
            end: 0,
        }
    }

    /// Decodes what is in the buffer until a frame ends, if one does.
    pub(super) fn next(&mut self) -> Option<Result<(), FrameError>> {
        self.begin();
        let bytes = &self.buffer[self.start..self.end];
        let (taken, ended) = decode(&mut self.framing, bytes, &mut self.frame);
        self.start += taken;
        self.is_done = ended == Some(Ok(()));
        match ended {
            Some(Ok(())) if std::mem::take(&mut self.is_damaged) => {
                Some(Err(FrameError::Corrupt {
                    what: "a byte of it was damaged on the wire, and reported before",
                }))
            }
            Some(_) => {
                self.is_damaged = false;
                ended
            }
            None => None,
        }
    }

    /// Notes what a port said: a frame without a byte that was damaged is no frame, and neither is one with a
    /// break in it.
    pub(super) fn note(&mut self, error: &crate::Error) {
        match error {
            crate::Error::Damaged { .. } => self.is_damaged = true,
            crate::Error::Break { .. } => self.is_damaged |= !self.partial().is_empty(),
            _ => {}
        }
    }

    /// Gives up what has begun. Returns whether that is a frame.
    pub(super) fn finish(&mut self) -> Result<bool, FrameError> {
        self.begin();
        let ended = self.framing.finish(&mut self.frame);
        match ended {
            Ok(true) => self.is_done = true,
            _ => self.frame.clear(),
        }
        ended
    }

    fn begin(&mut self) {
        if self.is_done {
            self.frame.clear();
            self.is_done = false;
        }
    }

    /// The frame that ended at last.
    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// What has been decoded of the frame that has not ended.
    pub(super) fn partial(&self) -> &[u8] {
        match self.is_done {
            true => &[],
            false => &self.frame,
        }
    }

    pub(super) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Where to read to, once `next` has found nothing more: by then nothing is in the buffer.
    pub(super) fn space(&mut self) -> &mut [u8] {
        (self.start, self.end) = (0, 0);
        &mut self.buffer
    }

    /// So many bytes were read to the beginning of `space`.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = count.min(self.buffer.len());
    }

    pub(super) fn discard(&mut self) {
        self.framing.reset();
        self.frame.clear();
        self.is_damaged = false;
        (self.start, self.end) = (0, 0);
    }
}

impl<F: fmt::Debug> fmt::Debug for Input<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("framing", &self.framing)
            .field("frame", &self.frame)
            .field("buffered", &(self.end - self.start))
            .finish_non_exhaustive()
    }
}

/// Decodes bytes until a frame ends, in whatever way, or all of them. Returns how many it took.
pub(super) fn decode<F: Framing>(
    framing: &mut F,
    bytes: &[u8],
    frame: &mut Vec<u8>,
) -> (usize, Option<Result<(), FrameError>>) {
    let mut rest = bytes;
    let ended = loop {
        let before = rest.len();
        if before == 0 {
            break None;
        }
        match framing.decode(&mut rest, frame) {
            Ok(true) => break Some(Ok(())),
            Ok(false) if rest.len() < before => {}
            Ok(false) => {
                framing.reset();
                rest = &[];
                break Some(Err(FrameError::Corrupt {
                    what: "the framing takes no more bytes, which is a bug of it",
                }));
            }
            Err(error) => break Some(Err(error)),
        }
    };
    if let Some(Err(_)) = ended {
        frame.clear();
    }
    (bytes.len().saturating_sub(rest.len()), ended)
}
