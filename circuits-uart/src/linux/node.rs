use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

/// The node that a terminal was opened by.
#[derive(Debug)]
pub(super) struct Node {
    path: Option<PathBuf>,
    file_system: u64,
    inode: u64,
    device: u64,
}

impl Node {
    /// Returns the node of what was opened by `path`, or by whatever the system says.
    pub(super) fn of(tty: &File, path: Option<&Path>) -> io::Result<Node> {
        let path = path.map(PathBuf::from);
        let path =
            path.or_else(|| fs::read_link(format!("/proc/self/fd/{}", tty.as_raw_fd())).ok());
        let metadata = tty.metadata()?;
        Ok(Node {
            path,
            file_system: metadata.dev(),
            inode: metadata.ino(),
            device: metadata.rdev(),
        })
    }

    /// Tells whether it is the side of a pseudo-terminal that is opened by name
    /// (Documentation/admin-guide/devices.txt).
    pub(super) fn is_pseudo_terminal(&self) -> bool {
        (136..=143).contains(&major(self.device))
    }

    /// Tells whether it is there no more, or is another one. That of a pseudo-terminal goes when the other
    /// side is closed: it is hung up, not gone.
    pub(super) fn is_gone(&self) -> bool {
        if self.is_pseudo_terminal() {
            return false;
        }
        match self.path.as_ref().map(fs::metadata) {
            Some(Ok(now)) => (now.dev(), now.ino()) != (self.file_system, self.inode),
            Some(Err(error)) => error.kind() == io::ErrorKind::NotFound,
            None => false,
        }
    }

    /// Tells whether its device is one on the USB, by the path of that: `/sys/devices/…/usb1/1-1/…`.
    pub(super) fn is_usb(&self) -> bool {
        let (major, minor) = (major(self.device), minor(self.device));
        let device = fs::canonicalize(format!("/sys/dev/char/{major}:{minor}"));
        device.is_ok_and(|device| is_below_usb(&device))
    }
}

/// Tells whether a device is known to be none of a terminal, by its subsystem. Pseudo-terminals have none.
pub(super) fn is_no_terminal(device: u64) -> bool {
    let (major, minor) = (major(device), minor(device));
    let subsystem = fs::read_link(format!("/sys/dev/char/{major}:{minor}/subsystem"));
    subsystem.is_ok_and(|subsystem| !subsystem.ends_with("tty"))
}

fn is_below_usb(device: &Path) -> bool {
    let is_root_hub = |name: &str| {
        let number = name.strip_prefix("usb");
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let mut folders = device.iter().filter_map(|name| name.to_str());
    folders.any(is_root_hub)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_from_terminals() {
        let device = |path: &str| fs::metadata(path).unwrap().rdev();
        assert!(is_no_terminal(device("/dev/null")));
        assert!(!is_no_terminal(device("/dev/ptmx")));
        assert!(!is_no_terminal(rustix::fs::makedev(136, 0)));
    }

    #[test]
    fn adapters_are_told_from_gadgets() {
        let adapter = "/sys/devices/platform/soc/3f980000.usb/usb1/1-1/1-1.2/1-1.2:1.0/ttyUSB0";
        assert!(is_below_usb(adapter.as_ref()));
        let uart = "/sys/devices/platform/soc/3f201000.serial/tty/ttyAMA0";
        assert!(!is_below_usb(uart.as_ref()));
        // A gadget's end of it.
        let gadget = "/sys/devices/platform/soc/3f980000.usb/gadget/tty/ttyGS0";
        assert!(!is_below_usb(gadget.as_ref()));
    }
}
