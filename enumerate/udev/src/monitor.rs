use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;

use circuits_enumerate::{Action, Group, Listener, Uevent};
use circuits_wait::{Fd, Monotonic, Ready};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{
    set_socket_recv_buffer_size, set_socket_recv_buffer_size_force, socket_recv_buffer_size,
};
use udev::{MonitorBuilder, MonitorSocket};

/// How many datagrams that libudev throws away one call passes over before it says so.
const FORGED: usize = 64;

/// No datagram takes less of the receive buffer: an `sk_buff` and the end of its data
/// (`SKB_TRUESIZE`, include/linux/skbuff.h).
const SMALLEST: usize = 256;

/// libudev's monitor.
pub(crate) struct Monitor {
    /// Its descriptor once more, so that it is waited for while another thread reads.
    ready: Fd<OwnedFd>,
    group: Group,
    queue: Mutex<Queue>,
    /// More datagrams than the kernel can have queued.
    capacity: usize,
}

struct Queue {
    /// Its references are counted without atomics: all that is made of it goes before the lock does.
    socket: MonitorSocket,
    /// Something was lost, and this many datagrams at most came before it.
    loss_in: Option<usize>,
}

impl Monitor {
    pub(crate) fn listen(
        group: Group,
        receive_buffer: usize,
        clock: &Monotonic,
    ) -> io::Result<Monitor> {
        let builder = match group {
            Group::Kernel => MonitorBuilder::new_kernel()?,
            Group::Udev => MonitorBuilder::new()?,
        };
        let socket = builder.listen()?;
        let descriptor = socket.as_fd().try_clone_to_owned()?;
        // It need not be a socket of netlink's: other libudevs have other means, and no such buffer.
        if set_socket_recv_buffer_size_force(&descriptor, receive_buffer).is_err() {
            let _ = set_socket_recv_buffer_size(&descriptor, receive_buffer);
        }
        let buffer = socket_recv_buffer_size(&descriptor).unwrap_or(receive_buffer);
        Ok(Monitor {
            ready: Fd::new(descriptor, clock),
            group,
            queue: Mutex::new(Queue {
                socket,
                loss_in: None,
            }),
            capacity: buffer / SMALLEST + 1,
        })
    }

    /// Whether there is still something to read.
    fn has_more(&self) -> io::Result<bool> {
        let mut descriptors = [PollFd::new(self.ready.get_ref(), PollFlags::IN)];
        match poll(&mut descriptors, Some(&Timespec::default())) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

impl Listener for Monitor {
    fn read(&self) -> io::Result<Uevent> {
        let mut queue = self.queue.lock().unwrap_or_else(|e| e.into_inner());
        let Queue { socket, loss_in } = &mut *queue;
        let mut forged = 0;
        loop {
            if *loss_in == Some(0) {
                *loss_in = None;
                return Err(Errno::NOBUFS.into());
            }
            let event = socket.iter().next();
            // libudev's, of which the crate `udev` says nothing. It is asked for at once, since any
            // call may change it, and counts only if there is no event.
            let error = io::Error::last_os_error();
            if let Some(event) = event {
                *loss_in = loss_in.map(|left| left.saturating_sub(1));
                return uevent(&event).ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
            match Errno::from_io_error(&error) {
                Some(Errno::INTR) => {}
                // The kernel tells of a loss before what was queued, and drops more until that is
                // read: so it is told behind it, as the contract has it.
                Some(Errno::NOBUFS) => {
                    if loss_in.replace(self.capacity).is_some() {
                        // A second one.
                        return Err(error);
                    }
                }
                // libudev says so of a datagram that it does not like, too: more may be behind it.
                Some(Errno::AGAIN) => {
                    forged += 1;
                    if !self.has_more()? {
                        match loss_in {
                            Some(_) => *loss_in = Some(0),
                            None => return Err(error),
                        }
                    } else if forged == FORGED {
                        return Err(io::ErrorKind::InvalidData.into());
                    }
                }
                // What the datagram said was no device to libudev, and it is gone.
                Some(Errno::INVAL | Errno::BADMSG | Errno::NODATA | Errno::MSGSIZE) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, error));
                }
                _ => return Err(error),
            }
        }
    }

    fn ready(&self) -> &dyn Ready {
        &self.ready
    }

    fn is_numbered(&self) -> bool {
        self.group == Group::Kernel
    }
}

/// libudev's properties are the fields of the datagram, in an order of its own.
fn uevent(event: &udev::Event) -> Option<Uevent> {
    let action = Action::from(event.property_value("ACTION")?);
    let path = event.property_value("DEVPATH")?;
    let subsystem = event.property_value("SUBSYSTEM").unwrap_or_default();
    let mut uevent = Uevent::new(action, path, subsystem);
    for property in event.properties() {
        let known = ["ACTION", "DEVPATH", "SUBSYSTEM"];
        if !known.iter().any(|key| property.name() == *key) {
            uevent = uevent.with(property.name(), property.value());
        }
    }
    Some(uevent)
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("ready", &self.ready)
            .field("group", &self.group)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
