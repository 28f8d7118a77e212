use std::path::PathBuf;
use std::sync::Arc;

use super::{number, text};
use crate::{Device, Devices, Identity};

/// A GPIO chip with a character device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GpioChip {
    /// Its name, by which lines of it are opened (`gpiochip0:17`): `gpiochip0`.
    pub name: String,
    /// Its node.
    pub node: PathBuf,
    /// Its label, as far as `/sys` tells it (`CONFIG_GPIO_SYSFS`): the chip itself always does.
    pub label: Option<String>,
    /// How many lines it has, as far as `/sys` tells it.
    pub lines: Option<u32>,
    /// The driver.
    pub driver: Option<String>,
    /// What it is known by when it comes back under another name.
    pub identity: Identity,
    /// The path of the device.
    pub path: PathBuf,
}

impl Devices {
    /// Returns the GPIO chips, by their numbers.
    pub fn gpio_chips(&self) -> Vec<GpioChip> {
        let chips = self.numbered("gpio", "gpiochip");
        let chips = chips.into_iter();
        chips.filter_map(|device| self.gpio_chip(device)).collect()
    }

    fn gpio_chip(&self, device: &Device) -> Option<GpioChip> {
        // Those of the class, which have no nodes, are called so, too.
        let node = device.node()?;
        let class = self.class_chip(device);
        let of_class = |name| class.and_then(|class| class.attribute(name)).map(text);
        Some(GpioChip {
            name: text(device.name()),
            node,
            label: of_class("label"),
            lines: of_class("ngpio").and_then(|lines| lines.parse().ok()),
            driver: self.driver_above(device.path()),
            identity: self.identity(device),
            path: device.path().into(),
        })
    }

    /// The device of the old interface that is the same chip: `chip0`, or before Linux 6.17
    /// `gpiochip512`, which tells no number of the new one.
    fn class_chip(&self, chip: &Device) -> Option<&Device> {
        let parent = chip.path().parent()?;
        let number = number(chip.name(), "gpiochip")?;
        let folder = parent.join("gpio");
        if let Some(device) = self.get(folder.join(format!("chip{number}"))) {
            return Some(device);
        }
        let in_folder = |device: &&Arc<Device>| device.path().parent() == Some(&*folder);
        let of_class = self.numbered("gpio", "gpiochip").into_iter();
        let of_class: Vec<_> = of_class.filter(in_folder).collect();
        match of_class[..] {
            [only] => Some(only),
            _ => None,
        }
    }
}
