use std::time::Duration;

use circuits_wait::{Delay, Time};

use crate::{Config, Error, Port, Result};

/// What comes between two silences: frames of protocols that are told apart by time, as Modbus RTU's.
///
/// A burst begins with the first byte and ends when nothing has come for the gap. A bound is kept on its
/// length.
///
/// **On a terminal of the kernel's the times are approximate**: bytes are handed on in lumps, by a FIFO some
/// characters late, by a USB adapter up to 16 ms ([`Config::low_latency`] makes that 1 ms), and the program
/// is told a little later still. So a gap that is longer than the lumps joins what comes faster than that, and
/// one that is shorter cuts frames in two: choose it longer than the lumps, and have frames checked by
/// what they carry themselves, a checksum. On the virtual board times are exact.
///
/// ```
/// use circuits_stub::Stub;
/// use circuits_uart::{Bursts, Config, Port};
/// use std::io::Write;
/// use std::time::Duration;
///
/// let board = Stub::virtual_time().serial_cable("ttyAMA0", "ttyUSB0")?;
/// let mut meter = Port::open_on(&board, "ttyUSB0", &Config::new())?;
/// let port = Port::open_on(&board, "ttyAMA0", &Config::new())?;
/// let mut bursts = Bursts::new(port, Duration::from_millis(2));
///
/// meter.write_all(b"one")?;
/// assert_eq!(bursts.read_burst(None)?, b"one");
/// meter.write_all(b"another")?;
/// assert_eq!(bursts.read_burst(None)?, b"another");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Bursts {
    port: Port,
    gap: Duration,
    /// One byte more than a burst may have.
    buffer: Box<[u8]>,
    /// How much of it is there.
    length: usize,
    /// What comes is dropped, up to the next silence.
    skips: bool,
    delay: Delay,
    /// When anything was on the wire last, as far as it was seen here.
    busy: Time,
}

/// How long a frame of Modbus RTU is at most.
const MODBUS: usize = 256;

impl Bursts {
    /// Makes a reader of bursts of 256 bytes at most, between which nothing comes for `gap`.
    pub fn new(port: Port, gap: Duration) -> Bursts {
        Bursts {
            delay: Delay::new(port.clock().clone()),
            busy: Time::ZERO,
            buffer: vec![0; MODBUS + 1].into(),
            length: 0,
            skips: false,
            gap,
            port,
        }
    }

    /// Makes a reader of frames of Modbus RTU: the gap is three and a half characters at the port's
    /// settings, above 19200 baud 1.75 ms (*Modbus over serial line*, V1.02, 2.5.1.1); a frame has up to 256
    /// bytes.
    pub fn modbus(port: Port) -> Bursts {
        let gap = modbus_gap(&port.config());
        Bursts::new(port, gap)
    }

    /// Sets how long a burst is at most. Default: 256 bytes.
    #[must_use]
    pub fn max_length(self, bytes: u16) -> Bursts {
        Bursts {
            buffer: vec![0; usize::from(bytes) + 1].into(),
            length: 0,
            ..self
        }
    }

    /// Returns for how long nothing comes between two bursts.
    pub fn gap(&self) -> Duration {
        self.gap
    }

    /// Returns the port.
    pub fn port(&self) -> &Port {
        &self.port
    }

    /// Returns the port, to be used otherwise.
    pub fn into_port(self) -> Port {
        self.port
    }

    /// Blocks until a burst has come, and returns it. With a timeout it waits no longer than that for
    /// its first byte.
    ///
    /// # Errors
    /// [`Error::TimedOut`]: none has begun. [`Error::Limit`]: it is longer than may be; what follows up to the
    /// next silence is dropped. [`Error::Damaged`] and [`Error::Break`], if
    /// [asked for](Config::report_errors): the burst is dropped, up to the next silence. Those of
    /// [`Port::read_within`].
    pub fn read_burst(&mut self, timeout: Option<Duration>) -> Result<&[u8]> {
        let clock = self.port.clock().clone();
        let deadline = timeout.map(|timeout| clock.now() + timeout);
        loop {
            let until = match self.has_begun() {
                true => Some(self.busy + self.gap),
                false => deadline,
            };
            let read = self.port.read_until(&mut self.buffer[self.length..], until);
            if let Some(length) = self.take(read)? {
                return Ok(&self.buffer[..length]);
            }
        }
    }

    /// Waits until a burst has come, and returns it.
    ///
    /// # Errors
    /// As [`read_burst`](Bursts::read_burst), but it is not interrupted.
    ///
    /// # Cancellation safety
    /// What has come of a burst when the future is dropped is there for the next one.
    pub async fn next_burst(&mut self) -> Result<&[u8]> {
        loop {
            let has_begun = self.has_begun();
            let read = self.port.read_async(&mut self.buffer[self.length..]);
            let read = match has_begun {
                false => read.await,
                true => {
                    let left = (self.busy + self.gap).since(self.port.clock().now());
                    match self.delay.timeout(left, read).await {
                        Ok(read) => read,
                        Err(error) => Err(self.port.wait_failed(error)),
                    }
                }
            };
            if let Some(length) = self.take(read)? {
                return Ok(&self.buffer[..length]);
            }
        }
    }

    fn has_begun(&self) -> bool {
        self.length > 0 || self.skips
    }

    /// Takes what a read gave; returns how long the burst is, if it is over.
    fn take(&mut self, read: Result<usize>) -> Result<Option<usize>> {
        match read {
            Ok(count) => {
                self.busy = self.port.clock().now();
                if !self.skips {
                    self.length += count;
                }
                // There is room for one more than may be.
                if self.length == self.buffer.len() {
                    self.skip();
                    return Err(self.port.limit("a burst", self.buffer.len() - 1));
                }
                Ok(None)
            }
            Err(Error::TimedOut { .. }) if self.skips => {
                self.skips = false;
                Ok(None)
            }
            // What came before the end is a burst, too; the next read tells of the end again.
            Err(Error::TimedOut { .. } | Error::HungUp { .. } | Error::Removed { .. })
                if self.length > 0 =>
            {
                Ok(Some(std::mem::take(&mut self.length)))
            }
            Err(error @ (Error::Damaged { .. } | Error::Break { .. })) => {
                self.busy = self.port.clock().now();
                self.skip();
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Drops what comes until the next silence.
    fn skip(&mut self) {
        self.length = 0;
        self.skips = true;
    }

    /// Writes a burst, when nothing has come or gone for the gap, and blocks until all of it has left, for
    /// as long as the port's timeout at most.
    ///
    /// # Errors
    /// Those of [`Port::write_within`].
    pub fn write_burst(&mut self, bytes: &[u8]) -> Result<()> {
        let deadline = self.port.deadline();
        let clock = self.port.clock().clone();
        if let Err(error) = clock.sleep_until(self.busy + self.gap) {
            return Err(self.port.wait_failed(error));
        }
        self.port.write_all_until(bytes, deadline)?;
        self.port.drain_until(deadline)?;
        self.busy = clock.now();
        Ok(())
    }

    /// Writes a burst, when nothing has come or gone for the gap, and waits until all of it has left.
    ///
    /// # Errors
    /// As [`write_burst`](Bursts::write_burst), but it is not interrupted.
    ///
    /// # Cancellation safety
    /// If the future is dropped, a part of the burst may have been written.
    pub async fn send_burst(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(error) = self.delay.until(self.busy + self.gap).await {
            return Err(self.port.wait_failed(error));
        }
        let mut written = 0;
        while written < bytes.len() {
            written += self.port.write_async(&bytes[written..]).await?;
        }
        self.port.drain_async().await?;
        self.busy = self.port.clock().now();
        Ok(())
    }
}

/// For how long a line of Modbus RTU rests between two frames.
fn modbus_gap(config: &Config) -> Duration {
    match config.baud_rate() {
        ..=19_200 => config.character_time() * 7 / 2,
        _ => Duration::from_micros(1750),
    }
}
