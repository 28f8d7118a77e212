use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::device::{Device, UDEV_DATA, folder};
use crate::tree::{subtree, target};
use crate::{Backend, CanLink, Error, Linux, Machine, Result, Tree};

/// The subsystems that the buses of this suite are seen in, and USB's, whose devices have serial
/// numbers.
const BUSES: [&str; 9] = [
    "gpio",
    "i2c",
    "i2c-dev",
    "net",
    "spi",
    "spi_master",
    "spidev",
    "tty",
    "usb",
];

/// The devices that there are at a moment, by their paths: a device comes after what it hangs on.
///
/// It is a value, which does not change by itself and is cheap to clone. [`Watch`](crate::Watch)
/// has one that is kept up to date.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    pub(crate) devices: Arc<BTreeMap<PathBuf, Arc<Device>>>,
    pub(crate) can_links: Arc<Vec<CanLink>>,
    pub(crate) machine: Arc<Machine>,
}

impl Devices {
    /// Lists what the buses of this suite are made of, on this Linux machine: GPIO chips, I2C
    /// adapters and what is on them, SPI controllers and theirs, serial ports, network interfaces,
    /// USB devices, and all that they hang on. No device node is opened.
    ///
    /// # Errors
    /// As [`Devices::list_on`].
    pub fn list() -> Result<Devices> {
        Devices::list_on(&Linux::here("devices")?)
    }

    /// Lists the same of `backend`.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no `/sys`; [`Error::Io`].
    pub fn list_on(backend: &dyn Backend) -> Result<Devices> {
        Devices::list_subsystems_on(backend, &BUSES)
    }

    /// Lists the devices of these subsystems, and all that they hang on.
    ///
    /// # Errors
    /// As [`Devices::list_on`].
    pub fn list_subsystems_on(backend: &dyn Backend, subsystems: &[&str]) -> Result<Devices> {
        Devices::scan(&*backend.tree(), Some(subsystems))
    }

    /// Lists all devices of all subsystems, some hundreds to thousands.
    ///
    /// # Errors
    /// As [`Devices::list_on`].
    pub fn list_all_on(backend: &dyn Backend) -> Result<Devices> {
        Devices::scan(&*backend.tree(), None)
    }

    /// Lists all devices in a tree: of a recording.
    ///
    /// # Errors
    /// As [`Devices::list_on`].
    pub fn list_tree(tree: &dyn Tree) -> Result<Devices> {
        Devices::scan(tree, None)
    }

    pub(crate) fn scan(tree: &dyn Tree, subsystems: Option<&[&str]>) -> Result<Devices> {
        let members = match subsystems {
            Some(names) => members(tree, names),
            None => all_members(tree),
        };
        let members = members.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => Error::NotFound {
                path: "/sys".into(),
                source,
            },
            _ => Error::from_io("/sys", source),
        })?;
        let known_to_udev: BTreeSet<OsString> = match tree.list(Path::new(UDEV_DATA)) {
            Ok(names) => names.into_iter().collect(),
            Err(_) => BTreeSet::new(),
        };
        let mut devices = BTreeMap::new();
        let mut no_devices = BTreeSet::new();
        for (path, subsystem) in members {
            for above in path.ancestors().skip(1) {
                // What is above it is known, then.
                if devices.contains_key(above) || !no_devices.insert(above.to_path_buf()) {
                    break;
                }
                if let Some(device) = read(above, None, tree, &known_to_udev)? {
                    no_devices.remove(above);
                    devices.insert(above.into(), device);
                }
            }
            // It may be known already, as what another one hangs on.
            if let Entry::Vacant(place) = devices.entry(path) {
                let device = read(place.key(), Some(&subsystem), tree, &known_to_udev)?;
                device.map(|device| place.insert(device));
            }
        }
        let mut devices = Devices {
            devices: Arc::new(devices),
            can_links: Arc::default(),
            machine: Arc::new(Machine::read(tree)),
        };
        devices.look_at_can(tree);
        Ok(devices)
    }

    /// Asks for the state of CAN interfaces, if there are any.
    pub(crate) fn look_at_can(&mut self, tree: &dyn Tree) {
        let has_can = self.of("net").any(Device::is_can);
        let links = match has_can {
            true => tree.can_links(),
            false => Ok(Vec::new()),
        };
        // It is busy; or nobody can be asked, and nothing was known before.
        let Ok(links) = links else { return };
        if *self.can_links != links {
            self.can_links = Arc::new(links);
        }
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.devices.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }

    /// Returns the device with this path: `/devices/platform/soc/3f200000.gpio`, with or without
    /// `/sys` before it.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<&Arc<Device>> {
        let path = path.as_ref();
        match path.strip_prefix("/sys") {
            Ok(below) => self.devices.get(&Path::new("/").join(below)),
            Err(_) => self.devices.get(path),
        }
    }

    /// Returns all devices, each after what it hangs on.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.devices.values()
    }

    /// Returns the devices of a subsystem: `hwmon`.
    pub fn of<'a, 's>(
        &'a self,
        subsystem: &'s str,
    ) -> impl Iterator<Item = &'a Arc<Device>> + use<'a, 's> {
        self.iter()
            .filter(move |device| device.subsystem() == subsystem)
    }

    /// Returns the subsystems that there are devices of.
    pub fn subsystems(&self) -> impl Iterator<Item = &OsStr> {
        let names: BTreeSet<&OsStr> = self.iter().map(|device| device.subsystem()).collect();
        names.into_iter()
    }

    /// Returns all that hangs on the device with this path, directly or not.
    pub fn below<'a, 'p>(
        &'a self,
        path: &'p Path,
    ) -> impl Iterator<Item = &'a Arc<Device>> + use<'a, 'p> {
        let devices = subtree(&self.devices, path).map(|(_, device)| device);
        devices.filter(move |device| device.path() != path)
    }

    /// Returns what hangs directly on the device with this path.
    pub fn children<'a, 'p>(
        &'a self,
        path: &'p Path,
    ) -> impl Iterator<Item = &'a Arc<Device>> + use<'a, 'p> {
        self.below(path).filter(move |device| {
            let parent = self.parent(device.path());
            parent.is_some_and(|parent| parent.path() == path)
        })
    }

    /// Returns what the device with this path hangs on.
    pub fn parent(&self, path: &Path) -> Option<&Arc<Device>> {
        self.above(path).next()
    }

    /// Returns all that the device with this path hangs on, the nearest first.
    pub fn above<'a, 'p>(
        &'a self,
        path: &'p Path,
    ) -> impl Iterator<Item = &'a Arc<Device>> + use<'a, 'p> {
        let above = path.ancestors().skip(1);
        above.filter_map(|path| self.devices.get(path))
    }
}

/// The devices of these subsystems, with their names.
type Members = BTreeMap<PathBuf, OsString>;

fn members(tree: &dyn Tree, subsystems: &[&str]) -> io::Result<Members> {
    let mut members = Members::new();
    // A machine need not have any of these, but it has classes.
    tree.list(Path::new("/sys/class"))?;
    for subsystem in subsystems {
        // A name, and no path.
        if subsystem.contains('/') {
            continue;
        }
        let class = Path::new("/sys/class").join(subsystem);
        let bus = Path::new("/sys/bus").join(subsystem).join("devices");
        for folder in [class, bus] {
            collect(tree, &folder, OsStr::new(subsystem), &mut members)?;
        }
    }
    Ok(members)
}

fn all_members(tree: &dyn Tree) -> io::Result<Members> {
    let mut members = Members::new();
    for class in tree.list(Path::new("/sys/class"))? {
        let folder = Path::new("/sys/class").join(&class);
        collect(tree, &folder, &class, &mut members)?;
    }
    for bus in list(tree, Path::new("/sys/bus"))? {
        let folder = Path::new("/sys/bus").join(&bus).join("devices");
        collect(tree, &folder, &bus, &mut members)?;
    }
    Ok(members)
}

/// The links in a folder of a class or a bus are its devices.
fn collect(
    tree: &dyn Tree,
    folder: &Path,
    subsystem: &OsStr,
    members: &mut Members,
) -> io::Result<()> {
    for name in list(tree, folder)? {
        let link = match tree.read_link(&folder.join(name)) {
            Ok(link) => link,
            // Classes have files of their own, too; and a device may be gone by now.
            Err(error) if is_gone(&error) => continue,
            Err(error) => return Err(error),
        };
        let target = target(folder, &link);
        let Ok(below) = target.strip_prefix("/sys") else {
            continue;
        };
        members.insert(Path::new("/").join(below), subsystem.into());
    }
    Ok(())
}

/// What is in a folder: nothing, if this machine does not have the subsystem. What cannot be looked at is
/// an error, or all of it would seem to have gone.
fn list(tree: &dyn Tree, folder: &Path) -> io::Result<Vec<OsString>> {
    match tree.list(folder) {
        Err(error) if is_gone(&error) => Ok(Vec::new()),
        names => names,
    }
}

/// A device, unless there is none of that path, or none any more.
fn read(
    path: &Path,
    subsystem: Option<&OsStr>,
    tree: &dyn Tree,
    known_to_udev: &BTreeSet<OsString>,
) -> Result<Option<Arc<Device>>> {
    // Nothing there is a device: `/`, `/devices`, `/devices/platform` have no uevents.
    if path.components().count() < 3 {
        return Ok(None);
    }
    let mut device = match Device::read(path, subsystem, tree) {
        Ok(device) => device,
        Err(error) if is_gone(&error) => return Ok(None),
        // One that this process may not know of.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        Err(error) => return Err(Error::from_io(folder(path).display().to_string(), error)),
    };
    if known_to_udev.contains(&device.udev_id()) {
        device.ask_udev(tree);
    }
    Ok(Some(Arc::new(device)))
}

/// What sysfs says of what is not there, or is just going.
fn is_gone(error: &io::Error) -> bool {
    const ENODEV: i32 = 19;
    const ENOTDIR: i32 = 20;
    const EINVAL: i32 = 22;
    error.kind() == io::ErrorKind::NotFound
        || matches!(error.raw_os_error(), Some(ENODEV | ENOTDIR | EINVAL))
}
