use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::nodes;

/// The subsystems that are recorded, with what their devices hang on.
pub(crate) const SUBSYSTEMS: [&str; 11] = [
    "gpio",
    "i2c",
    "i2c-dev",
    "i2c-adapter",
    "net",
    "spi",
    "spi_master",
    "spidev",
    "tty",
    "usb",
    "usb-serial",
];

/// The files of a device that are recorded, where it has them. None changes by itself.
const FILES: [&str; 41] = [
    "address",
    "bConfigurationValue",
    "bDeviceClass",
    "bDeviceProtocol",
    "bDeviceSubClass",
    "bInterfaceClass",
    "bInterfaceNumber",
    "bInterfaceProtocol",
    "bInterfaceSubClass",
    "bNumInterfaces",
    "base",
    "bcdDevice",
    "bufsiz",
    "busnum",
    "class",
    "compatible",
    "dev",
    "dev_id",
    "dev_port",
    "device",
    "devnum",
    "devpath",
    "flags",
    "idProduct",
    "idVendor",
    "ifindex",
    "interface",
    "label",
    "line",
    "manufacturer",
    "maxchild",
    "modalias",
    "mtu",
    "name",
    "ngpio",
    "operstate",
    "product",
    "serial",
    "type",
    "uevent",
    "vendor",
];

/// The links.
const LINKS: [&str; 4] = ["device", "driver", "of_node", "subsystem"];

/// What is not of a device.
const OTHERS: [(&str, &[&str]); 2] = [
    (
        "/sys/firmware/devicetree/base",
        &["compatible", "model", "serial-number"],
    ),
    ("/sys/module/spidev/parameters", &["bufsiz"]),
];

/// The entries of a folder or a node, each with ` = ` or ` -> ` and what that is.
pub(crate) type Group = BTreeMap<String, String>;

/// What there is at a moment.
pub(crate) struct Snapshot {
    groups: BTreeMap<String, Group>,
    /// Parents before children.
    pub(crate) devices: BTreeSet<PathBuf>,
}

impl Snapshot {
    pub(crate) fn nothing() -> Snapshot {
        Snapshot {
            groups: BTreeMap::new(),
            devices: BTreeSet::new(),
        }
    }

    /// Takes one, which has the devices of the one before too, as far as they are still there: one
    /// that has lost its driver belongs to no subsystem of ours any more.
    pub(crate) fn take(before: &Snapshot) -> Snapshot {
        let mut snapshot = Snapshot::nothing();
        for device in before.devices.iter().filter(|path| path.exists()) {
            snapshot.devices.insert(device.clone());
            snapshot.folder(device, &FILES, &LINKS);
        }
        for kind in ["bus", "class"] {
            for subsystem in SUBSYSTEMS {
                let folder = match kind {
                    "bus" => format!("/sys/bus/{subsystem}/devices"),
                    _ => format!("/sys/class/{subsystem}"),
                };
                snapshot.members(&folder, subsystem);
            }
        }
        for (folder, files) in OTHERS {
            snapshot.folder(Path::new(folder), files, &[]);
        }
        let aliases = Path::new("/sys/firmware/devicetree/base/aliases");
        if let Ok(entries) = fs::read_dir(aliases) {
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let names: Vec<String> = names.collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            snapshot.folder(aliases, &names, &[]);
        }
        snapshot
    }

    /// The devices that a bus or a class has, and what they hang on.
    fn members(&mut self, folder: &str, subsystem: &str) {
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        // It stays when its last member goes.
        self.groups.entry(folder.into()).or_default();
        for entry in entries {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let device = fs::canonicalize(entry.path()).unwrap();
            let Ok(target) = fs::read_link(entry.path()) else {
                continue;
            };
            // Of the virtual terminals one shows what they are like.
            let virtual_terminal = device.starts_with("/sys/devices/virtual/tty");
            if virtual_terminal && name != "tty1" {
                continue;
            }
            let group = self.groups.entry(folder.into()).or_default();
            group.insert(name.clone(), format!("-> {}", target.display()));
            if let Some((node, answers)) = nodes::ask(subsystem, &name) {
                self.groups.insert(node, answers);
            }
            for above in device.ancestors().filter(|path| is_device(path)) {
                if self.devices.insert(above.into()) {
                    self.folder(above, &FILES, &LINKS);
                }
            }
        }
    }

    fn folder(&mut self, folder: &Path, files: &[&str], links: &[&str]) {
        let mut group = Group::new();
        for name in files {
            let path = folder.join(name);
            if path.is_dir() || !path.exists() {
                continue;
            }
            let value = match fs::read(path) {
                Ok(bytes) => format!("= \"{}\"", bytes.escape_ascii()),
                Err(error) => format!("! {}", error.raw_os_error().unwrap_or_default()),
            };
            group.insert((*name).into(), value);
        }
        for name in links {
            if let Ok(target) = fs::read_link(folder.join(name)) {
                group.insert((*name).into(), format!("-> {}", target.display()));
            }
        }
        if !group.is_empty() {
            self.groups.insert(folder.display().to_string(), group);
        }
    }

    /// Returns what is in this and not, or not so, in another, as text.
    pub(crate) fn without(&self, other: &Snapshot) -> String {
        let mut text = String::new();
        for (path, group) in &self.groups {
            let theirs = other.groups.get(path);
            let news = |(name, value): &(&String, &String)| {
                theirs.and_then(|group| group.get(*name)) != Some(value)
            };
            let entries: Vec<_> = group.iter().filter(news).collect();
            if theirs.is_some() && entries.is_empty() {
                continue;
            }
            text += &format!("{path}\n");
            for (name, value) in entries {
                text += &format!("    {name} {value}\n");
            }
        }
        text
    }

    /// Returns what is in another and no longer in this.
    pub(crate) fn lacks(&self, other: &Snapshot) -> String {
        let mut text = String::new();
        for (path, group) in &other.groups {
            match self.groups.get(path) {
                None => text += &format!("{path}\n"),
                Some(ours) => {
                    let gone = group.keys().filter(|name| !ours.contains_key(*name));
                    let gone: Vec<_> = gone.collect();
                    if !gone.is_empty() {
                        text += &format!("{path}\n");
                        gone.iter()
                            .for_each(|name| text += &format!("    {name}\n"));
                    }
                }
            }
        }
        text
    }
}

/// Whether the kernel tells uevents of a folder.
fn is_device(path: &Path) -> bool {
    path.starts_with("/sys/devices/") && path.join("uevent").exists()
}
