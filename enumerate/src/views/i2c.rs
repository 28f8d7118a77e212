use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::text;
use crate::{Device, Devices, Identity};

/// An I2C adapter: a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct I2cAdapter {
    /// Its name, by which it is opened if it has a node: `i2c-1`.
    pub name: String,
    /// Its node; `None` until the module `i2c-dev` is loaded.
    pub node: Option<PathBuf>,
    /// What the driver calls it: `bcm2835 (i2c@7e804000)`.
    pub description: Option<String>,
    /// The driver.
    pub driver: Option<String>,
    /// The devices on it that the kernel knows of. Those that programs speak to it does not.
    pub clients: Vec<I2cClient>,
    /// What it is known by when it comes back under another name.
    pub identity: Identity,
    /// The path of the device.
    pub path: PathBuf,
}

/// A device on an I2C bus that the kernel knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct I2cClient {
    /// Its address; `None` where the firmware (ACPI) has given it another name.
    pub address: Option<u16>,
    /// What it is: `tmp105`.
    pub name: Option<String>,
    /// The driver that has it. The kernel lets programs speak to it nevertheless, by transactions as this
    /// suite makes them (`I2C_RDWR`), and the driver is not told: leave it alone.
    pub driver: Option<String>,
    /// The path of the device.
    pub path: PathBuf,
}

impl Devices {
    /// Returns the I2C adapters, by their numbers.
    pub fn i2c_adapters(&self) -> Vec<I2cAdapter> {
        let adapters = self.numbered("i2c", "i2c-").into_iter();
        adapters.map(|device| self.i2c_adapter(device)).collect()
    }

    fn i2c_adapter(&self, device: &Device) -> I2cAdapter {
        let path = device.path();
        let node = self.get(path.join("i2c-dev").join(device.name()));
        let clients = self
            .children(path)
            .filter(|child| child.subsystem() == "i2c");
        I2cAdapter {
            name: text(device.name()),
            node: node.and_then(|node| node.node()),
            description: device.attribute("name").map(text),
            driver: self.driver_above(path),
            // An adapter behind a multiplexer is a child of that.
            clients: clients.filter_map(|client| i2c_client(client)).collect(),
            identity: match node {
                Some(node) => self.identity(node),
                None => self.identity(device).of_node("i2c-dev"),
            },
            path: path.into(),
        }
    }
}

fn i2c_client(device: &Device) -> Option<I2cClient> {
    let name = device.name();
    if super::number(name, "i2c-").is_some() {
        return None;
    }
    Some(I2cClient {
        address: address(name),
        name: device.attribute("name").map(text),
        driver: device.driver().map(text),
        path: Path::to_path_buf(device.path()),
    })
}

/// The address in `1-0048` (`i2c_dev_set_name`, drivers/i2c/i2c-core-base.c): 0xa000 is added to
/// those of ten bits.
fn address(name: &OsStr) -> Option<u16> {
    const MASK: u16 = 0x3ff;
    let (bus, address) = name.to_str()?.split_once('-')?;
    bus.parse::<u32>().ok()?;
    Some(u16::from_str_radix(address, 16).ok()? & MASK)
}
