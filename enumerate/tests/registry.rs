//! What uevents lead to, one by one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use circuits_enumerate::{Action, Change, ChangeKind, Devices, MemoryTree, Registry, Tree, Uevent};
use circuits_wait::Time;

fn event(action: &str, path: &str, subsystem: &str) -> Uevent {
    Uevent::new(Action::from(OsStr::new(action)), path, subsystem)
}

/// A tree and who is fed with what becomes of it.
#[derive(Default)]
struct Machine {
    tree: MemoryTree,
    registry: Registry,
}

impl Machine {
    fn new() -> Machine {
        let machine = Machine::default();
        machine.tree.folder("/sys/class");
        machine
    }

    /// The kernel does it, and tells of it.
    fn does(&mut self, event: Uevent) -> Vec<Change> {
        self.tree.apply(&event);
        self.hears(event)
    }

    fn hears(&mut self, event: Uevent) -> Vec<Change> {
        self.registry.apply(event, &self.tree, Time::from_nanos(7));
        std::iter::from_fn(|| self.registry.next_change()).collect()
    }

    #[track_caller]
    fn is_as_the_tree(&self) {
        let there = Devices::list_tree(&self.tree).unwrap();
        let there: Vec<_> = there.iter().collect();
        let known: Vec<_> = self.registry.devices().iter().collect();
        assert_eq!(known, there);
    }
}

fn told(changes: &[Change]) -> Vec<(ChangeKind, &str)> {
    let told = changes.iter();
    told.map(|change| (change.kind(), change.path().to_str().unwrap()))
        .collect()
}

#[test]
fn all_that_hangs_on_it_moves_along() {
    let mut machine = Machine::new();
    let add = |path, subsystem| event("add", path, subsystem);
    machine.does(add("/devices/virtual/net/can0", "net").with("IFINDEX", "3"));
    machine.does(add("/devices/virtual/net/can0/statistics/below", "leds").with("MAX", "1"));
    // Its name begins alike, and it stays.
    machine.does(add("/devices/virtual/net/can01", "net").with("IFINDEX", "4"));
    let moving = event("move", "/devices/virtual/net/body", "net")
        .with("DEVPATH_OLD", "/devices/virtual/net/can0")
        .with("INTERFACE", "body")
        .with("IFINDEX", "3");
    let changes = machine.does(moving);
    assert_eq!(
        told(&changes),
        [
            (ChangeKind::Moved, "/devices/virtual/net/body"),
            (
                ChangeKind::Moved,
                "/devices/virtual/net/body/statistics/below"
            ),
        ]
    );
    let was = |change: &Change| change.previous().unwrap().path().to_owned();
    assert_eq!(was(&changes[0]), Path::new("/devices/virtual/net/can0"));
    assert_eq!(
        was(&changes[1]),
        Path::new("/devices/virtual/net/can0/statistics/below")
    );
    assert_eq!(changes[1].device().property("MAX"), Some("1".as_ref()));
    assert!(changes[0].uevent().is_some() && changes[1].uevent().is_none());
    assert_eq!(changes[0].device().property("DEVPATH_OLD"), None);
    machine.is_as_the_tree();
}

#[test]
fn who_is_not_known_comes_when_it_moves() {
    let mut machine = Machine::new();
    let moving = event("move", "/devices/virtual/net/body", "net")
        .with("DEVPATH_OLD", "/devices/virtual/net/can0");
    let changes = machine.does(moving);
    assert_eq!(
        told(&changes),
        [(ChangeKind::Added, "/devices/virtual/net/body")]
    );
    machine.is_as_the_tree();
}

#[test]
fn what_hangs_on_it_goes_first() {
    let mut machine = Machine::new();
    for path in [
        "/devices/a",
        "/devices/a/b",
        "/devices/a/b/c",
        "/devices/a/d",
        "/devices/ab",
    ] {
        machine.does(event("add", path, "usb"));
    }
    let changes = machine.does(event("remove", "/devices/a", "usb"));
    let paths = [
        "/devices/a/d",
        "/devices/a/b/c",
        "/devices/a/b",
        "/devices/a",
    ];
    assert_eq!(
        told(&changes),
        paths.map(|path| (ChangeKind::Removed, path))
    );
    assert!(changes[..3].iter().all(|change| change.uevent().is_none()));
    assert!(changes[3].uevent().is_some());
    machine.is_as_the_tree();
    // It is told of those, too, and they went already.
    assert!(
        machine
            .does(event("remove", "/devices/a/b", "usb"))
            .is_empty()
    );
}

#[test]
fn a_synthetic_uevent_of_what_is_known_is_no_change() {
    let mut machine = Machine::new();
    let tty = "/devices/platform/uart/tty/ttyAMA0";
    let add = event("add", tty, "tty")
        .with("MAJOR", "204")
        .with("DEVNAME", "ttyAMA0");
    assert_eq!(machine.does(add.clone()).len(), 1);
    assert!(
        machine
            .hears(add.clone().with("SYNTH_UUID", "0"))
            .is_empty()
    );
    assert!(machine.hears(add.with("SYNTH_ARG_WHY", "so")).is_empty());
    let change = event("change", tty, "tty").with("SYNTH_UUID", "0");
    assert!(machine.hears(change).is_empty());
    // One that nobody asked for is one.
    let changes = machine.hears(event("change", tty, "tty"));
    assert_eq!(told(&changes), [(ChangeKind::Changed, tty)]);
    machine.is_as_the_tree();
}

#[test]
fn another_of_the_same_name_is_another() {
    let mut machine = Machine::new();
    let can = "/devices/virtual/net/vcan0";
    let below = "/devices/virtual/net/vcan0/below";
    machine.does(event("add", can, "net").with("IFINDEX", "3"));
    machine.does(event("add", below, "leds"));
    machine.tree.remove(Path::new("/sys").join(&below[1..]));
    machine.tree.remove("/sys/class/leds/below");
    let changes = machine.does(event("add", can, "net").with("IFINDEX", "9"));
    assert_eq!(
        told(&changes),
        [
            (ChangeKind::Removed, below),
            (ChangeKind::Removed, can),
            (ChangeKind::Added, can)
        ]
    );
    machine.is_as_the_tree();
}

#[test]
fn values_that_are_no_text_are_kept() {
    let mut machine = Machine::new();
    let value = OsStr::from_bytes(b"\xff\xfe caf\xe9");
    let path = "/devices/platform/one";
    let bytes = event("add", path, "platform")
        .with("NAME", value)
        .to_bytes();
    let changes = machine.does(Uevent::parse(&bytes).unwrap());
    assert_eq!(changes[0].device().property("NAME"), Some(value));
    let changes = machine.hears(event("change", path, "platform"));
    assert_eq!(changes[0].device().property("NAME"), Some(value));
    machine.is_as_the_tree();

    let odd = Path::new(OsStr::from_bytes(b"/devices/platform/\xff"));
    machine.does(Uevent::new(Action::Add, odd, "platform"));
    assert!(machine.registry.devices().get(odd).is_some());
    machine.is_as_the_tree();

    let usb = "/devices/usb1";
    machine.tree.file("/sys/devices/usb1/serial", b"\xff\xfe\n");
    let changes = machine.does(event("add", usb, "usb").with("DEVTYPE", "usb_device"));
    let serial = changes[0].device().attribute("serial");
    assert_eq!(serial, Some(OsStr::from_bytes(b"\xff\xfe")));
    let again = changes[0].device().to_uevent(Action::Add);
    assert_eq!(Uevent::parse(&again.to_bytes()), Ok(again));
}

#[test]
fn what_a_device_said_is_known_when_it_is_gone() {
    let mut machine = Machine::new();
    let usb = "/devices/usb1/1-1";
    machine
        .tree
        .file("/sys/devices/usb1/1-1/interface", "GPS\n");
    let add = event("add", usb, "usb").with("DEVTYPE", "usb_interface");
    machine.does(add.with("DRIVER", "ftdi_sio").with("MODALIAS", "usb:v0403"));
    // The folder goes before anybody reads the uevents.
    let unbind = event("unbind", usb, "usb").with("DEVTYPE", "usb_interface");
    machine.tree.apply(&event("remove", usb, "usb"));
    let changes = machine.hears(unbind);
    assert_eq!(told(&changes), [(ChangeKind::Unbound, usb)]);
    assert_eq!(changes[0].device().driver(), None);
    // The kernel leaves it out of this one uevent.
    assert_eq!(
        changes[0].device().property("MODALIAS"),
        Some("usb:v0403".as_ref())
    );
    let changes = machine.hears(event("remove", usb, "usb"));
    assert_eq!(
        changes[0].device().attribute("interface"),
        Some("GPS".as_ref())
    );
}

#[test]
fn uevents_of_no_devices_are_none() {
    let mut machine = Machine::new();
    for (path, subsystem) in [
        ("/module/spidev", "module"),
        ("/bus/usb/drivers/ftdi_sio", "drivers"),
        ("/kernel/software_nodes/node1", "software_nodes"),
        ("/devices/virtual/net/vcan7/queues/rx-0", "queues"),
    ] {
        assert!(
            machine.hears(event("add", path, subsystem)).is_empty(),
            "{path}"
        );
    }
    assert!(machine.registry.devices().is_empty());
}

#[test]
fn what_udevd_has_found_out_outlives_the_kernels_uevents() {
    let mut machine = Machine::new();
    let tty = "/devices/platform/uart/tty/ttyUSB0";
    let add = event("add", tty, "tty");
    let add = add
        .with("MAJOR", "188")
        .with("MINOR", "0")
        .with("DEVNAME", "ttyUSB0");
    // Of one that had the number before: udevd has not seen this one yet.
    let data = "S:serial/by-id/old\nE:ID_SERIAL=old\n";
    machine.tree.file("/run/udev/data/c188:0", data);
    let changes = machine.does(add.clone());
    assert_eq!(changes[0].device().property("ID_SERIAL"), None);

    let data = "S:serial/by-id/usb-GPS\nE:ID_SERIAL=GPS\nE:ID_BUS=usb\nG:systemd\n";
    machine.tree.file("/run/udev/data/c188:0", data);
    let changes = machine.hears(event("change", tty, "tty"));
    let links = changes[0].device().property("DEVLINKS");
    assert_eq!(links, Some("/dev/serial/by-id/usb-GPS".as_ref()));
    machine.is_as_the_tree();
    for event in [add.clone(), event("bind", tty, "tty")] {
        machine.hears(event);
        machine.is_as_the_tree();
    }
    assert!(machine.hears(add.with("SYNTH_UUID", "0")).is_empty());
    // As udevd sends it on.
    let device = machine.registry.devices().get(tty).unwrap().clone();
    let event = Uevent::parse(&device.to_uevent(Action::Bind).to_udev_bytes()).unwrap();
    assert_eq!(told(&machine.hears(event)), [(ChangeKind::Bound, tty)]);
    assert_eq!(*machine.registry.devices().get(tty).unwrap(), device);
}

#[test]
fn what_udevd_has_found_out_moves_along() {
    let mut machine = Machine::new();
    let (can0, body) = ("/devices/virtual/net/can0", "/devices/virtual/net/body");
    machine.does(event("add", can0, "net").with("IFINDEX", "3"));
    let data = "E:ID_NET_LINK_FILE=/lib/systemd/network/99.link\n";
    machine.tree.file("/run/udev/data/n3", data);
    let moving = event("move", body, "net").with("DEVPATH_OLD", can0);
    let changes = machine.does(moving.with("IFINDEX", "3"));
    let file = changes[0].device().property("ID_NET_LINK_FILE");
    assert_eq!(file, Some("/lib/systemd/network/99.link".as_ref()));
    machine.is_as_the_tree();
}

#[test]
fn a_file_that_cannot_be_read_is_not_there() {
    const EIO: i32 = 5;
    let mut machine = Machine::new();
    machine.does(event("add", "/devices/usb1", "usb"));
    machine.tree.failing("/sys/devices/usb1/serial", EIO);
    let devices = Devices::list_tree(&machine.tree).unwrap();
    let device = devices.get("/devices/usb1").unwrap();
    assert_eq!(device.attribute("serial"), None);
    let read = machine.tree.read(Path::new("/sys/devices/usb1/serial"));
    assert_eq!(read.unwrap_err().raw_os_error(), Some(EIO));
}
