use std::io;
use std::time::Duration;

use rustix::net::{SendFlags, connect, send};

use super::raw::Raw;
use super::{netlink, sys};
use crate::error::{EINVAL, ENETDOWN, ENODEV};
use crate::{AnyFrame, CycleConfig, Cyclic, Frame};

// include/uapi/linux/can/bcm.h
const TX_SETUP: u32 = 1;
const SETTIMER: u32 = 0x0001;
const STARTTIMER: u32 = 0x0002;
const CAN_FD_FRAME: u32 = 0x0800;

/// Frames that the broadcast manager sends, for as long as its socket is open.
#[derive(Debug)]
pub(super) struct Cycle {
    socket: Raw,
    /// What the manager knows the frames by.
    id: u32,
    is_fd: bool,
    count: usize,
}

impl Cycle {
    pub(super) fn start(name: &str, frames: &[Frame], config: &CycleConfig) -> io::Result<Cycle> {
        let [first, ..] = frames else {
            return Err(io::Error::from_raw_os_error(EINVAL));
        };
        let socket = Raw::broadcast_manager()?;
        let interface = socket.interface(name)?;
        let found = netlink::find(interface)?;
        if !found.is_up {
            return Err(io::Error::from_raw_os_error(ENETDOWN));
        }
        let cycle = Cycle {
            socket,
            id: first.id().can_id(),
            is_fd: first.is_fd(),
            count: frames.len(),
        };
        // The manager would try each time, and tell nobody that it failed.
        if cycle.is_fd && !found.has_fd {
            return Err(io::Error::from_raw_os_error(EINVAL));
        }
        connect(&cycle.socket, &sys::Address::new(interface))?;
        let head = Head {
            flags: SETTIMER | STARTTIMER,
            ..cycle.head()
        };
        // So many at the first interval, and then on at the second one, which may be none.
        let head = match config.count() {
            Some(count) => Head {
                count,
                first: config.interval(),
                ..head
            },
            None => Head {
                then: config.interval(),
                ..head
            },
        };
        cycle.send(&head, frames)?;
        Ok(cycle)
    }

    fn head(&self) -> Head {
        Head {
            flags: 0,
            count: 0,
            first: Duration::ZERO,
            then: Duration::ZERO,
            id: self.id,
        }
    }

    fn send(&self, head: &Head, frames: &[Frame]) -> io::Result<()> {
        if frames.len() != self.count || frames.iter().any(|frame| frame.is_fd() != self.is_fd) {
            return Err(io::Error::from_raw_os_error(EINVAL));
        }
        let mut message = Vec::new();
        let flags = if self.is_fd { CAN_FD_FRAME } else { 0 };
        head.write(&mut message, flags, frames.len() as u32, long());
        for frame in frames {
            message.extend(frame.to_bytes(&mut [0; AnyFrame::SIZE]));
        }
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        match send(&self.socket, &message, flags) {
            // It is forgotten with the interface (`bcm_notify`).
            Err(rustix::io::Errno::NOTCONN) => Err(io::Error::from_raw_os_error(ENODEV)),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }
}

impl Cyclic for Cycle {
    fn set_frames(&self, frames: &[Frame]) -> io::Result<()> {
        self.send(&self.head(), frames)
    }
}

/// `struct bcm_msg_head`.
struct Head {
    flags: u32,
    count: u32,
    first: Duration,
    then: Duration,
    id: u32,
}

impl Head {
    /// Writes it as a kernel has it whose `long` has so many bytes: it is what the times are made of. The
    /// frames behind are aligned to 8 bytes by themselves.
    fn write(&self, message: &mut Vec<u8>, flags: u32, frames: u32, long: usize) {
        message.extend(
            [TX_SETUP, self.flags | flags, self.count]
                .map(u32::to_ne_bytes)
                .as_flattened(),
        );
        align(message, long);
        for time in [self.first, self.then] {
            // A part of a microsecond is one: never more often than asked.
            let micros = time.as_nanos().div_ceil(1000);
            for number in [micros / 1_000_000, micros % 1_000_000] {
                match long {
                    8 => message.extend(i64::try_from(number).unwrap_or(i64::MAX).to_ne_bytes()),
                    _ => message.extend(i32::try_from(number).unwrap_or(i32::MAX).to_ne_bytes()),
                }
            }
        }
        message.extend([self.id, frames].map(u32::to_ne_bytes).as_flattened());
        align(message, 8);
    }
}

fn align(message: &mut Vec<u8>, to: usize) {
    message.resize(message.len().next_multiple_of(to), 0);
}

/// Returns how many bytes a `long` of the kernel's has. The manager has no other structure for programs of
/// 32 bits on a kernel of 64, as on a Raspberry Pi.
fn long() -> usize {
    if cfg!(target_pointer_width = "64") {
        return 8;
    }
    let system = rustix::system::uname();
    let machine = system.machine().to_bytes();
    // So a kernel of 64 bits calls itself when it is told to look like one of 32 (`COMPAT_UTS_MACHINE`).
    match machine.windows(2).any(|two| two == b"64") || machine == b"armv8l" {
        true => 8,
        false => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(long: usize) -> Vec<u8> {
        let head = Head {
            flags: 1,
            count: 2,
            first: Duration::new(3, 4000),
            then: Duration::new(5, 5999),
            id: 7,
        };
        let mut message = Vec::new();
        head.write(&mut message, CAN_FD_FRAME, 8, long);
        message
    }

    /// By what a C compiler makes of the structure, for aarch64 and for 32-bit ARM.
    #[test]
    fn the_head_is_as_the_kernel_has_it() {
        let numbers = |message: Vec<u8>| -> Vec<u32> {
            let numbers = message.chunks_exact(4);
            numbers
                .map(|number| u32::from_ne_bytes(number.try_into().unwrap()))
                .collect()
        };
        let short = numbers(head(4));
        assert_eq!(short, [1, 0x801, 2, 3, 4, 5, 6, 7, 8, 0]);
        let long = numbers(head(8));
        #[cfg(target_endian = "little")]
        assert_eq!(long, [1, 0x801, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 8]);
        #[cfg(target_endian = "big")]
        assert_eq!(long, [1, 0x801, 2, 0, 0, 3, 0, 4, 0, 5, 0, 6, 7, 8]);
        assert_eq!(head(8).len(), size_of::<libc::bcm_msg_head>().max(56));
    }

    #[test]
    fn a_time_that_is_too_long_is_the_longest() {
        let head = Head {
            first: Duration::MAX,
            then: Duration::MAX,
            flags: 0,
            count: 0,
            id: 0,
        };
        let mut message = Vec::new();
        head.write(&mut message, 0, 1, 4);
        assert_eq!(message[12..16], i32::MAX.to_ne_bytes());
    }
}
