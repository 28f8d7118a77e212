use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

/// The kernel's group; udev's is 2.
const KERNEL: u32 = 1;

/// How long nothing must have come to be sure that nothing more does.
const QUIET: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 500_000_000,
};

/// The kernel's uevents, as they come.
pub(crate) struct Uevents(OwnedFd);

impl Uevents {
    pub(crate) fn listen() -> Uevents {
        let kind = SocketType::DGRAM;
        let flags = SocketFlags::CLOEXEC;
        let socket =
            socket_with(AddressFamily::NETLINK, kind, flags, Some(KOBJECT_UEVENT)).unwrap();
        // Overflows would be lost, and a recording is no place for that.
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, 16 << 20).unwrap();
        bind(&socket, &SocketAddrNetlink::new(0, KERNEL)).unwrap();
        Uevents(socket)
    }

    /// Returns all that have come when there are no more.
    pub(crate) fn take(&self) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        loop {
            let mut one = [PollFd::new(&self.0, PollFlags::IN)];
            if poll(&mut one, Some(&QUIET)).unwrap() == 0 {
                return datagrams;
            }
            let mut buffer = vec![0; 8192];
            let (length, _) = recv(&self.0, buffer.as_mut_slice(), RecvFlags::empty()).unwrap();
            buffer.truncate(length);
            datagrams.push(buffer);
        }
    }
}

/// Has the kernel tell of a device again, as udev does at the start.
pub(crate) fn trigger(device: &str) -> io::Result<()> {
    fs::write(format!("{device}/uevent"), "add")
}

/// A datagram as lines.
pub(crate) fn text(datagram: &[u8]) -> String {
    let datagram = datagram.strip_suffix(b"\0").unwrap_or(datagram);
    let fields = datagram.split(|byte| *byte == 0);
    fields
        .map(|field| format!("{}\n", field.escape_ascii()))
        .collect()
}

/// A moment for what is not told by uevents.
pub(crate) fn settle() {
    std::thread::sleep(Duration::from_millis(500));
}
