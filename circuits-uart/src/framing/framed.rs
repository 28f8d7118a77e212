use std::io::{self, Read, Write};

use super::input::Input;
use super::{Error, FrameError, Framing};

/// Frames over bytes: reads and writes them on whatever implements std's `Read` and `Write`.
///
/// It reads up to 4 KiB at once, and hands out all frames that are in it before it reads again.
///
/// ```
/// use std::io::Cursor;
///
/// use circuits_uart::framing::{Cobs, Framed};
///
/// let mut wire = Framed::new(Cursor::new(Vec::new()), Cobs::new());
/// wire.write_frame([1, 0, 2])?;
/// wire.write_frame("any bytes")?;
///
/// wire.get_mut().set_position(0);
/// assert_eq!(wire.read_frame()?, Some(&[1, 0, 2][..]));
/// assert_eq!(wire.read_frame()?, Some(&b"any bytes"[..]));
/// assert_eq!(wire.read_frame()?, None);
/// # Ok::<(), circuits_uart::framing::Error>(())
/// ```
#[derive(Debug)]
pub struct Framed<T, F> {
    io: T,
    input: Input<F>,
    /// The frame that is written, as it goes over the wire.
    output: Vec<u8>,
}

impl<T, F: Framing> Framed<T, F> {
    /// Puts a framing on `io`.
    pub fn new(io: T, framing: F) -> Framed<T, F> {
        Framed {
            io,
            input: Input::new(framing),
            output: Vec::new(),
        }
    }

    /// Returns what is read from and written to.
    pub fn get_ref(&self) -> &T {
        &self.io
    }

    /// Returns what is read from and written to. Bytes that are read there are missing here.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.io
    }

    /// Returns what is read from and written to. What was read and not handed out is lost:
    /// [`partial`](Framed::partial) and [`buffered`](Framed::buffered) have it.
    pub fn into_inner(self) -> T {
        self.io
    }

    /// Returns the framing.
    pub fn framing(&self) -> &F {
        &self.input.framing
    }

    /// Returns the framing, to set it up otherwise, or to put another one in its place between two frames:
    /// what comes after the last frame that was handed out is decoded by that one.
    pub fn framing_mut(&mut self) -> &mut F {
        &mut self.input.framing
    }

    /// Returns what was read beyond the frames that were handed out, and is not decoded yet.
    pub fn buffered(&self) -> &[u8] {
        self.input.buffered()
    }

    /// Returns what has been decoded of a frame that has not ended yet. A prompt is such a line:
    ///
    /// ```
    /// use circuits_uart::framing::{Error, Framed, Lines};
    /// # use std::io;
    /// # struct Console(&'static [u8]);
    /// # impl io::Read for Console {
    /// #     fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
    /// #         match std::mem::take(&mut self.0).read(buffer)? {
    /// #             0 => Err(io::ErrorKind::TimedOut.into()),
    /// #             count => Ok(count),
    /// #         }
    /// #     }
    /// # }
    /// # let console = Console(b"Debian GNU/Linux 13\r\nlogin: ");
    ///
    /// // A console that waits for an answer: reading from it times out.
    /// let mut lines = Framed::new(console, Lines::new());
    /// loop {
    ///     match lines.read_frame() {
    ///         Ok(Some(line)) => assert_eq!(line, b"Debian GNU/Linux 13"),
    ///         Err(Error::Io(error)) if error.kind() == io::ErrorKind::TimedOut => break,
    ///         other => panic!("{other:?}"),
    ///     }
    /// }
    /// assert_eq!(lines.partial(), b"login: ");
    /// ```
    pub fn partial(&self) -> &[u8] {
        self.input.partial()
    }

    /// Gives up what has begun, after a time-out: the rest of it will not come, and what comes next is the
    /// beginning of a frame. Returns it where the framing takes it for a frame, and nothing if nothing had
    /// begun.
    ///
    /// # Errors
    /// [`FrameError::Incomplete`]: it is no frame, and dropped.
    pub fn finish(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let is_frame = self.input.finish()?;
        Ok(is_frame.then(|| self.input.frame()))
    }

    /// What futures read by.
    pub(super) fn parts(&mut self) -> (&T, &mut Input<F>) {
        (&self.io, &mut self.input)
    }

    /// Encodes a frame; what of it is to be written is returned.
    pub(super) fn encode(&mut self, frame: &[u8]) -> Result<(&mut T, &[u8]), FrameError> {
        self.output.clear();
        self.input.framing.encode(frame, &mut self.output)?;
        Ok((&mut self.io, &self.output))
    }

    /// Forgets all that was read and not handed out: after a new start of the device, or when the port has
    /// been opened anew.
    pub fn discard(&mut self) {
        self.input.discard();
    }
}

impl<T: Read, F: Framing> Framed<T, F> {
    /// Reads a frame. `None` is the end of the input, where no frame has begun.
    ///
    /// # Errors
    /// [`Error::Io`] if reading fails or times out: nothing is lost, and the next call goes on. A byte that
    /// a port [reports](crate::Config::report_errors) to be damaged makes its frame corrupt as well.
    /// [`Error::Frame`] for a frame that is wrong, and at the end of the input for one that has begun
    /// ([`FrameError::Incomplete`]); the next call goes on behind it.
    pub fn read_frame(&mut self) -> Result<Option<&[u8]>, Error> {
        loop {
            if let Some(ended) = self.input.next() {
                ended?;
                return Ok(Some(self.input.frame()));
            }
            match self.io.read(self.input.space()) {
                Ok(0) => return Ok(self.finish()?),
                Ok(count) => self.input.filled(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if let Some(error) = crate::Error::of(&error) {
                        self.input.note(error);
                    }
                    return Err(error.into());
                }
            }
        }
    }
}

impl<T: Write, F: Framing> Framed<T, F> {
    /// Writes a frame, by one call of `write_all`. It does not flush: on a port nothing waits for that.
    ///
    /// # Errors
    /// [`Error::Frame`] for what cannot be sent as a frame, of which nothing is written. [`Error::Io`] if
    /// writing fails or times out: any part of the frame may have been written, and `write_all` does not
    /// say how much. What the other end makes of it is for the protocol to find out; after a part of a
    /// frame of [`Cobs`](super::Cobs), [`Slip`](super::Slip), [`Lines`](super::Lines) or
    /// [`Delimiter`](super::Delimiter) it takes one more end of a frame for the next one to be whole.
    pub fn write_frame(&mut self, frame: impl AsRef<[u8]>) -> Result<(), Error> {
        let (io, bytes) = self.encode(frame.as_ref())?;
        Ok(io.write_all(bytes)?)
    }
}
