use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::{Fd, Monotonic, Periodic, Ready};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, OFlags, fcntl_getfl, fcntl_setfl, flock};
use rustix::io::{Errno, ioctl_fionread, read, retry_on_intr, write};
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use rustix::termios::{ioctl_tiocexcl, ioctl_tiocnxcl};

use super::input::Input;
use super::marks::Marks;
use super::node::Node;
use super::transmitter::Transmitter;
use super::{sys, termios};
use crate::error::{EBUSY, EIO, ENODEV, ENOTTY};
use crate::{Config, Counters, Handle, Interest, ModemLines, Queue, Received};

/// A terminal that is open.
#[derive(Debug)]
pub(super) struct Tty {
    input: Input,
    /// A duplicate: a descriptor is waited for in one direction.
    output: Fd<File>,
    drained: Periodic,
    transmitter: Transmitter,
    modem: Periodic,
    node: Node,
    /// The controlling side of a pseudo-terminal. What is set up there is the other side.
    is_controlling: bool,
    /// How it is locked, if it is.
    exclusive: Option<bool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether there are marks in what the kernel hands out.
    is_marked: bool,
    marks: Marks,
    /// How it was set up before it was configured last, to the last flag.
    before: Option<Termios>,
}

impl Tty {
    /// Takes a file over that is a terminal.
    pub(super) fn new(file: File, path: Option<&Path>, clock: &Monotonic) -> io::Result<Tty> {
        // Fails for what is none, and where the driver has no hardware for the port.
        let found = termios::config(&tcgetattr(&file)?);
        fcntl_setfl(&file, fcntl_getfl(&file)? | OFlags::NONBLOCK)?;
        let (short, long) = (Duration::from_micros(100), Duration::from_millis(5));
        let modem = Duration::from_millis(10);
        let is_controlling = rustix::pty::ptsname(&file, Vec::new()).is_ok();
        let state = State {
            is_marked: found.reports_errors() && !is_controlling,
            ..State::default()
        };
        let node = Node::of(&file, path)?;
        let mut output = Fd::to_write(file.try_clone()?, clock);
        if is_controlling || node.is_pseudo_terminal() {
            output = output.hesitating();
        }
        Ok(Tty {
            node,
            is_controlling,
            output,
            input: Input::new(file, clock),
            drained: Periodic::new(clock, short, long),
            transmitter: Transmitter::default(),
            // The driver counts: nothing is missed meanwhile.
            modem: Periodic::new(clock, modem, modem),
            exclusive: None,
            state: Mutex::new(state),
        })
    }

    /// Keeps others out, or those who want to keep others out. `TIOCEXCL` is for programs that know
    /// of no locks, and root is not kept out by it.
    pub(super) fn lock(&mut self, exclusive: bool) -> io::Result<()> {
        let operation = match exclusive {
            true => FlockOperation::NonBlockingLockExclusive,
            false => FlockOperation::NonBlockingLockShared,
        };
        flock(self.file(), operation).map_err(|error| match error {
            Errno::WOULDBLOCK => io::Error::from_raw_os_error(EBUSY),
            error => error.into(),
        })?;
        self.exclusive = Some(exclusive);
        if exclusive {
            ioctl_tiocexcl(self.file())?;
        }
        Ok(())
    }

    fn file(&self) -> &File {
        self.input.file()
    }

    /// Nothing of a user's runs under this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Makes what a call returns say whether the port is gone.
    fn explained<T>(&self, result: io::Result<T>) -> io::Result<T> {
        match result {
            Err(error) if error.raw_os_error() == Some(EIO) && self.is_gone() => {
                Err(io::Error::from_raw_os_error(ENODEV))
            }
            result => result,
        }
    }

    /// Drivers of USB adapters hang up first and remove the node a moment later
    /// (`usb_serial_disconnect`, `acm_disconnect`), all others do it the other way round. And of those on
    /// the USB nothing else hangs up.
    fn is_gone(&self) -> bool {
        self.is_hung_up() && self.node.is_usb() || self.node.is_gone()
    }

    fn is_hung_up(&self) -> bool {
        let mut fds = [PollFd::new(self.file(), PollFlags::empty())];
        let polled = poll(&mut fds, Some(&Timespec::default()));
        polled.is_ok() && fds[0].revents().contains(PollFlags::HUP)
    }

    /// Takes what `read(2)` returned. No bytes are the end of a terminal that was hung up
    /// (`hung_up_tty_read`).
    fn received(&self, result: rustix::io::Result<usize>) -> io::Result<usize> {
        self.explained(match result {
            Ok(0) => Err(io::Error::from_raw_os_error(EIO)),
            result => Ok(result?),
        })
    }

    /// Sets what is no part of a termios, and all of it or nothing.
    fn set_driver(&self, config: &Config) -> io::Result<()> {
        let mut before = None;
        if let Some(rs485) = config.direction_control() {
            before = Some(sys::rs485(self.file())?);
            // Some drivers take a setting ill that changes nothing.
            if before.as_ref() != Some(rs485) {
                sys::set_rs485(self.file(), rs485)?;
            }
        }
        let Some(low_latency) = config.has_low_latency() else {
            return Ok(());
        };
        let set = sys::has_low_latency(self.file()).and_then(|has| match has == low_latency {
            true => Ok(()),
            false => sys::set_low_latency(self.file(), low_latency),
        });
        if let (Err(_), Some(before)) = (&set, before) {
            // The error is what was refused, not this.
            let _ = sys::set_rs485(self.file(), &before);
        }
        set
    }

    fn set_termios(&self, state: &mut State, termios: &Termios) -> io::Result<()> {
        let is_marked = termios::config(termios).reports_errors() && !self.is_controlling;
        if is_marked != state.is_marked {
            // What waits is as it was. Of what comes between this and that, a byte ff may be taken for a
            // mark, or a mark for bytes.
            self.take_in(state, 16 * Marks::ROOM)?;
        }
        tcsetattr(self.file(), OptionalActions::Now, termios)?;
        state.is_marked = is_marked;
        Ok(())
    }

    /// Does what may take bytes out of the kernel. A future that waits for them is told when the lock is
    /// free.
    fn taking<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let done = f(&mut state);
        let has_any = state.marks.len() > 0;
        drop(state);
        if has_any {
            self.input.wake();
        }
        done
    }

    /// Reads what waits, until there is so much: who sends without end does not keep this from its end. It
    /// leaves it to somebody who blocks for it: there is next to nothing then.
    fn take_in(&self, state: &mut State, enough: usize) -> io::Result<()> {
        while state.marks.len() < enough && !self.input.is_waited_for() {
            let mut bytes = [0; Marks::ROOM];
            match retry_on_intr(|| read(self.file(), &mut bytes)) {
                Ok(0) | Err(Errno::WOULDBLOCK) => break,
                Ok(count) if state.is_marked => state.marks.extend(&bytes[..count]),
                Ok(count) => state.marks.extend_unmarked(&bytes[..count]),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Handle for Tty {
    fn read(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let mut state = self.state();
        loop {
            if let Some(received) = state.marks.take(buffer) {
                return Ok(received);
            }
            if !state.is_marked {
                let result = retry_on_intr(|| read(self.file(), &mut *buffer));
                return self.received(result).map(Received::Bytes);
            }
            let room = state.marks.room();
            let result = retry_on_intr(|| read(self.file(), spare_capacity(room)));
            self.received(result)?;
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match retry_on_intr(|| write(self.output.get_ref(), bytes)) {
            // It takes bytes for who opens the other side next, as many as there is room for.
            Err(Errno::WOULDBLOCK) if self.is_controlling && self.is_hung_up() => {
                Err(io::Error::from_raw_os_error(EIO))
            }
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(count) => {
                self.transmitter.fill();
                Ok(count)
            }
            Err(error) => self.explained(Err(error.into())),
        }
    }

    fn drain(&self) -> io::Result<()> {
        let waiting = self.explained(sys::output_waiting(self.file()))?;
        if waiting > 0 {
            self.transmitter.fill();
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self.explained(self.transmitter.is_empty(self.file()))? {
            true => Ok(()),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn ready(&self, interest: Interest) -> &dyn Ready {
        match interest {
            Interest::Read => &self.input,
            Interest::Write => &self.output,
            Interest::Drain => &self.drained,
            Interest::Modem => &self.modem,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        self.taking(|state| {
            state.before = None;
            let before = self.explained(tcgetattr(self.file()).map_err(io::Error::from))?;
            let mut wanted = before.clone();
            termios::set(&mut wanted, config)?;
            if self.is_controlling {
                termios::keep_marks(&mut wanted, &before);
            }
            self.explained(self.set_driver(config))?;
            // Nothing is refused here: what a driver cannot do it leaves out.
            self.explained(self.set_termios(state, &wanted))?;
            state.before = Some(before);
            Ok(())
        })
    }

    fn put_back(&self, before: &Config) -> io::Result<()> {
        self.taking(|state| {
            if let Some(termios) = state.before.take() {
                self.explained(self.set_termios(state, &termios))?;
            }
            self.explained(self.set_driver(before))
        })
    }

    fn config(&self) -> io::Result<Config> {
        let termios = self.explained(tcgetattr(self.file()).map_err(io::Error::from))?;
        let mut config = termios::config(&termios);
        if self.is_controlling {
            config = config.report_errors(false);
        }
        if let Ok(rs485) = sys::rs485(self.file()) {
            config = config.rs485(rs485);
        }
        if let Ok(low_latency) = sys::has_low_latency(self.file()) {
            config = config.low_latency(low_latency);
        }
        Ok(config)
    }

    fn waiting(&self, queue: Queue) -> io::Result<usize> {
        let input = || {
            self.taking(|state| {
                if state.is_marked {
                    // The kernel counts marks by their bytes.
                    self.take_in(state, Marks::ROOM)?;
                }
                let marks = state.marks.waiting();
                let waiting = ioctl_fionread(self.file())?;
                Ok(marks + usize::try_from(waiting).unwrap_or(usize::MAX))
            })
        };
        let output = || sys::output_waiting(self.file());
        self.explained(match queue {
            Queue::Input => input(),
            Queue::Output => output(),
            Queue::Both => input().and_then(|waiting| Ok(waiting + output()?)),
        })
    }

    fn discard(&self, queue: Queue) -> io::Result<()> {
        let selector = match queue {
            Queue::Input => QueueSelector::IFlush,
            Queue::Output => QueueSelector::OFlush,
            Queue::Both => QueueSelector::IOFlush,
        };
        let mut state = self.state();
        self.explained(tcflush(self.file(), selector).map_err(io::Error::from))?;
        if queue != Queue::Output {
            state.marks.clear();
        }
        Ok(())
    }

    fn set_break(&self, on: bool) -> io::Result<()> {
        if self.is_controlling || self.node.is_pseudo_terminal() {
            // The ioctl says that it has done it, and does nothing.
            return Err(io::Error::from_raw_os_error(ENOTTY));
        }
        if on {
            // The ioctl would block until all has left (`tty_ioctl`), for ever if need be.
            self.drain()?;
        }
        self.explained(sys::set_break(self.file(), on))
    }

    fn modem_lines(&self) -> io::Result<ModemLines> {
        self.explained(sys::modem_lines(self.file()))
    }

    fn set_modem_lines(&self, rts: Option<bool>, dtr: Option<bool>) -> io::Result<()> {
        self.explained(sys::set_modem_lines(self.file(), rts, dtr))
    }

    fn counters(&self) -> io::Result<Counters> {
        self.explained(sys::counters(self.file()))
    }
}

/// Gives the port back even while a process that was just forked has the descriptor, too.
impl Drop for Tty {
    fn drop(&mut self) {
        // A port that is gone has no locks.
        if self.exclusive == Some(true) {
            let _ = ioctl_tiocnxcl(self.file());
        }
        if self.exclusive.is_some() {
            let _ = flock(self.file(), FlockOperation::Unlock);
        }
    }
}
