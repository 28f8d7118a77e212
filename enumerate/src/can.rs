/// What route netlink says of a CAN interface
/// (<https://docs.kernel.org/networking/can.html>, include/uapi/linux/can/netlink.h).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CanLink {
    /// The name of the interface: `can0`.
    pub name: String,
    /// The kind of link: `can` for a controller, `vcan`, `vxcan`.
    pub kind: Option<String>,
    /// Whether it is up.
    pub up: bool,
    /// The bytes of the largest frame: 16 for CAN, 72 for CAN FD, more for CAN XL.
    pub mtu: u32,
    /// The state of the controller; virtual interfaces have none.
    pub state: Option<CanState>,
    /// Bits a second; `None` until it is set.
    pub bitrate: Option<u32>,
    /// Where in a bit it is sampled, in thousandths.
    pub sample_point: Option<u32>,
    /// Bits a second in the data phase of CAN FD.
    pub data_bitrate: Option<u32>,
    /// The clock of the controller, in hertz.
    pub clock: Option<u32>,
    /// After how many milliseconds it comes back by itself when it was bus-off; 0 is never.
    pub restart_ms: Option<u32>,
    /// Its error counters: of what it sent, of what it received.
    pub error_counters: Option<(u16, u16)>,
    /// `CAN_CTRLMODE_…`: loopback is 1, listen-only 2, triple sampling 4, one-shot 8, bus error
    /// reporting 0x10, CAN FD 0x20.
    pub modes: Option<u32>,
}

/// The state of a CAN controller (`enum can_state`, include/uapi/linux/can/netlink.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CanState {
    /// Both error counters are below 96.
    ErrorActive,
    /// One is at 96 or above.
    ErrorWarning,
    /// One is at 128 or above: it may no longer disturb others.
    ErrorPassive,
    /// What it sends has failed too often: it is off the bus.
    BusOff,
    /// It is down.
    Stopped,
    /// It sleeps.
    Sleeping,
}

impl CanLink {
    /// Makes one that is down, of which nothing more is known.
    pub fn new(name: &str) -> CanLink {
        CanLink {
            name: name.into(),
            kind: None,
            up: false,
            mtu: 16,
            state: None,
            bitrate: None,
            sample_point: None,
            data_bitrate: None,
            clock: None,
            restart_ms: None,
            error_counters: None,
            modes: None,
        }
    }
}
