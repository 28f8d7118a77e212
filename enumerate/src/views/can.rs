use std::path::PathBuf;

use super::{by_number, text};
use crate::{CanLink, Devices, Identity};

/// A CAN interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CanInterface {
    /// Its name, by which it is opened: `can0`.
    pub name: String,
    /// Whether it is virtual: no controller, no wire.
    pub is_virtual: bool,
    /// The driver.
    pub driver: Option<String>,
    /// Which USB device it is, if it is one.
    pub usb: Option<super::Usb>,
    /// Its bit rate and state, when it was listed. That it goes up or down is no uevent: list it
    /// again to know. `None` where nobody could be asked.
    pub link: Option<CanLink>,
    /// What it is known by when it comes back under another name.
    pub identity: Identity,
    /// The path of the device.
    pub path: PathBuf,
}

impl Devices {
    /// Returns the CAN interfaces, by their names.
    pub fn can_interfaces(&self) -> Vec<CanInterface> {
        let devices = self.of("net").filter(|device| device.is_can());
        let interfaces = devices.map(|device| {
            let name = text(device.name());
            let link = self.can_links.iter().find(|link| link.name == name);
            CanInterface {
                link: link.cloned(),
                is_virtual: device.path().starts_with("/devices/virtual"),
                driver: self.driver_above(device.path()),
                usb: self.usb(device.path()),
                identity: self.identity(device),
                path: device.path().into(),
                name,
            }
        });
        let mut interfaces: Vec<_> = interfaces.collect();
        interfaces.sort_by(|one, other| by_number(&one.name).cmp(&by_number(&other.name)));
        interfaces
    }
}
