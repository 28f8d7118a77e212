#![doc = include_str!("../README.md")]
#![cfg(target_os = "linux")]

mod monitor;

use std::io;
use std::path::Path;
use std::sync::Arc;

use circuits_enumerate::{Backend, Group, Linux, Listener, Node, Tree};
use circuits_wait::{Clock, Monotonic};

/// The devices of this machine, with uevents by libudev; all else is [`Linux`]'s.
#[derive(Clone, Debug)]
pub struct Udev {
    linux: Linux,
    clock: Monotonic,
    group: Group,
    receive_buffer: usize,
}

impl Udev {
    /// Makes the backend. Nothing is opened yet.
    pub fn new() -> Udev {
        Udev::with_clock(Monotonic::new())
    }

    /// Makes the backend with a clock of the caller's, whose interrupt ends blocking waits.
    pub fn with_clock(clock: Monotonic) -> Udev {
        Udev {
            linux: Linux::with_clock(clock.clone()),
            clock,
            group: Group::Udev,
            receive_buffer: 1 << 20,
        }
    }

    /// Listens to this group; without, to udev's, whether a udevd runs or not.
    pub fn on_group(self, group: Group) -> Udev {
        Udev { group, ..self }
    }

    /// Asks for so many bytes in which the kernel keeps uevents until they are read, 1 MiB without.
    /// Who may not (`CAP_NET_ADMIN`) gets at most `net.core.rmem_max`.
    pub fn receive_buffer(self, bytes: usize) -> Udev {
        Udev {
            receive_buffer: bytes,
            ..self
        }
    }
}

impl Default for Udev {
    fn default() -> Udev {
        Udev::new()
    }
}

impl Backend for Udev {
    fn clock(&self) -> Arc<dyn Clock> {
        self.linux.clock()
    }

    fn tree(&self) -> Arc<dyn Tree> {
        self.linux.tree()
    }

    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        let listener = monitor::Monitor::listen(self.group, self.receive_buffer, &self.clock)?;
        Ok(Box::new(listener))
    }

    fn node(&self, path: &Path) -> io::Result<Box<dyn Node>> {
        self.linux.node(path)
    }
}
