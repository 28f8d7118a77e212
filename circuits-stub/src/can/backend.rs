//! How programs come to CAN interfaces.

use std::fmt;
use std::io;
use std::sync::Arc;

use circuits_can::{
    Backend, Config, CycleConfig, Cyclic, Frame, Handle, Interest, InterfaceConfig, InterfaceInfo,
    Link, Received,
};
use circuits_wait::{Clock, Ready};

use super::{ENETDOWN, ENODEV, EPERM, errno};
use crate::Stub;
use crate::stub::Board;
use crate::time::Bell;

impl Backend for Stub {
    fn open(&self, interface: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        let board = self.board();
        let bell = |what: &str| Bell::new(board.schedule.clone(), format!("{what} {interface}"));
        let (came, room) = (bell("a frame from"), bell("room to write to"));
        let signals = [came.signal().clone(), room.signal().clone()];
        let id = board
            .can
            .change(board, |state, _| state.open(interface, config, signals))?;
        Ok(Box::new(StubSocket {
            board: board.clone(),
            id,
            came,
            room,
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let board = self.board();
        Ok(board.can.look(board, |state| {
            let interfaces = state.interfaces.values();
            let mut names: Vec<_> = interfaces.map(|one| one.name.to_string()).collect();
            names.sort();
            names
        }))
    }

    fn link(&self, interface: &str) -> io::Result<Box<dyn Link>> {
        let board = self.board();
        let id = board.can.look(board, |state| state.find(interface));
        Ok(Box::new(StubLink {
            stub: self.clone(),
            id: id.ok_or_else(|| errno(ENODEV))?,
        }))
    }

    fn cycle(
        &self,
        interface: &str,
        frames: &[Frame],
        config: &CycleConfig,
    ) -> io::Result<Box<dyn Cyclic>> {
        let board = self.board();
        let id = board.can.change(board, |state, now| {
            let interface = state.find(interface).ok_or_else(|| errno(ENODEV))?;
            if !state.is_up(interface) {
                return Err(errno(ENETDOWN));
            }
            state.begin_cycle(interface, frames, config, board, now)
        })?;
        Ok(Box::new(StubCycle {
            board: board.clone(),
            id,
        }))
    }
}

struct StubSocket {
    board: Arc<Board>,
    id: u64,
    came: Bell,
    room: Bell,
}

impl fmt::Debug for StubSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StubSocket").field(&self.id).finish()
    }
}

impl Handle for StubSocket {
    fn read(&self, frames: &mut [Received]) -> io::Result<usize> {
        let board = &self.board;
        let can = &board.can;
        can.change(board, |state, _| state.socket(self.id)?.read(frames))
    }

    fn write(&self, frames: &[Frame]) -> io::Result<usize> {
        let board = &self.board;
        let can = &board.can;
        can.change(board, |state, now| state.write(self.id, frames, board, now))
    }

    fn ready(&self, interest: Interest) -> &dyn Ready {
        match interest {
            Interest::Read => &self.came,
            Interest::Write => &self.room,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        let board = &self.board;
        let can = &board.can;
        can.change(board, |state, _| state.socket(self.id)?.configure(config))
    }

    fn config(&self) -> io::Result<Config> {
        let board = &self.board;
        let can = &board.can;
        can.look(board, |state| Ok(state.socket(self.id)?.config.clone()))
    }

    fn lost(&self) -> io::Result<u64> {
        let board = &self.board;
        let can = &board.can;
        can.change(board, |state, _| Ok(state.socket(self.id)?.lost))
    }
}

impl Drop for StubSocket {
    fn drop(&mut self) {
        let board = &self.board;
        let socket = board
            .can
            .change(board, |state, _| state.sockets.remove(&self.id));
        drop(socket);
    }
}

#[derive(Debug)]
struct StubLink {
    stub: Stub,
    id: u64,
}

impl StubLink {
    /// To set an interface up needs CAP_NET_ADMIN.
    fn permit(&self) -> io::Result<&Arc<Board>> {
        match self.stub.is_permitted() {
            true => Ok(self.stub.board()),
            false => Err(errno(EPERM)),
        }
    }
}

impl Link for StubLink {
    fn info(&self) -> io::Result<InterfaceInfo> {
        let board = self.stub.board();
        board.can.change(board, |state, _| state.info(self.id))
    }

    fn configure(&self, config: &InterfaceConfig) -> io::Result<()> {
        let board = self.permit()?;
        let can = &board.can;
        can.change(board, |state, _| state.configure_interface(self.id, config))
    }

    fn set_up(&self, up: bool) -> io::Result<()> {
        let board = self.permit()?;
        let can = &board.can;
        can.change(board, |state, now| state.set_up(self.id, up, board, now))
    }

    fn restart(&self) -> io::Result<()> {
        let board = self.permit()?;
        let can = &board.can;
        can.change(board, |state, now| {
            state.restart_interface(self.id, board, now)
        })
    }
}

struct StubCycle {
    board: Arc<Board>,
    id: u64,
}

impl fmt::Debug for StubCycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StubCycle").field(&self.id).finish()
    }
}

impl Cyclic for StubCycle {
    fn set_frames(&self, frames: &[Frame]) -> io::Result<()> {
        let board = &self.board;
        let can = &board.can;
        can.change(board, |state, _| state.set_frames_of_cycle(self.id, frames))
    }
}

impl Drop for StubCycle {
    fn drop(&mut self) {
        let board = &self.board;
        let cycle = board
            .can
            .change(board, |state, _| state.cycles.remove(&self.id));
        drop(cycle);
    }
}
