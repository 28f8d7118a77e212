use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Action, Tree, Uevent};

/// A device, as the kernel tells of it: a folder below `/sys/devices`.
///
/// It is a value: it stays as it was when the device changes or goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    path: PathBuf,
    subsystem: OsString,
    properties: BTreeMap<OsString, OsString>,
    attributes: BTreeMap<&'static str, OsString>,
}

/// The files that are read of a device while it is there, for by then it may be gone that they are
/// asked for. They say what it is; none changes by itself. By subsystem, and type if that decides.
const ATTRIBUTES: [(&str, Option<&str>, &[&str]); 9] = [
    ("gpio", None, &["label", "ngpio"]),
    ("i2c", None, &["name"]),
    ("net", None, &["dev_id", "dev_port", "type"]),
    ("spi", None, &["modalias"]),
    ("tty", None, &["type"]),
    (
        "usb",
        Some("usb_device"),
        &["idProduct", "idVendor", "manufacturer", "product", "serial"],
    ),
    (
        "usb",
        Some("usb_interface"),
        &["bInterfaceNumber", "interface"],
    ),
    ("usb-serial", None, &["port_number"]),
    ("spi_master", None, &["slave"]),
];

/// Where udevd keeps what it has found out.
pub(crate) const UDEV_DATA: &str = "/run/udev/data";

/// Fields of a uevent that are about the event and not about the device, and what udevd keeps of
/// its own accord.
const NO_PROPERTIES: [&str; 9] = [
    "ACTION",
    "CURRENT_TAGS",
    "DEVPATH",
    "DEVPATH_OLD",
    "SEQNUM",
    "SUBSYSTEM",
    "TAGS",
    "UDEV_DATABASE_VERSION",
    "USEC_INITIALIZED",
];

impl Device {
    /// Makes it of what a uevent tells, and what the tree says of it, if it still does.
    pub(crate) fn of_uevent(event: &Uevent, tree: &dyn Tree) -> Device {
        let mut device = Device {
            path: event.devpath().into(),
            subsystem: event.subsystem().unwrap_or_default().into(),
            properties: BTreeMap::new(),
            attributes: BTreeMap::new(),
        };
        for (key, value) in event.fields() {
            device.tell(key, value);
        }
        device.look(tree);
        device
    }

    /// Reads it from the tree; its subsystem, too, if that is not known.
    ///
    /// # Errors
    /// It is no device that uevents tell of, or is gone.
    pub(crate) fn read(
        path: &Path,
        subsystem: Option<&OsStr>,
        tree: &dyn Tree,
    ) -> io::Result<Device> {
        let folder = folder(path);
        let subsystem = match subsystem {
            Some(name) => name.into(),
            None => {
                let link = tree.read_link(&folder.join("subsystem"))?;
                link.file_name().ok_or(io::ErrorKind::NotFound)?.into()
            }
        };
        let mut device = Device {
            path: path.into(),
            subsystem,
            properties: BTreeMap::new(),
            attributes: BTreeMap::new(),
        };
        let text = tree.read(&folder.join("uevent"))?;
        for line in text.split(|byte| *byte == b'\n') {
            device.tell_line(line);
        }
        device.look(tree);
        Ok(device)
    }

    /// Adds what udevd has found out, if it has.
    pub(crate) fn ask_udev(&mut self, tree: &dyn Tree) {
        if let Ok(data) = tree.read(&Path::new(UDEV_DATA).join(self.udev_id())) {
            self.tell_udev(&data);
        }
    }

    /// Adds what udevd keeps of it: `E:KEY=value` and `S:link`.
    fn tell_udev(&mut self, data: &[u8]) {
        let mut links = Vec::new();
        for line in data.split(|byte| *byte == b'\n') {
            match line.get(..2) {
                Some(b"E:") => self.tell_line(&line[2..]),
                Some(b"S:") => {
                    if !links.is_empty() {
                        links.push(b' ');
                    }
                    links.extend(b"/dev/");
                    links.extend(&line[2..]);
                }
                _ => {}
            }
        }
        if !links.is_empty() {
            self.tell(OsStr::new("DEVLINKS"), OsStr::from_bytes(&links));
        }
    }

    pub(crate) fn tell_line(&mut self, line: &[u8]) {
        if let Some(end) = line.iter().position(|byte| *byte == b'=') {
            let (key, value) = (&line[..end], &line[end + 1..]);
            self.tell(OsStr::from_bytes(key), OsStr::from_bytes(value));
        }
    }

    /// Notes a property; of one that is told twice the first counts.
    fn tell(&mut self, key: &OsStr, value: &OsStr) {
        let bytes = key.as_bytes();
        let about_the_event = NO_PROPERTIES.iter().any(|name| key == *name);
        // Names with a dot are of udevd's rules for each other, and are not kept.
        let is_private = bytes.is_empty() || bytes.starts_with(b".");
        if is_private || about_the_event || bytes.starts_with(b"SYNTH_") {
            return;
        }
        let value = match value.as_bytes().strip_prefix(b"/dev/") {
            // The kernel says `ttyUSB0`, udevd `/dev/ttyUSB0`.
            Some(name) if key == "DEVNAME" => name.to_vec(),
            // In no order, and in another one in udevd's files.
            _ if key == "DEVLINKS" => {
                let mut links: Vec<&[u8]> = value.as_bytes().split(|byte| *byte == b' ').collect();
                links.sort_unstable();
                links.join(&b' ')
            }
            _ => value.as_bytes().to_vec(),
        };
        self.properties
            .entry(key.into())
            .or_insert_with(|| OsString::from_vec(value));
    }

    fn look(&mut self, tree: &dyn Tree) {
        // Screens are many, and none has a file of a port's.
        if self.subsystem == "tty" && self.path.starts_with("/devices/virtual/tty") {
            return;
        }
        let of_kind = ATTRIBUTES.iter().find(|(subsystem, devtype, _)| {
            let is_of = |devtype: &str| self.devtype().is_some_and(|name| name == devtype);
            self.subsystem == *subsystem && devtype.is_none_or(is_of)
        });
        let Some((_, _, names)) = of_kind else {
            return;
        };
        for &name in *names {
            if let Ok(mut value) = tree.read(&folder(&self.path).join(name)) {
                while value.last().is_some_and(|byte| matches!(byte, b'\n' | 0)) {
                    value.pop();
                }
                self.attributes.insert(name, OsString::from_vec(value));
            }
        }
    }

    /// Returns the same device after a uevent that says less than all: what the tree said of it is
    /// kept where it says nothing any more. So is its alias, which the kernel leaves out when a driver
    /// goes, lest it be loaded again (`zap_modalias_env`, lib/kobject_uevent.c).
    pub(crate) fn updated(&self, mut new: Device) -> Device {
        if let Some(alias) = self.property("MODALIAS") {
            new.tell(OsStr::new("MODALIAS"), alias);
        }
        for (name, value) in &self.attributes {
            new.attributes.entry(name).or_insert_with(|| value.clone());
        }
        new
    }

    /// Tells whether it is this device that has its path now, as far as its numbers, its kind and its serial
    /// number tell; its driver and other properties may differ.
    pub fn is_same(&self, now: &Device) -> bool {
        self.path == now.path && !self.is_another(now)
    }

    /// Whether another device has its path now: it has another number, or is somebody else.
    pub(crate) fn is_another(&self, now: &Device) -> bool {
        const WHO: [&str; 6] = ["MAJOR", "MINOR", "IFINDEX", "DEVNUM", "PRODUCT", "DEVTYPE"];
        let serials = self.attribute("serial").zip(now.attribute("serial"));
        self.subsystem != now.subsystem
            || WHO
                .iter()
                .any(|key| self.property(key) != now.property(key))
            || serials.is_some_and(|(before, now)| before != now)
    }

    /// Whether it is a network interface for CAN (`ARPHRD_CAN`, include/uapi/linux/if_arp.h).
    pub(crate) fn is_can(self: &Arc<Device>) -> bool {
        self.subsystem == "net" && self.attribute("type").is_some_and(|kind| kind == "280")
    }

    /// Returns the same device at another path.
    pub(crate) fn moved(&self, path: PathBuf) -> Device {
        Device {
            path,
            ..self.clone()
        }
    }

    /// Returns the path of the device below `/sys`: `/devices/platform/…/gpiochip0`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its name, the last part of its path: `gpiochip0`.
    pub fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// Returns the subsystem: `gpio`, `tty`.
    pub fn subsystem(&self) -> &OsStr {
        &self.subsystem
    }

    /// Returns what it is within its subsystem: `usb_interface`, `gpio_chip`.
    pub fn devtype(&self) -> Option<&OsStr> {
        self.property("DEVTYPE")
    }

    /// Returns the driver that has it.
    pub fn driver(&self) -> Option<&OsStr> {
        self.property("DRIVER")
    }

    /// Returns its node, `/dev/gpiochip0`, if it has one.
    pub fn node(&self) -> Option<PathBuf> {
        let name = self.property("DEVNAME")?;
        Some(Path::new("/dev").join(name))
    }

    /// Returns a property, as uevents tell them: `MODALIAS`, `OF_FULLNAME`; and where udevd runs what
    /// its rules found out: `ID_PATH`, `DEVLINKS`.
    pub fn property(&self, key: impl AsRef<OsStr>) -> Option<&OsStr> {
        self.properties.get(key.as_ref()).map(OsString::as_os_str)
    }

    /// Returns all properties, by key.
    pub fn properties(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let properties = self.properties.iter();
        properties.map(|(key, value)| (key.as_os_str(), value.as_os_str()))
    }

    /// Returns a file of the device, if it is one that is read when the device comes: those that
    /// tell who it is, of the subsystems that this crate has views of. Without the line's end.
    pub fn attribute(&self, name: &str) -> Option<&OsStr> {
        self.attributes.get(name).map(OsString::as_os_str)
    }

    /// Returns the links that udevd has made to its node.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Path> {
        let links = self.property("DEVLINKS").unwrap_or_default().as_bytes();
        let links = links.split(|byte| *byte == b' ');
        let links = links.filter(|link| !link.is_empty());
        links.map(|link| Path::new(OsStr::from_bytes(link)))
    }

    /// Under which name udevd keeps what it knows of it (`device_get_device_id`,
    /// src/libsystemd/sd-device/device-private.c of systemd).
    pub(crate) fn udev_id(&self) -> OsString {
        let of = |key| self.property(key).map(OsStr::as_bytes);
        let bytes = match (of("MAJOR"), of("MINOR"), of("IFINDEX")) {
            (Some(major), Some(minor), _) => {
                let kind: &[u8] = match self.subsystem == "block" {
                    true => b"b",
                    false => b"c",
                };
                [kind, major, b":", minor].concat()
            }
            (_, _, Some(index)) => [b"n", index].concat(),
            _ => {
                let (subsystem, name) = (self.subsystem.as_bytes(), self.name().as_bytes());
                [b"+", subsystem, b":", name].concat()
            }
        };
        OsString::from_vec(bytes)
    }

    /// Returns the uevent of which the device could be made anew.
    pub fn to_uevent(&self, action: Action) -> Uevent {
        let mut event = Uevent::new(action, &self.path, &self.subsystem);
        for (key, value) in self.properties() {
            event = event.with(key, value);
        }
        event
    }
}

/// Where a device is in the tree.
pub(crate) fn folder(devpath: &Path) -> PathBuf {
    let below = devpath.strip_prefix("/").unwrap_or(devpath);
    Path::new("/sys").join(below)
}
