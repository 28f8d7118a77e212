use std::io;

use super::input::Input;
use super::{Error, Framed, Framing};
use crate::{Port, Reader, Writer};

/// By futures, under any executor.
impl<F: Framing> Framed<Port, F> {
    /// Waits for a frame.
    ///
    /// ```
    /// use circuits_stub::Stub;
    /// use circuits_uart::framing::{Framed, Slip};
    /// use circuits_uart::{Config, Port};
    ///
    /// let board = Stub::virtual_time().serial_loop("ttyAMA0")?;
    /// let port = Port::open_on(&board, "ttyAMA0", &Config::new())?;
    /// let mut packets = Framed::new(port, Slip::new());
    /// board.block_on(async {
    ///     packets.send_frame("to and fro").await?;
    ///     assert_eq!(packets.next_frame().await?, b"to and fro");
    ///     Ok::<(), circuits_uart::framing::Error>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`read_frame`](Framed::read_frame), but it does not time out, and is not interrupted.
    ///
    /// # Cancellation safety
    /// What has come of a frame when the future is dropped is there for the next one.
    pub async fn next_frame(&mut self) -> Result<&[u8], Error> {
        let (port, input) = self.parts();
        next_frame(port, input).await
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// As [`write_frame`](Framed::write_frame), but it does not time out, and is not interrupted.
    ///
    /// # Cancellation safety
    /// If the future is dropped, a part of the frame may have been written.
    pub async fn send_frame(&mut self, frame: impl AsRef<[u8]>) -> Result<(), Error> {
        let (port, bytes) = self.encode(frame.as_ref())?;
        send(port, bytes).await
    }
}

/// By futures, under any executor.
impl<F: Framing> Framed<Reader, F> {
    /// Waits for a frame.
    ///
    /// # Errors
    /// As [`read_frame`](Framed::read_frame), but it does not time out, and is not interrupted.
    ///
    /// # Cancellation safety
    /// What has come of a frame when the future is dropped is there for the next one.
    pub async fn next_frame(&mut self) -> Result<&[u8], Error> {
        let (reader, input) = self.parts();
        next_frame(reader.port(), input).await
    }
}

/// By futures, under any executor.
impl<F: Framing> Framed<Writer, F> {
    /// Writes a frame.
    ///
    /// # Errors
    /// As [`write_frame`](Framed::write_frame), but it does not time out, and is not interrupted.
    ///
    /// # Cancellation safety
    /// If the future is dropped, a part of the frame may have been written.
    pub async fn send_frame(&mut self, frame: impl AsRef<[u8]>) -> Result<(), Error> {
        let (writer, bytes) = self.encode(frame.as_ref())?;
        send(writer.port(), bytes).await
    }
}

async fn next_frame<'a, F: Framing>(
    port: &Port,
    input: &'a mut Input<F>,
) -> Result<&'a [u8], Error> {
    while input.next().transpose()?.is_none() {
        match port.read_async(input.space()).await {
            Ok(count) => input.filled(count),
            Err(error) => {
                input.note(&error);
                return Err(io::Error::from(error).into());
            }
        }
    }
    Ok(input.frame())
}

async fn send(port: &Port, bytes: &[u8]) -> Result<(), Error> {
    let mut written = 0;
    while written < bytes.len() {
        let more = port.write_async(&bytes[written..]).await;
        written += more.map_err(io::Error::from)?;
    }
    Ok(())
}
