use std::time::Duration;

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
    /// nearest that it has at that rate, which [`InterfaceInfo::sample_point`](crate::InterfaceInfo::sample_point) tells, and no error. Default: as the
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

    /// Refuses what makes no sense on any interface.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
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
