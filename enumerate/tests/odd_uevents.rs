//! What a registry does with uevents that are odd, or that nobody told.

use circuits_enumerate::{
    Change, ChangeKind, Devices, MemoryTree, ParseError, Registry, Tree, Uevent,
};
use circuits_wait::Time;
use std::path::{Path, PathBuf};

fn event(text: &str) -> Uevent {
    Uevent::parse(text.replace(' ', "\0").as_bytes()).unwrap()
}

/// A tree and a registry that both know of these.
fn known(events: &[&str]) -> (MemoryTree, Registry) {
    let tree = MemoryTree::new();
    tree.folder("/sys/class");
    let mut registry = Registry::default();
    for text in events {
        tell(text, &tree, &mut registry);
    }
    (tree, registry)
}

fn tell(text: &str, tree: &MemoryTree, registry: &mut Registry) -> Vec<(ChangeKind, PathBuf)> {
    tree.apply(&event(text));
    registry.apply(event(text), tree, Time::default());
    changes(registry)
}

fn changes(registry: &mut Registry) -> Vec<(ChangeKind, PathBuf)> {
    let changes = std::iter::from_fn(|| registry.next_change());
    let told = |change: Change| (change.kind(), change.path().to_path_buf());
    changes.map(told).collect()
}

fn paths(devices: &Devices) -> Vec<&Path> {
    devices.iter().map(|device| device.path()).collect()
}

fn same(tree: &MemoryTree, registry: &Registry) {
    let found = Devices::list_tree(tree).unwrap();
    assert_eq!(paths(&found), paths(registry.devices()));
}

const HUB: &str = "add@/devices/a SUBSYSTEM=usb DEVNUM=001";
const PORT: &str = "add@/devices/a/x SUBSYSTEM=tty";

#[test]
fn what_hung_on_another_one_went_with_it() {
    let (tree, mut registry) = known(&[HUB, PORT]);
    // It went and came, with what hangs on it, and nobody told.
    tree.apply(&event("remove@/devices/a"));
    tree.apply(&event("add@/devices/a SUBSYSTEM=usb DEVNUM=002"));
    tree.apply(&event(PORT));
    registry.resync(Devices::list_tree(&tree).unwrap(), Time::default());
    let (a, x) = (PathBuf::from("/devices/a"), PathBuf::from("/devices/a/x"));
    assert_eq!(
        changes(&mut registry),
        [
            (ChangeKind::Removed, x.clone()),
            (ChangeKind::Removed, a.clone()),
            (ChangeKind::Added, a),
            (ChangeKind::Added, x),
        ]
    );
}

#[test]
fn a_move_from_nowhere_moves_nothing_else() {
    for from in ["", "/", "/devices", "/module/a"] {
        let (tree, mut registry) = known(&[HUB, PORT]);
        let text = format!("move@/devices/b SUBSYSTEM=net DEVPATH_OLD={from}");
        let told = tell(&text, &tree, &mut registry);
        assert_eq!(told, [(ChangeKind::Added, "/devices/b".into())], "{from}");
        assert_eq!(registry.devices().len(), 3);
        same(&tree, &registry);
    }
}

#[test]
fn a_move_to_the_same_name_is_a_change() {
    let (tree, mut registry) = known(&[HUB, PORT]);
    let text = "move@/devices/a SUBSYSTEM=usb DEVNUM=001 DEVPATH_OLD=/devices/a";
    let told = tell(text, &tree, &mut registry);
    assert_eq!(told, [(ChangeKind::Changed, "/devices/a".into())]);
    same(&tree, &registry);
}

#[test]
fn nothing_moves_below_itself_or_onto_what_it_hung_on() {
    let (tree, mut registry) = known(&[HUB, PORT]);
    let text = "move@/devices/a/x/y SUBSYSTEM=usb DEVPATH_OLD=/devices/a";
    let told = tell(text, &tree, &mut registry);
    let kinds: Vec<_> = told.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        kinds,
        [ChangeKind::Removed, ChangeKind::Removed, ChangeKind::Added]
    );
    same(&tree, &registry);

    let (tree, mut registry) = known(&[HUB, PORT]);
    let text = "move@/devices/a SUBSYSTEM=usb DEVNUM=001 DEVPATH_OLD=/devices/a/x";
    let told = tell(text, &tree, &mut registry);
    assert_eq!(told[0], (ChangeKind::Removed, "/devices/a/x".into()));
    assert_eq!(told[1], (ChangeKind::Changed, "/devices/a".into()));
    same(&tree, &registry);
}

#[test]
fn what_hangs_on_what_moves_is_found_again() {
    let (tree, mut registry) = known(&[HUB, PORT]);
    let text = "move@/devices/b SUBSYSTEM=usb DEVNUM=001 DEVPATH_OLD=/devices/a";
    tell(text, &tree, &mut registry);
    assert!(registry.devices().get("/devices/b/x").is_some());
    same(&tree, &registry);
    // Under its new name.
    assert_eq!(tree.list(Path::new("/sys/bus/usb/devices")).unwrap(), ["b"]);
}

#[test]
fn a_move_onto_another_one_ends_that() {
    let other = "add@/devices/b SUBSYSTEM=net";
    let (tree, mut registry) = known(&[HUB, PORT, other, "add@/devices/b/y SUBSYSTEM=can"]);
    let text = "move@/devices/b SUBSYSTEM=usb DEVNUM=001 DEVPATH_OLD=/devices/a";
    tell(text, &tree, &mut registry);
    same(&tree, &registry);
    assert_eq!(registry.devices().len(), 2);
}

#[test]
fn the_folder_of_devices_is_none() {
    let (tree, mut registry) = known(&[HUB]);
    for text in ["add@/devices SUBSYSTEM=usb", "remove@/devices", "remove@/"] {
        assert_eq!(tell(text, &tree, &mut registry), []);
        same(&tree, &registry);
    }
}

#[test]
fn a_frame_says_no_more_than_a_header_could() {
    let good = event("add@/devices/a");
    let framed = Uevent::parse(&good.to_udev_bytes()).unwrap();
    assert_eq!(framed.devpath(), good.devpath());
    assert_eq!(framed.action(), good.action());

    for action in ["", "a@b"] {
        let bytes = good.to_udev_bytes();
        let mut bad = bytes[..40].to_vec();
        let fields = format!("ACTION={action}\0DEVPATH=/devices/a\0");
        bad[20..24].copy_from_slice(&(fields.len() as u32).to_ne_bytes());
        bad.extend(fields.as_bytes());
        assert_eq!(Uevent::parse(&bad), Err(ParseError::NoHeader), "{action}");
    }
}
