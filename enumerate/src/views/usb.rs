use std::path::Path;

use super::text;
use crate::{Device, Devices};

/// Which USB device something is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Usb {
    /// Who made it, by number.
    pub vendor: u16,
    /// What it is, by number.
    pub product: u16,
    /// Its serial number, if it has one.
    pub serial: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// What it is called.
    pub product_name: Option<String>,
    /// Which of its interfaces.
    pub interface: Option<u8>,
    /// What the interface is called.
    pub interface_name: Option<String>,
    /// Where it is plugged in: bus 1, port 1 and port 2 of the hub there are `1-1.2`.
    pub port: String,
}

impl Devices {
    /// Returns which USB device the device with this path is, or is a part of.
    pub fn usb(&self, path: &Path) -> Option<Usb> {
        let itself = self.get(path).into_iter();
        let mut interface = None;
        for device in itself.chain(self.above(path)) {
            let is = |kind: &str| device.devtype().is_some_and(|devtype| devtype == kind);
            if is("usb_interface") && interface.is_none() {
                interface = Some(device);
            }
            if is("usb_device") {
                return usb(device, interface.map(|interface| &**interface));
            }
        }
        None
    }
}

fn usb(device: &Device, interface: Option<&Device>) -> Option<Usb> {
    let of = |name| {
        device
            .attribute(name)
            .map(text)
            .filter(|text| !text.trim().is_empty())
    };
    let of_interface = |name| {
        interface
            .and_then(|device| device.attribute(name))
            .map(text)
    };
    // `403/6001/600`: vendor, product, version. Uevents tell that much where nobody sees `/sys`.
    let product = device.property("PRODUCT").map(text).unwrap_or_default();
    let mut numbers = product.split('/').map(str::to_owned);
    let (vendor, product) = (numbers.next(), numbers.next());
    let hex = |text: Option<String>| u16::from_str_radix(&text?, 16).ok();
    // udevd tells the serial number, too.
    let by_udev = || device.property("ID_SERIAL_SHORT").map(text);
    let number = of_interface("bInterfaceNumber");
    Some(Usb {
        vendor: hex(of("idVendor").or(vendor))?,
        product: hex(of("idProduct").or(product))?,
        serial: of("serial").or_else(by_udev),
        manufacturer: of("manufacturer"),
        product_name: of("product"),
        interface: number.and_then(|number| u8::from_str_radix(&number, 16).ok()),
        interface_name: of_interface("interface"),
        port: text(device.name()),
    })
}
