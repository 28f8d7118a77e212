use std::io;

use neli::attr::Attribute;
use neli::consts::nl::{NlmF, NlmFFlags};
use neli::consts::rtnl::{Arphrd, Iff, IffFlags, Ifla, IflaInfo, RtAddrFamily, Rtm};
use neli::consts::socket::NlFamily;
use neli::err::{NlError, WrappedError};
use neli::nl::{NlPayload, Nlmsghdr};
use neli::rtnl::Ifinfomsg;
use neli::socket::NlSocketHandle;
use neli::types::RtBuffer;
use socketcan::nl::InterfaceCanParams;

use crate::error::ENODEV;

/// `sizeof(struct canfd_frame)`: an interface has CAN FD frames if it has room for them. (One with CAN XL has more
/// room, which socketcan does not take for an answer.)
const FD: u32 = 72;

/// What route netlink tells of an interface (rtnetlink(7)).
#[derive(Debug)]
pub(super) struct Found {
    pub(super) is_up: bool,
    pub(super) has_fd: bool,
    pub(super) kind: Option<String>,
    pub(super) can: InterfaceCanParams,
}

/// Asks for the CAN interface of this number.
pub(super) fn find(index: u32) -> io::Result<Found> {
    query(index).map_err(error)
}

fn query(index: u32) -> Result<Found, NlError<Rtm, Ifinfomsg>> {
    let mut socket = NlSocketHandle::connect(NlFamily::Route, None, &[])?;
    let (family, none) = (RtAddrFamily::Unspecified, IffFlags::empty());
    let index = index as libc::c_int;
    let link = Ifinfomsg::new(
        family,
        Arphrd::None,
        index,
        none,
        IffFlags::empty(),
        RtBuffer::new(),
    );
    let flags = NlmFFlags::new(&[NlmF::Request]);
    let payload = NlPayload::Payload(link);
    socket.send(Nlmsghdr::new(
        None,
        Rtm::Getlink,
        flags,
        None,
        None,
        payload,
    ))?;
    let answer = socket.recv::<Rtm, Ifinfomsg>()?;
    let Some(NlPayload::Payload(link)) = answer.map(|answer| answer.nl_payload) else {
        return Err(NlError::NoAck);
    };
    if u16::from(&link.ifi_type) != libc::ARPHRD_CAN {
        return Err(io::Error::from_raw_os_error(ENODEV).into());
    }
    let mut found = Found {
        is_up: link.ifi_flags.contains(&Iff::Up),
        has_fd: false,
        kind: None,
        can: InterfaceCanParams::default(),
    };
    for attribute in link.rtattrs.iter() {
        match attribute.rta_type {
            Ifla::Mtu => found.has_fd = attribute.get_payload_as::<u32>()? >= FD,
            Ifla::Linkinfo => {
                found.can = InterfaceCanParams::try_from(attribute)?;
                for info in attribute.get_attr_handle::<IflaInfo>()?.get_attrs() {
                    if info.rta_type == IflaInfo::Kind {
                        let kind = String::from_utf8_lossy(info.payload().as_ref());
                        found.kind = Some(kind.trim_end_matches('\0').into());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Returns what the kernel said, by its number, which socketcan makes a text of.
pub(super) fn error<T, P>(error: NlError<T, P>) -> io::Error {
    match error {
        NlError::Nlmsgerr(message) => io::Error::from_raw_os_error(-message.error),
        NlError::Wrapped(WrappedError::IOError(error)) => error,
        // The kernel has answered what nobody asked for.
        _ => io::ErrorKind::InvalidData.into(),
    }
}
