//! What devices are known by when they come back.

use std::path::{Path, PathBuf};

use circuits_enumerate::{Action, Devices, Identity, MemoryTree, Uevent};

const HUB: &str = "/devices/platform/soc/usb1/1-1";

fn tree() -> MemoryTree {
    let tree = MemoryTree::new();
    tree.folder("/sys/class");
    add(
        &tree,
        "platform",
        "/devices/platform/soc",
        &["MODALIAS=of:soc"],
    );
    add(
        &tree,
        "usb",
        "/devices/platform/soc/usb1",
        &["DEVTYPE=usb_device"],
    );
    add(&tree, "usb", HUB, &["DEVTYPE=usb_device"]);
    tree
}

fn add(tree: &MemoryTree, subsystem: &str, path: impl Into<PathBuf>, fields: &[&str]) {
    let fields = fields.iter().map(|field| field.split_once('=').unwrap());
    let event = Uevent::new(Action::Add, path, subsystem);
    tree.apply(&fields.fold(event, |event, (key, value)| event.with(key, value)));
}

fn list(tree: &MemoryTree) -> Devices {
    Devices::list_tree(tree).unwrap()
}

/// A serial adapter at a port of the hub, with ports of these names.
fn plug(tree: &MemoryTree, port: u32, serial: Option<&str>, ttys: &[&str]) -> PathBuf {
    let path = PathBuf::from(format!("{HUB}/1-1.{port}"));
    add(tree, "usb", &path, &["DEVTYPE=usb_device"]);
    let folder = Path::new("/sys").join(path.strip_prefix("/").unwrap());
    tree.file(folder.join("idVendor"), "0403\n");
    tree.file(folder.join("idProduct"), "6001\n");
    if let Some(serial) = serial {
        tree.file(folder.join("serial"), format!("{serial}\n"));
    }
    let name = format!("1-1.{port}:1.0");
    let alias = ["DEVTYPE=usb_interface", "MODALIAS=usb:v0403p6001"];
    add(tree, "usb", path.join(&name), &alias);
    tree.file(folder.join(&name).join("bInterfaceNumber"), "00\n");
    for tty in ttys {
        let node = format!("DEVNAME={tty}");
        let tty = path.join(&name).join(tty).join("tty").join(tty);
        add(tree, "tty", tty, &[&node]);
    }
    path
}

fn unplug(tree: &MemoryTree, path: &Path) {
    tree.apply(&Uevent::new(Action::Remove, path, "usb"));
}

fn identity(devices: &Devices, port: &str) -> Identity {
    let ports = devices.serial_ports();
    let port = ports.iter().find(|other| other.name == port).expect(port);
    port.identity.clone()
}

fn found(devices: &Devices, identity: &Identity) -> Option<String> {
    let device = devices.find(identity)?;
    Some(device.name().to_str().unwrap().to_string())
}

#[test]
fn a_serial_number_is_found_at_another_port_by_another_name() {
    let tree = tree();
    let gps = plug(&tree, 2, Some("GPS"), &["ttyUSB0"]);
    plug(&tree, 3, Some("MODEM"), &["ttyUSB1"]);
    let kept = identity(&list(&tree), "ttyUSB0");
    assert_eq!(kept.as_str(), "tty@usb:0403:6001:GPS:00");

    unplug(&tree, &gps);
    assert_eq!(found(&list(&tree), &kept), None);
    plug(&tree, 4, Some("GPS"), &["ttyUSB7"]);
    assert_eq!(found(&list(&tree), &kept).as_deref(), Some("ttyUSB7"));
    // From a file.
    let read: Identity = kept.to_string().parse().unwrap();
    assert_eq!(found(&list(&tree), &read).as_deref(), Some("ttyUSB7"));
}

#[test]
fn two_with_the_same_serial_number_are_known_by_their_places() {
    let tree = tree();
    let first = plug(&tree, 2, Some("0001"), &["ttyUSB0"]);
    let alone = identity(&list(&tree), "ttyUSB0");
    plug(&tree, 3, Some("0001"), &["ttyUSB1"]);
    let both = list(&tree);
    let [one, other] = ["ttyUSB0", "ttyUSB1"].map(|port| identity(&both, port));
    assert_eq!(one.as_str(), format!("tty@{HUB}/1-1.2/1-1.2:1.0"));
    assert_eq!(other.as_str(), format!("tty@{HUB}/1-1.3/1-1.3:1.0"));
    assert_eq!(found(&both, &one).as_deref(), Some("ttyUSB0"));
    assert_eq!(found(&both, &other).as_deref(), Some("ttyUSB1"));
    // Which of them is meant nobody can know.
    assert_eq!(found(&both, &alone), None);

    // They come back in the other order.
    unplug(&tree, &first);
    assert_eq!(found(&list(&tree), &one), None);
    assert_eq!(found(&list(&tree), &other).as_deref(), Some("ttyUSB1"));
    plug(&tree, 2, Some("0001"), &["ttyUSB4"]);
    assert_eq!(found(&list(&tree), &one).as_deref(), Some("ttyUSB4"));
}

#[test]
fn without_a_serial_number_the_port_counts() {
    let tree = tree();
    let first = plug(&tree, 2, None, &["ttyUSB0"]);
    let kept = identity(&list(&tree), "ttyUSB0");
    unplug(&tree, &first);
    plug(&tree, 3, None, &["ttyUSB0"]);
    assert_eq!(found(&list(&tree), &kept), None);
    plug(&tree, 2, None, &["ttyUSB1"]);
    assert_eq!(found(&list(&tree), &kept).as_deref(), Some("ttyUSB1"));
}

#[test]
fn ports_of_one_interface_are_in_the_order_of_their_numbers() {
    let tree = tree();
    let adapter = plug(&tree, 2, Some("FOUR"), &["ttyUSB0", "ttyUSB1"]);
    let before = list(&tree);
    let kept = ["ttyUSB0", "ttyUSB1"].map(|port| identity(&before, port));
    assert!(kept[1].as_str().ends_with("/1-1.2:1.0#1"), "{}", kept[1]);
    unplug(&tree, &adapter);
    // By their letters 10 comes before 9.
    plug(&tree, 2, Some("FOUR"), &["ttyUSB9", "ttyUSB10"]);
    let after = list(&tree);
    assert_eq!(found(&after, &kept[0]).as_deref(), Some("ttyUSB9"));
    assert_eq!(found(&after, &kept[1]).as_deref(), Some("ttyUSB10"));
}

#[test]
fn all_devices_are_known_apart_and_found() {
    let tree = tree();
    plug(&tree, 2, Some("0001"), &["ttyUSB0", "ttyUSB1"]);
    plug(&tree, 3, Some("0001"), &["ttyUSB2"]);
    plug(&tree, 4, None, &["ttyUSB3"]);
    add(&tree, "platform", "/devices/platform/soc/child", &[]);
    add(&tree, "net", "/devices/virtual/net/vcan0", &[]);
    let devices = list(&tree);
    for device in devices.iter() {
        let identity = devices.identity(device);
        let found = devices
            .find(&identity)
            .unwrap_or_else(|| panic!("{identity}"));
        assert_eq!(found.path(), device.path(), "{identity}");
    }
    assert_eq!(devices.len(), 15);
}

#[test]
fn who_comes_between_others_takes_no_ones_place() {
    let tree = tree();
    let i2c = Path::new("/devices/platform/soc/3f804000.i2c");
    add(&tree, "platform", i2c, &["MODALIAS=of:Ni2c"]);
    add(&tree, "i2c", i2c.join("i2c-1"), &[]);
    let client = |name| {
        add(
            &tree,
            "i2c",
            i2c.join("i2c-1").join(name),
            &["MODALIAS=i2c:lm75"],
        )
    };
    client("1-0049");
    let hub = PathBuf::from(format!("{HUB}/1-1.4"));
    add(&tree, "usb", &hub, &["DEVTYPE=usb_device"]);
    let before = list(&tree);
    let kept: Vec<_> = before
        .iter()
        .map(|device| before.identity(device))
        .collect();

    client("1-0048");
    plug(&tree, 2, None, &[]);
    let after = list(&tree);
    for (device, identity) in before.iter().zip(&kept) {
        let found = after.find(identity).unwrap_or_else(|| panic!("{identity}"));
        assert_eq!(found.path(), device.path(), "{identity}");
    }
}

#[test]
fn the_number_of_a_bus_is_not_what_its_controller_is_known_by() {
    let tree = tree();
    let i2c = Path::new("/devices/platform/soc/3f804000.i2c");
    add(&tree, "platform", i2c, &["MODALIAS=of:Ni2c"]);
    add(&tree, "i2c", i2c.join("i2c-1"), &[]);
    let node = |number: u32| {
        let path = i2c.join(format!("i2c-{number}/i2c-dev/i2c-{number}"));
        let name = format!("DEVNAME=i2c-{number}");
        add(&tree, "i2c-dev", path, &[&name]);
    };
    let bus = |tree| list(tree).i2c_adapters().remove(0);
    let kept = bus(&tree).identity;
    tree.apply(&Uevent::new(Action::Remove, i2c.join("i2c-1"), "i2c"));
    add(&tree, "i2c", i2c.join("i2c-11"), &[]);
    // No program can open it, until it has a node.
    assert_eq!(bus(&tree).identity, kept);
    assert_eq!(found(&list(&tree), &kept), None);
    node(11);
    assert_eq!(found(&list(&tree), &kept).as_deref(), Some("i2c-11"));
    assert_eq!(bus(&tree).identity, kept);
}

#[test]
fn what_hid_devices_are_counted_by_is_not_kept() {
    let tree = tree();
    let adapter = plug(&tree, 2, None, &[]);
    let hid = |number: u32| {
        let path = adapter.join(format!("1-1.2:1.0/0003:04D8:00DD.{number:04X}"));
        add(
            &tree,
            "hid",
            &path,
            &["DRIVER=mcp2221", "MODALIAS=hid:b0003"],
        );
        add(&tree, "i2c", path.join("i2c-5"), &[]);
        let node = path.join("i2c-5/i2c-dev/i2c-5");
        add(&tree, "i2c-dev", node, &["DEVNAME=i2c-5"]);
        path
    };
    let first = hid(1);
    let kept = list(&tree).i2c_adapters()[0].identity.clone();
    tree.apply(&Uevent::new(Action::Remove, first, "hid"));
    hid(2);
    assert_eq!(found(&list(&tree), &kept).as_deref(), Some("i2c-5"));
}

#[test]
fn text_that_is_no_identity_is_refused() {
    for bad in [
        "",
        "rubbish",
        "@/devices/a",
        "tty@",
        "tty@nowhere",
        "tty@/dev/ttyUSB0",
    ] {
        let error = bad.parse::<Identity>().unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("{bad:?}")),
            "{error}"
        );
    }
}

#[test]
fn a_bus_that_hangs_on_nothing_is_found() {
    let tree = tree();
    let adapter = Path::new("/devices/i2c-9");
    add(&tree, "i2c", adapter, &[]);
    add(
        &tree,
        "i2c-dev",
        adapter.join("i2c-dev/i2c-9"),
        &["DEVNAME=i2c-9"],
    );
    let identity = list(&tree).i2c_adapters().remove(0).identity;
    assert_eq!(identity.as_str(), "i2c-dev@/devices/i2c-9");
    assert_eq!(found(&list(&tree), &identity).as_deref(), Some("i2c-9"));
}
