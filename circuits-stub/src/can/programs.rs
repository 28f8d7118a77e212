//! What programs do with interfaces and sockets.

use std::io;

use circuits_can::{Config, Frame, InterfaceConfig, InterfaceInfo, Mode};
use circuits_wait::Time;

use super::conduct::Origin;
use super::socket::Socket;
use super::state::State;
use super::station::{Pending, Settings};
use super::timing::{DATA, NOMINAL, Timing};
use super::{EBUSY, EINVAL, ENETDOWN, ENODEV, EOPNOTSUPP, errno};
use crate::stub::Board;
use crate::time::Signal;
use crate::trace::Action;

/// How many frames wait beside the one that the controller has (`txqueuelen`; `can_setup`,
/// drivers/net/can/dev/dev.c).
const QUEUE: usize = 10;

impl State {
    pub(super) fn open(
        &mut self,
        name: &str,
        config: &Config,
        signals: [std::sync::Arc<Signal>; 2],
    ) -> io::Result<u64> {
        let interface = self.find(name).ok_or_else(|| errno(ENODEV))?;
        if !self.is_up(interface) {
            return Err(errno(ENETDOWN));
        }
        let socket = Socket::new(interface, config, signals)?;
        let id = self.number();
        self.sockets.insert(id, socket);
        Ok(id)
    }

    pub(super) fn socket(&mut self, id: u64) -> io::Result<&mut Socket> {
        self.sockets.get_mut(&id).ok_or_else(|| errno(ENODEV))
    }

    pub(super) fn write(
        &mut self,
        id: u64,
        frames: &[Frame],
        board: &Board,
        now: Time,
    ) -> io::Result<usize> {
        let socket = self.socket(id)?;
        let interface = socket.interface.ok_or_else(|| errno(ENODEV))?;
        let (has_fd, loops_back) = (socket.config.has_fd(), socket.config.loops_back());
        let has_fd = has_fd && self.has_fd(interface);
        let good = frames.iter().take_while(|frame| has_fd || !frame.is_fd());
        match good.count() {
            0 if !frames.is_empty() => Err(errno(EINVAL)),
            good => self.send(interface, Some(id), loops_back, &frames[..good], board, now),
        }
    }

    /// Takes over frames to be sent, as many as there is room for.
    pub(super) fn send(
        &mut self,
        interface: u64,
        from: Option<u64>,
        loops_back: bool,
        frames: &[Frame],
        board: &Board,
        now: Time,
    ) -> io::Result<usize> {
        if !self.is_up(interface) {
            return Err(errno(ENETDOWN));
        }
        let Some(one) = self.stations.get_mut(&interface) else {
            // A vcan: all is done at once.
            for frame in frames {
                if let Some(interface) = self.interfaces.get(&interface) {
                    board.tell_at(now, || Action::CanFrame {
                        from: interface.name.clone(),
                        start: board.shown(now),
                        frame: *frame,
                    });
                }
                if loops_back {
                    self.deliver(interface, frame, Origin::Here(from), now);
                }
            }
            return Ok(frames.len());
        };
        if !one.is_heard() {
            // The kernel drops what is written while it is bus-off (`noop_enqueue`, net/sched/sch_generic.c) or only
            // listens (`can_dev_dropped_skb`, include/linux/can/dev.h), and says nothing.
            return Ok(frames.len());
        }
        let room = (QUEUE + 1).saturating_sub(one.queue.len());
        let taken = &frames[..room.min(frames.len())];
        one.queue.extend(taken.iter().map(|frame| Pending {
            frame: *frame,
            since: now,
            from,
            loops_back,
        }));
        match taken.is_empty() && !frames.is_empty() {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => Ok(taken.len()),
        }
    }

    pub(super) fn is_up(&self, interface: u64) -> bool {
        self.interfaces
            .get(&interface)
            .is_some_and(|interface| interface.is_up)
    }

    /// Whether an interface has CAN FD frames.
    pub(super) fn has_fd(&self, interface: u64) -> bool {
        let station = self.stations.get(&interface);
        station.is_none_or(|one| one.has_fd())
    }

    pub(super) fn info(&self, id: u64) -> io::Result<InterfaceInfo> {
        let interface = self.interfaces.get(&id).ok_or_else(|| errno(ENODEV))?;
        let mut info = InterfaceInfo::default();
        info.up = interface.is_up;
        info.fd = self.has_fd(id);
        let kind = if interface.is_virtual { "vcan" } else { "can" };
        info.kind = Some(kind.into());
        let Some(one) = self.stations.get(&id) else {
            return Ok(info);
        };
        info.state = Some(one.state());
        info.error_counters = Some(one.counters);
        if let Some(settings) = one.settings() {
            info.clock = Some(settings.clock);
            info.bitrate = settings.timing.map(|timing| timing.bitrate);
            info.sample_point = settings.timing.map(|timing| timing.sample_point);
            info.data_bitrate = settings.data.map(|timing| timing.bitrate);
            info.data_sample_point = settings.data.map(|timing| timing.sample_point);
            info.restart_after = settings.restart_after;
            info.modes = settings.modes.clone();
        }
        Ok(info)
    }

    pub(super) fn configure_interface(
        &mut self,
        id: u64,
        config: &InterfaceConfig,
    ) -> io::Result<()> {
        let interface = self.interfaces.get(&id).ok_or_else(|| errno(ENODEV))?;
        let Some(settings) = self.stations.get(&id).and_then(|one| one.settings()) else {
            return Err(errno(EOPNOTSUPP));
        };
        let granted = grant(settings, config)?;
        if interface.is_up && *config != InterfaceConfig::new() {
            return Err(errno(EBUSY));
        }
        if let Some(settings) = self
            .stations
            .get_mut(&id)
            .and_then(|one| one.settings_mut())
        {
            *settings = granted;
        }
        Ok(())
    }

    /// Takes an interface up or down.
    pub(super) fn set_up(&mut self, id: u64, up: bool, board: &Board, now: Time) -> io::Result<()> {
        let interface = self.interfaces.get(&id).ok_or_else(|| errno(ENODEV))?;
        if interface.is_up == up {
            return Ok(());
        }
        let mut bitrate = None;
        if let Some(one) = self.stations.get(&id) {
            let settings = one.settings();
            let timing = settings.and_then(|settings| settings.timing);
            let data = settings.and_then(|settings| settings.data);
            // `open_candev`, drivers/net/can/dev/dev.c
            let is_complete = match (timing, data) {
                (Some(timing), Some(data)) => data.bitrate >= timing.bitrate || !one.has_fd(),
                (Some(_), None) => !one.has_fd(),
                (None, _) => false,
            };
            if up && !is_complete {
                return Err(errno(EINVAL));
            }
            bitrate = timing.map(|timing| timing.bitrate);
        }
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.is_up = up;
            let interface = interface.name.clone();
            board.tell_at(now, || match up {
                true => Action::CanUp { interface, bitrate },
                false => Action::CanDown { interface },
            });
        }
        if !up {
            self.leave(id, board, now);
            for socket in self.sockets_of(id) {
                socket.went_down();
            }
        }
        let joins = self.joins(id, now);
        if let Some(one) = self.stations.get_mut(&id) {
            one.is_on = up;
            one.begin(joins);
            if let Some(settings) = one.settings_mut() {
                settings.restarts = None;
            }
        }
        self.rewire(id, board, now);
        Ok(())
    }

    pub(super) fn restart_interface(
        &mut self,
        id: u64,
        board: &Board,
        now: Time,
    ) -> io::Result<()> {
        let interface = self.interfaces.get(&id).ok_or_else(|| errno(ENODEV))?;
        let one = self.stations.get(&id).ok_or_else(|| errno(EOPNOTSUPP))?;
        let restarts_itself = one
            .settings()
            .is_some_and(|settings| settings.restart_after.is_some());
        if !interface.is_up || restarts_itself {
            return Err(errno(EINVAL));
        }
        if !one.is_off {
            return Err(errno(EBUSY));
        }
        self.restart(id, board, now);
        Ok(())
    }
}

/// What becomes of the settings of a controller (`can_validate`, `can_changelink`, drivers/net/can/dev/netlink.c).
fn grant(before: &Settings, config: &InterfaceConfig) -> io::Result<Settings> {
    let mut granted = before.clone();
    let turns_on = |mode| config.modes().contains(&(mode, true));
    let is_fd = turns_on(Mode::Fd);
    let (nominal, data) = (config.bits_per_second(), config.data_bits_per_second());
    // CAN FD is set up as a whole.
    if is_fd && (nominal.is_none() || data.is_none()) || data.is_some() && !is_fd {
        return Err(errno(EOPNOTSUPP));
    }
    for (mode, on) in config.modes() {
        granted.modes.retain(|other| other != mode);
        if *on {
            granted.modes.push(*mode);
        }
        if (*mode, *on) == (Mode::Fd, false) {
            granted.data = None;
        }
    }
    granted.modes.sort();
    if let Some(bitrate) = nominal {
        granted.timing = Some(Timing::nearest(
            &NOMINAL,
            before.clock,
            bitrate,
            config.bit_sample_point(),
        )?);
    }
    if let Some(bitrate) = data {
        granted.data = Some(Timing::nearest(
            &DATA,
            before.clock,
            bitrate,
            config.data_bit_sample_point(),
        )?);
    }
    if let Some(after) = config.restart_time() {
        granted.restart_after = (!after.is_zero()).then_some(after);
    }
    Ok(granted)
}
