//! The devices of this machine: `/sys`, uevents by netlink, nodes by inotify, CAN by route netlink.
//! No `unsafe`: rustix has the system calls.

mod feed;
mod group;
mod node;
mod route;
mod sysfs;
mod uevents;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use circuits_wait::{Clock, Monotonic};

use crate::{Backend, Listener, Node, Result, Tree};
use sysfs::Sysfs;

pub use feed::Feed;
pub use group::Group;

/// The devices of this machine.
#[derive(Clone, Debug)]
pub struct Linux {
    clock: Monotonic,
    tree: Sysfs,
    group: Option<Group>,
    receive_buffer: usize,
    feed: Option<Feed>,
}

impl Linux {
    /// Makes the backend. Nothing is opened yet.
    pub fn new() -> Linux {
        Linux::with_clock(Monotonic::new())
    }

    /// Makes the backend with a clock of the caller's, whose interrupt ends blocking waits.
    pub fn with_clock(clock: Monotonic) -> Linux {
        Linux {
            clock,
            tree: Sysfs::new(None),
            group: None,
            receive_buffer: 1 << 20,
            feed: None,
        }
    }

    /// Has all paths of the tree below a folder, `/host` for a container, or a copy of another
    /// machine. Uevents and nodes are still this machine's, and route netlink, which knows only its
    /// own kernel, is not asked.
    pub fn with_root(self, root: impl Into<PathBuf>) -> Linux {
        let tree = Sysfs::new(Some(root.into()));
        Linux { tree, ..self }
    }

    /// Listens to this group. Without, it is udev's where `/run/udev/control` is, by which libudev
    /// knows that udevd runs (`device_monitor_new_full`, src/libsystemd/sd-device/device-monitor.c of
    /// systemd), and else the kernel's.
    pub fn on_group(self, group: Group) -> Linux {
        let group = Some(group);
        Linux { group, ..self }
    }

    /// Takes uevents from this feed, and not from the kernel.
    pub fn fed_by(self, feed: &Feed) -> Linux {
        let feed = Some(feed.clone());
        Linux { feed, ..self }
    }

    /// Asks for so many bytes in which the kernel keeps uevents until they are read, 1 MiB without.
    /// Who may not (`CAP_NET_ADMIN`) gets at most `net.core.rmem_max`.
    pub fn receive_buffer(self, bytes: usize) -> Linux {
        Linux {
            receive_buffer: bytes,
            ..self
        }
    }

    /// The machine that this runs on, which is one.
    pub(crate) fn here(_: &str) -> Result<Linux> {
        Ok(Linux::new())
    }
}

impl Default for Linux {
    fn default() -> Linux {
        Linux::new()
    }
}

impl Backend for Linux {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock.clone())
    }

    fn tree(&self) -> Arc<dyn Tree> {
        Arc::new(self.tree.clone())
    }

    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        if let Some(feed) = &self.feed {
            return Ok(Box::new(feed.listen(&self.clock)?));
        }
        let group = self.group.unwrap_or_else(|| {
            let udevd = self.tree.exists(Path::new("/run/udev/control"));
            if udevd { Group::Udev } else { Group::Kernel }
        });
        let listener = uevents::Uevents::listen(group, self.receive_buffer, &self.clock)?;
        Ok(Box::new(listener))
    }

    fn node(&self, path: &Path) -> io::Result<Box<dyn Node>> {
        Ok(Box::new(node::Watched::new(path, &self.clock)?))
    }
}
