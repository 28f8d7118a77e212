//! Frames that are sent at an interval, as by the kernel's broadcast manager (net/can/bcm.c).

use std::io;
use std::time::Duration;

use circuits_can::{CycleConfig, Frame};
use circuits_wait::Time;

use super::state::State;
use super::{EINVAL, ENODEV, errno};
use crate::stub::Board;

#[derive(Debug)]
pub(super) struct Cycle {
    pub(super) interface: u64,
    frames: Vec<Frame>,
    /// Which one is next.
    turn: usize,
    interval: Duration,
    /// How many are still to be sent, if not all the time.
    left: Option<u32>,
    pub(super) next: Option<Time>,
}

impl State {
    /// Begins to send frames, the first one at once.
    pub(super) fn begin_cycle(
        &mut self,
        interface: u64,
        frames: &[Frame],
        config: &CycleConfig,
        board: &Board,
        now: Time,
    ) -> io::Result<u64> {
        self.check_frames(interface, frames)?;
        let id = self.number();
        let cycle = Cycle {
            interface,
            frames: frames.into(),
            turn: 0,
            interval: config.interval().max(Duration::from_nanos(1)),
            left: config.count(),
            next: Some(now),
        };
        self.cycles.insert(id, cycle);
        self.send_of_cycle(id, board, now);
        Ok(id)
    }

    pub(super) fn set_frames_of_cycle(&mut self, id: u64, frames: &[Frame]) -> io::Result<()> {
        let cycle = self.cycles.get(&id).ok_or_else(|| errno(ENODEV))?;
        let is_fd = |frames: &[Frame]| frames.iter().any(Frame::is_fd);
        if cycle.frames.len() != frames.len() || is_fd(&cycle.frames) != is_fd(frames) {
            return Err(errno(EINVAL));
        }
        self.check_frames(cycle.interface, frames)?;
        if let Some(cycle) = self.cycles.get_mut(&id) {
            cycle.frames.copy_from_slice(frames);
        }
        Ok(())
    }

    fn check_frames(&self, interface: u64, frames: &[Frame]) -> io::Result<()> {
        let is_fd = frames.iter().any(Frame::is_fd);
        match frames.is_empty() || is_fd && !self.has_fd(interface) {
            true => Err(errno(EINVAL)),
            false => Ok(()),
        }
    }

    /// A frame is due. If there is no room for it, or the interface is down, it is not sent.
    pub(super) fn send_of_cycle(&mut self, id: u64, board: &Board, now: Time) {
        let Some(cycle) = self.cycles.get_mut(&id) else {
            return;
        };
        let (interface, turn) = (cycle.interface, cycle.turn);
        let frame = cycle.frames.get(turn).copied();
        cycle.turn = (turn + 1) % cycle.frames.len().max(1);
        cycle.left = cycle.left.map(|left| left.saturating_sub(1));
        cycle.next = match cycle.left {
            Some(0) => None,
            _ => cycle.next.map(|next| next + cycle.interval),
        };
        if let Some(frame) = frame {
            let _ = self.send(interface, None, true, &[frame], board, now);
        }
    }
}
