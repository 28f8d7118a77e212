use std::sync::Arc;
use std::time::Duration;

use crate::error::{EINVAL, EOPNOTSUPP};
use crate::{Backend, Cyclic, Error, Frame, Linux, Result};

/// How many frames one cycle has at most (`MAX_NFRAMES`, net/can/bcm.c).
const FRAMES: usize = 256;

/// What an interface may not take.
const CYCLES: &str = "such a cycle: CAN FD frames need an interface that has them, and an interval is 400 days at most";

/// At what interval frames are sent, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct CycleConfig {
    interval: Duration,
    count: Option<u32>,
}

impl CycleConfig {
    /// Makes one for this interval between two frames, for as long as the [`Cycle`] is there: a microsecond at least, and
    /// on Linux in whole microseconds, rounded up, and 400 days at most.
    pub fn every(interval: Duration) -> CycleConfig {
        CycleConfig {
            interval,
            count: None,
        }
    }

    /// Sets how many frames are sent in all, one at least: then it is over. Default: it goes on.
    pub fn times(mut self, count: u32) -> CycleConfig {
        self.count = Some(count);
        self
    }

    /// Returns the interval.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns how many frames are sent, if not all the time.
    pub fn count(&self) -> Option<u32> {
        self.count
    }
}

/// Frames that are sent at an interval without the program, by the kernel's broadcast manager
/// (<https://docs.kernel.org/networking/can.html#broadcast-manager-protocol-sockets-sock-dgram>), until this is
/// dropped. Of several frames one is sent each time, in turn.
///
/// A frame for which there is no room when its time comes is not sent, and nobody is told: that is the
/// kernel's way. Nor is it sent while the interface is down; when that is up again the cycle goes on.
///
/// ```
/// use circuits_can::{Config, Cycle, CycleConfig, Frame, Id, Socket};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// // On a device: Cycle::start("can0", …)?
/// let board = Stub::virtual_time().can_bus(["can0", "can1"])?;
/// let there = Socket::open_on(&board, "can1", &Config::new())?;
/// let heartbeat = |state| Frame::new(Id::standard(0x701).unwrap(), &[state]);
///
/// let every = CycleConfig::every(Duration::from_millis(100));
/// let cycle = Cycle::start_on(&board, "can0", &[heartbeat(0x7f)?], &every)?;
/// let first = there.read(Duration::from_secs(1))?;
/// cycle.set_frames(&[heartbeat(0x05)?])?;
/// let second = there.read(Duration::from_secs(1))?;
/// assert_eq!(second.frame(), Some(&heartbeat(0x05)?));
/// // 100 ms, but for the bits that are stuffed.
/// assert!((second.time() - first.time()).abs_diff(every.interval()) < Duration::from_micros(50));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cycle {
    handle: Box<dyn Cyclic>,
    interface: Arc<str>,
    frames: usize,
    fd: bool,
}

impl Cycle {
    /// Begins to send frames on an interface of this Linux machine.
    ///
    /// # Errors
    /// As [`Cycle::start_on`].
    pub fn start(interface: &str, frames: &[Frame], config: &CycleConfig) -> Result<Cycle> {
        Cycle::start_on(&Linux::here(interface)?, interface, frames, config)
    }

    /// Begins to send frames on an interface of `backend`: the first at once, one more each time that the
    /// interval is over.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an interval of less than a microsecond, for no frame in all or to begin with, or for classic
    /// frames mixed with CAN FD frames; [`Error::Limit`] for more than 256 frames; [`Error::Unsupported`] for CAN FD
    /// frames on an interface without, and for too long an interval; [`Error::NotFound`]; [`Error::Down`].
    pub fn start_on(
        backend: &dyn Backend,
        interface: &str,
        frames: &[Frame],
        config: &CycleConfig,
    ) -> Result<Cycle> {
        let interface: Arc<str> = interface.into();
        check(&interface, frames)?;
        if config.interval < Duration::from_micros(1) {
            return Err(Error::Invalid {
                interface,
                what: "the interval of a cycle is a microsecond at least",
            });
        }
        if config.count == Some(0) {
            return Err(Error::Invalid {
                interface,
                what: "a cycle sends one frame at least",
            });
        }
        let handle = backend.cycle(&interface, frames, config).map_err(|error| {
            match error.raw_os_error() {
                Some(EINVAL | EOPNOTSUPP) => Error::from_io(&interface, CYCLES, error),
                _ => Error::from_open(&interface, error),
            }
        })?;
        Ok(Cycle {
            handle,
            interface,
            frames: frames.len(),
            fd: frames.iter().any(Frame::is_fd),
        })
    }

    /// Replaces the frames, which are as many as before; the interval goes on.
    ///
    /// # Errors
    /// [`Error::Invalid`]: they are not as many; [`Error::Removed`].
    pub fn set_frames(&self, frames: &[Frame]) -> Result<()> {
        check(&self.interface, frames)?;
        if frames.len() != self.frames || frames[0].is_fd() != self.fd {
            return Err(Error::Invalid {
                interface: self.interface.clone(),
                what: "a cycle keeps the number and the kind of its frames",
            });
        }
        self.handle
            .set_frames(frames)
            .map_err(|error| Error::from_io(&self.interface, "these frames", error))
    }
}

fn check(interface: &Arc<str>, frames: &[Frame]) -> Result<()> {
    let interface = interface.clone();
    let what = match frames {
        [] => "a cycle has one frame at least",
        [first, rest @ ..] if rest.iter().any(|frame| frame.is_fd() != first.is_fd()) => {
            "the frames of a cycle are all classic or all CAN FD"
        }
        _ if frames.len() > FRAMES => {
            return Err(Error::Limit {
                interface,
                what: "the frames of a cycle",
                limit: FRAMES,
            });
        }
        _ => return Ok(()),
    };
    Err(Error::Invalid { interface, what })
}
