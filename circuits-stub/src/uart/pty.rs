//! A line to programs that are not on the board: a pseudo-terminal is at its other end.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::Duration;

use circuits_uart::ModemLines;
use circuits_wait::Time;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::device::{Device, Line};
use super::tty::Peer;
use crate::Error;
use crate::stub::Board;
use crate::trace::Action;

/// How many bytes wait for a program that does not read them. What comes then is lost.
const WAITING: usize = 64 << 10;

/// How many bytes are taken from the other program before they go over the wire.
const AHEAD: usize = 4096;

/// Joins a port to a new pseudo-terminal.
pub(super) fn open(board: &Arc<Board>, port: &str) -> io::Result<PathBuf> {
    let controlling = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&controlling)?;
    unlockpt(&controlling)?;
    let path = PathBuf::from(std::ffi::OsString::from_vec(
        ptsname(&controlling, Vec::new())?.into_bytes(),
    ));
    // It is held open, so that programs come and go without a hang-up.
    let terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NOCTTY.bits() as i32)
        .open(&path)?;
    let mut raw = tcgetattr(&terminal)?;
    raw.make_raw();
    tcsetattr(&terminal, OptionalActions::Now, &raw)?;
    let controlling = File::from(controlling);
    rustix::io::ioctl_fionbio(&controlling, true)?;
    rustix::io::fcntl_setfd(&controlling, rustix::io::FdFlags::CLOEXEC)?;
    let (bell, rings) = UnixStream::pair()?;
    bell.set_nonblocking(true)?;
    rings.set_nonblocking(true)?;

    let ends = Arc::new(Mutex::new(Ends::default()));
    let pty = Pty {
        ends: ends.clone(),
        bell,
    };
    board
        .serial
        .attach(board, port, Box::new(pty))
        .map_err(|error| match error {
            Error::PortTaken { .. } => io::Error::new(io::ErrorKind::ResourceBusy, error),
            error => io::Error::new(io::ErrorKind::NotFound, error),
        })?;
    let pump = Pump {
        board: Arc::downgrade(board),
        port: port.into(),
        controlling,
        _terminal: terminal,
        rings,
        ends,
    };
    let name = format!("{port} to {}", path.display());
    let thread = thread::Builder::new().name(name).spawn(move || pump.run());
    if let Err(error) = thread {
        let device = board.serial.change(board, |state, now| {
            let port = state.find(port)?;
            state.disconnect(port, board, now)
        });
        drop(device);
        return Err(error);
    }
    Ok(path)
}

/// What is between the line and the other program.
#[derive(Default)]
struct Ends {
    /// From the other program to the line.
    to_line: VecDeque<u8>,
    from_line: VecDeque<u8>,
    /// How many bytes found no room, and were not told of yet.
    lost: usize,
}

/// What is at the other end of the line, for the board.
struct Pty {
    ends: Arc<Mutex<Ends>>,
    /// Has the thread look; closed when this is dropped, which ends it.
    bell: UnixStream,
}

impl Device for Pty {
    fn receive(&mut self, byte: u8, _: &mut Line) {
        let mut ends = lock(&self.ends);
        let is_first =
            ends.from_line.is_empty() || ends.from_line.len() == WAITING && ends.lost == 0;
        match ends.from_line.len() < WAITING {
            true => ends.from_line.push_back(byte),
            false => ends.lost += 1,
        }
        drop(ends);
        if is_first {
            // When it is full it has been rung already.
            let _ = (&self.bell).write(&[0]);
        }
    }

    /// A break is a byte 0 to who does not know breaks.
    fn receive_break(&mut self, line: &mut Line) {
        self.receive(0, line);
    }

    /// Somebody who always listens.
    fn modem_lines(&mut self, rts: bool, dtr: bool, line: &mut Line) {
        let _ = (rts, dtr);
        let mut lines = ModemLines::default();
        (lines.cts, lines.dsr, lines.cd) = (true, true, true);
        line.set_modem_lines(lines);
    }

    fn next(&self) -> Option<Time> {
        let is_empty = lock(&self.ends).to_line.is_empty();
        (!is_empty).then_some(Time::ZERO)
    }

    fn act(&mut self, line: &mut Line) {
        let mut ends = lock(&self.ends);
        line.send(ends.to_line.make_contiguous());
        ends.to_line.clear();
    }
}

/// The thread's side.
struct Pump {
    board: Weak<Board>,
    port: String,
    controlling: File,
    _terminal: File,
    rings: UnixStream,
    ends: Arc<Mutex<Ends>>,
}

impl Pump {
    /// Moves bytes until the board or the port is gone, or the line is pulled out.
    fn run(mut self) {
        while self.turn().is_ok() {}
    }

    fn turn(&mut self) -> io::Result<()> {
        self.tell_of_losses()?;
        let is_ahead = self.ahead()? >= AHEAD;
        let mut wanted = PollFlags::empty();
        if !lock(&self.ends).from_line.is_empty() {
            wanted |= PollFlags::OUT;
        }
        if !is_ahead {
            wanted |= PollFlags::IN;
        }
        // The line tells nobody that it is through with something.
        let a_little = Timespec::try_from(Duration::from_millis(5)).ok();
        let (rung, events) = {
            let mut fds = [
                PollFd::from_borrowed_fd(self.rings.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.controlling.as_fd(), wanted),
            ];
            match poll(&mut fds, a_little.as_ref().filter(|_| is_ahead)) {
                Err(rustix::io::Errno::INTR) => return Ok(()),
                polled => polled?,
            };
            (fds[0].revents(), fds[1].revents())
        };
        if !rung.is_empty() && self.rings.read(&mut [0; 64])? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if events.contains(PollFlags::OUT) {
            let mut ends = lock(&self.ends);
            let (front, _) = ends.from_line.as_slices();
            let count = would_block(self.controlling.write(front))?;
            ends.from_line.drain(..count);
        }
        if events.contains(PollFlags::IN) {
            let mut buffer = [0; AHEAD];
            let count = would_block(self.controlling.read(&mut buffer))?;
            lock(&self.ends).to_line.extend(&buffer[..count]);
            self.poke()?;
        }
        Ok(())
    }

    /// Puts it into the trace if the other program was too slow.
    fn tell_of_losses(&self) -> io::Result<()> {
        let lost = std::mem::take(&mut lock(&self.ends).lost);
        if lost > 0 {
            let board = self.board.upgrade().ok_or(io::ErrorKind::NotFound)?;
            let port = &self.port;
            board.tell(|| {
                Action::Note(format!(
                    "{port}: {lost} bytes were lost, for nobody read them at the other end"
                ))
            });
        }
        Ok(())
    }

    /// How many bytes are still to go over the line.
    fn ahead(&self) -> io::Result<usize> {
        let board = self.board.upgrade().ok_or(io::ErrorKind::NotFound)?;
        let queued = board.serial.change(&board, |state, _| {
            let port = state.find(&self.port)?;
            Some(state.ttys[port].attached()?.sender.queued())
        });
        queued.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Has the line ask for what there is to be sent.
    fn poke(&self) -> io::Result<()> {
        let board = self.board.upgrade().ok_or(io::ErrorKind::NotFound)?;
        board.serial.change(&board, |state, now| {
            let port = state.find(&self.port);
            if let Some(Peer::Device(attached)) = port.map(|port| &mut state.ttys[port].peer) {
                attached.ask(now);
            }
        });
        Ok(())
    }
}

fn would_block(done: io::Result<usize>) -> io::Result<usize> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        done => done,
    }
}

/// Nothing of a user's runs under it.
fn lock(ends: &Mutex<Ends>) -> MutexGuard<'_, Ends> {
    ends.lock().unwrap_or_else(|e| e.into_inner())
}
