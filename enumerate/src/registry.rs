use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use circuits_wait::Time;

use crate::tree::subtree;
use crate::{Action, Change, ChangeKind, Device, Devices, Identity, Tree, Uevent};

/// Devices that are kept up to date by uevents.
///
/// [`Watch`](crate::Watch) has one and feeds it; who has uevents of his own can, too. What hangs on
/// a device goes before it does, whether a uevent says so or not.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    devices: Devices,
    changes: VecDeque<Change>,
}

impl Registry {
    /// Makes one that begins with these.
    pub fn new(devices: Devices) -> Registry {
        Registry {
            devices,
            changes: VecDeque::new(),
        }
    }

    /// Returns the devices that there are now.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// Takes the next change that uevents have led to, the oldest first.
    pub fn next_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// Does what a uevent tells. A uevent of a device that is known so already is no change: many
    /// programs have the kernel tell of all devices again when they start.
    pub fn apply(&mut self, event: Uevent, tree: &dyn Tree, time: Time) {
        if !event.is_of_device() {
            return;
        }
        let event = Arc::new(event);
        let was_can = self.is_can(&event);
        let mut changing = Changing {
            devices: &mut self.devices,
            changes: &mut self.changes,
            time,
            uevent: Some(event.clone()),
        };
        match event.action() {
            Action::Remove => changing.remove(event.devpath()),
            Action::Move => changing.move_here(&event, tree),
            _ => changing.update(&event, tree),
        }
        // Nobody is asked because of other interfaces: much may happen to them.
        if was_can || self.is_can(&event) {
            self.devices.look_at_can(tree);
        }
    }

    /// Whether a uevent is about a CAN interface.
    fn is_can(&self, event: &Uevent) -> bool {
        let from = event.field("DEVPATH_OLD").map(Path::new);
        let paths = [Some(event.devpath()), from].into_iter().flatten();
        let mut devices = paths.filter_map(|path| self.devices.devices.get(path));
        devices.any(Device::is_can)
    }

    /// Makes it equal to what was found by looking, after uevents were lost, and tells of the
    /// differences: what went, each before what it hung on, then what came, each after it.
    pub fn resync(&mut self, found: Devices, time: Time) {
        let mut changing = Changing {
            devices: &mut self.devices,
            changes: &mut self.changes,
            time,
            uevent: None,
        };
        let is_gone = |device: &&Arc<Device>| match found.devices.get(device.path()) {
            Some(now) => device.is_another(now),
            None => true,
        };
        let gone = changing.devices.iter().filter(is_gone);
        let gone: Vec<PathBuf> = gone.map(|device| device.path().into()).collect();
        // What hung on it went with it, even if there is such a one again.
        for path in gone.iter().rev() {
            changing.remove(path);
        }
        let before = std::mem::replace(changing.devices, found.clone());
        for device in found.iter() {
            let previous = before.get(device.path()).cloned();
            match previous {
                Some(previous) if previous == *device => {}
                Some(_) => changing.tell(ChangeKind::Changed, device.clone(), previous),
                None => changing.tell(ChangeKind::Added, device.clone(), None),
            }
        }
    }
}

/// Devices in the middle of a change.
struct Changing<'a> {
    devices: &'a mut Devices,
    changes: &'a mut VecDeque<Change>,
    time: Time,
    uevent: Option<Arc<Uevent>>,
}

impl Changing<'_> {
    /// The devices by path. Somebody may hold them as they were.
    fn map(&mut self) -> &mut BTreeMap<PathBuf, Arc<Device>> {
        Arc::make_mut(&mut self.devices.devices)
    }

    fn tell(&mut self, kind: ChangeKind, device: Arc<Device>, previous: Option<Arc<Device>>) {
        let identity = self.devices.identity(&device);
        self.tell_as(identity, kind, device, previous);
    }

    fn tell_as(
        &mut self,
        identity: Identity,
        kind: ChangeKind,
        device: Arc<Device>,
        previous: Option<Arc<Device>>,
    ) {
        // What follows from it was told by no uevent.
        let uevent = self.uevent.clone();
        self.changes.push_back(Change {
            time: self.time,
            kind,
            uevent: uevent.filter(|event| event.devpath() == device.path()),
            identity,
            device,
            previous,
        });
    }

    fn update(&mut self, event: &Uevent, tree: &dyn Tree) {
        let path = event.devpath();
        let device = match event.action() {
            Action::Add => None,
            // They say things of the moment, which are no properties, and not always all that are.
            _ => Device::read(path, event.subsystem(), tree).ok(),
        };
        let mut device = device.unwrap_or_else(|| Device::of_uevent(event, tree));
        // What udevd says of one that has just come may be of another one that had its number.
        let has_come = *event.action() == Action::Add && self.devices.get(path).is_none();
        if !has_come {
            device.ask_udev(tree);
        }
        let Some(previous) = self.devices.get(path).cloned() else {
            let device = Arc::new(device);
            self.map().insert(path.into(), device.clone());
            return self.tell(ChangeKind::Added, device, None);
        };
        let again = *event.action() == Action::Add || event.field("SYNTH_UUID").is_some();
        if again && previous.is_another(&device) {
            // It went and came, and nobody told that it went.
            self.remove(path);
            return self.update(event, tree);
        }
        let device = Arc::new(previous.updated(device));
        if again && device == previous {
            return;
        }
        let kind = match event.action() {
            Action::Bind => ChangeKind::Bound,
            Action::Unbind => ChangeKind::Unbound,
            Action::Online => ChangeKind::Online,
            Action::Offline => ChangeKind::Offline,
            _ => ChangeKind::Changed,
        };
        self.map().insert(path.into(), device.clone());
        self.tell(kind, device, Some(previous));
    }

    /// A device goes, and all that hangs on it before.
    fn remove(&mut self, path: &Path) {
        let gone = subtree(&self.devices.devices, path).map(|(_, device)| {
            // While all are there that it is told apart from.
            (device.clone(), self.devices.identity(device))
        });
        let gone: Vec<(Arc<Device>, Identity)> = gone.collect();
        for (device, identity) in gone.into_iter().rev() {
            self.map().remove(device.path());
            let previous = Some(device.clone());
            self.tell_as(identity, ChangeKind::Removed, device, previous);
        }
    }

    /// A device has another path, and so has all that hangs on it.
    fn move_here(&mut self, event: &Uevent, tree: &dyn Tree) {
        let to = event.devpath();
        // The kernel says so of one that got the name it had (`device_rename`), too.
        let Some(from) = event.moved_from().filter(|from| *from != to) else {
            return self.update(event, tree);
        };
        // Nothing can hang on itself, nor be what it hung on.
        if from.starts_with(to) || to.starts_with(from) {
            self.remove(from);
            return self.update(event, tree);
        }
        let moving = subtree(&self.devices.devices, from).map(|(_, device)| device.clone());
        let moving: Vec<Arc<Device>> = moving.collect();
        if moving.is_empty() {
            // A look has seen that already, or it is not known where it was.
            return self.update(event, tree);
        }
        for device in &moving {
            self.map().remove(device.path());
        }
        // Whatever was there is not any more.
        self.remove(to);
        for previous in moving {
            let Ok(below) = previous.path().strip_prefix(from) else {
                continue;
            };
            // `join` of nothing would end it with a slash.
            let device = match below.as_os_str().is_empty() {
                true => {
                    let mut device = Device::of_uevent(event, tree);
                    device.ask_udev(tree);
                    previous.updated(device)
                }
                false => previous.moved(to.join(below)),
            };
            let device = Arc::new(device);
            self.map().insert(device.path().into(), device.clone());
            self.tell(ChangeKind::Moved, device, Some(previous));
        }
        if self.devices.get(to).is_none() {
            self.update(event, tree);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryTree;

    /// What a uevent other than `add` says is read from the tree, which has nothing of udevd's.
    #[test]
    fn what_udevd_found_out_outlives_a_driver() {
        let tree = MemoryTree::new();
        tree.folder("/sys/class");
        let add = b"add@/devices/1-1\0SUBSYSTEM=usb\0DEVTYPE=usb_device\0MAJOR=189\0MINOR=3\0";
        let data = "S:gps\nI:1\nE:ID_SERIAL_SHORT=GPS\nG:systemd\n";
        tree.apply(&Uevent::parse(add).unwrap());
        tree.file("/run/udev/data/c189:3", data);
        let mut registry = Registry::new(Devices::list_tree(&tree).unwrap());
        let before = registry.devices().get("/devices/1-1").unwrap().clone();
        assert_eq!(before.property("ID_SERIAL_SHORT"), Some("GPS".as_ref()));
        for action in ["bind", "change", "unbind"] {
            let event = format!("{action}@/devices/1-1\0SUBSYSTEM=usb\0");
            let event = Uevent::parse(event.as_bytes()).unwrap();
            registry.apply(event, &tree, Time::default());
            let change = registry.next_change().unwrap();
            assert_eq!(change.device(), &before);
        }
    }
}
