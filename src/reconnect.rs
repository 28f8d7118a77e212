use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use circuits_enumerate::{self as enumerate, Device, Devices, Identity, Watch};
use circuits_wait::Time;

use crate::Board;

/// Why a device could not be opened again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconnectError<E: Error + 'static> {
    /// It did not come back in time, or may not be opened.
    #[error("{identity} is not back")]
    Wait {
        /// The device.
        identity: Identity,
        /// Why not.
        source: enumerate::Error,
    },

    /// It is there, and could not be opened.
    #[error("{identity} is back as {name:?}, and was not opened")]
    Open {
        /// The device.
        identity: Identity,
        /// What it is called now.
        name: String,
        /// Why not.
        source: E,
    },
}

impl<E: Error + 'static> ReconnectError<E> {
    /// Returns the kind of error of the wait: `TimedOut`, `Interrupted`; `None` if it was the opening that
    /// failed.
    pub fn kind(&self) -> Option<enumerate::ErrorKind> {
        match self {
            ReconnectError::Wait { source, .. } => Some(source.kind()),
            ReconnectError::Open { .. } => None,
        }
    }
}

/// Blocks until a device is there, and may be opened; then `open` is given the name that it has now. A
/// device that is there already is opened at once. With `None` as its timeout it waits for ever.
///
/// A handle whose device has gone tells so, once and for all, by an error of the kind `Removed`. The
/// device is known by its [`Identity`] when it comes back: the same USB adapter in another socket, the
/// same controller.
///
/// Close the handle to an I2C bus *before* this is called (`drop(bus)`): the kernel has a controller wait,
/// and so all that would bring it back, until its bus is closed (`i2c_del_adapter`,
/// drivers/i2c/i2c-core-base.c).
///
/// ```
/// use circuits::gpio::ErrorKind;
/// use circuits::stub::Stub;
/// use circuits::Board;
/// use std::time::Duration;
///
/// let stub = Stub::virtual_time().lines(["LED"]).chip("relays", ["PUMP"]);
/// let board = Board::from(&stub);
/// let relays = board.devices()?.gpio_chips().remove(1).identity;
/// let mut pump = board.output("gpiochip1:0")?;
///
/// stub.remove_chip("gpiochip1")?;
/// let stub = stub.chip("other", ["X"]).chip("relays", ["PUMP"]);
/// if let Err(error) = pump.set(true) {
///     assert_eq!(error.kind(), ErrorKind::Removed);
///     pump = board.reconnect(&relays, Duration::from_secs(10), |chip| {
///         assert_eq!(chip, "gpiochip2");
///         board.output(format!("{chip}:0"))
///     })?;
/// }
/// pump.set(true)?;
/// assert!(stub.level("PUMP")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReconnectError::Wait`] with the kinds `TimedOut`, `PermissionDenied`, `Interrupted`, `Ambiguous` where
/// several devices are known by this, and those of the watch; [`ReconnectError::Open`] with the error of `open`, unless the device has gone again by
/// then: that is waited for.
pub fn reconnect<T, E: Error + 'static>(
    board: &Board,
    identity: &Identity,
    timeout: impl Into<Option<Duration>>,
    mut open: impl FnMut(&str) -> Result<T, E>,
) -> Result<T, ReconnectError<E>> {
    let clock = board.clock().clone();
    let deadline = timeout.into().map(|timeout| clock.now() + timeout);
    let left = || deadline.map(|deadline| deadline.since(clock.now()));
    let wait = |source| ReconnectError::Wait {
        identity: identity.clone(),
        source,
    };
    // It listens from here on, so it misses neither that the device comes nor that it goes again.
    let mut watch = board.watch().map_err(wait)?;
    loop {
        let Some(found) = Found::of(watch.devices(), identity).map_err(wait)? else {
            if watch.wait_change(left()).map_err(wait)?.is_none() {
                let what = identity.to_string();
                return Err(wait(enumerate::Error::TimedOut { what }));
            }
            continue;
        };
        if !found.wait(board, deadline).map_err(wait)? {
            while watch.try_change().map_err(wait)?.is_some() {}
            continue;
        }
        let opened = open(&found.name);
        if opened.is_err() && found.is_there(&watch) {
            // It may be on its way out: its handles know before anybody is told.
            let soon = left().unwrap_or(LOOK).min(LOOK);
            let until = clock.now() + soon;
            while found.is_there(&watch) {
                let more = until.since(clock.now());
                if watch.wait_change(more).map_err(wait)?.is_none() {
                    break;
                }
            }
        }
        while watch.try_change().map_err(wait)?.is_some() {}
        match opened {
            // What was opened is what was meant, if that is there still.
            Ok(handle) if found.is_seen(board, identity).map_err(wait)? => return Ok(handle),
            Err(source) if found.is_there(&watch) => {
                return Err(found.not_opened(identity, source));
            }
            _ => {}
        }
    }
}

/// Waits and opens as [`reconnect`], without blocking and for ever: a timeout is put around it.
///
/// # Errors
/// As [`reconnect`].
pub async fn reconnect_async<T, E: Error + 'static>(
    board: &Board,
    identity: &Identity,
    mut open: impl FnMut(&str) -> Result<T, E>,
) -> Result<T, ReconnectError<E>> {
    let wait = |source| ReconnectError::Wait {
        identity: identity.clone(),
        source,
    };
    let mut watch = board.watch().map_err(wait)?;
    loop {
        let Some(found) = Found::of(watch.devices(), identity).map_err(wait)? else {
            watch.changes().next_change().await.map_err(wait)?;
            continue;
        };
        if !found.ready(board).await.map_err(wait)? {
            while watch.try_change().map_err(wait)?.is_some() {}
            continue;
        }
        let opened = open(&found.name);
        if opened.is_err() && found.is_there(&watch) {
            let gone = async {
                while found.is_there(&watch) {
                    watch.changes().next_change().await?;
                }
                Ok(())
            };
            match board.delay().timeout(LOOK, gone).await {
                Ok(gone) => gone.map_err(wait)?,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Err(error) => {
                    return Err(wait(enumerate::Error::from_io(identity.to_string(), error)));
                }
            }
        }
        while watch.try_change().map_err(wait)?.is_some() {}
        match opened {
            Ok(handle) if found.is_seen(board, identity).map_err(wait)? => return Ok(handle),
            Err(source) if found.is_there(&watch) => {
                return Err(found.not_opened(identity, source));
            }
            _ => {}
        }
    }
}

/// How long a device may take to go whose handles say so already; and how long a node that is not there is
/// waited for before it is seen whether its device still is.
const LOOK: Duration = Duration::from_secs(1);

/// A device that is back.
struct Found {
    device: Arc<Device>,
    name: String,
}

impl Found {
    fn of(devices: &Devices, identity: &Identity) -> enumerate::Result<Option<Found>> {
        match devices.find_all(identity)[..] {
            [] => Ok(None),
            [device] => Ok(Some(Found {
                device: device.clone(),
                name: device.name().to_string_lossy().into_owned(),
            })),
            ref several => {
                let places = several
                    .iter()
                    .map(|device| devices.identity_by_place(device));
                let places: Vec<String> = places.map(String::from).collect();
                Err(enumerate::Error::Ambiguous {
                    what: identity.to_string(),
                    count: several.len(),
                    places: places.join(", "),
                })
            }
        }
    }

    /// Whether it is what a watch knows to be there.
    fn is_there(&self, watch: &Watch) -> bool {
        let now = watch.devices().get(self.device.path());
        now.is_some_and(|now| self.device.is_same(now))
    }

    /// Whether it is what there is now: a watch may not have been told yet.
    fn is_seen(&self, board: &Board, identity: &Identity) -> enumerate::Result<bool> {
        let devices = board.devices()?;
        let now = devices.find(identity);
        Ok(now.is_some_and(|now| now.path() == self.device.path() && self.device.is_same(now)))
    }

    /// Waits until its node may be opened, or is gone again (`false`).
    fn wait(&self, board: &Board, deadline: Option<Time>) -> enumerate::Result<bool> {
        let Some(path) = self.device.node() else {
            return Ok(true);
        };
        let failed = |error| enumerate::Error::from_io(path.display().to_string(), error);
        let node = board.enumerate().node(&path).map_err(failed)?;
        let mut looks = Looks::default();
        let mut until = deadline;
        if let Err(error) = node.check() {
            // Nothing tells of a device that goes before its node came.
            let soon = board.clock().now() + LOOK;
            if error.kind() == io::ErrorKind::NotFound {
                until = Some(deadline.map_or(soon, |deadline| deadline.min(soon)));
            }
        }
        let in_time = node.ready().block(until, &mut || looks.at(node.check()));
        let is_late = deadline.is_some_and(|deadline| deadline <= board.clock().now());
        match (in_time.map_err(failed)?, looks.refused) {
            (true, _) => Ok(!looks.is_gone),
            (false, Some(source)) => Err(enumerate::Error::PermissionDenied { node: path, source }),
            (false, None) if is_late => Err(enumerate::Error::TimedOut {
                what: path.display().to_string(),
            }),
            (false, None) => Ok(false),
        }
    }

    /// The same without blocking.
    async fn ready(&self, board: &Board) -> enumerate::Result<bool> {
        let Some(path) = self.device.node() else {
            return Ok(true);
        };
        let failed = |error| enumerate::Error::from_io(path.display().to_string(), error);
        let node = board.enumerate().node(&path).map_err(failed)?;
        let mut looks = Looks::default();
        let mut delay = board.delay();
        let is_absent = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        let look = poll_fn(|cx| node.ready().poll(cx, &mut || looks.at(node.check())));
        if node.check().is_err_and(is_absent) {
            match delay.timeout(LOOK, look).await {
                Ok(done) => done.map_err(failed)?,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    node.ready().cancel();
                    return Ok(false);
                }
                Err(error) => return Err(failed(error)),
            }
        } else {
            look.await.map_err(failed)?;
        }
        Ok(!looks.is_gone)
    }

    fn not_opened<E: Error + 'static>(&self, identity: &Identity, source: E) -> ReconnectError<E> {
        ReconnectError::Open {
            identity: identity.clone(),
            name: self.name.clone(),
            source,
        }
    }
}

/// What a node has looked like.
#[derive(Default)]
struct Looks {
    was_there: bool,
    is_gone: bool,
    refused: Option<io::Error>,
}

impl Looks {
    /// One more; it is worth another until the node may be opened, or is gone that was there.
    fn at(&mut self, look: io::Result<()>) -> io::Result<()> {
        match look {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.was_there = true;
                self.refused = Some(error);
                Err(io::ErrorKind::WouldBlock.into())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.is_gone = self.was_there;
                match self.was_there {
                    true => Ok(()),
                    false => Err(io::ErrorKind::WouldBlock.into()),
                }
            }
            done => done,
        }
    }
}
