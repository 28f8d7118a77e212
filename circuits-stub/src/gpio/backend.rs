//! The board's lines as a backend of circuits-gpio, by the kernel's rules.

use std::fmt;
use std::io;
use std::sync::Arc;

use circuits_gpio::{Backend, Change, ChipInfo, Config, Event, Handle, LineInfo, Request, Watcher};
use circuits_wait::{Clock, Ready};

use super::fault::Call;
use super::request::Held;
use super::state::State;
use super::watch::Watching;
use super::{EBUSY, EINVAL, ENODEV, errno};
use crate::Stub;
use crate::stub::Board;
use crate::time::Bell;

impl Backend for Stub {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }

    fn chips(&self) -> io::Result<Vec<String>> {
        let state = self.board().lines.lock();
        Ok(state.chips().map(|chip| chip.info.name().into()).collect())
    }

    fn chip_info(&self, name: &str) -> io::Result<ChipInfo> {
        let state = self.board().lines.lock();
        let chip = self.open_chip(&state, name)?;
        Ok(state.chips[chip].info.clone())
    }

    fn line_infos(&self, chip: &str) -> io::Result<Vec<LineInfo>> {
        let state = self.board().lines.lock();
        let chip = self.open_chip(&state, chip)?;
        let lines = (0..state.lines.len()).filter(|line| state.lines[*line].chip == chip);
        Ok(lines.map(|line| state.info(line)).collect())
    }

    fn line_info(&self, chip: &str, offset: u32) -> io::Result<LineInfo> {
        let state = self.board().lines.lock();
        let chip = self.open_chip(&state, chip)?;
        Ok(state.info(state.index(chip, offset)?))
    }

    fn open(&self, request: &Request) -> io::Result<Box<dyn Handle>> {
        let board = self.board();
        let what = match &request.lines[..] {
            [(offset, _)] => format!("an edge on {}", self.name(&request.chip, *offset)),
            lines => format!("an edge on {} lines of {}", lines.len(), request.chip),
        };
        let bell = Bell::new(board.schedule.clone(), what);
        let realtime = board.lines.realtime;
        let id = board.lines.change(board, |state, now| {
            let chip = self.open_chip(state, &request.chip)?;
            let held = |id, lines: &[usize]| Held::new(id, request, lines, bell.signal(), realtime);
            state.open(chip, request, held, board, now)
        })?;
        Ok(Box::new(StubLines {
            board: board.clone(),
            id,
            bell,
        }))
    }

    fn watch(&self, chip: &str, offsets: &[u32]) -> io::Result<Box<dyn Watcher>> {
        let board = self.board();
        let what = format!("a change of lines of {chip}");
        let bell = Bell::new(board.schedule.clone(), what);
        let mut state = board.lines.lock();
        let chip = self.open_chip(&state, chip)?;
        let lines = offsets.iter().map(|offset| state.index(chip, *offset));
        let lines: Vec<usize> = lines.collect::<io::Result<_>>()?;
        if (1..lines.len()).any(|line| lines[..line].contains(&lines[line])) {
            return Err(errno(EBUSY));
        }
        let id = state.next_id();
        state.watching.push(Watching::new(id, lines, bell.signal()));
        drop(state);
        Ok(Box::new(StubWatch {
            board: board.clone(),
            id,
            bell,
        }))
    }
}

impl Stub {
    /// A chip, for a program that opens it.
    fn open_chip(&self, state: &State, name: &str) -> io::Result<usize> {
        let chip = state.chip(name)?;
        self.permit(name).map(|()| chip)
    }

    /// What people call a line.
    fn name(&self, chip: &str, offset: u32) -> Arc<str> {
        let state = self.board().lines.lock();
        let line = state.chip(chip).and_then(|chip| state.index(chip, offset));
        match line {
            Ok(line) => state.lines[line].label.clone(),
            Err(_) => format!("{chip}:{offset}").into(),
        }
    }
}

struct StubLines {
    board: Arc<Board>,
    id: u64,
    bell: Bell,
}

impl fmt::Debug for StubLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StubLines").field(&self.id).finish()
    }
}

impl fmt::Debug for StubWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StubWatch").field(&self.id).finish()
    }
}

impl Handle for StubLines {
    fn get(&self, lines: u64) -> io::Result<u64> {
        self.board.lines.change(&self.board, |state, now| {
            if lines == 0 {
                state.request(self.id)?;
                return Err(errno(EINVAL));
            }
            state.meet(self.id, lines, Call::Other, &self.board, now)?;
            let held = state.request(self.id)?;
            let mut levels = 0;
            for (number, line) in held.lines.iter().enumerate() {
                levels |= u64::from(held.level(number, state.lines[*line].level)) << number;
            }
            Ok(levels & lines)
        })
    }

    fn set(&self, lines: u64, levels: u64) -> io::Result<()> {
        let board = &self.board;
        let set = |state: &mut State, now| state.set(self.id, lines, levels, board, now);
        board.lines.change(board, set)
    }

    fn configure(&self, configs: &[Config]) -> io::Result<()> {
        let board = &self.board;
        let configure = |state: &mut State, now| state.configure(self.id, configs, board, now);
        board.lines.change(board, configure)
    }

    fn line_infos(&self) -> io::Result<Vec<LineInfo>> {
        let state = self.board.lines.lock();
        let lines = &state.request(self.id)?.lines;
        Ok(lines.iter().map(|line| state.info(*line)).collect())
    }

    fn read(&self, events: &mut [Event]) -> io::Result<usize> {
        self.board.lines.change(&self.board, |state, _| {
            let queue = &mut state.request_mut(self.id)?.queue.events;
            let count = queue.len().min(events.len());
            for (event, queued) in events.iter_mut().zip(queue.drain(..count)) {
                *event = queued;
            }
            match count {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                count => Ok(count),
            }
        })
    }

    fn ready(&self) -> &dyn Ready {
        &self.bell
    }
}

impl Drop for StubLines {
    fn drop(&mut self) {
        let board = &self.board;
        let close = |state: &mut State, now| state.close(self.id, board, now);
        board.lines.change(board, close);
    }
}

struct StubWatch {
    board: Arc<Board>,
    id: u64,
    bell: Bell,
}

impl Watcher for StubWatch {
    fn read(&self) -> io::Result<Change> {
        let mut state = self.board.lines.lock();
        let mut watching = state.watching.iter_mut();
        let watching = watching.find(|watching| watching.id == self.id);
        watching.map_or_else(|| Err(errno(ENODEV)), Watching::read)
    }

    fn ready(&self) -> &dyn Ready {
        &self.bell
    }
}

impl Drop for StubWatch {
    fn drop(&mut self) {
        let mut state = self.board.lines.lock();
        state.watching.retain(|watching| watching.id != self.id);
    }
}
