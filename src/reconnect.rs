use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use circuits_enumerate::{self as enumerate, ChangeKind, Devices, Identity, Watch};

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
///         board.output(format!("{chip}:0").as_str())
///     })?;
/// }
/// pump.set(true)?;
/// assert!(stub.level("PUMP")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ReconnectError::Wait`] with the kinds `TimedOut`, `PermissionDenied`, `Interrupted` and those of
/// the watch; [`ReconnectError::Open`] with the error of `open`, unless the device has gone again by
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
        let Some(found) = Found::of(watch.devices(), identity) else {
            if watch.wait_change(left()).map_err(wait)?.is_none() {
                let what = identity.to_string();
                return Err(wait(enumerate::Error::TimedOut { what }));
            }
            continue;
        };
        let ready = match &found.node {
            Some(node) => {
                let look = left().unwrap_or(LOOK).min(LOOK);
                enumerate::wait_ready(board.enumerate(), node, look)
            }
            None => Ok(()),
        };
        let opened = match ready {
            Ok(()) => open(&found.name).map_err(|source| found.not_opened(identity, source)),
            Err(error) => Err(wait(error)),
        };
        let error = match opened {
            Ok(handle) => return Ok(handle),
            Err(error) => error,
        };
        let is_over = left().is_some_and(|left| left.is_zero());
        let may_pass = found.went(&mut watch).map_err(wait)? || is_not_ready(&error);
        if is_over || !may_pass {
            return Err(error);
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
        let Some(found) = Found::of(watch.devices(), identity) else {
            watch.changes().next_change().await.map_err(wait)?;
            continue;
        };
        if let Some(node) = &found.node {
            let ready = enumerate::ready(board.enumerate(), node);
            match board.delay().timeout(LOOK, ready).await {
                Ok(ready) => ready.map_err(wait)?,
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    found.went(&mut watch).map_err(wait)?;
                    continue;
                }
                Err(error) => {
                    return Err(wait(enumerate::Error::from_io(identity.to_string(), error)));
                }
            }
        }
        match open(&found.name) {
            Ok(handle) => return Ok(handle),
            Err(_) if found.went(&mut watch).map_err(wait)? => {}
            Err(source) => return Err(found.not_opened(identity, source)),
        }
    }
}

/// How long a node is waited for before it is seen whether its device is still there: it may go before
/// it may be opened, and come back as another.
const LOOK: Duration = Duration::from_secs(1);

/// A device that is back.
struct Found {
    path: PathBuf,
    name: String,
    node: Option<PathBuf>,
}

impl Found {
    fn of(devices: &Devices, identity: &Identity) -> Option<Found> {
        let device = devices.find(identity)?;
        Some(Found {
            path: device.path().into(),
            name: device.name().to_string_lossy().into_owned(),
            node: device.node(),
        })
    }

    /// Whether the device has gone since it was found: then that is why it was not opened.
    fn went(&self, watch: &mut Watch) -> enumerate::Result<bool> {
        let mut went = false;
        while let Some(change) = watch.try_change()? {
            went |= change.kind() == ChangeKind::Removed && change.path() == self.path;
        }
        Ok(went)
    }

    fn not_opened<E: Error + 'static>(&self, identity: &Identity, source: E) -> ReconnectError<E> {
        ReconnectError::Open {
            identity: identity.clone(),
            name: self.name.clone(),
            source,
        }
    }
}

/// Whether the node was not there, or not to be opened, when it was looked at last.
fn is_not_ready<E: Error + 'static>(error: &ReconnectError<E>) -> bool {
    use enumerate::ErrorKind::{PermissionDenied, TimedOut};
    match error {
        ReconnectError::Wait { source, .. } => {
            matches!(source.kind(), PermissionDenied | TimedOut)
        }
        ReconnectError::Open { .. } => false,
    }
}
