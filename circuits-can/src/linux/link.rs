use std::io;
use std::time::Duration;

use socketcan::nl::{CanBitTiming, CanCtrlModes, CanState, InterfaceCanParams};
use socketcan::{CanCtrlMode, CanInterface};

use super::netlink::{self, error};
use super::raw::Raw;
use crate::{ErrorCounters, InterfaceConfig, InterfaceInfo, Link, Mode, State};

/// An interface, by its number: another one that gets its name is not it.
#[derive(Debug)]
pub(super) struct Interface {
    index: u32,
    netlink: CanInterface,
}

impl Interface {
    pub(super) fn open(name: &str) -> io::Result<Interface> {
        let index = Raw::frames()?.interface(name)?;
        netlink::find(index)?;
        Ok(Interface {
            index,
            netlink: CanInterface::open_iface(index),
        })
    }

    /// Sets what of this there is, and the rest stays.
    fn set(&self, wanted: &InterfaceCanParams) -> io::Result<()> {
        self.netlink.set_can_params(wanted).map_err(error)
    }
}

impl Link for Interface {
    fn info(&self) -> io::Result<InterfaceInfo> {
        let found = netlink::find(self.index)?;
        let can = found.can;
        let rate = |timing: Option<CanBitTiming>| timing.map(|timing| timing.bitrate);
        let point = |timing: Option<CanBitTiming>| timing.map(|timing| timing.sample_point);
        let known = |number: Option<u32>| number.filter(|number| *number > 0);
        let millis = known(can.restart_ms).map(u64::from);
        let is_on = |mode: &Mode| can.ctrl_mode.is_some_and(|on| on.has_mode(bit(*mode)));
        Ok(InterfaceInfo {
            up: found.is_up,
            fd: found.has_fd,
            kind: found.kind,
            state: can.state.map(state),
            bitrate: known(rate(can.bit_timing)),
            sample_point: known(point(can.bit_timing)),
            data_bitrate: known(rate(can.data_bit_timing)),
            data_sample_point: known(point(can.data_bit_timing)),
            restart_after: millis.map(Duration::from_millis),
            error_counters: can.berr_counter.map(|counts| ErrorCounters {
                transmit: counts.txerr,
                receive: counts.rxerr,
            }),
            modes: MODES.into_iter().filter(is_on).collect(),
            clock: known(can.clock.map(|clock| clock.freq)),
        })
    }

    fn configure(&self, config: &InterfaceConfig) -> io::Result<()> {
        let before = netlink::find(self.index)?.can;
        if *config == InterfaceConfig::new() {
            return Ok(());
        }
        self.set(&wanted(config)).inspect_err(|_| {
            // The kernel sets one after the other until it refuses one (`can_changelink`). What is told is what
            // was refused, not this.
            let _ = self.set(&put_back(config, &before));
        })
    }

    fn set_up(&self, up: bool) -> io::Result<()> {
        match up {
            true => self.netlink.bring_up(),
            false => self.netlink.bring_down(),
        }
        .map_err(error)
    }

    fn restart(&self) -> io::Result<()> {
        self.netlink.restart().map_err(error)
    }
}

fn wanted(config: &InterfaceConfig) -> InterfaceCanParams {
    let restart = config.restart_time().map(|time| time.as_millis());
    InterfaceCanParams {
        bit_timing: config
            .bits_per_second()
            .map(|rate| timing(rate, config.bit_sample_point().unwrap_or(0))),
        data_bit_timing: config
            .data_bits_per_second()
            .map(|rate| timing(rate, config.data_bit_sample_point().unwrap_or(0))),
        restart_ms: restart.map(|millis| u32::try_from(millis).unwrap_or(u32::MAX)),
        ctrl_mode: modes(config.modes().iter().copied()),
        ..InterfaceCanParams::default()
    }
}

/// Returns what of `before` may have been changed. A bit rate that there was not cannot be taken back.
fn put_back(config: &InterfaceConfig, before: &InterfaceCanParams) -> InterfaceCanParams {
    let wanted = wanted(config);
    // The kernel finds the rest anew.
    let again = |before: CanBitTiming| timing(before.bitrate, before.sample_point);
    // None would be refused, and all that is put back with it.
    let was_set = |before: &CanBitTiming| before.bitrate > 0;
    let was_on = |mode| before.ctrl_mode.is_some_and(|on| on.has_mode(bit(mode)));
    let modes = modes(
        config
            .modes()
            .iter()
            .map(|(mode, _)| (*mode, was_on(*mode))),
    );
    InterfaceCanParams {
        bit_timing: wanted
            .bit_timing
            .and(before.bit_timing)
            .filter(was_set)
            .map(again),
        data_bit_timing: wanted
            .data_bit_timing
            .and(before.data_bit_timing)
            .filter(was_set)
            .map(again),
        restart_ms: wanted.restart_ms.and(before.restart_ms),
        ctrl_mode: modes,
        ..InterfaceCanParams::default()
    }
}

/// A bit rate, and where bits are sampled; 0: where the kernel finds it best.
fn timing(bitrate: u32, sample_point: u32) -> CanBitTiming {
    CanBitTiming {
        bitrate,
        sample_point,
        ..CanBitTiming::default()
    }
}

/// Modes to be set on or off, if there are any.
fn modes(modes: impl Iterator<Item = (Mode, bool)>) -> Option<CanCtrlModes> {
    let mut set = None;
    for (mode, on) in modes {
        set.get_or_insert_with(CanCtrlModes::default)
            .add(bit(mode), on);
    }
    set
}

const MODES: [Mode; 9] = [
    Mode::Loopback,
    Mode::ListenOnly,
    Mode::TripleSampling,
    Mode::OneShot,
    Mode::BusErrorReporting,
    Mode::Fd,
    Mode::PresumeAcknowledge,
    Mode::FdNonIso,
    Mode::ClassicDlc,
];

fn bit(mode: Mode) -> CanCtrlMode {
    match mode {
        Mode::Loopback => CanCtrlMode::Loopback,
        Mode::ListenOnly => CanCtrlMode::ListenOnly,
        Mode::TripleSampling => CanCtrlMode::TripleSampling,
        Mode::OneShot => CanCtrlMode::OneShot,
        Mode::BusErrorReporting => CanCtrlMode::BerrReporting,
        Mode::Fd => CanCtrlMode::Fd,
        Mode::PresumeAcknowledge => CanCtrlMode::PresumeAck,
        Mode::FdNonIso => CanCtrlMode::NonIso,
        Mode::ClassicDlc => CanCtrlMode::CcLen8Dlc,
    }
}

fn state(state: CanState) -> State {
    match state {
        CanState::ErrorActive => State::ErrorActive,
        CanState::ErrorWarning => State::ErrorWarning,
        CanState::ErrorPassive => State::ErrorPassive,
        CanState::BusOff => State::BusOff,
        CanState::Stopped => State::Stopped,
        CanState::Sleeping => State::Sleeping,
    }
}
