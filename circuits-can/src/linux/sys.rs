//! What of a socket neither rustix nor socketcan has: bursts with what the kernel says of each frame
//! (recvmmsg(2), sendmmsg(2), cmsg(3)), options read back, and the address.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uint};
use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::time::Duration;

use rustix::net::addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque};

use crate::{AnyFrame, Frame};

/// How many frames one call moves at most.
pub(super) const BURST: usize = 64;

/// `SO_TIMESTAMPNS_NEW`: 64 bits for the seconds on every processor, since Linux 5.1.
#[cfg(not(any(target_arch = "sparc", target_arch = "sparc64")))]
pub(super) const SO_TIMESTAMPNS: c_int = 64;
#[cfg(any(target_arch = "sparc", target_arch = "sparc64"))]
pub(super) const SO_TIMESTAMPNS: c_int = 0x42;

/// An interface, as `bind` and `connect` want it.
#[derive(Debug)]
pub(super) struct Address(u32);

impl Address {
    pub(super) fn new(index: u32) -> Address {
        Address(index)
    }

    fn to_raw(&self) -> libc::sockaddr_can {
        // SAFETY: it is made of numbers, for which zero is one.
        let mut address: libc::sockaddr_can = unsafe { zeroed() };
        address.can_family = libc::AF_CAN as libc::sa_family_t;
        address.can_ifindex = self.0 as c_int;
        address
    }
}

// SAFETY: what is passed is a whole `sockaddr_can`, which lives until `f` returns.
unsafe impl SocketAddrArg for Address {
    unsafe fn with_sockaddr<R>(
        &self,
        f: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R,
    ) -> R {
        let address = self.to_raw();
        let length = size_of::<libc::sockaddr_can>() as SocketAddrLen;
        f(ptr::from_ref(&address).cast(), length)
    }
}

/// Returns the interface that a socket is bound to; 0 once it is gone (`raw_notify`).
pub(super) fn interface(socket: &impl AsFd) -> io::Result<u32> {
    let mut address = Address(0).to_raw();
    let mut length = size_of::<libc::sockaddr_can>() as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel stores `length` bytes at most, which are a `sockaddr_can` whatever they are.
    check(unsafe { libc::getsockname(fd, ptr::from_mut(&mut address).cast(), &mut length) })?;
    Ok(address.can_ifindex as u32)
}

/// Reads an option that is made of 32-bit numbers, and returns how many of them it has.
pub(super) fn option(
    socket: &impl AsFd,
    level: c_int,
    name: c_int,
    into: &mut [u32],
) -> io::Result<usize> {
    let mut length = size_of_val(into) as libc::socklen_t;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel stores `length` bytes at most, and all bytes are numbers.
    check(unsafe { libc::getsockopt(fd, level, name, into.as_mut_ptr().cast(), &mut length) })?;
    Ok(length as usize / size_of::<u32>())
}

/// Room for what the kernel says of a frame: the time (16 bytes) and the count (4), each behind a header.
#[repr(C, align(8))]
struct Control([u8; 64]);

const _: () = {
    // SAFETY: both only compute.
    let needed = unsafe { libc::CMSG_SPACE(16) + libc::CMSG_SPACE(4) };
    assert!(needed as usize <= size_of::<Control>());
};

/// Room for a frame as the kernel hands it out, and what it says of it.
pub(super) struct Message {
    bytes: [u8; AnyFrame::SIZE],
    length: usize,
    /// It was sent by this system.
    pub(super) is_local: bool,
    /// It was sent by this socket.
    pub(super) is_own: bool,
    /// When it came, since 1970.
    pub(super) stamp: Option<Duration>,
    /// How many frames this socket had lost when it came, modulo 2^32.
    pub(super) dropped: u32,
    control: Control,
}

impl Message {
    pub(super) const EMPTY: Message = Message {
        bytes: [0; AnyFrame::SIZE],
        length: 0,
        is_local: false,
        is_own: false,
        stamp: None,
        dropped: 0,
        control: Control([0; 64]),
    };

    /// Returns the frame as it was handed out.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Receives frames without waiting, as many as there are and fit, and returns how many.
pub(super) fn receive(socket: &impl AsFd, messages: &mut [Message]) -> io::Result<usize> {
    let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; BURST];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BURST];
    let mut count = 0;
    for ((message, part), header) in messages.iter_mut().zip(&mut parts).zip(&mut headers) {
        let part = part.write(libc::iovec {
            iov_base: message.bytes.as_mut_ptr().cast(),
            iov_len: message.bytes.len(),
        });
        // SAFETY: it is made of numbers and pointers, for which zero is one.
        let header = header.write(unsafe { zeroed() });
        header.msg_hdr.msg_iov = part;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_control = ptr::from_mut(&mut message.control).cast();
        header.msg_hdr.msg_controllen = size_of::<Control>() as _;
        count += 1;
    }
    let fd = socket.as_fd().as_raw_fd();
    let flags = libc::MSG_DONTWAIT;
    let first = headers.as_mut_ptr().cast();
    // SAFETY: `count` headers were written, and each points to room of which it says the length, in
    // `messages` and in `parts`, which both are there until after this.
    let received =
        check(unsafe { libc::recvmmsg(fd, first, count as c_uint, flags as _, ptr::null_mut()) })?;
    let received = received as usize;
    for (message, header) in messages.iter_mut().zip(&headers).take(received) {
        // SAFETY: it was written above.
        let header = unsafe { header.assume_init_ref() };
        message.length = (header.msg_len as usize).min(message.bytes.len());
        message.is_local = header.msg_hdr.msg_flags & libc::MSG_DONTROUTE != 0;
        message.is_own = header.msg_hdr.msg_flags & libc::MSG_CONFIRM != 0;
        (message.stamp, message.dropped) = told(&header.msg_hdr);
    }
    Ok(received)
}

/// Takes the time and the count out of what the kernel says of a frame.
fn told(header: &libc::msghdr) -> (Option<Duration>, u32) {
    // It is not said while there is nothing to count.
    let (mut stamp, mut dropped) = (None, 0);
    // SAFETY: the header is one that the kernel has filled in.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    // SAFETY: where it is not null there is a whole header (cmsg(3)).
    while let Some(message) = unsafe { next.as_ref() } {
        // SAFETY: as for the header itself.
        let data = unsafe { libc::CMSG_DATA(message) };
        match (message.cmsg_level, message.cmsg_type) {
            (libc::SOL_SOCKET, SO_TIMESTAMPNS) => {
                // SAFETY: it has two of 64 bits each (`struct __kernel_timespec`), which need not be aligned.
                let [seconds, nanos] = unsafe { data.cast::<[i64; 2]>().read_unaligned() };
                stamp = u64::try_from(seconds)
                    .ok()
                    .map(|seconds| Duration::new(seconds, nanos as u32));
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                // SAFETY: it has one of 32 bits (`sock_recv_drops`).
                dropped = unsafe { data.cast::<u32>().read_unaligned() };
            }
            _ => {}
        }
        // SAFETY: both are of one message.
        next = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    (stamp, dropped)
}

/// Sends frames without waiting, as many as there is room for, `BURST` at most, and returns how many.
pub(super) fn send(socket: &impl AsFd, frames: &[Frame]) -> io::Result<usize> {
    let mut buffers = [const { MaybeUninit::<[u8; AnyFrame::SIZE]>::uninit() }; BURST];
    let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; BURST];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; BURST];
    let mut count: c_uint = 0;
    let rooms = buffers.iter_mut().zip(&mut parts).zip(&mut headers);
    for (frame, ((buffer, part), header)) in frames.iter().zip(rooms) {
        let bytes = frame.to_bytes(buffer.write([0; AnyFrame::SIZE]));
        let part = part.write(libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        });
        // SAFETY: it is made of numbers and pointers, for which zero is one.
        let header = header.write(unsafe { zeroed() });
        header.msg_hdr.msg_iov = part;
        header.msg_hdr.msg_iovlen = 1;
        count += 1;
    }
    let fd = socket.as_fd().as_raw_fd();
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let first: *mut libc::mmsghdr = headers.as_mut_ptr().cast();
    // Not musl's sendmmsg, which is a call of the system for each: its structures are the kernel's if what it
    // has between the fields is zero.
    // SAFETY: `count` headers were written, and each points to bytes of `buffers`, which are there until
    // after this and are only read.
    match unsafe { libc::syscall(libc::SYS_sendmmsg, fd, first, count, flags) } {
        ..0 => Err(io::Error::last_os_error()),
        sent => Ok(sent as usize),
    }
}

fn check(result: c_int) -> io::Result<c_int> {
    match result {
        ..0 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}
