use std::path::Path;

use crate::{Devices, Tree};

/// What machine it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Machine {
    /// What it is called: `Raspberry Pi 3 Model B`.
    pub model: Option<String>,
    /// Its serial number, where everybody may know it.
    pub serial_number: Option<String>,
    /// Its revision: a Raspberry Pi's code in hexadecimal (`a02082`), a PC's version.
    pub revision: Option<String>,
    /// What it is compatible with, the most special first: `raspberrypi,3-model-b`. From the device
    /// tree.
    pub compatible: Vec<String>,
}

impl Machine {
    /// Reads it from the device tree, or where there is none from the firmware's tables (DMI).
    pub(crate) fn read(tree: &dyn Tree) -> Machine {
        let of_tree = |name| {
            tree.read(&Path::new("/sys/firmware/devicetree/base").join(name))
                .ok()
        };
        // `/sys/class/dmi/id` is a link to it.
        let dmi = Path::new("/sys/devices/virtual/dmi/id");
        let of_dmi = |name| tree.read(&dmi.join(name)).ok();
        let compatible = of_tree("compatible").unwrap_or_default();
        let Some(model) = of_tree("model") else {
            return Machine {
                model: of_dmi("product_name").and_then(string),
                serial_number: of_dmi("product_serial").and_then(string),
                revision: of_dmi("product_version").and_then(string),
                compatible: Vec::new(),
            };
        };
        // Four bytes, the highest first, as all numbers of device trees.
        let revision = of_tree("system/linux,revision");
        let revision = revision.and_then(|bytes| bytes.try_into().ok());
        Machine {
            model: string(model),
            serial_number: of_tree("serial-number").and_then(string),
            revision: revision.map(|bytes| format!("{:x}", u32::from_be_bytes(bytes))),
            compatible: compatible
                .split(|byte| *byte == 0)
                .filter_map(|name| string(name.to_vec()))
                .collect(),
        }
    }
}

fn string(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty()).then(|| text.to_owned())
}

impl Devices {
    /// Returns what machine it is.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }
}
