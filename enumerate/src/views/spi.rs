use std::path::PathBuf;

use super::text;
use crate::{Device, Devices, Identity};

/// An SPI controller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SpiController {
    /// Its name: `spi0`.
    pub name: String,
    /// The driver.
    pub driver: Option<String>,
    /// What is at its chip selects, as the device tree says.
    pub devices: Vec<SpiDevice>,
    /// The path of the device.
    pub path: PathBuf,
}

/// A device at a chip select of an SPI controller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SpiDevice {
    /// Its name for the kernel: `spi0.1`.
    pub name: String,
    /// The number of its chip select.
    pub chip_select: Option<u32>,
    /// What it is: `dh2228fv`.
    pub modalias: Option<String>,
    /// The driver that has it.
    pub driver: Option<String>,
    /// The name by which programs open it, `spidev0.1`, while the driver spidev has it.
    pub spidev: Option<String>,
    /// Its node, then.
    pub node: Option<PathBuf>,
    /// What it is known by when it comes back under another name.
    pub identity: Identity,
    /// The path of the device.
    pub path: PathBuf,
}

impl SpiDevice {
    /// Returns why no program can open it, and what to do; `None` if one can.
    pub fn unavailable(&self) -> Option<String> {
        let name = &self.name;
        match (&self.spidev, &self.driver) {
            (Some(_), _) => None,
            (None, Some(driver)) => Some(format!(
                "the driver {driver} has {name}: to free it, write {name} to \
                 /sys/bus/spi/drivers/{driver}/unbind"
            )),
            (None, None) => Some(format!(
                "no driver has {name}: to open it from programs, write spidev to \
                 /sys/bus/spi/devices/{name}/driver_override, and {name} to \
                 /sys/bus/spi/drivers/spidev/bind"
            )),
        }
    }
}

impl Devices {
    /// Returns the SPI controllers, by their numbers.
    pub fn spi_controllers(&self) -> Vec<SpiController> {
        let controllers = self.numbered("spi_master", "spi").into_iter();
        controllers
            .map(|device| {
                let path = device.path();
                let devices = self
                    .children(path)
                    .filter(|child| child.subsystem() == "spi");
                SpiController {
                    name: text(device.name()),
                    driver: self.driver_above(path),
                    devices: devices.map(|device| self.spi_device(device)).collect(),
                    path: path.into(),
                }
            })
            .collect()
    }

    fn spi_device(&self, device: &Device) -> SpiDevice {
        let path = device.path();
        let mut below = self.children(path);
        let spidev = below.find(|child| child.subsystem() == "spidev");
        let name = text(device.name());
        let modalias = device.attribute("modalias").or(device.property("MODALIAS"));
        let modalias = modalias.map(text);
        SpiDevice {
            chip_select: name.rsplit_once('.').and_then(|(_, cs)| cs.parse().ok()),
            name,
            modalias: modalias.map(|alias| alias.trim_start_matches("spi:").to_owned()),
            driver: device.driver().map(text),
            spidev: spidev.map(|spidev| text(spidev.name())),
            node: spidev.and_then(|spidev| spidev.node()),
            identity: match spidev {
                Some(spidev) => self.identity(spidev),
                None => self.identity(device).of_node("spidev"),
            },
            path: path.into(),
        }
    }
}
