use std::time::Duration;

use circuits_wait::{Delay, Time};

use crate::{Config, Error, Port, Queue, Result};

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
    /// It is all of a burst, which was not handed out yet.
    is_over: bool,
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
            is_over: false,
            skips: false,
            gap,
            port,
        }
    }

    /// Makes a reader of frames of Modbus RTU: the gap is three and a half characters at the port's
    /// settings, above 19200 baud 1.75 ms (*Modbus over serial line*, V1.02, 2.5.1.1); a frame has up to 256
    /// bytes. A USB adapter needs [`Config::low_latency`] for that, or it cuts frames in pieces.
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

    /// Forgets what has come and was not read: a late answer, for one, to a request that was given up.
    ///
    /// # Errors
    /// As [`Port::discard`].
    pub fn discard(&mut self) -> Result<()> {
        self.forget();
        self.port.discard(Queue::Input)
    }

    /// Blocks until a burst has come, and returns it. With a timeout it waits no longer than that for
    /// its first byte.
    ///
    /// # Errors
    /// [`Error::TimedOut`]: none has begun. [`Error::Limit`]: it is longer than may be; what follows up to the
    /// next silence is dropped. [`Error::Damaged`] and [`Error::Break`], if
    /// [asked for](Config::report_errors): the burst is dropped, up to the next silence. Those of
    /// [`Port::read_within`]. What came before a port was removed or hung up is a burst.
    pub fn read_burst(&mut self, timeout: impl Into<Option<Duration>>) -> Result<&[u8]> {
        let clock = self.port.clock();
        let deadline = timeout.into().map(|timeout| clock.now() + timeout);
        while !self.is_over {
            let until = self.until(deadline);
            let read = self.port.read_until(&mut self.buffer[self.length..], until);
            self.take(read)?;
        }
        Ok(self.hand_out())
    }

    /// Waits until a burst has come, and returns it.
    ///
    /// # Errors
    /// As [`read_burst`](Bursts::read_burst), but it is not interrupted.
    ///
    /// # Cancellation safety
    /// What has come of a burst when the future is dropped is there for the next one.
    pub async fn next_burst(&mut self) -> Result<&[u8]> {
        while !self.is_over {
            let until = self.until(None);
            let read = self.port.read_async(&mut self.buffer[self.length..]);
            let read = match until {
                None => read.await,
                Some(until) => {
                    let left = until.since(self.port.clock().now());
                    match self.delay.timeout(left, read).await {
                        Ok(read) => read,
                        Err(error) => Err(self.port.wait_failed(error)),
                    }
                }
            };
            self.take(read)?;
        }
        Ok(self.hand_out())
    }

    /// Writes a burst, when nothing has come or gone for the gap, and blocks until all of it has left, for
    /// as long as the port's timeout at most. What comes meanwhile is the next burst that is read.
    ///
    /// # Errors
    /// Those of [`Port::write_within`]: [`Error::TimedOut`] as well if the line is never silent.
    pub fn write_burst(&mut self, bytes: &[u8]) -> Result<()> {
        let deadline = self.port.deadline();
        self.forget();
        loop {
            let silence = self.silence();
            let until = deadline.map_or(silence, |deadline| deadline.min(silence));
            let room = &mut self.buffer[self.length..];
            let read = self.port.read_until(room, Some(until));
            if self.is_silent_after(read)? {
                break;
            }
        }
        self.port.write_all_until(bytes, deadline)?;
        self.port.drain_until(deadline)?;
        self.busy = self.port.clock().now();
        Ok(())
    }

    /// Writes a burst, when nothing has come or gone for the gap, and waits until all of it has left. What
    /// comes meanwhile is the next burst that is read.
    ///
    /// # Errors
    /// As [`write_burst`](Bursts::write_burst), but it does not time out, and is not interrupted.
    ///
    /// # Cancellation safety
    /// If the future is dropped, a part of the burst may have been written.
    pub async fn send_burst(&mut self, bytes: &[u8]) -> Result<()> {
        self.forget();
        loop {
            let left = self.silence().since(self.port.clock().now());
            let read = self.port.read_async(&mut self.buffer[self.length..]);
            let read = match self.delay.timeout(left, read).await {
                Ok(read) => read,
                Err(error) => Err(self.port.wait_failed(error)),
            };
            if self.is_silent_after(read)? {
                break;
            }
        }
        let mut written = 0;
        while written < bytes.len() {
            written += self.port.write_async(&bytes[written..]).await?;
        }
        self.port.drain_async().await?;
        self.busy = self.port.clock().now();
        Ok(())
    }

    /// Writes a request, and returns the burst that answers it, which begins within the timeout. What came
    /// before the request, such as a late answer to another, is dropped.
    ///
    /// # Errors
    /// Those of [`write_burst`](Bursts::write_burst) and [`read_burst`](Bursts::read_burst).
    pub fn transaction(&mut self, request: &[u8], timeout: Duration) -> Result<&[u8]> {
        self.write_burst(request)?;
        self.forget();
        self.read_burst(timeout)
    }

    /// Writes a request, and waits for the burst that answers it, as [`transaction`](Bursts::transaction). How
    /// long, is for [`Delay::timeout`].
    ///
    /// # Errors
    /// Those of [`send_burst`](Bursts::send_burst) and [`next_burst`](Bursts::next_burst).
    ///
    /// # Cancellation safety
    /// If the future is dropped, a part of the request may have been written. An answer that comes then is
    /// dropped by the next transaction.
    pub async fn transaction_async(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.send_burst(request).await?;
        self.forget();
        self.next_burst().await
    }

    /// When the line has been silent for the gap.
    fn silence(&self) -> Time {
        self.busy + self.gap
    }

    /// Until when a read waits.
    fn until(&self, deadline: Option<Time>) -> Option<Time> {
        match (self.length > 0, self.skips) {
            (true, _) => Some(self.silence()),
            (false, true) => {
                let silence = self.silence();
                Some(deadline.map_or(silence, |deadline| deadline.min(silence)))
            }
            (false, false) => deadline,
        }
    }

    /// Takes what a read gave.
    fn take(&mut self, read: Result<usize>) -> Result<()> {
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
            }
            Err(Error::TimedOut { .. }) if self.skips && self.is_silent() => self.skips = false,
            // What came before the end is a burst, too; the next read tells of the end again.
            Err(Error::TimedOut { .. } | Error::HungUp { .. } | Error::Removed { .. })
                if self.length > 0 =>
            {
                self.is_over = true;
            }
            Err(error @ (Error::Damaged { .. } | Error::Break { .. })) => {
                self.busy = self.port.clock().now();
                self.skip();
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Takes what a read gave while the line was to be silent. `true`: it is.
    fn is_silent_after(&mut self, read: Result<usize>) -> Result<bool> {
        match read {
            Err(Error::TimedOut { .. }) if self.is_silent() => {
                self.skips = false;
                self.is_over = self.length > 0;
                Ok(true)
            }
            // What is wrong with what nobody reads is no error.
            Ok(_) | Err(Error::Damaged { .. } | Error::Break { .. }) => {
                let _ = self.take(read);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn is_silent(&self) -> bool {
        self.port.clock().now() >= self.silence()
    }

    fn hand_out(&mut self) -> &[u8] {
        self.is_over = false;
        let length = std::mem::take(&mut self.length);
        &self.buffer[..length]
    }

    /// Drops what comes until the next silence.
    fn skip(&mut self) {
        self.length = 0;
        self.skips = true;
    }

    fn forget(&mut self) {
        self.length = 0;
        self.is_over = false;
    }
}

/// For how long a line of Modbus RTU rests between two frames.
fn modbus_gap(config: &Config) -> Duration {
    match config.baud_rate() {
        ..=19_200 => config.character_time() * 7 / 2,
        _ => Duration::from_micros(1750),
    }
}
