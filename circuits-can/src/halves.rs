use std::sync::Arc;

use crate::{Frame, Incoming, Received, Result, Socket};

/// The half of a socket that reads: [`Socket::split`].
#[derive(Debug)]
pub struct Reader {
    socket: Arc<Socket>,
}

/// The half of a socket that writes: [`Socket::split`].
#[derive(Debug)]
pub struct Writer {
    socket: Arc<Socket>,
}

impl Reader {
    pub(crate) fn new(socket: Arc<Socket>) -> Reader {
        Reader { socket }
    }

    /// Returns the socket, for blocking calls and settings.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Returns what comes as a stream.
    pub fn incoming(&mut self) -> Incoming<'_> {
        Incoming::new(&self.socket)
    }

    /// Waits for what comes next, as [`Socket::next_received`].
    ///
    /// # Errors
    /// As there.
    pub async fn next_received(&mut self) -> Result<Received> {
        self.socket.received_async().await
    }

    /// Waits for the next frame, as [`Socket::next_frame`].
    ///
    /// # Errors
    /// As there.
    pub async fn next_frame(&mut self) -> Result<Frame> {
        self.socket.frame_async().await
    }

    /// Waits until anything comes, as [`Socket::next_many`].
    ///
    /// # Errors
    /// As there.
    pub async fn next_many(&mut self, frames: &mut [Received]) -> Result<usize> {
        self.socket.many_async(frames).await
    }

    /// Returns the socket as a whole; both halves again, if the other one is of another socket.
    ///
    /// # Errors
    /// The two halves, as they were.
    pub fn reunite(self, writer: Writer) -> Result<Socket, (Reader, Writer)> {
        if !Arc::ptr_eq(&self.socket, &writer.socket) {
            return Err((self, writer));
        }
        drop(writer);
        Arc::try_unwrap(self.socket)
            .map_err(|socket| (Reader::new(socket.clone()), Writer::new(socket)))
    }
}

impl Writer {
    pub(crate) fn new(socket: Arc<Socket>) -> Writer {
        Writer { socket }
    }

    /// Returns the socket, for blocking calls and settings.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Sends a frame, as [`Socket::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, frame: &Frame) -> Result<()> {
        self.socket.send_async(std::slice::from_ref(frame)).await
    }

    /// Sends frames, as [`Socket::send_many`].
    ///
    /// # Errors
    /// As there.
    pub async fn send_many(&mut self, frames: &[Frame]) -> Result<()> {
        self.socket.send_async(frames).await
    }
}
