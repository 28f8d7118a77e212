use std::fmt::{self, Debug};
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, UNIX_EPOCH};

use circuits_wait::{Fd, Monotonic, Periodic, Ready, Time};
use rustix::net::{SendFlags, bind, sockopt};

use super::clocks::Clocks;
use super::fate::Fate;
use super::lost::Lost;
use super::options;
use super::raw::Raw;
use super::sys::{self, BURST, Message};
use super::taken::taken;
use crate::error::{ENETDOWN, ENODEV, ENXIO};
use crate::{AnyFrame, Config, Frame, Handle, Interest, Received};

/// A socket on an interface.
#[derive(Debug)]
pub(super) struct Socket {
    input: Fd<Raw>,
    /// A socket that has room may belong to an interface that has none, of which the kernel does not tell.
    output: Periodic,
    /// How many bytes the system gives the buffer by itself.
    buffer: u32,
    state: Mutex<State>,
    /// Apart: who writes does not wait for who reads.
    fate: Mutex<Fate>,
}

struct State {
    messages: Box<[Message; BURST]>,
    /// When the frame that was handed out last had come.
    last: Time,
    lost: Lost,
}

impl Socket {
    pub(super) fn open(name: &str, config: &Config, clock: &Monotonic) -> io::Result<Socket> {
        let raw = Raw::frames()?;
        let interface = raw.interface(name)?;
        let buffer = options::buffer(&raw)?;
        options::set_up(&raw)?;
        // Before any frame can come.
        options::set(&raw, config, buffer)?;
        bind(&raw, &sys::Address::new(interface))?;
        // What is down is bound nevertheless, and said to be down here.
        sockopt::socket_error(&raw)??;
        Ok(Socket {
            // Who writes may take what the kernel has to say to who reads.
            input: Fd::new(raw, clock).with_bell()?,
            output: Periodic::new(clock, Duration::from_micros(100), Duration::from_millis(2)),
            buffer,
            state: Mutex::new(State {
                messages: Box::new([Message::EMPTY; BURST]),
                last: Time::ZERO,
                lost: Lost::default(),
            }),
            fate: Mutex::default(),
        })
    }

    fn raw(&self) -> &Raw {
        self.input.get_ref()
    }

    /// Nothing of a user's runs under this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Nor under this one, which is taken after it.
    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Options can be read and set for ever: only here is it told that there is no interface any more.
    fn check(&self) -> io::Result<()> {
        match sys::interface(self.raw())? {
            0 => Err(io::Error::from_raw_os_error(ENODEV)),
            _ => Ok(()),
        }
    }
}

impl State {
    /// Takes what the kernel has handed out, and returns how many frames that is.
    fn take(&mut self, count: usize, frames: &mut [Received]) -> usize {
        let clocks = Clocks::now();
        let mut filled = 0;
        for message in &self.messages[..count] {
            let place = frames.get_mut(filled);
            let (Some(content), Some(place)) = (taken(message.bytes()), place) else {
                // What is no frame tells nobody of losses.
                continue;
            };
            let time = clocks.at(message.stamp);
            let lost = self.lost.tell(message.dropped);
            *place = Received::new(content, time).after_loss(lost);
            if let Some(stamp) = message
                .stamp
                .and_then(|stamp| UNIX_EPOCH.checked_add(stamp))
            {
                *place = place.at_system_time(stamp);
            }
            if message.is_local {
                *place = place.looped_back(message.is_own);
            }
            self.last = time;
            filled += 1;
        }
        filled
    }
}

/// One frame costs less by a call that is made for one.
fn send(raw: &Raw, frames: &[Frame]) -> io::Result<usize> {
    let [frame] = frames else {
        return sys::send(raw, frames);
    };
    let bytes = &mut [0; AnyFrame::SIZE];
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    rustix::net::send(raw, frame.to_bytes(bytes), flags)?;
    Ok(1)
}

impl Handle for Socket {
    fn read(&self, frames: &mut [Received]) -> io::Result<usize> {
        if frames.is_empty() {
            return Ok(0);
        }
        let mut state = self.state();
        if let Some(error) = self.fate().due(state.last) {
            return Err(error);
        }
        let most = frames.len().min(BURST);
        loop {
            match sys::receive(self.raw(), &mut state.messages[..most]) {
                Ok(count) => match state.take(count, frames) {
                    0 => {}
                    taken => {
                        self.fate().lives(state.last);
                        return Ok(taken);
                    }
                },
                Err(error) => match error.raw_os_error() {
                    // There may be frames that came before.
                    Some(ENETDOWN) => self.fate().goes_down(Time::monotonic()),
                    Some(ENODEV) => self.fate().goes(),
                    _ if error.kind() == io::ErrorKind::WouldBlock => {
                        return Err(self.fate().end());
                    }
                    _ if error.kind() == io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn write(&self, frames: &[Frame]) -> io::Result<usize> {
        if frames.is_empty() {
            return Ok(0);
        }
        let now = Time::monotonic();
        let error = match send(self.raw(), frames) {
            Ok(count) => {
                self.fate().lives(now);
                return Ok(count);
            }
            Err(error) => error,
        };
        match error.raw_os_error() {
            Some(libc::ENOBUFS) => Err(io::ErrorKind::WouldBlock.into()),
            Some(ENXIO) => Err(io::Error::from_raw_os_error(ENODEV)),
            Some(ENETDOWN) => {
                let is_new = self.fate().is_down(Time::monotonic());
                if is_new {
                    self.input.wake();
                }
                Err(error)
            }
            _ => Err(error),
        }
    }

    fn ready(&self, interest: Interest) -> &dyn Ready {
        match interest {
            Interest::Read => &self.input,
            Interest::Write => &self.output,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        self.check()?;
        let before = options::get(self.raw())?;
        options::set(self.raw(), config, self.buffer).inspect_err(|_| {
            // What is told is what was refused, not this.
            let _ = options::set(self.raw(), &before, self.buffer);
        })
    }

    fn config(&self) -> io::Result<Config> {
        self.check()?;
        options::get(self.raw())
    }

    fn lost(&self) -> io::Result<u64> {
        self.check()?;
        let mut counts = [0; 16];
        sys::option(self.raw(), libc::SOL_SOCKET, libc::SO_MEMINFO, &mut counts)?;
        let drops = counts[libc::SK_MEMINFO_DROPS as usize];
        Ok(self.state().lost.total(drops))
    }
}

impl Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("last", &self.last)
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}
