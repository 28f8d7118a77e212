use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use crate::views::by_number;
use crate::{Device, Devices, Error, Result};

/// What a device is known by when it comes back, perhaps under another name: the USB device with this
/// serial number, or what hangs at this place.
///
/// It is text, to be kept in files:
///
/// | | |
/// | --- | --- |
/// | `tty@usb:0403:6001:GPS:00` | the serial port of interface 0 of the USB device with the serial number GPS, wherever it is plugged in |
/// | `i2c-dev@/devices/platform/soc/3f804000.i2c` | the I2C bus of this controller |
/// | `gpio:gpio_chip@/devices/platform/soc/3f200000.gpio` | the GPIO chip of this one: the subsystem, and the kind of device where it has one |
/// | `net@/devices/virtual/net/vcan0` | what hangs on nothing is known by its name |
///
/// Of several at the same place the second ends with `#1`, the third with `#2`, in the order of their
/// numbers: ports of one interface, which come and go together. A place is a device that the hardware or
/// its description names (it has a `MODALIAS`, or is a USB device).
///
/// **Twins.** Cheap adapters share a serial number. While two of them are there, each is known by its place,
/// and nothing is [found](Devices::find) by their serial number. But where one was alone when its identity
/// was taken, its twin is found by it when it is alone. Where that must not be, as with a relay that moves
/// something, use [`identity_by_place`](Devices::identity_by_place), which is found as well. A place says
/// where, and not what: another device in the same socket is found by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub struct Identity(String);

impl Identity {
    /// Returns its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a program opens is known by this whether its node is there or not.
    pub(crate) fn of_node(self, subsystem: &str) -> Identity {
        match self.0.split_once('@') {
            Some((_, place)) => Identity(format!("{subsystem}@{place}")),
            None => self,
        }
    }
}

/// Reads one that was kept as text.
impl FromStr for Identity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Identity> {
        let is_place = |place: &str| place.starts_with("/devices/") || place.starts_with("usb:");
        match text.split_once('@') {
            Some((kind, place)) if !kind.is_empty() && is_place(place) => {
                Ok(Identity(text.to_owned()))
            }
            _ => Err(Error::Invalid {
                what: format!(
                    "{text:?} is what no device is known by: that is like tty@usb:0403:6001:GPS:00 or \
                     i2c-dev@/devices/…"
                ),
            }),
        }
    }
}

impl TryFrom<String> for Identity {
    type Error = Error;

    fn try_from(text: String) -> Result<Identity> {
        text.parse()
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> String {
        identity.0
    }
}

/// `tty@usb:0403:6001:GPS:00`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Devices {
    /// Returns what a device is known by. Where two have the same serial number, as cheap adapters
    /// do, each is known by where it is plugged in.
    pub fn identity(&self, device: &Device) -> Identity {
        let serial = self.by_serial(device).filter(|serial| {
            let subsystem = device.subsystem().to_string_lossy();
            let others = self
                .of(&subsystem)
                .filter(|other| other.path() != device.path());
            let mut others = others.filter_map(|other| self.by_serial(other));
            others.all(|other| other != *serial)
        });
        Identity(serial.unwrap_or_else(|| self.by_place(device)))
    }

    /// Returns what a device is known by where it is, whatever its serial number.
    pub fn identity_by_place(&self, device: &Device) -> Identity {
        Identity(self.by_place(device))
    }

    /// Returns the device that is known by this, if it is there; and if there is but one.
    pub fn find(&self, identity: &Identity) -> Option<&Arc<Device>> {
        match self.find_all(identity)[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Returns all devices that are known by this: several, where they have the same serial number.
    pub fn find_all(&self, identity: &Identity) -> Vec<&Arc<Device>> {
        let subsystem = identity.0.split([':', '@']).next().unwrap_or_default();
        let is_it = |device: &&Arc<Device>| {
            let serial = self.by_serial(device);
            serial.is_some_and(|serial| serial == identity.0) || self.by_place(device) == identity.0
        };
        self.of(subsystem).filter(is_it).collect()
    }

    /// `tty@usb:0403:6001:GPS:00`.
    fn by_serial(&self, device: &Device) -> Option<String> {
        let usb = self.usb(device.path())?;
        let interface = usb.interface.map(|number| format!(":{number:02x}"));
        Some(format!(
            "{}@usb:{:04x}:{:04x}:{}{}",
            kind(device),
            usb.vendor,
            usb.product,
            usb.serial?,
            interface.unwrap_or_default()
        ))
    }

    /// `i2c-dev@/devices/platform/soc/3f804000.i2c`.
    fn by_place(&self, device: &Device) -> String {
        let place = self.place(device);
        let text = format!("{}@{}", kind(device), place.display());
        if place == device.path() {
            return text;
        }
        if let Some(channel) = self.channel(device) {
            return match channel {
                0 => text,
                number => format!("{text}#{number}"),
            };
        }
        let there = self.get(place).into_iter().chain(self.below(place));
        let before = there.filter(|other| {
            (other.path() == place || order(other) < order(device))
                && kind(other) == kind(device)
                && self.place(other) == place
        });
        match before.count() {
            0 => text,
            number => format!("{text}#{number}"),
        }
    }

    /// Which of several at its place it is, if the hardware says so: a port of a serial adapter, a channel of a
    /// CAN adapter.
    fn channel(&self, device: &Device) -> Option<u32> {
        let number = |device: &Device, name| {
            let text = device.attribute(name)?.to_str()?.trim();
            match text.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            }
        };
        if device.subsystem() == "net" {
            // Drivers use the one or the other.
            let numbers = ["dev_port", "dev_id"].map(|name| number(device, name));
            return numbers.into_iter().flatten().max();
        }
        let port = self.parent(device.path())?;
        number(port, "port_number").filter(|_| port.subsystem() == "usb-serial")
    }

    /// The path of the nearest device, from itself upwards, whose name is not just a number that was
    /// free; its own if there is none.
    fn place<'a>(&'a self, device: &'a Device) -> &'a Path {
        let above = self.above(device.path()).map(|above| &**above);
        let mut devices = std::iter::once(device).chain(above);
        let place = devices.find(|device| is_place(device));
        // What programs open is where the bus is that it is of.
        let is_node = ["i2c-dev", "spidev"]
            .iter()
            .any(|name| device.subsystem() == *name);
        let bus = self.parent(device.path()).filter(|_| is_node);
        place.or(bus.map(|bus| &**bus)).unwrap_or(device).path()
    }
}

/// Whether it is found by the hardware or its description, and so has an alias for drivers.
fn is_place(device: &Device) -> bool {
    // They are counted, whatever they are plugged into.
    let is_hid = device.subsystem() == "hid";
    // Here the interfaces have the aliases.
    let is_usb = device
        .devtype()
        .is_some_and(|devtype| devtype == "usb_device");
    // The number is the next that was free (`PLATFORM_DEVID_AUTO`).
    let is_numbered = device.name().as_encoded_bytes().ends_with(b".auto");
    is_usb || device.property("MODALIAS").is_some() && !is_hid && !is_numbered
}

/// By the numbers in their names.
fn order(device: &Device) -> (Option<(&str, u64)>, &Path) {
    (device.name().to_str().map(by_number), device.path())
}

/// `gpio:gpio_chip`.
fn kind(device: &Device) -> String {
    let subsystem = device.subsystem().to_string_lossy();
    match device.devtype() {
        Some(devtype) if !devtype.is_empty() => {
            format!("{subsystem}:{}", devtype.to_string_lossy())
        }
        _ => subsystem.into_owned(),
    }
}
