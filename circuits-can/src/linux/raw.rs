use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::net::netdevice::name_to_index;
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};
use socketcan::SocketOptions;

use crate::error::ENODEV;

/// A CAN socket of the kernel's, which never blocks and no child inherits.
#[derive(Debug)]
pub(super) struct Raw(OwnedFd);

impl Raw {
    /// Makes one for frames (`CAN_RAW`), which is bound to no interface yet.
    pub(super) fn frames() -> io::Result<Raw> {
        Raw::new(SocketType::RAW, libc::CAN_RAW)
    }

    /// Makes one of the broadcast manager (`CAN_BCM`), which is connected to no interface yet.
    pub(super) fn broadcast_manager() -> io::Result<Raw> {
        Raw::new(SocketType::DGRAM, libc::CAN_BCM)
    }

    fn new(kind: SocketType, protocol: i32) -> io::Result<Raw> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let protocol = NonZeroU32::new(protocol as u32).map(Protocol::from_raw);
        let socket = socket_with(AddressFamily::CAN, kind, flags, protocol)?;
        Ok(Raw(socket))
    }

    /// Returns the number of the interface of this name, which may be of another kind.
    pub(super) fn interface(&self, name: &str) -> io::Result<u32> {
        // What comes behind a colon the kernel would leave away (`dev_ioctl`), and no name has one.
        if name.contains(':') {
            return Err(io::Error::from_raw_os_error(ENODEV));
        }
        Ok(name_to_index(self, name)?)
    }
}

impl AsFd for Raw {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Raw {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl SocketOptions for Raw {}
