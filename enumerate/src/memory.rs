use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::device::{Device, folder};
use crate::tree::{subtree, target};
use crate::{Action, CanLink, Tree, Uevent};

/// A tree that is made up: of a recording, or of uevents. Clones are the same tree.
///
/// ```
/// use circuits_enumerate::{MemoryTree, Tree, Uevent};
/// use std::path::Path;
///
/// let tree = MemoryTree::new();
/// tree.apply(&Uevent::parse(b"add@/devices/virtual/net/vcan0\0SUBSYSTEM=net\0INTERFACE=vcan0\0")?);
/// let file = Path::new("/sys/devices/virtual/net/vcan0/uevent");
/// assert_eq!(tree.read(file)?, b"INTERFACE=vcan0\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryTree(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<PathBuf, Entry>,
    can_links: Vec<CanLink>,
}

#[derive(Clone, Debug)]
enum Entry {
    Folder,
    File(Vec<u8>),
    Link(PathBuf),
    /// A file that fails with this number.
    Failing(i32),
}

/// The subsystems that are buses; the others are classes.
const BUSES: [&str; 11] = [
    "amba",
    "gpio",
    "i2c",
    "mmc",
    "pci",
    "platform",
    "serial-base",
    "spi",
    "usb",
    "usb-serial",
    "virtio",
];

impl MemoryTree {
    /// Makes an empty one.
    pub fn new() -> MemoryTree {
        MemoryTree::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn put(&self, path: impl Into<PathBuf>, entry: Entry) {
        self.lock().entries.insert(path.into(), entry);
    }

    /// Puts a folder there, which may be empty.
    pub fn folder(&self, path: impl Into<PathBuf>) {
        self.put(path, Entry::Folder);
    }

    /// Puts a file there.
    pub fn file(&self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) {
        self.put(path, Entry::File(bytes.into()));
    }

    /// Puts a file there that cannot be read: Linux's number of the error.
    pub fn failing(&self, path: impl Into<PathBuf>, errno: i32) {
        self.put(path, Entry::Failing(errno));
    }

    /// Puts a link there.
    pub fn link(&self, path: impl Into<PathBuf>, target: impl Into<PathBuf>) {
        self.put(path, Entry::Link(target.into()));
    }

    /// Takes away what is there, with all that is in it.
    pub fn remove(&self, path: impl AsRef<Path>) {
        self.lock().remove(path.as_ref());
    }

    /// Sets what route netlink says of a CAN interface.
    pub fn can_link(&self, link: CanLink) {
        let links = &mut self.lock().can_links;
        links.retain(|other| other.name != link.name);
        links.push(link);
        links.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Returns what route netlink says of a CAN interface.
    pub(crate) fn can_link_of(&self, name: &str) -> Option<CanLink> {
        let state = self.lock();
        let mut links = state.can_links.iter();
        links.find(|link| link.name == name).cloned()
    }

    /// Forgets what route netlink says of a CAN interface.
    pub fn remove_can_link(&self, name: &str) {
        self.lock().can_links.retain(|link| link.name != name);
    }

    /// Does what a kernel does before it sends this uevent.
    pub fn apply(&self, event: &Uevent) {
        if !event.is_of_device() {
            return;
        }
        let mut state = self.lock();
        match event.action() {
            Action::Remove => state.remove_device(event.devpath()),
            Action::Move => {
                if let Some(from) = event.moved_from() {
                    state.move_device(from, event.devpath());
                }
                state.put_device(event);
            }
            _ => state.put_device(event),
        }
    }
}

impl State {
    fn put_device(&mut self, event: &Uevent) {
        let (path, Some(subsystem)) = (event.devpath(), event.subsystem()) else {
            return;
        };
        let folder = folder(path);
        let mut device = Device::of_uevent(event, &Nothing);
        // This uevent alone leaves out the alias, which the file does not.
        if *event.action() == Action::Unbind {
            if let Some(Entry::File(text)) = self.entries.get(&folder.join("uevent")) {
                let mut lines = text.split(|byte| *byte == b'\n');
                let alias = lines.find(|line| line.starts_with(b"MODALIAS="));
                if let Some(line) = alias {
                    device.tell_line(line);
                }
            }
        }
        let mut text = Vec::new();
        for (key, value) in device.properties() {
            text.extend_from_slice(key.as_bytes());
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
            text.push(b'\n');
        }
        let (home, members) = home(subsystem, device.devtype());
        let links = [
            (folder.join("subsystem"), home),
            (members.join(device.name()), folder.clone()),
        ];
        for (link, to) in links {
            // What is recorded has the kernel's own, which say the same in other words.
            let above = link.parent().unwrap_or(Path::new("/"));
            let says_so = match self.entries.get(&link) {
                Some(Entry::Link(now)) => target(above, now) == to,
                _ => false,
            };
            if !says_so {
                self.entries.insert(link, Entry::Link(to));
            }
        }
        self.entries
            .insert(folder.join("uevent"), Entry::File(text));
        self.entries.insert(folder, Entry::Folder);
    }

    fn remove_device(&mut self, path: &Path) {
        let folder = folder(path);
        self.remove(&folder);
        for (link, _) in self.links_into(&folder) {
            self.entries.remove(&link);
        }
    }

    /// Links of classes and buses to a device and what hangs on it, with where there.
    fn links_into(&self, folder: &Path) -> Vec<(PathBuf, PathBuf)> {
        let below = |link: &PathBuf, entry: &Entry| match entry {
            Entry::Link(to) => {
                let above = link.parent().unwrap_or(Path::new("/"));
                let target = target(above, to);
                Some((link.clone(), target.strip_prefix(folder).ok()?.into()))
            }
            _ => None,
        };
        let entries = self.entries.iter();
        entries.filter_map(|(link, to)| below(link, to)).collect()
    }

    fn move_device(&mut self, from: &Path, to: &Path) {
        if from == to {
            return;
        }
        // Nothing can hang on itself, nor be what it hung on.
        if from.starts_with(to) || to.starts_with(from) {
            return self.remove_device(from);
        }
        let (from_folder, to_folder) = (folder(from), folder(to));
        let moving = subtree(&self.entries, &from_folder).filter_map(|(path, entry)| {
            let below = path.strip_prefix(&from_folder).ok()?;
            Some((join(&to_folder, below), entry.clone()))
        });
        let moving: Vec<_> = moving.collect();
        self.remove(&from_folder);
        self.remove_device(to);
        for (mut link, below) in self.links_into(&from_folder) {
            self.entries.remove(&link);
            if below.as_os_str().is_empty() && link.file_name() == from.file_name() {
                link.set_file_name(to.file_name().unwrap_or_default());
            }
            let target = Entry::Link(join(&to_folder, &below));
            self.entries.insert(link, target);
        }
        self.entries.extend(moving);
    }

    fn remove(&mut self, path: &Path) {
        let paths: Vec<PathBuf> = subtree(&self.entries, path)
            .map(|(path, _)| path.clone())
            .collect();
        paths
            .iter()
            .for_each(|path| drop(self.entries.remove(path)));
    }
}

/// `join` of nothing would end it with a slash.
fn join(path: &Path, below: &Path) -> PathBuf {
    path.iter().chain(below).collect()
}

/// The folder of a subsystem, and the one with the links to its devices.
fn home(subsystem: &OsStr, devtype: Option<&OsStr>) -> (PathBuf, PathBuf) {
    // There is a class of this name, too, the old interface's.
    let is_old_gpio = subsystem == "gpio" && devtype.is_none();
    if BUSES.iter().any(|bus| subsystem == *bus) && !is_old_gpio {
        let home = Path::new("/sys/bus").join(subsystem);
        return (home.clone(), home.join("devices"));
    }
    let home = Path::new("/sys/class").join(subsystem);
    (home.clone(), home)
}

impl Tree for MemoryTree {
    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        const EISDIR: i32 = 21;
        match self.lock().entries.get(file) {
            Some(Entry::File(bytes)) => Ok(bytes.clone()),
            Some(Entry::Failing(errno)) => Err(io::Error::from_raw_os_error(*errno)),
            Some(Entry::Folder) => Err(io::Error::from_raw_os_error(EISDIR)),
            Some(Entry::Link(_)) | None => Err(not_found()),
        }
    }

    fn read_link(&self, link: &Path) -> io::Result<PathBuf> {
        const EINVAL: i32 = 22;
        match self.lock().entries.get(link) {
            Some(Entry::Link(target)) => Ok(target.clone()),
            Some(_) => Err(io::Error::from_raw_os_error(EINVAL)),
            None => Err(not_found()),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let state = self.lock();
        let (mut names, mut is_there) = (BTreeSet::new(), false);
        for (path, _) in subtree(&state.entries, folder) {
            is_there = true;
            let below = path.strip_prefix(folder).unwrap_or(path);
            names.extend(
                below
                    .components()
                    .next()
                    .map(|name| name.as_os_str().to_owned()),
            );
        }
        match is_there {
            true => Ok(names.into_iter().collect()),
            false => Err(not_found()),
        }
    }

    fn can_links(&self) -> io::Result<Vec<CanLink>> {
        Ok(self.lock().can_links.clone())
    }
}

fn not_found() -> io::Error {
    const ENOENT: i32 = 2;
    io::Error::from_raw_os_error(ENOENT)
}

/// A tree with nothing in it.
#[derive(Debug)]
struct Nothing;

impl Tree for Nothing {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(not_found())
    }

    fn read_link(&self, _: &Path) -> io::Result<PathBuf> {
        Err(not_found())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<OsString>> {
        Err(not_found())
    }
}
