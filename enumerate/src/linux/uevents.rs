use std::io;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use circuits_wait::{Fd, Monotonic, Ready};
use rustix::cmsg_space;
use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::sockopt::{
    set_socket_passcred, set_socket_recv_buffer_size, set_socket_recv_buffer_size_force,
    socket_recv_buffer_size,
};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SocketFlags,
    SocketType, bind, recvmsg, socket_with,
};

use super::Group;
use crate::{Listener, Uevent};

/// The longest datagram that is taken. The kernel's has 2 KiB and its header
/// (`UEVENT_BUFFER_SIZE`, include/linux/kobject.h); libudev had room for 8 KiB of udevd's.
const LONGEST: usize = 16 << 10;

/// How many datagrams one call throws away before it says so: forged ones may come without end.
const FORGED: usize = 64;

/// No datagram takes less of the receive buffer: an `sk_buff` and the end of its data
/// (`SKB_TRUESIZE`, include/linux/skbuff.h).
const SMALLEST: usize = 256;

/// A socket of `NETLINK_KOBJECT_UEVENT`.
#[derive(Debug)]
pub(super) struct Uevents {
    socket: Fd<OwnedFd>,
    group: Group,
    refused: AtomicU64,
    queue: Mutex<Queue>,
    /// More datagrams than the kernel can have queued.
    capacity: usize,
}

#[derive(Debug)]
struct Queue {
    datagram: Box<[u8]>,
    /// Something was lost, and this many datagrams at most came before it.
    loss_in: Option<usize>,
}

impl Uevents {
    pub(super) fn listen(
        group: Group,
        receive_buffer: usize,
        clock: &Monotonic,
    ) -> io::Result<Uevents> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            flags,
            Some(KOBJECT_UEVENT),
        )?;
        if set_socket_recv_buffer_size_force(&socket, receive_buffer).is_err() {
            // What cannot be had is lost later, and told then.
            let _ = set_socket_recv_buffer_size(&socket, receive_buffer);
        }
        // The kernel's own datagrams come from process 0, which `UCred` of rustix cannot hold. On
        // its group the address says enough; on udev's it sends nothing.
        if group == Group::Udev {
            set_socket_passcred(&socket, true)?;
        }
        bind(&socket, &SocketAddrNetlink::new(0, group.mask()))?;
        Ok(Uevents {
            capacity: socket_recv_buffer_size(&socket)? / SMALLEST + 1,
            socket: Fd::new(socket, clock),
            group,
            refused: AtomicU64::new(0),
            queue: Mutex::new(Queue {
                datagram: vec![0; LONGEST].into(),
                loss_in: None,
            }),
        })
    }

    /// Takes a datagram, and tells whether it is from whom it should be.
    fn receive(&self, datagram: &mut [u8]) -> rustix::io::Result<(usize, ReturnFlags, bool)> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmCredentials(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(datagram)];
        let received = recvmsg(
            self.socket.get_ref(),
            &mut parts,
            &mut control,
            RecvFlags::empty(),
        )?;
        let address = received.address.map(SocketAddrNetlink::try_from);
        let sender = address.and_then(Result::ok);
        let uid = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmCredentials(sender) => Some(sender.uid.as_raw()),
            _ => None,
        });
        let genuine = sender.is_some_and(|sender| self.group.has_sent(sender, uid));
        Ok((received.bytes, received.flags, genuine))
    }
}

impl Group {
    fn mask(self) -> u32 {
        match self {
            Group::Kernel => 1,
            Group::Udev => 2,
        }
    }

    /// Whether it is the kernel, or udevd, which runs as root. The kernel lets nobody send without
    /// `CAP_NET_ADMIN`; who has that can send to the group, or to one socket as if to the group. Its
    /// own port is 0, which nobody else gets (`netlink_autobind`, net/netlink/af_netlink.c).
    fn has_sent(self, sender: SocketAddrNetlink, uid: Option<u32>) -> bool {
        sender.groups() == self.mask()
            && match self {
                Group::Kernel => sender.pid() == 0,
                Group::Udev => sender.pid() != 0 && uid == Some(0),
            }
    }
}

impl Listener for Uevents {
    fn read(&self) -> io::Result<Uevent> {
        let mut queue = self.queue.lock().unwrap_or_else(|e| e.into_inner());
        let Queue { datagram, loss_in } = &mut *queue;
        let mut forged = 0;
        loop {
            if *loss_in == Some(0) {
                *loss_in = None;
                return Err(Errno::NOBUFS.into());
            }
            let (length, flags, genuine) = match self.receive(datagram) {
                Ok(received) => received,
                Err(Errno::INTR) => continue,
                // From the first datagram that finds no room the kernel drops all, until the queue
                // is empty, and tells of it once, at once (`netlink_overrun`, `netlink_rcv_wake`).
                // So what is queued came before the loss, and who looked at the tree now would
                // miss what is dropped afterwards: it is told when the queue is empty.
                Err(Errno::NOBUFS) => match loss_in.replace(self.capacity) {
                    // A second loss: the queue was empty after the first.
                    Some(_) => return Err(Errno::NOBUFS.into()),
                    None => continue,
                },
                Err(Errno::AGAIN) if loss_in.is_some() => {
                    *loss_in = Some(0);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            // The queue was empty at some time if more has come than there was room for.
            *loss_in = loss_in.map(|left| left.saturating_sub(1));
            if !genuine {
                self.refused.fetch_add(1, Ordering::Relaxed);
                forged += 1;
                if forged < FORGED {
                    continue;
                }
                // Not `WouldBlock`, after which nobody would come back for those that are left.
                return Err(io::ErrorKind::InvalidData.into());
            }
            if flags.contains(ReturnFlags::TRUNC) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let event = Uevent::parse(&datagram[..length]);
            return event.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        }
    }

    fn ready(&self) -> &dyn Ready {
        &self.socket
    }

    fn is_numbered(&self) -> bool {
        self.group == Group::Kernel
    }

    fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
