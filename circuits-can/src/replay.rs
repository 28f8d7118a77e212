use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use circuits_wait::{Clock, Delay, Time};

use crate::log::Entry;
use crate::{Backend, Error, Frame, Result, Socket};

/// Sends the frames of a log again, as far apart as they were.
///
/// Each frame is due so long after the first one as the log says, on the clock of the board: what is late does
/// not make the next one late. When many are late, because the bus was busy, they follow each other without a gap
/// until the log is caught up with. (A log has the times when frames were over; here they begin so far apart, so the
/// longer of two frames is over some microseconds later.) [`Summary::latest`] tells how late the worst one was.
///
/// ```
/// use circuits_can::log::Reader;
/// use circuits_can::{Config, Replay, Socket};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let log = "(1700000000.000000) can0 123#11\n(1700000000.250000) can0 123#22\n";
/// let board = Stub::virtual_time().vcan("vcan1");
/// let listener = Socket::open_on(&board, "vcan1", &Config::new())?;
/// // What was on can0 goes to vcan1. The socket receives nothing.
/// let socket = Socket::open_on(&board, "vcan1", &Config::new().filters([]))?;
/// let mut replay = Replay::on(&board).socket("can0", socket).longest_gap(Duration::from_secs(5));
/// for entry in Reader::new(log.as_bytes()) {
///     replay.write_entry(&entry?)?;
/// }
/// assert_eq!(replay.summary().written, 2);
/// let times = [listener.read(None)?.time(), listener.read(None)?.time()];
/// assert_eq!(times[1] - times[0], Duration::from_millis(250));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Frames of an interface that has no socket here, and error frames, which cannot be sent, are left out and
/// counted. They do not count for the gaps.
#[derive(Debug)]
pub struct Replay {
    clock: Arc<dyn Clock>,
    delay: Delay,
    sockets: Vec<(Arc<str>, Socket)>,
    speed: f64,
    shortest: Duration,
    longest: Duration,
    rounds: Option<u32>,
    at: Option<Place>,
    summary: Summary,
}

/// Where in the log it is: at the frame that was sent last.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// When the first one was due.
    start: Time,
    /// How long after that this one was.
    offset: Duration,
    /// The time in the log; none if the log begins anew.
    logged: Option<Duration>,
}

/// What a [`Replay`] has sent, and what not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Summary {
    /// How many frames were taken over to be sent.
    pub written: u64,
    /// How many error frames were left out.
    pub error_frames: u64,
    /// How many frames were left out that were on an interface without a socket.
    pub elsewhere: u64,
    /// How long after its time the latest one was taken over to be sent.
    pub latest: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            written,
            error_frames,
            elsewhere,
            latest,
        } = self;
        write!(
            f,
            "{written} frames written, {latest:?} late at most; left out: {elsewhere} of other interfaces, {error_frames} error frames"
        )
    }
}

impl Replay {
    /// Makes one that waits on the clock of `backend`, and has no socket yet.
    pub fn on(backend: &dyn Backend) -> Replay {
        let clock = backend.clock();
        Replay {
            delay: Delay::new(clock.clone()),
            clock,
            sockets: Vec::new(),
            speed: 1.0,
            shortest: Duration::ZERO,
            longest: Duration::MAX,
            rounds: Some(1),
            at: None,
            summary: Summary::default(),
        }
    }

    /// Sets the socket to which goes what the log has of `interface`. Blocking calls wait for room as long
    /// as [`Config::timeout`](crate::Config::timeout) says.
    pub fn socket(mut self, interface: impl Into<Arc<str>>, socket: Socket) -> Replay {
        let interface = interface.into();
        self.sockets.retain(|(other, _)| *other != interface);
        self.sockets.push((interface, socket));
        self
    }

    /// Sets how many times as fast as the log it goes: 2 halves the gaps, infinity leaves them out. Default: 1.
    pub fn speed(mut self, factor: f64) -> Replay {
        self.speed = factor;
        self
    }

    /// Sets how long it is from one frame to the next at least, by their times. Default: 0.
    pub fn shortest_gap(mut self, gap: Duration) -> Replay {
        self.shortest = gap;
        self
    }

    /// Sets how long it is from one frame to the next at most: what is longer is cut down to that. Default: as
    /// long as it is.
    pub fn longest_gap(mut self, gap: Duration) -> Replay {
        self.longest = gap;
        self
    }

    /// Sets how many times [`write_log`](Replay::write_log) and [`send_log`](Replay::send_log) send all of the
    /// log; with `None` until they fail. The first frame follows the last one after the [shortest
    /// gap](Replay::shortest_gap). Default: once.
    pub fn times(mut self, count: impl Into<Option<u32>>) -> Replay {
        self.rounds = count.into();
        self
    }

    /// Returns what was sent so far, and what was left out.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Begins anew, after a pause: the next frame is due at once.
    pub fn restart(&mut self) {
        self.at = None;
    }

    /// Waits until a frame is due, and sends it; the first one is due at once. One that goes back in time is due
    /// when the one before it was.
    ///
    /// # Errors
    /// Those of [`Socket::write`]: the frame was not sent then, and may be tried again. [`Error::Invalid`]: no time
    /// can go at this [`speed`](Replay::speed), or the shortest gap is longer than the longest one.
    pub fn write_entry(&mut self, entry: &Entry) -> Result<()> {
        let Some(turn) = self.turn(entry)? else {
            return Ok(());
        };
        let (_, socket) = &self.sockets[turn.socket];
        self.clock
            .sleep_until(turn.due)
            .map_err(|error| waiting(socket, error))?;
        socket.write(&turn.frame, socket.timeout())?;
        self.done(&turn);
        Ok(())
    }

    /// Waits until a frame is due, and sends it, as [`write_entry`](Replay::write_entry).
    ///
    /// # Errors
    /// As there, but it does not time out and is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped before it is done has sent nothing.
    pub async fn send_entry(&mut self, entry: &Entry) -> Result<()> {
        let Some(turn) = self.turn(entry)? else {
            return Ok(());
        };
        let (_, socket) = &mut self.sockets[turn.socket];
        let due = self.delay.until(turn.due).await;
        due.map_err(|error| waiting(socket, error))?;
        socket.send(&turn.frame).await?;
        self.done(&turn);
        Ok(())
    }

    /// Sends a log, as often as [`times`](Replay::times) says, and returns what was sent and what was left out, in
    /// all.
    ///
    /// # Errors
    /// As [`write_entry`](Replay::write_entry); [`summary`](Replay::summary) tells how far it came.
    pub fn write_log(&mut self, log: &[Entry]) -> Result<Summary> {
        let mut round = 0;
        while self.begins(log, &mut round) {
            for entry in log {
                self.write_entry(entry)?;
            }
        }
        Ok(self.summary)
    }

    /// Sends a log, as [`write_log`](Replay::write_log).
    ///
    /// # Errors
    /// As there, but it does not time out and is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has sent the first frames of the log: [`summary`](Replay::summary) tells how many.
    pub async fn send_log(&mut self, log: &[Entry]) -> Result<Summary> {
        let mut round = 0;
        while self.begins(log, &mut round) {
            for entry in log {
                self.send_entry(entry).await?;
            }
        }
        Ok(self.summary)
    }

    /// Whether one more round is to be sent. One in which there is nothing to send is gone through once.
    fn begins(&mut self, log: &[Entry], round: &mut u32) -> bool {
        let begins = match *round {
            0 => self.rounds != Some(0),
            _ => self.rounds.is_none_or(|rounds| *round < rounds) && self.has_any_of(log),
        };
        *round = round.saturating_add(1);
        if let Some(at) = &mut self.at {
            at.logged = None;
        }
        begins
    }

    fn has_any_of(&self, log: &[Entry]) -> bool {
        log.iter()
            .any(|entry| entry.frame().is_some() && self.socket_of(entry).is_some())
    }

    fn socket_of(&self, entry: &Entry) -> Option<usize> {
        let is_it = |(interface, _): &(Arc<str>, Socket)| **interface == *entry.interface();
        self.sockets.iter().position(is_it)
    }

    /// What to do when; `None`: nothing. Nothing is noted yet of what is not done yet.
    fn turn(&mut self, entry: &Entry) -> Result<Option<Turn>> {
        let invalid = |what| {
            let interface = entry.interface().into();
            Err(Error::Invalid { interface, what })
        };
        if self.speed.is_nan() || self.speed <= 0.0 {
            return invalid("the speed of a replay is more than 0");
        }
        if self.shortest > self.longest {
            return invalid("the shortest gap of a replay is no longer than the longest one");
        }
        let Some(socket) = self.socket_of(entry) else {
            self.summary.elsewhere += 1;
            return Ok(None);
        };
        let Some(&frame) = entry.frame() else {
            self.summary.error_frames += 1;
            return Ok(None);
        };
        let at = match self.at {
            None => Place {
                start: self.clock.now(),
                offset: Duration::ZERO,
                logged: Some(entry.time()),
            },
            Some(last) => Place {
                start: last.start,
                offset: last.offset.saturating_add(self.gap(last.logged, entry)),
                logged: Some(entry.time()),
            },
        };
        Ok(Some(Turn {
            socket,
            frame,
            due: at.start + at.offset,
            at,
        }))
    }

    fn gap(&self, last: Option<Duration>, entry: &Entry) -> Duration {
        let logged = last.map_or(Duration::ZERO, |last| entry.time().saturating_sub(last));
        let gap = match self.speed {
            1.0 => logged,
            speed => {
                Duration::try_from_secs_f64(logged.as_secs_f64() / speed).unwrap_or(Duration::MAX)
            }
        };
        gap.clamp(self.shortest, self.longest)
    }

    fn done(&mut self, turn: &Turn) {
        self.at = Some(turn.at);
        self.summary.written += 1;
        let late = self.clock.now().since(turn.due);
        self.summary.latest = self.summary.latest.max(late);
    }
}

/// A frame whose turn it is.
struct Turn {
    socket: usize,
    frame: Frame,
    due: Time,
    at: Place,
}

fn waiting(socket: &Socket, error: io::Error) -> Error {
    socket.failed("waiting")(error)
}
