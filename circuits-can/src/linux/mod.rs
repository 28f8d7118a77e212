//! CAN sockets of the kernel (<https://docs.kernel.org/networking/can.html>): options and netlink by socketcan,
//! the rest by rustix and libc.
//!
//! The kernel tells when there is something to read. That there is room to write it tells of the socket only, and
//! not of the interface's queue, which is ten frames long, most often, and full first (`ENOBUFS`). So that is tried
//! again while somebody waits, every 0.1 ms to 2 ms.

mod clocks;
mod cycle;
mod fate;
mod link;
mod lost;
mod netlink;
mod options;
mod raw;
mod socket;
mod sys;
mod taken;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use circuits_wait::{Clock, Monotonic};

use crate::{Backend, Config, CycleConfig, Cyclic, Frame, Handle, Link, Result};
use cycle::Cycle;
use link::Interface;
use socket::Socket;

/// The CAN interfaces of a Linux machine.
///
/// The kernel begins to stamp frames a moment after the first socket that asks for it was opened
/// (`net_enable_timestamp`): what comes within that moment has the time when it was read.
///
/// Frames are stamped when the driver hands them to the kernel, on the clock of the day. Their time on the board's
/// clock is by what the two are apart when they are read.
///
/// A frame that is written has a place in the interface's queue (`ip link set can0 txqueuelen 100`). What is in it
/// when the interface goes down is dropped, and what is written in that moment the kernel takes and drops, too.
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
}

impl Backend for Linux {
    fn open(&self, interface: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(Socket::open(interface, config, &self.clock)?))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        list(Path::new("/sys/class/net"))
    }

    fn link(&self, interface: &str) -> io::Result<Box<dyn Link>> {
        Ok(Box::new(Interface::open(interface)?))
    }

    fn cycle(
        &self,
        interface: &str,
        frames: &[Frame],
        config: &CycleConfig,
    ) -> io::Result<Box<dyn Cyclic>> {
        Ok(Box::new(Cycle::start(interface, frames, config)?))
    }
}

/// `ARPHRD_CAN`, as it is in `type`.
const CAN: &str = "280";

fn list(class: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for interface in fs::read_dir(class)? {
        let interface = interface?;
        // One may go meanwhile, and there are files that are no interfaces.
        let kind = fs::read_to_string(interface.path().join("type"));
        if kind.is_ok_and(|kind| kind.trim_end() == CAN) {
            names.extend(interface.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}
