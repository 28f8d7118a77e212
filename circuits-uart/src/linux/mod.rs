//! Serial ports of the kernel's tty layer (<https://docs.kernel.org/driver-api/tty/>), by rustix.
//!
//! The kernel tells when there is something to read and room to write. When all has left, and when a
//! modem line changes, it tells only who blocks for it, without a deadline. So these two are asked for
//! again and again while somebody waits: every 0.1 ms to 5 ms whether all has left, every 10 ms for
//! changes of modem lines, which drivers count, so that none is missed.

mod holder;
mod input;
mod marks;
mod node;
mod sys;
mod sysfs;
mod termios;
mod transmitter;
mod tty;

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use circuits_wait::{Clock, Monotonic};
use rustix::fs::OFlags;

use crate::error::ENOTTY;
use crate::{Backend, Handle, Result};
use tty::Tty;

/// The serial ports of this machine, from `/dev`.
///
/// A port that is dropped is closed by the kernel, which waits for what was not sent yet, for 30 seconds
/// at most (`closing_wait`, setserial(8)): who does not want that [discards](crate::Port::discard) it
/// before.
///
/// Pseudo-terminals are ports as well. Their characters have 8 bits without parity and are never damaged,
/// what is written has left at once, there are no modem lines, breaks and counts, and both sides have one
/// setup. What was not read when the controlling side is closed the kernel throws away.
///
/// Drivers of some USB adapters do not know what is in the adapter's buffer: there a port has drained
/// when the adapter has all of it. What was not read when an adapter is pulled out the kernel throws away.
#[derive(Clone, Debug, Default)]
pub struct Linux {
    clock: Monotonic,
}

impl Linux {
    /// Makes the backend. Nothing is opened yet.
    pub fn new() -> Linux {
        Linux::default()
    }

    /// Makes the backend with a clock of the caller's, whose interrupt ends blocking waits.
    pub fn with_clock(clock: Monotonic) -> Linux {
        Linux { clock }
    }

    /// The machine that this runs on, which is one.
    pub(crate) fn here(_: &str) -> Result<Linux> {
        Ok(Linux::new())
    }

    /// Takes over a terminal that is open. Reads and writes of it do not block any more, by whatever
    /// descriptor.
    ///
    /// # Errors
    /// `ENOTTY`: it is none.
    pub fn adopt(&self, fd: OwnedFd) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(Tty::new(fd.into(), None, &self.clock)?))
    }
}

impl Backend for Linux {
    fn open(&self, name: &str, exclusive: bool) -> io::Result<Box<dyn Handle>> {
        let path = path(name)?;
        // To open something else could have consequences: a watchdog bites who opens it and goes.
        let node = fs::metadata(&path)?;
        if !node.file_type().is_char_device() || node::is_no_terminal(node.rdev()) {
            return Err(io::Error::from_raw_os_error(ENOTTY));
        }
        // It does not become the terminal that signals come from, and no carrier is waited for.
        let flags = OFlags::NOCTTY | OFlags::NONBLOCK;
        let mut options = File::options();
        options.custom_flags(flags.bits() as i32);
        let file = options.read(true).write(true).open(&path)?;
        let mut tty = Tty::new(file, Some(&path), &self.clock)?;
        tty.lock(exclusive)?;
        Ok(Box::new(tty))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        sysfs::ports(Path::new("/sys/class/tty"))
    }

    fn holder(&self, name: &str) -> Option<String> {
        holder::holder(&path(name).ok()?)
    }
}

/// The path of a node: a name is one in `/dev`.
fn path(name: &str) -> io::Result<PathBuf> {
    if name.is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(Path::new("/dev").join(name))
}

/// What a terminal that is open is called.
pub(crate) fn name(fd: &OwnedFd) -> String {
    // All controlling sides have the same node.
    if let Ok(other) = rustix::pty::ptsname(fd, Vec::new()) {
        let other = other.to_string_lossy();
        return format!("the other side of {other}");
    }
    match fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())) {
        Ok(path) => {
            let path = path.strip_prefix("/dev").unwrap_or(&path);
            path.to_string_lossy().into_owned()
        }
        Err(_) => format!("descriptor {}", fd.as_raw_fd()),
    }
}
