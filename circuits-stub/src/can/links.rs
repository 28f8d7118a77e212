//! What route netlink says of interfaces, for circuits-enumerate: both directions.

use std::time::Duration;

use circuits_can::{Mode, State as Controller};
use circuits_enumerate::{CanLink, CanState};

use super::state::State;
use super::timing::Timing;

/// CAN_MTU and CANFD_MTU, include/uapi/linux/can.h.
const MTU: u32 = 16;
const FD_MTU: u32 = 72;

/// CAN_CTRLMODE_…, include/uapi/linux/can/netlink.h.
const MODES: [(Mode, u32); 9] = [
    (Mode::Loopback, 0x01),
    (Mode::ListenOnly, 0x02),
    (Mode::TripleSampling, 0x04),
    (Mode::OneShot, 0x08),
    (Mode::BusErrorReporting, 0x10),
    (Mode::Fd, 0x20),
    (Mode::PresumeAcknowledge, 0x40),
    (Mode::FdNonIso, 0x80),
    (Mode::ClassicDlc, 0x100),
];

impl State {
    pub(super) fn links(&self) -> Vec<CanLink> {
        let links = self.interfaces.keys().filter_map(|id| self.link(*id));
        links.collect()
    }

    fn link(&self, id: u64) -> Option<CanLink> {
        let interface = self.interfaces.get(&id)?;
        let info = self.info(id).ok()?;
        let mut link = CanLink::new(&interface.name);
        link.up = info.up;
        link.mtu = if info.fd { FD_MTU } else { MTU };
        link.kind = info.kind;
        if info.state.is_none() {
            return Some(link);
        }
        link.state = info.state.map(|state| match state {
            Controller::ErrorWarning => CanState::ErrorWarning,
            Controller::ErrorPassive => CanState::ErrorPassive,
            Controller::BusOff => CanState::BusOff,
            Controller::Stopped => CanState::Stopped,
            Controller::Sleeping => CanState::Sleeping,
            _ => CanState::ErrorActive,
        });
        (link.bitrate, link.sample_point) = (info.bitrate, info.sample_point);
        link.data_bitrate = info.data_bitrate;
        link.clock = info.clock;
        let restart = info.restart_after.unwrap_or_default().as_millis();
        link.restart_ms = Some(u32::try_from(restart).unwrap_or(u32::MAX));
        let counters = info.error_counters.unwrap_or_default();
        link.error_counters = Some((counters.transmit, counters.receive));
        let modes = MODES
            .iter()
            .filter(|(mode, _)| info.modes.contains(mode))
            .map(|(_, bit)| bit);
        link.modes = Some(modes.sum());
        Some(link)
    }

    /// Has an interface that has just come be as a recording says.
    pub(super) fn set_like(&mut self, id: u64, link: &CanLink) {
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.is_up = link.up;
        }
        let Some(one) = self.stations.get_mut(&id) else {
            return;
        };
        one.is_on = link.up;
        let Some(settings) = one.settings_mut() else {
            return;
        };
        settings.clock = link.clock.unwrap_or(settings.clock);
        let timing = |bitrate: u32| Timing {
            bitrate,
            sample_point: link.sample_point.unwrap_or(875),
        };
        settings.timing = link.bitrate.map(timing);
        settings.data = link.data_bitrate.map(timing);
        let restart = u64::from(link.restart_ms.unwrap_or(0));
        settings.restart_after = (restart > 0).then(|| Duration::from_millis(restart));
        let bits = link.modes.unwrap_or(0);
        let modes = MODES.iter().filter(|(_, bit)| bits & bit != 0);
        settings.modes = modes.map(|(mode, _)| *mode).collect();
        settings.modes.sort();
    }
}
