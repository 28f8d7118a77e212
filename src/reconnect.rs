use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use circuits_enumerate::{self as enumerate, ChangeKind, Devices, Filter, Identity, Watch};

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
/// the watch; [`ReconnectError::Open`] with the error of `open`, unless the device is gone again by
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
        if let Some(found) = Found::of(watch.devices(), identity) {
            let ready = match &found.node {
                Some(node) => enumerate::wait_ready(board.enumerate(), node, left()),
                None => Ok(()),
            };
            let opened = match ready {
                Ok(()) => open(&found.name).map_err(|source| ReconnectError::Open {
                    identity: identity.clone(),
                    name: found.name,
                    source,
                }),
                Err(error) => Err(wait(error)),
            };
            match opened {
                Ok(handle) => return Ok(handle),
                Err(error) if !went(&mut watch, identity).map_err(wait)? => return Err(error),
                Err(_) => continue,
            }
        }
        if watch.wait_change(left()).map_err(wait)?.is_none() {
            return Err(wait(enumerate::Error::TimedOut {
                what: identity.to_string(),
            }));
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
        if let Some(found) = Found::of(watch.devices(), identity) {
            if let Some(node) = &found.node {
                enumerate::ready(board.enumerate(), node)
                    .await
                    .map_err(wait)?;
            }
            match open(&found.name) {
                Ok(handle) => return Ok(handle),
                Err(source) if !went(&mut watch, identity).map_err(wait)? => {
                    return Err(ReconnectError::Open {
                        identity: identity.clone(),
                        name: found.name,
                        source,
                    });
                }
                Err(_) => continue,
            }
        }
        watch.changes().next_change().await.map_err(wait)?;
    }
}

/// A device that is back.
struct Found {
    name: String,
    node: Option<PathBuf>,
}

impl Found {
    fn of(devices: &Devices, identity: &Identity) -> Option<Found> {
        let device = devices.find(identity)?;
        Some(Found {
            name: device.name().to_string_lossy().into_owned(),
            node: device.node(),
        })
    }
}

/// Whether the device has gone since it was found: then that is why it was not opened.
fn went(watch: &mut Watch, identity: &Identity) -> enumerate::Result<bool> {
    let mut went = false;
    while let Some(change) = watch.try_change()? {
        went |= change.kind() == ChangeKind::Removed;
    }
    Ok(went && watch.devices().find(identity).is_none())
}
