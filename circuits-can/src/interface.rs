use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::{Backend, Error, Link, Linux, Result};

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

/// What a controller may do otherwise than usual (`CAN_CTRLMODE_…`, include/uapi/linux/can/netlink.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Mode {
    /// It hears itself, and is not on the bus.
    Loopback,
    /// It acknowledges nothing and sends nothing: what is written the kernel takes and drops, and no error says so
    /// (`can_dev_dropped_skb`).
    ListenOnly,
    /// It samples each bit three times.
    TripleSampling,
    /// It tries only once to send a frame.
    OneShot,
    /// It reports each error on the bus.
    BusErrorReporting,
    /// It has CAN FD frames. It is turned on together with both bit rates.
    Fd,
    /// It does without acknowledgement.
    PresumeAcknowledge,
    /// Its CAN FD frames are as before the standard.
    FdNonIso,
    /// Classic frames say data length codes from 9 to 15, too.
    ClassicDlc,
}

/// How an interface is to be set up; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct InterfaceConfig {
    bitrate: Option<u32>,
    sample_point: Option<u32>,
    data_bitrate: Option<u32>,
    data_sample_point: Option<u32>,
    restart_after: Option<Duration>,
    modes: Vec<(Mode, bool)>,
}

impl InterfaceConfig {
    /// Makes one that says nothing.
    pub fn new() -> InterfaceConfig {
        InterfaceConfig::default()
    }

    /// Sets the bits a second.
    pub fn bitrate(mut self, bitrate: u32) -> InterfaceConfig {
        self.bitrate = Some(bitrate);
        self
    }

    /// Sets where in a bit it is sampled, in thousandths, from 1 to 999. It needs the bit rate. The controller takes the
    /// nearest that it has at that rate, which [`InterfaceInfo::sample_point`] tells, and no error. Default: as the
    /// kernel finds best.
    pub fn sample_point(mut self, thousandths: u32) -> InterfaceConfig {
        self.sample_point = Some(thousandths);
        self
    }

    /// Sets the bits a second in the data phase of CAN FD, and turns that on. It needs the [bit
    /// rate](InterfaceConfig::bitrate), and is no lower.
    pub fn data_bitrate(self, bitrate: u32) -> InterfaceConfig {
        let config = self.mode(Mode::Fd, true);
        InterfaceConfig {
            data_bitrate: Some(bitrate),
            ..config
        }
    }

    /// Sets where in a bit of the data phase it is sampled, as [`sample_point`](InterfaceConfig::sample_point). It needs
    /// the bit rate of that phase.
    pub fn data_sample_point(mut self, thousandths: u32) -> InterfaceConfig {
        self.data_sample_point = Some(thousandths);
        self
    }

    /// Sets after what time it takes part again when it was bus-off, in whole milliseconds; zero: never by itself.
    pub fn restart_after(mut self, time: Duration) -> InterfaceConfig {
        self.restart_after = Some(time);
        self
    }

    /// Sets a mode on or off.
    pub fn mode(mut self, mode: Mode, on: bool) -> InterfaceConfig {
        self.modes.retain(|(other, _)| *other != mode);
        self.modes.push((mode, on));
        self
    }

    /// Returns the bits a second, if they are set.
    pub fn bits_per_second(&self) -> Option<u32> {
        self.bitrate
    }

    /// Returns where in a bit it is sampled, if that is set.
    pub fn bit_sample_point(&self) -> Option<u32> {
        self.sample_point
    }

    /// Returns the bits a second in the data phase, if they are set.
    pub fn data_bits_per_second(&self) -> Option<u32> {
        self.data_bitrate
    }

    /// Returns where in a bit of the data phase it is sampled, if that is set.
    pub fn data_bit_sample_point(&self) -> Option<u32> {
        self.data_sample_point
    }

    /// Returns after what time it restarts, if that is set; zero: never.
    pub fn restart_time(&self) -> Option<Duration> {
        self.restart_after
    }

    /// Returns the modes that are set on or off.
    pub fn modes(&self) -> &[(Mode, bool)] {
        &self.modes
    }

    fn check(&self) -> Result<(), &'static str> {
        let too_slow = |rate: Option<u32>| rate == Some(0);
        let outside = |point: Option<u32>| point.is_some_and(|point| !(1..1000).contains(&point));
        if too_slow(self.bitrate) || too_slow(self.data_bitrate) {
            return Err("at 0 bit/s nothing is ever sent");
        }
        if self.bitrate > Some(1_000_000) {
            return Err("CAN has 1000000 bit/s at most, but for the data of CAN FD");
        }
        if outside(self.sample_point) || outside(self.data_sample_point) {
            return Err("a sample point is in thousandths of a bit, from 1 to 999");
        }
        if self.sample_point.is_some() && self.bitrate.is_none()
            || self.data_sample_point.is_some() && self.data_bitrate.is_none()
        {
            return Err("a sample point needs its bit rate");
        }
        let turns_fd_on = self.modes.contains(&(Mode::Fd, true));
        if turns_fd_on && (self.bitrate.is_none() || self.data_bitrate.is_none()) {
            // The kernel says of it that it is not supported (`can_validate`).
            return Err("CAN FD is turned on together with both bit rates");
        }
        if self.restart_after.is_some_and(|time| {
            time.subsec_nanos() % 1_000_000 != 0 || time.as_millis() > u128::from(u32::MAX)
        }) {
            return Err("the time until a restart is in whole milliseconds");
        }
        Ok(())
    }
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
        self.near(config.bitrate, granted.bitrate)?;
        self.near(config.data_bitrate, granted.data_bitrate)?;
        let refused = |what| {
            Err(self.failed(what)(io::Error::from_raw_os_error(
                crate::error::EOPNOTSUPP,
            )))
        };
        let differs = |(mode, on): &(Mode, bool)| granted.modes.contains(mode) != *on;
        if config.modes.iter().any(differs) {
            return refused("these modes");
        }
        let restarts_after = granted.restart_after.unwrap_or_default();
        if config
            .restart_after
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
                _ => self.failed(what)(source),
            })
    }

    /// Takes it down. What is still to be sent is dropped. It is no error that it is already.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`], [`Error::Removed`].
    pub fn down(&self) -> Result<()> {
        self.link.set_up(false).map_err(self.failed("being down"))
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
