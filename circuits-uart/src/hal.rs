//! std's, embedded-io's and tokio's traits: names, and nothing that a port does not do itself.

use std::io;

use crate::{Port, Reader, Writer};

impl io::Read for &Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.read_until(buffer, self.deadline())?)
    }
}

/// `flush` blocks until all has left, as [`Port::drain`], for the port's timeout at most.
impl io::Write for &Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.write_until(bytes, self.deadline())?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.flush_within_timeout()?)
    }
}

impl io::Read for Port {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

/// `flush` blocks until all has left, as [`Port::drain`], for the port's timeout at most.
impl io::Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.port().read(buffer)
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.port().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.port().flush()
    }
}

/// The same for both versions of embedded-io, which have the same names.
#[cfg(any(feature = "embedded-io-06", feature = "embedded-io-07"))]
macro_rules! embedded_io {
    ($module:ident, $feature:literal, $blocking:ident, $async:ident) => {
        #[cfg(feature = $feature)]
        #[cfg_attr(docsrs, doc(cfg(feature = $feature)))]
        mod $module {
            use $async as asynchronous;
            use $blocking as blocking;

            use crate::{Error, ErrorKind, Port, Queue, Reader, Writer};

            impl blocking::Error for Error {
                fn kind(&self) -> blocking::ErrorKind {
                    match self.kind() {
                        ErrorKind::NotFound => blocking::ErrorKind::NotFound,
                        ErrorKind::PermissionDenied => blocking::ErrorKind::PermissionDenied,
                        ErrorKind::InUse => blocking::ErrorKind::AddrInUse,
                        ErrorKind::Removed => blocking::ErrorKind::NotConnected,
                        ErrorKind::HungUp => blocking::ErrorKind::BrokenPipe,
                        ErrorKind::Unsupported => blocking::ErrorKind::Unsupported,
                        ErrorKind::TimedOut => blocking::ErrorKind::TimedOut,
                        ErrorKind::Damaged | ErrorKind::Break | ErrorKind::Limit => {
                            blocking::ErrorKind::InvalidData
                        }
                        ErrorKind::Invalid => blocking::ErrorKind::InvalidInput,
                        // What is interrupted is tried again by some, for as long as it is.
                        ErrorKind::Interrupted | ErrorKind::Deadlock | ErrorKind::Io => {
                            blocking::ErrorKind::Other
                        }
                    }
                }
            }

            impl blocking::ErrorType for Port {
                type Error = Error;
            }

            impl blocking::ErrorType for Reader {
                type Error = Error;
            }

            impl blocking::ErrorType for Writer {
                type Error = Error;
            }

            impl blocking::Read for Port {
                fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
                    self.read_until(buffer, self.deadline())
                }
            }

            impl blocking::ReadReady for Port {
                fn read_ready(&mut self) -> Result<bool, Error> {
                    self.waiting(Queue::Input).map(|waiting| waiting > 0)
                }
            }

            impl blocking::Write for Port {
                fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                    self.write_until(bytes, self.deadline())
                }

                fn flush(&mut self) -> Result<(), Error> {
                    self.flush_within_timeout()
                }
            }

            impl blocking::Read for Reader {
                fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
                    self.port().read_until(buffer, self.port().deadline())
                }
            }

            impl blocking::ReadReady for Reader {
                fn read_ready(&mut self) -> Result<bool, Error> {
                    self.port().waiting(Queue::Input).map(|waiting| waiting > 0)
                }
            }

            impl blocking::Write for Writer {
                fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                    self.port().write_until(bytes, self.port().deadline())
                }

                fn flush(&mut self) -> Result<(), Error> {
                    self.port().flush_within_timeout()
                }
            }

            /// # Cancellation safety
            /// A future that is dropped has read nothing.
            impl asynchronous::Read for Port {
                async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
                    self.read_async(buffer).await
                }
            }

            /// # Cancellation safety
            /// A `write` that is dropped has written nothing. What was written is sent, whether a `flush` is
            /// dropped or not.
            impl asynchronous::Write for Port {
                async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                    self.write_async(bytes).await
                }

                async fn flush(&mut self) -> Result<(), Error> {
                    self.drain_async().await
                }
            }

            /// # Cancellation safety
            /// As the port's.
            impl asynchronous::Read for Reader {
                async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
                    self.port().read_async(buffer).await
                }
            }

            /// # Cancellation safety
            /// As the port's.
            impl asynchronous::Write for Writer {
                async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
                    self.port().write_async(bytes).await
                }

                async fn flush(&mut self) -> Result<(), Error> {
                    self.port().drain_async().await
                }
            }
        }
    };
}

#[cfg(any(feature = "embedded-io-06", feature = "embedded-io-07"))]
embedded_io!(
    version_06,
    "embedded-io-06",
    embedded_io_06,
    embedded_io_async_06
);
#[cfg(any(feature = "embedded-io-06", feature = "embedded-io-07"))]
embedded_io!(
    version_07,
    "embedded-io-07",
    embedded_io_07,
    embedded_io_async_07
);

/// tokio's traits. Its clock, its timers and its reactor are not used: any executor runs these.
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
mod tokio {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};

    use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use crate::{Port, Reader, Writer};

    fn poll_read(
        port: &Port,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let count = ready!(port.poll_read(cx, buffer.initialize_unfilled()))?;
        buffer.advance(count);
        Poll::Ready(Ok(()))
    }

    fn poll_write(port: &Port, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(ready!(port.poll_write(cx, bytes))?))
    }

    fn poll_flush(port: &Port, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(ready!(port.poll_drain(cx))?))
    }

    impl AsyncRead for Port {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            poll_read(&self, cx, buffer)
        }
    }

    /// `poll_flush` and `poll_shutdown` are ready when all has left: neither blocks the executor.
    impl AsyncWrite for Port {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            poll_write(&self, cx, bytes)
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            poll_flush(&self, cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            poll_flush(&self, cx)
        }
    }

    impl AsyncRead for Reader {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            poll_read(self.port(), cx, buffer)
        }
    }

    impl AsyncWrite for Writer {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            poll_write(self.port(), cx, bytes)
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            poll_flush(self.port(), cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            poll_flush(self.port(), cx)
        }
    }
}
