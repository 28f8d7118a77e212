use std::path::PathBuf;

use super::{Usb, by_number, text};
use crate::{Device, Devices, Identity};

/// A serial port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SerialPort {
    /// Its name, by which it is opened: `ttyUSB0`.
    pub name: String,
    /// Its node.
    pub node: PathBuf,
    /// The driver: `uart-pl011`, `ftdi_sio`. Of a port that was just added it may be told later, when the
    /// adapter is bound.
    pub driver: Option<String>,
    /// Which USB device it is a part of, if it is.
    pub usb: Option<Usb>,
    /// The link that names it by what it is (`/dev/serial/by-id/…`), where udevd makes links.
    pub by_id: Option<PathBuf>,
    /// The link that names it by where it is (`/dev/serial/by-path/…`), where udevd makes links.
    pub by_path: Option<PathBuf>,
    /// What it is called as well: `serial0`, by the device tree or by udevd.
    pub aliases: Vec<String>,
    /// What it is known by when it comes back under another name.
    pub identity: Identity,
    /// The path of the device.
    pub path: PathBuf,
}

impl Devices {
    /// Returns the serial ports: those of the board, those of USB adapters and modems, Bluetooth's
    /// and gadgets'. Terminals on screens are none, nor are places where a port could be (`ttyS2`
    /// of a PC that has one).
    pub fn serial_ports(&self) -> Vec<SerialPort> {
        let ports = self.of("tty").filter_map(|device| self.serial_port(device));
        let mut ports: Vec<_> = ports.collect();
        ports.sort_by(|one, other| by_number(&one.name).cmp(&by_number(&other.name)));
        ports
    }

    fn serial_port(&self, device: &Device) -> Option<SerialPort> {
        let name = text(device.name());
        let node = device.node()?;
        let is_virtual = device.path().starts_with("/devices/virtual");
        let has_no_parent = ["ttyGS", "rfcomm", "tnt"];
        if is_virtual && !has_no_parent.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        // PORT_UNKNOWN (include/uapi/linux/serial_core.h)
        if device.attribute("type").is_some_and(|kind| kind == "0") {
            return None;
        }
        let link = |folder: &str| {
            let mut links = device.links().filter(|link| link.starts_with(folder));
            links.next().map(PathBuf::from)
        };
        Some(SerialPort {
            node,
            driver: self.driver_above(device.path()),
            usb: self.usb(device.path()),
            by_id: link("/dev/serial/by-id"),
            by_path: link("/dev/serial/by-path"),
            aliases: self.serial_aliases(device),
            identity: self.identity(device),
            path: device.path().into(),
            name,
        })
    }

    fn serial_aliases(&self, device: &Device) -> Vec<String> {
        let mut aliases = Vec::new();
        for above in self.above(device.path()) {
            for (key, value) in above.properties() {
                if key.as_encoded_bytes().starts_with(b"OF_ALIAS_") {
                    aliases.push(text(value));
                }
            }
            // What this hangs on has aliases of its own, a USB controller `usb0`.
            if above.property("MODALIAS").is_some() {
                break;
            }
        }
        for link in device.links() {
            if let (Some(name), Some(parent)) = (link.file_name(), link.parent()) {
                if parent == std::path::Path::new("/dev") {
                    aliases.push(text(name));
                }
            }
        }
        aliases.sort();
        aliases.dedup();
        aliases
    }
}
