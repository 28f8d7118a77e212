//! What must hold for any bytes. Each function takes bytes, makes of them what it is about, and panics
//! if something does not hold. Whoever has bytes can call them: `sequences.rs` draws them, tests/fuzz
//! lets libFuzzer find them.

mod drawn;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use circuits_enumerate::{
    Action, Change, ChangeKind, Device, Devices, MemoryTree, Recording, Registry, Uevent,
};
use circuits_wait::Time;

pub(crate) use self::drawn::{Drawn, STEP, encode};

/// Any datagram, in the kernel's framing or udev's.
pub(crate) fn uevent(bytes: &[u8]) {
    let Ok(event) = Uevent::parse(bytes) else {
        return;
    };
    assert!(event.devpath().has_root());
    let mut parts = event.devpath().components();
    assert!(!parts.any(|part| part == Component::ParentDir));
    assert_eq!(Action::from(event.action().as_os_str()), *event.action());
    let _ = (
        event.seqnum(),
        event.subsystem(),
        event.action().to_string(),
    );
    for (key, _) in event.fields() {
        let key = key.to_str();
        assert!(key.is_none_or(|key| event.field(key).is_some()));
    }

    let again = Uevent::parse(&event.to_bytes()).expect("what was written is read");
    assert_eq!(again, event);
    assert_eq!(again.to_bytes(), event.to_bytes());

    // udev's frame has no header: the fields say it.
    let framed = Uevent::parse(&event.to_udev_bytes()).expect("what was framed is read");
    assert_eq!(framed.action(), event.action());
    assert_eq!(framed.devpath(), event.devpath());
    let has = |event: &Uevent| event.field("ACTION").is_some() && event.field("DEVPATH").is_some();
    assert!(has(&framed));
    match has(&event) {
        true => assert_eq!(framed, event),
        false => assert!(
            event
                .fields()
                .all(|field| framed.fields().any(|f| f == field))
        ),
    }
    assert_eq!(framed.to_udev_bytes(), event.to_udev_bytes());
}

/// Any text, and the tree it is applied to.
pub(crate) fn recording(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let recording = match Recording::parse(text) {
        Ok(recording) => recording,
        Err(error) => return assert!((1..=text.lines().count()).contains(&error.line)),
    };
    let (tree, mut registry) = (empty_tree(), Registry::default());
    let mut model = Model::default();
    for step in recording.steps() {
        step.apply(&tree);
        for event in step.uevents().filter_map(|bytes| Uevent::parse(bytes).ok()) {
            registry.apply(event.clone(), &tree, Time::default());
            model.take(&mut registry, Some(&event));
            tree.apply(&event);
        }
        let _ = step.nodes().count();
        // A tree that cannot be read is no panic.
        if let Ok(found) = Devices::list_tree(&tree) {
            assert_ordered(&found);
            registry.resync(found.clone(), Time::default());
            model.take(&mut registry, None);
            assert_same(&registry.devices().clone(), &found);
        }
    }
}

/// Any uevents, told or lost, in any order: what a registry tells is what it does.
pub(crate) fn registry(bytes: &[u8]) {
    let (tree, mut registry) = (empty_tree(), Registry::default());
    let mut model = Model::default();
    for (number, drawn) in Drawn::all(bytes).enumerate() {
        let now = Time::from_nanos(number as u64);
        if drawn.is_resync() {
            let found = Devices::list_tree(&tree).expect("a list");
            registry.resync(found.clone(), now);
            model.take(&mut registry, None);
            assert_same(registry.devices(), &found);
            continue;
        }
        let event = drawn.event();
        if drawn.is_in_tree() {
            tree.apply(&event);
        }
        if drawn.is_lost() {
            continue;
        }
        let before = registry.devices().clone();
        registry.apply(event.clone(), &tree, now);
        let kinds = model.take(&mut registry, Some(&event));
        assert_event(&event, &before, registry.devices(), &kinds);
    }
}

/// Uevents as a kernel tells them, none lost: what a registry has is what a look finds.
pub(crate) fn tree(bytes: &[u8]) {
    let (tree, mut registry) = (empty_tree(), Registry::default());
    let mut model = Model::default();
    for drawn in Drawn::all(bytes) {
        let event = drawn.event();
        if drawn.is_resync() || !is_legal(&event, registry.devices()) {
            continue;
        }
        if let (Action::Add, Some((name, text))) = (event.action(), drawn.attribute()) {
            let folder =
                Path::new("/sys/devices").join(event.devpath().strip_prefix("/devices").unwrap());
            tree.file(folder.join(name), text);
        }
        tree.apply(&event);
        registry.apply(event.clone(), &tree, Time::default());
        model.take(&mut registry, Some(&event));
        let found = Devices::list_tree(&tree).expect("a list");
        assert_ordered(&found);
        assert_same(registry.devices(), &found);
        // So there is nothing to tell.
        registry.resync(found, Time::default());
        assert!(registry.next_change().is_none());
    }
}

/// A machine has classes, but no devices yet.
fn empty_tree() -> MemoryTree {
    let tree = MemoryTree::new();
    tree.folder("/sys/class");
    tree
}

/// Devices as somebody has them who is told of changes alone.
#[derive(Default)]
struct Model(BTreeMap<PathBuf, Arc<Device>>);

impl Model {
    /// Takes what has changed, and is the same as the registry then. Without an event it was found by
    /// looking.
    fn take(&mut self, registry: &mut Registry, event: Option<&Uevent>) -> Vec<ChangeKind> {
        let mut kinds = Vec::new();
        let mut came: Vec<PathBuf> = Vec::new();
        while let Some(change) = registry.next_change() {
            assert!(change.uevent().is_none() || change.uevent() == event);
            let said = change.uevent().map(Uevent::devpath);
            assert!(said.is_none_or(|path| path == change.path()));
            if event.is_none() && change.kind() == ChangeKind::Added {
                let is_above = |path: &PathBuf| path.starts_with(change.path());
                assert!(
                    !came.iter().any(is_above),
                    "after what hangs on it: {change:?}"
                );
                came.push(change.path().into());
            }
            self.change(&change, event);
            kinds.push(change.kind());
        }
        assert_ordered(registry.devices());
        let same = self.0.values().eq(registry.devices().iter());
        assert!(same, "told {:#?}, is {:#?}", self.0, registry.devices());
        kinds
    }

    fn change(&mut self, change: &Change, event: Option<&Uevent>) {
        let (device, previous) = (change.device(), change.previous());
        let before = match change.kind() {
            ChangeKind::Moved => previous.expect("where it was").path(),
            _ => change.path(),
        };
        assert_eq!(self.0.remove(before).as_ref(), previous, "{change:?}");
        match change.kind() {
            ChangeKind::Added => assert!(previous.is_none()),
            ChangeKind::Removed => {
                assert_eq!(previous, Some(device));
                let left = self.0.keys().find(|path| path.starts_with(change.path()));
                assert_eq!(left, None, "was on {change:?}");
                return;
            }
            ChangeKind::Moved => {
                assert_ne!(before, change.path());
                assert!(
                    !self.0.contains_key(change.path()),
                    "there already: {change:?}"
                );
            }
            // A kernel need not say what has changed.
            ChangeKind::Changed if event.is_some() => assert!(previous.is_some()),
            ChangeKind::Changed => assert_ne!(previous, Some(device)),
            ChangeKind::Bound | ChangeKind::Unbound | ChangeKind::Online | ChangeKind::Offline => {
                assert!(previous.is_some() && event.is_some());
            }
            kind => panic!("{kind:?} is new"),
        }
        self.0.insert(change.path().into(), device.clone());
    }
}

/// What is said of an event, whatever was known before.
fn assert_event(event: &Uevent, before: &Devices, after: &Devices, kinds: &[ChangeKind]) {
    let to = event.devpath();
    let count = |devices: &Devices, path: &Path| {
        devices.below(path).count() + usize::from(devices.get(path).is_some())
    };
    if !to.starts_with("/devices") || to == Path::new("/devices") {
        assert!(kinds.is_empty(), "{event:?}");
        return assert_same(after, before);
    }
    if *event.action() == Action::Remove {
        assert_eq!(count(after, to), 0);
        assert_eq!(after.len(), before.len() - count(before, to));
        assert!(kinds.iter().all(|kind| *kind == ChangeKind::Removed));
        return;
    }
    let here = after.get(to).expect("what was told of");
    assert!(
        event
            .subsystem()
            .is_none_or(|name| name == here.subsystem())
            || *event.action() != Action::Add
    );
    // Again and again is no change.
    if *event.action() == Action::Add && before.get(to).is_some_and(|was| was == here) {
        assert!(kinds.is_empty(), "{kinds:?}");
    }
    let from = event.field("DEVPATH_OLD").map(Path::new);
    let from = from.filter(|from| *event.action() == Action::Move && before.get(from).is_some());
    let apart = from.filter(|from| !from.starts_with(to) && !to.starts_with(from));
    if let Some(from) = apart {
        assert_eq!(count(after, from), 0);
        assert_eq!(count(after, to), count(before, from));
        assert_eq!(after.len(), before.len() - count(before, to));
        let moved = kinds.iter().filter(|kind| **kind == ChangeKind::Moved);
        assert_eq!(moved.count(), count(before, from));
    }
}

/// Whether a kernel could say so, if it has these devices.
fn is_legal(event: &Uevent, devices: &Devices) -> bool {
    let to = event.devpath();
    let (Some(subsystem), Some(name)) = (event.subsystem(), to.file_name()) else {
        return false;
    };
    let is_device = |path: &Path| path.starts_with("/devices") && path.components().count() > 2;
    // Plainly written, as it writes all.
    let plain = |path: &OsStr| {
        Path::new(path)
            .components()
            .collect::<PathBuf>()
            .as_os_str()
            == path
    };
    if !is_device(to) || !plain(to.as_os_str()) {
        return false;
    }
    let known = devices.get(to);
    // A name is there once in a subsystem.
    let same_name =
        |device: &&Arc<Device>| device.subsystem() == subsystem && device.name() == name;
    let free = |but: &Path| {
        !devices
            .iter()
            .filter(same_name)
            .any(|device| device.path() != but)
    };
    let who = ["MAJOR", "DEVTYPE"];
    let is_same = |device: &Arc<Device>| {
        let same = |key: &&str| device.property(key) == event.field(key);
        device.subsystem() == subsystem && who.iter().all(same)
    };
    match (event.action(), event.field("DEVPATH_OLD").map(Path::new)) {
        (Action::Remove, _) => true,
        // What hangs on it comes after it. It may be told of again.
        (Action::Add, _) => {
            free(to) && devices.below(to).next().is_none() && known.is_none_or(is_same)
        }
        (Action::Move, Some(from)) => {
            let apart = !from.starts_with(to) && !to.starts_with(from);
            let ends_below = devices.below(to).next().is_some() || known.is_some();
            let moved = devices.get(from);
            let fits = moved.is_some_and(is_same) && plain(from.as_os_str());
            apart && fits && !ends_below && free(from)
        }
        _ => known.is_some_and(is_same),
    }
}

/// Each after what it hangs on, and once.
fn assert_ordered(devices: &Devices) {
    let paths: Vec<&Path> = devices.iter().map(|device| device.path()).collect();
    assert!(paths.is_sorted_by(|one, other| one < other), "{paths:?}");
    assert_eq!(paths.len(), devices.len());
    for path in paths {
        assert_eq!(devices.get(path).map(|device| device.path()), Some(path));
        let mut above = devices.above(path);
        assert!(above.all(|device| device.path() < path));
    }
}

fn assert_same(one: &Devices, other: &Devices) {
    fn list(devices: &Devices) -> impl Iterator<Item = &Arc<Device>> + Debug {
        devices.iter().collect::<Vec<_>>().into_iter()
    }
    let same = one.iter().eq(other.iter());
    assert!(same, "{:#?} is not {:#?}", list(one), list(other));
}
