//! How programs come to serial ports.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use circuits_uart::{Backend, Config, Counters, Handle, Interest, ModemLines, Queue, Received};
use circuits_wait::{Clock, Ready};

use super::node;
use super::programs::Opened;
use crate::Stub;
use crate::stub::Board;
use crate::time::Bell;

impl Backend for Stub {
    fn open(&self, name: &str, exclusive: bool) -> io::Result<Box<dyn Handle>> {
        let board = self.board();
        let name = node(name);
        let bell = |what: &str| Bell::new(board.schedule.clone(), format!("{what} {name}"));
        let bells = [
            bell("bytes from"),
            bell("room to write to"),
            bell("all to be sent by"),
            bell("a change of modem lines of"),
        ];
        let signals = std::array::from_fn(|interest| bells[interest].signal().clone());
        let opened = board.serial.change(board, |state, now| {
            let port = state.find(name).ok_or(io::ErrorKind::NotFound)?;
            self.permit(name)?;
            state.open(port, exclusive, signals, board, now)
        })?;
        Ok(Box::new(StubPort {
            board: board.clone(),
            opened,
            bells,
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let board = self.board();
        Ok(board.serial.look(board, |state| state.names()))
    }

    fn holder(&self, name: &str) -> Option<String> {
        let board = self.board();
        board.serial.look(board, |state| {
            let tty = &state.ttys[state.find(node(name))?];
            let other = tty.held_by.as_deref().map(str::to_owned);
            other.or_else(|| tty.is_open().then(|| this_program().to_owned()))
        })
    }
}

/// This program, as it is called where others look: `gpsd (pid 312)`.
fn this_program() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    /// TASK_COMM_LEN, include/linux/sched.h, less the end.
    const LENGTH: usize = 15;
    NAME.get_or_init(|| {
        let path = std::env::current_exe().unwrap_or_default();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let short: String = name.chars().take(LENGTH).collect();
        format!("{short} (pid {})", std::process::id())
    })
}

struct StubPort {
    board: Arc<Board>,
    opened: Opened,
    /// By [`Interest`].
    bells: [Bell; 4],
}

impl fmt::Debug for StubPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StubPort").field(&self.opened).finish()
    }
}

impl Handle for StubPort {
    fn read(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let (board, port) = (&self.board, self.opened.port);
        board
            .serial
            .change(board, |state, now| state.read(port, buffer, board, now))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let (board, port) = (&self.board, self.opened.port);
        board
            .serial
            .change(board, |state, now| state.write(port, bytes, board, now))
    }

    fn drain(&self) -> io::Result<()> {
        let (board, port) = (&self.board, self.opened.port);
        board.serial.change(board, |state, _| state.drain(port))
    }

    fn ready(&self, interest: Interest) -> &dyn Ready {
        &self.bells[interest as usize]
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        let (board, port) = (&self.board, self.opened.port);
        board.serial.change(board, |state, now| {
            state.configure(port, config, board, now)
        })
    }

    fn config(&self) -> io::Result<Config> {
        let (board, port) = (&self.board, self.opened.port);
        board.serial.look(board, |state| state.config(port))
    }

    fn waiting(&self, queue: Queue) -> io::Result<usize> {
        let (board, port) = (&self.board, self.opened.port);
        board
            .serial
            .change(board, |state, _| state.waiting(port, queue))
    }

    fn discard(&self, queue: Queue) -> io::Result<()> {
        let (board, port) = (&self.board, self.opened.port);
        board
            .serial
            .change(board, |state, now| state.discard(port, queue, board, now))
    }

    fn set_break(&self, on: bool) -> io::Result<()> {
        let (board, port) = (&self.board, self.opened.port);
        board
            .serial
            .change(board, |state, now| state.break_of(port, on, board, now))
    }

    fn modem_lines(&self) -> io::Result<ModemLines> {
        let (board, port) = (&self.board, self.opened.port);
        board
            .serial
            .change(board, |state, _| state.modem_lines(port))
    }

    fn set_modem_lines(&self, rts: Option<bool>, dtr: Option<bool>) -> io::Result<()> {
        let (board, port) = (&self.board, self.opened.port);
        board.serial.change(board, |state, now| {
            state.set_modem_lines(port, rts, dtr, board, now)
        })
    }

    fn counters(&self) -> io::Result<Counters> {
        let (board, port) = (&self.board, self.opened.port);
        board.serial.change(board, |state, _| state.counters(port))
    }
}

impl Drop for StubPort {
    fn drop(&mut self) {
        let board = &self.board;
        let close = |state: &mut super::wire::State, now| state.close(self.opened, board, now);
        board.serial.change(board, close);
    }
}
