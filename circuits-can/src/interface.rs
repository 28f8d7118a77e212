use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::{Backend, Error, InterfaceConfig, Link, Linux, Mode, Result};

/// A CAN interface: how it is, and how it is set up.
///
/// ```
/// use circuits_can::{Interface, InterfaceConfig, State};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// // On a device: Interface::open("can0")?
/// let board = Stub::virtual_time().can_bus(["can0"])?;
/// let can0 = Interface::open_on(&board, "can0")?;
/// can0.down()?;
/// can0.configure(&InterfaceConfig::new().bitrate(250_000).restart_after(Duration::from_millis(100)))?;
/// can0.up()?;
/// let info = can0.info()?;
/// assert_eq!((info.bitrate, info.state), (Some(250_000), Some(State::ErrorActive)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Interface {
    link: Box<dyn Link>,
    name: Arc<str>,
}

/// How an interface is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InterfaceInfo {
    /// Whether it is up.
    pub up: bool,
    /// Whether it has CAN FD frames.
    pub fd: bool,
    /// What kind of interface it is: `can` for a controller, `vcan`, `vxcan`.
    pub kind: Option<String>,
    /// The state of the controller; virtual interfaces have none.
    pub state: Option<State>,
    /// Bits a second; `None` until it is set.
    pub bitrate: Option<u32>,
    /// Where in a bit it is sampled, in thousandths.
    pub sample_point: Option<u32>,
    /// Bits a second in the data phase of CAN FD.
    pub data_bitrate: Option<u32>,
    /// Where in a bit of the data phase it is sampled, in thousandths.
    pub data_sample_point: Option<u32>,
    /// After what time it takes part again when it was bus-off; `None`: it does not by itself.
    pub restart_after: Option<Duration>,
    /// Its error counters, if the driver tells them.
    pub error_counters: Option<ErrorCounters>,
    /// The modes that are on.
    pub modes: Vec<Mode>,
    /// The clock of the controller, in hertz.
    pub clock: Option<u32>,
}

/// The error counters of a controller (ISO 11898-1): from 96 on it warns, from 128 on it is error-passive, from
/// 256 on, of what it sends, bus-off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ErrorCounters {
    /// Of what it sends.
    pub transmit: u16,
    /// Of what it receives.
    pub receive: u16,
}

/// The state of a controller (`enum can_state`, include/uapi/linux/can/netlink.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum State {
    /// Both error counters are below 96.
    ErrorActive,
    /// One is at 96 or above.
    ErrorWarning,
    /// One is at 128 or above: it may no longer disturb others.
    ErrorPassive,
    /// What it sends has failed too often: it is off the bus.
    BusOff,
    /// It is down.
    Stopped,
    /// It sleeps.
    Sleeping,
}

impl Interface {
    /// Finds an interface of this Linux machine.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn open(name: &str) -> Result<Interface> {
        Interface::open_on(&Linux::here(name)?, name)
    }

    /// Finds an interface of `backend`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unsupported`]: the backend cannot tell.
    pub fn open_on(backend: &dyn Backend, name: &str) -> Result<Interface> {
        let name: Arc<str> = name.into();
        let link = backend
            .link(&name)
            .map_err(|error| Error::from_open(&name, error))?;
        Ok(Interface { link, name })
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how it is.
    ///
    /// # Errors
    /// [`Error::Removed`].
    pub fn info(&self) -> Result<InterfaceInfo> {
        self.link.info().map_err(self.failed("telling how it is"))
    }

    /// Sets it up. Most of it can be set while it is [down](Interface::down) only.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`]; [`Error::InUse`]: it is up; [`Error::Invalid`] for what makes no sense;
    /// [`Error::Unsupported`], [`Error::Bitrate`] for what the controller cannot; [`Error::Removed`].
    pub fn configure(&self, config: &InterfaceConfig) -> Result<()> {
        config.check().map_err(|what| Error::Invalid {
            interface: self.name.clone(),
            what,
        })?;
        let what = "these bit rates and modes";
        self.link.configure(config).map_err(self.failed(what))?;
        let granted = self.info()?;
        self.near(config.bits_per_second(), granted.bitrate)?;
        self.near(config.data_bits_per_second(), granted.data_bitrate)?;
        let refused = |what| {
            Err(self.failed(what)(io::Error::from_raw_os_error(
                crate::error::EOPNOTSUPP,
            )))
        };
        let differs = |(mode, on): &(Mode, bool)| granted.modes.contains(mode) != *on;
        if config.modes().iter().any(differs) {
            return refused("these modes");
        }
        let restarts_after = granted.restart_after.unwrap_or_default();
        if config
            .restart_time()
            .is_some_and(|asked| asked != restarts_after)
        {
            return refused("restarting by itself after this time");
        }
        Ok(())
    }

    /// Takes it up. It is no error that it is already.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`]; [`Error::Unsupported`]: it has no bit rate yet; [`Error::InUse`]: its driver does
    /// not get what it needs; [`Error::Removed`].
    pub fn up(&self) -> Result<()> {
        let what = "being up as it is set up: it needs a bit rate, and for CAN FD one for data that is no lower (Interface::configure)";
        self.link
            .set_up(true)
            .map_err(|source| match source.raw_os_error() {
                Some(crate::error::EBUSY) => Error::InUse {
                    interface: self.name.clone(),
                    what: "somebody else has what its driver needs, as an interrupt (dmesg)",
                    source,
                },
                _ if source.kind() == io::ErrorKind::PermissionDenied => {
                    self.failed("taking it up")(source)
                }
                _ => self.failed(what)(source),
            })
    }

    /// Takes it down. What is still to be sent is dropped. It is no error that it is already.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`], [`Error::Removed`].
    pub fn down(&self) -> Result<()> {
        self.link
            .set_up(false)
            .map_err(self.failed("taking it down"))
    }

    /// Has a controller that is bus-off take part again.
    ///
    /// # Errors
    /// [`Error::InUse`]: it is not bus-off; [`Error::Unsupported`]: it is down, it restarts by itself, or has no
    /// controller; [`Error::PermissionDenied`], [`Error::Removed`].
    pub fn restart(&self) -> Result<()> {
        self.link
            .restart()
            .map_err(|source| match source.raw_os_error() {
                Some(crate::error::EBUSY) => Error::InUse {
                    interface: self.name.clone(),
                    what: "it is not bus-off",
                    source,
                },
                _ => {
                    self.failed("a restart: it is down, restarts by itself, or has no controller")(
                        source,
                    )
                }
            })
    }

    /// Half a percent, which with the same error on the other side is what a frame survives.
    fn near(&self, asked: Option<u32>, granted: Option<u32>) -> Result<()> {
        let (Some(asked), granted) = (asked, granted.unwrap_or(0)) else {
            return Ok(());
        };
        match u64::from(asked.abs_diff(granted)) * 200 <= u64::from(asked) {
            true => Ok(()),
            false => Err(Error::Bitrate {
                interface: self.name.clone(),
                asked,
                granted,
            }),
        }
    }

    fn failed(&self, what: &'static str) -> impl Fn(io::Error) -> Error + '_ {
        move |source| Error::from_io(&self.name, what, source)
    }
}

/// Returns the names of the CAN interfaces of this Linux machine, sorted.
///
/// # Errors
/// As [`list_on`].
pub fn list() -> Result<Vec<String>> {
    list_on(&Linux::here("")?)
}

/// Returns the names of the CAN interfaces of `backend`, sorted.
///
/// # Errors
/// [`Error::Unsupported`] if it cannot tell; the system's.
pub fn list_on(backend: &dyn Backend) -> Result<Vec<String>> {
    backend.list().map_err(|source| {
        let interface = "all".into();
        match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::Unsupported, _) | (_, Some(crate::error::EOPNOTSUPP)) => {
                Error::Unsupported {
                    interface,
                    what: "listing: the backend cannot tell what there is",
                    source,
                }
            }
            _ => Error::Io { interface, source },
        }
    })
}
