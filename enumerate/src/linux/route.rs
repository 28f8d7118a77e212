//! CAN interfaces by one dump of route netlink (rtnetlink(7), include/uapi/linux/if_link.h,
//! include/uapi/linux/can/netlink.h).

use std::io;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recvfrom, sendto, socket_with,
};

use crate::{CanLink, CanState};

/// How often a dump is asked for that another change went into.
const ATTEMPTS: usize = 8;

/// What one call takes: the kernel makes parts that fit, of some 2 KiB an interface (`netlink_dump`,
/// net/netlink/af_netlink.c).
const PART: usize = 16 << 10;

// include/uapi/linux/netlink.h, rtnetlink.h
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;
const NLA_TYPE_MASK: u16 = 0x3fff;

// include/uapi/linux/if_arp.h, if.h
const ARPHRD_CAN: u16 = 280;
const IFF_UP: u32 = 1;

/// Returns all CAN interfaces that this process sees.
pub(super) fn can_links() -> io::Result<Vec<CanLink>> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = match socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None) {
        // The kernel has none, or somebody has forbidden it (`RestrictAddressFamilies=` of systemd).
        Err(Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT) => return Err(Errno::OPNOTSUPP.into()),
        socket => socket?,
    };
    let kernel = SocketAddrNetlink::new(0, 0);
    let mut bytes = [0; PART];
    for attempt in 1..=ATTEMPTS as u32 {
        let request = request(attempt);
        retry_on_intr(|| sendto(&socket, &request, SendFlags::empty(), &kernel))?;
        let mut reply = Reply::to(attempt);
        while !reply.done {
            // A dump goes on while it is read, so it never waits.
            let receive = || recvfrom(&socket, &mut bytes[..], RecvFlags::TRUNC);
            let (_, length, sender) = retry_on_intr(receive)?;
            let sender = sender.map(SocketAddrNetlink::try_from);
            // Root may write to any socket.
            if !matches!(sender, Some(Ok(sender)) if sender.pid() == 0) {
                continue;
            }
            reply.parse(bytes.get(..length).ok_or_else(cut)?)?;
        }
        if !reply.interrupted {
            return Ok(reply.links);
        }
    }
    Err(Errno::BUSY.into())
}

fn cut() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// `struct nlmsghdr` and `struct ifinfomsg`, of all families.
fn request(sequence: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut at = 0;
    let mut put = |field: &[u8]| {
        bytes[at..at + field.len()].copy_from_slice(field);
        at += field.len();
    };
    put(&32u32.to_ne_bytes());
    put(&RTM_GETLINK.to_ne_bytes());
    put(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    put(&sequence.to_ne_bytes());
    bytes
}

/// What has come of a dump.
#[derive(Debug)]
struct Reply {
    sequence: u32,
    links: Vec<CanLink>,
    /// Something changed meanwhile, so an interface may be missing or be there twice.
    interrupted: bool,
    done: bool,
}

impl Reply {
    fn to(sequence: u32) -> Reply {
        Reply {
            sequence,
            links: Vec::new(),
            interrupted: false,
            done: false,
        }
    }

    /// Takes one part, of whole messages.
    fn parse(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && !self.done {
            let length = u32_at(bytes, 0).ok_or_else(cut)? as usize;
            let message = bytes.get(..length).ok_or_else(cut)?;
            let body = message.get(16..).ok_or_else(cut)?;
            let sequence = u32_at(message, 8).ok_or_else(cut)?;
            bytes = bytes.get(aligned(length)..).unwrap_or_default();
            // What is left of an attempt before.
            if sequence != self.sequence {
                continue;
            }
            let flags = u16_at(message, 6).ok_or_else(cut)?;
            self.interrupted |= flags & NLM_F_DUMP_INTR != 0;
            match u16_at(message, 4).ok_or_else(cut)? {
                // Both begin with an errno, which is negative, or 0.
                kind @ (NLMSG_DONE | NLMSG_ERROR) => {
                    self.done = true;
                    let number = u32_at(body, 0).map_or(0, |number| number as i32);
                    match (number, kind) {
                        (..0, _) => {
                            return Err(io::Error::from_raw_os_error(number.saturating_neg()));
                        }
                        (_, NLMSG_ERROR) => return Err(cut()),
                        _ => {}
                    }
                }
                RTM_NEWLINK => self.links.extend(link(body)?),
                _ => {}
            }
        }
        Ok(())
    }
}

/// `struct ifinfomsg` and its attributes, if they are of a CAN interface.
fn link(body: &[u8]) -> io::Result<Option<CanLink>> {
    let rest = body.get(16..).ok_or_else(cut)?;
    if u16_at(body, 2) != Some(ARPHRD_CAN) {
        return Ok(None);
    }
    let mut link = CanLink::new("");
    link.up = u32_at(body, 8).is_some_and(|flags| flags & IFF_UP != 0);
    for attribute in attributes(rest) {
        match attribute? {
            // IFLA_IFNAME
            (3, name) => link.name = text(name),
            // IFLA_MTU
            (4, mtu) => link.mtu = u32_at(mtu, 0).ok_or_else(cut)?,
            // IFLA_LINKINFO
            (18, info) => link_info(&mut link, info)?,
            _ => {}
        }
    }
    Ok(Some(link))
}

fn link_info(link: &mut CanLink, info: &[u8]) -> io::Result<()> {
    let mut data = None;
    for attribute in attributes(info) {
        match attribute? {
            // IFLA_INFO_KIND
            (1, kind) => link.kind = Some(text(kind)),
            // IFLA_INFO_DATA
            (2, bytes) => data = Some(bytes),
            _ => {}
        }
    }
    // Those of other kinds have other numbers.
    match data {
        Some(data) if link.kind.as_deref() == Some("can") => controller(link, data),
        _ => Ok(()),
    }
}

/// `IFLA_CAN_…`
fn controller(link: &mut CanLink, data: &[u8]) -> io::Result<()> {
    for attribute in attributes(data) {
        let (kind, value) = attribute?;
        let word = |at| u32_at(value, at).ok_or_else(cut);
        // Zero is not set yet.
        let set = |at| word(at).map(|value| (value != 0).then_some(value));
        match kind {
            // BITTIMING: struct can_bittiming
            1 => (link.bitrate, link.sample_point) = (set(0)?, set(4)?),
            // CLOCK: struct can_clock
            3 => link.clock = set(0)?,
            4 => link.state = state(word(0)?),
            // CTRLMODE: struct can_ctrlmode, whose mask comes first
            5 => link.modes = Some(word(4)?),
            6 => link.restart_ms = Some(word(0)?),
            // BERR_COUNTER: struct can_berr_counter
            8 => {
                let counter = |at| u16_at(value, at).ok_or_else(cut);
                link.error_counters = Some((counter(0)?, counter(2)?));
            }
            // DATA_BITTIMING
            9 => link.data_bitrate = set(0)?,
            _ => {}
        }
    }
    Ok(())
}

/// `enum can_state`
fn state(number: u32) -> Option<CanState> {
    Some(match number {
        0 => CanState::ErrorActive,
        1 => CanState::ErrorWarning,
        2 => CanState::ErrorPassive,
        3 => CanState::BusOff,
        4 => CanState::Stopped,
        5 => CanState::Sleeping,
        _ => return None,
    })
}

/// `struct rtattr` after `struct rtattr`: types and values.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = io::Result<(u16, &[u8])>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let whole = std::mem::take(&mut bytes);
        let length = u16_at(whole, 0).map(usize::from);
        let attribute = length.and_then(|length| whole.get(4..length));
        let (Some(length), Some(kind), Some(value)) = (length, u16_at(whole, 2), attribute) else {
            return Some(Err(cut()));
        };
        bytes = whole.get(aligned(length)..).unwrap_or_default();
        Some(Ok((kind & NLA_TYPE_MASK, value)))
    })
}

/// `NLMSG_ALIGN`, `RTA_ALIGN`
fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// Up to a zero byte, which not all kernels send. The kernel does not ask for UTF-8.
fn text(bytes: &[u8]) -> String {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((16 + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(body);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn interface(hardware: u16, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut body = vec![0; 2];
        body.extend(hardware.to_ne_bytes());
        body.extend(words(&[7, flags, 0]));
        body.extend(attributes.concat());
        message(RTM_NEWLINK, 2, 1, &body)
    }

    fn done() -> Vec<u8> {
        message(NLMSG_DONE, 2, 1, &[0; 4])
    }

    /// With nested flags (`NLA_F_NESTED`), as newer kernels set them.
    fn can0() -> Vec<u8> {
        let data = [
            attribute(1, &words(&[500_000, 875, 125, 6, 7, 2, 1, 1])),
            attribute(3, &words(&[8_000_000])),
            attribute(4, &words(&[2])),
            attribute(5, &words(&[0x21, 0x20])),
            attribute(6, &words(&[100])),
            attribute(8, &[0x80, 0, 0x03, 0]),
            attribute(9, &words(&[2_000_000, 750, 0, 0, 0, 0, 0, 0])),
            attribute(99, b"odd"),
        ]
        .concat();
        let info = [attribute(2 | 0x8000, &data), attribute(1, b"can\0")].concat();
        interface(
            ARPHRD_CAN,
            0x41,
            &[
                attribute(3, b"can0\0"),
                attribute(4, &words(&[72])),
                attribute(18 | 0x8000, &info),
            ],
        )
    }

    fn all_of_can0() -> CanLink {
        let mut link = CanLink::new("can0");
        link.kind = Some("can".into());
        link.up = true;
        link.mtu = 72;
        link.state = Some(CanState::ErrorPassive);
        link.bitrate = Some(500_000);
        link.sample_point = Some(875);
        link.data_bitrate = Some(2_000_000);
        link.clock = Some(8_000_000);
        link.restart_ms = Some(100);
        link.error_counters = match cfg!(target_endian = "little") {
            true => Some((0x80, 3)),
            false => Some((0x8000, 0x300)),
        };
        link.modes = Some(0x20);
        link
    }

    fn parse(bytes: &[u8]) -> io::Result<Reply> {
        let mut reply = Reply::to(1);
        reply.parse(bytes).map(|()| reply)
    }

    #[test]
    fn a_controller_says_everything() {
        let reply = parse(&[can0(), done()].concat()).unwrap();
        assert_eq!(reply.links, [all_of_can0()]);
        assert!(reply.done && !reply.interrupted);
    }

    #[test]
    fn other_interfaces_are_passed_over() {
        let loopback = interface(772, 1, &[attribute(3, b"lo\0")]);
        // The same numbers in another kind's data mean something else.
        let info = [attribute(1, b"vxcan\0"), attribute(2, &attribute(1, b"x"))].concat();
        let vxcan = [attribute(3, b"vxcan0\0"), attribute(18, &info)];
        let vxcan = interface(ARPHRD_CAN, 0, &vxcan);
        let reply = parse(&[loopback, vxcan, done()].concat()).unwrap();
        let mut expected = CanLink::new("vxcan0");
        expected.kind = Some("vxcan".into());
        assert_eq!(reply.links, [expected]);
    }

    #[test]
    fn a_controller_that_is_not_set_up_has_no_bitrate() {
        let data = [
            attribute(1, &words(&[0; 8])),
            attribute(4, &words(&[4])),
            attribute(3, &words(&[0])),
        ];
        let info = [attribute(1, b"can"), attribute(2, &data.concat())].concat();
        let can = interface(ARPHRD_CAN, 0, &[attribute(18, &info), attribute(3, b"c")]);
        let reply = parse(&can).unwrap();
        assert!(!reply.done);
        let link = &reply.links[0];
        assert_eq!(
            (link.bitrate, link.sample_point, link.clock),
            (None, None, None)
        );
        assert_eq!((link.state, &*link.name), (Some(CanState::Stopped), "c"));
    }

    #[test]
    fn a_dump_has_parts() {
        let mut reply = Reply::to(1);
        reply.parse(&can0()).unwrap();
        reply.parse(&can0()).unwrap();
        assert!(!reply.done);
        reply.parse(&done()).unwrap();
        assert!(reply.done);
        assert_eq!(reply.links.len(), 2);
    }

    #[test]
    fn an_interrupted_dump_says_so() {
        let end = message(NLMSG_DONE, 2 | NLM_F_DUMP_INTR, 1, &[0; 4]);
        assert!(parse(&[can0(), end].concat()).unwrap().interrupted);
    }

    #[test]
    fn errors_are_the_kernels() {
        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            let error = message(kind, 0, 1, &(-1i32).to_ne_bytes());
            assert_eq!(parse(&error).unwrap_err().raw_os_error(), Some(1));
        }
        // An acknowledge, which nobody has asked for.
        let error = parse(&message(NLMSG_ERROR, 0, 1, &[0; 4])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let lowest = message(NLMSG_ERROR, 0, 1, &i32::MIN.to_ne_bytes());
        parse(&lowest).unwrap_err();
    }

    #[test]
    fn replies_to_others_are_passed_over() {
        let other = message(NLMSG_ERROR, NLM_F_DUMP_INTR, 9, &(-1i32).to_ne_bytes());
        let reply = parse(&[other, can0()].concat()).unwrap();
        assert_eq!((reply.links.len(), reply.interrupted), (1, false));
    }

    /// Cut anywhere it is an error, or ends between two messages.
    #[test]
    fn what_is_cut_is_noticed() {
        let whole = [can0(), done()].concat();
        let first = can0().len();
        for length in 0..whole.len() {
            match parse(&whole[..length]) {
                Ok(reply) if length == 0 => assert!(reply.links.is_empty()),
                Ok(reply) => {
                    assert_eq!((length, reply.links.len()), (first, 1));
                    assert!(!reply.done);
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidData),
            }
        }
    }

    /// The same with headers that know of the cut: what is inside is too short.
    #[test]
    fn nothing_makes_it_panic() {
        let whole = can0();
        for length in 0..whole.len() {
            let mut cut = whole[..length].to_vec();
            if let Some(header) = cut.first_chunk_mut() {
                *header = (length as u32).to_ne_bytes();
            }
            let _ = parse(&cut);
        }
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut bytes = whole.clone();
                bytes[at] = value;
                let _ = parse(&bytes);
            }
        }
        // Lengths that lead nowhere, and so nowhere further.
        for length in [0, 1, 15, u32::MAX, u32::MAX - 2] {
            parse(&[words(&[length]), vec![0; 12]].concat()).unwrap_err();
        }
    }
}
