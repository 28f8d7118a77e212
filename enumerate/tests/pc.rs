//! What a PC looks like, which is no board with a device tree: names by ACPI, places for serial ports,
//! firmware that tells what machine it is, and udevd.

use std::path::{Path, PathBuf};

use circuits_enumerate::{Action, Devices, MemoryTree, Uevent};

const EACCES: i32 = 13;
const LPSS: &str = "/devices/pci0000:00/0000:00:15.0/i2c_designware.0";
const USB: &str = "/devices/pci0000:00/0000:00:14.0/usb1";

fn add(tree: &MemoryTree, subsystem: &str, path: &str, fields: &[&str]) {
    let fields = fields.iter().map(|field| field.split_once('=').unwrap());
    let event = Uevent::new(Action::Add, path, subsystem);
    tree.apply(&fields.fold(event, |event, (key, value)| event.with(key, value)));
}

fn file(tree: &MemoryTree, device: &str, name: &str, text: &str) {
    tree.file(Path::new("/sys").join(&device[1..]).join(name), text);
}

fn pc() -> MemoryTree {
    let tree = MemoryTree::new();

    let dmi = "/devices/virtual/dmi/id";
    add(&tree, "dmi", dmi, &["MODALIAS=dmi:bvnLENOVO"]);
    file(&tree, dmi, "product_name", "20HRCTO1WW\n");
    file(&tree, dmi, "product_version", "ThinkPad X1 Carbon 5th\n");
    tree.failing("/sys/devices/virtual/dmi/id/product_serial", EACCES);

    let lpss = "/devices/pci0000:00/0000:00:15.0";
    add(
        &tree,
        "pci",
        lpss,
        &["DRIVER=intel-lpss", "MODALIAS=pci:v00008086"],
    );
    add(
        &tree,
        "platform",
        LPSS,
        &["DRIVER=i2c_designware", "MODALIAS=platform:i2c_designware"],
    );
    let bus = format!("{LPSS}/i2c-7");
    add(&tree, "i2c", &bus, &[]);
    file(&tree, &bus, "name", "Synopsys DesignWare I2C adapter\n");
    let touchpad = format!("{bus}/i2c-SYNA2393:00");
    let fields = ["DRIVER=i2c_hid_acpi", "MODALIAS=acpi:SYNA2393:PNP0C50:"];
    add(&tree, "i2c", &touchpad, &fields);
    file(&tree, &touchpad, "name", "SYNA2393:00\n");
    // One that somebody made by hand, with an address of ten bits.
    add(
        &tree,
        "i2c",
        &format!("{bus}/7-a150"),
        &["MODALIAS=i2c:24c02"],
    );

    let gpio = "/devices/platform/INT344B:00";
    let fields = ["DRIVER=sunrisepoint-pinctrl", "MODALIAS=acpi:INT344B:"];
    add(&tree, "platform", gpio, &fields);
    let chip = format!("{gpio}/gpiochip0");
    let fields = [
        "MAJOR=254",
        "MINOR=0",
        "DEVNAME=gpiochip0",
        "DEVTYPE=gpio_chip",
    ];
    add(&tree, "gpio", &chip, &fields);
    // Before Linux 6.17, which gave it a second one by the new number.
    let class = format!("{gpio}/gpio/gpiochip360");
    add(&tree, "gpio", &class, &[]);
    file(&tree, &class, "label", "INT344B:00\n");
    file(&tree, &class, "ngpio", "152\n");

    add(&tree, "pnp", "/devices/pnp0/00:04", &["DRIVER=serial"]);
    let port = "/devices/pnp0/00:04/00:04:0/00:04:0.0";
    add(
        &tree,
        "serial-base",
        "/devices/pnp0/00:04/00:04:0",
        &["DRIVER=ctrl"],
    );
    add(&tree, "serial-base", port, &["DRIVER=port"]);
    let tty = format!("{port}/tty/ttyS0");
    add(
        &tree,
        "tty",
        &tty,
        &["MAJOR=4", "MINOR=64", "DEVNAME=ttyS0"],
    );
    file(&tree, &tty, "type", "4\n");
    let fields = ["DRIVER=serial8250", "MODALIAS=platform:serial8250"];
    add(&tree, "platform", "/devices/platform/serial8250", &fields);
    for number in 1..32 {
        let name = format!("DEVNAME=ttyS{number}");
        let minor = format!("MINOR={}", 64 + number);
        let tty = format!("/devices/platform/serial8250/tty/ttyS{number}");
        add(&tree, "tty", &tty, &["MAJOR=4", &minor, &name]);
        file(&tree, &tty, "type", "0\n");
    }
    for name in ["tty0", "tty63", "ttyprintk", "console", "ptmx"] {
        let node = format!("DEVNAME={name}");
        add(
            &tree,
            "tty",
            &format!("/devices/virtual/tty/{name}"),
            &[&node],
        );
    }
    add(
        &tree,
        "tty",
        "/devices/virtual/tty/ttyGS0",
        &["DEVNAME=ttyGS0"],
    );
    tree
}

/// An adapter with two ports, which has a name of a port that is a character of its own, with links.
fn plug(tree: &MemoryTree) -> PathBuf {
    let fields = [
        "DRIVER=xhci_hcd",
        "MODALIAS=pci:v00008086",
        "OF_ALIAS_0=usb0",
    ];
    add(tree, "pci", "/devices/pci0000:00/0000:00:14.0", &fields);
    add(tree, "usb", USB, &["DEVTYPE=usb_device", "DRIVER=usb"]);
    let adapter = format!("{USB}/1-3");
    add(tree, "usb", &adapter, &["DEVTYPE=usb_device", "DRIVER=usb"]);
    for (name, text) in [
        ("idVendor", "0403\n"),
        ("idProduct", "6010\n"),
        ("serial", "FT4X21\n"),
        ("manufacturer", "FTDI\n"),
        ("product", "Dual RS232-HS\n"),
    ] {
        file(tree, &adapter, name, text);
    }
    for (number, driver) in [(0, "DRIVER=ftdi_sio"), (1, "TYPE=0/0/0")] {
        let interface = format!("{adapter}/1-3:1.{number}");
        let fields = ["DEVTYPE=usb_interface", "MODALIAS=usb:v0403p6010", driver];
        add(tree, "usb", &interface, &fields);
        file(
            tree,
            &interface,
            "bInterfaceNumber",
            &format!("0{number}\n"),
        );
        file(
            tree,
            &interface,
            "interface",
            &format!("Dual RS232-HS {number}\n"),
        );
        let port = format!("{interface}/ttyUSB{number}");
        add(
            tree,
            "usb-serial",
            &port,
            if number == 0 {
                &["DRIVER=ftdi_sio"]
            } else {
                &[]
            },
        );
        let (minor, name) = (format!("MINOR={number}"), format!("DEVNAME=ttyUSB{number}"));
        add(
            tree,
            "tty",
            &format!("{port}/tty/ttyUSB{number}"),
            &["MAJOR=188", &minor, &name],
        );
    }
    let data = "S:serial/by-path/pci-0000:00:14.0-usb-0:3:1.0-port0\n\
                S:gps0\n\
                S:serial/by-id/usb-FTDI_Dual_RS232-HS_FT4X21-if00-port0\n\
                I:12345678\n\
                E:ID_BUS=usb\n\
                E:ID_MODEL_ENC=Dual\\x20RS232-HS\n\
                E:ID_PATH=pci-0000:00:14.0-usb-0:3:1.0\n\
                G:systemd\nQ:systemd\nV:1\n";
    tree.file("/run/udev/data/c188:0", data);
    adapter.into()
}

#[test]
fn the_firmware_tells_what_machine_it_is() {
    let devices = Devices::list_tree(&pc()).unwrap();
    let machine = devices.machine();
    assert_eq!(machine.model.as_deref(), Some("20HRCTO1WW"));
    assert_eq!(machine.revision.as_deref(), Some("ThinkPad X1 Carbon 5th"));
    assert_eq!(machine.serial_number, None);
    assert!(machine.compatible.is_empty());
}

#[test]
fn clients_have_the_names_of_the_firmware() {
    let adapters = Devices::list_tree(&pc()).unwrap().i2c_adapters();
    let [adapter] = &adapters[..] else {
        panic!("{adapters:?}")
    };
    assert_eq!(adapter.name, "i2c-7");
    assert_eq!(adapter.driver.as_deref(), Some("i2c_designware"));
    // The module i2c-dev is not loaded.
    assert_eq!(adapter.node, None);
    let clients = adapter.clients.iter();
    let clients: Vec<_> = clients
        .map(|client| {
            (
                client.address,
                client.name.as_deref(),
                client.driver.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        clients,
        [
            (Some(0x150), None, None),
            (None, Some("SYNA2393:00"), Some("i2c_hid_acpi")),
        ]
    );
}

#[test]
fn chips_have_labels_under_the_old_names() {
    let chips = Devices::list_tree(&pc()).unwrap().gpio_chips();
    let [chip] = &chips[..] else {
        panic!("{chips:?}")
    };
    assert_eq!(
        (&*chip.name, chip.node.to_str()),
        ("gpiochip0", Some("/dev/gpiochip0"))
    );
    assert_eq!(
        (chip.label.as_deref(), chip.lines),
        (Some("INT344B:00"), Some(152))
    );
    assert_eq!(chip.driver.as_deref(), Some("sunrisepoint-pinctrl"));
}

#[test]
fn chips_of_one_device_are_told_apart_by_their_numbers() {
    let tree = MemoryTree::new();
    let pinctrl = "/devices/platform/pinctrl";
    add(&tree, "platform", pinctrl, &["MODALIAS=of:pinctrl"]);
    for (number, label) in [(0, "bank A"), (1, "bank B")] {
        let name = format!("gpiochip{number}");
        let fields = [&format!("DEVNAME={name}"), "DEVTYPE=gpio_chip"];
        add(&tree, "gpio", &format!("{pinctrl}/{name}"), &fields);
        for class in [
            format!("chip{number}"),
            format!("gpiochip{}", 512 - 8 * number),
        ] {
            let class = format!("{pinctrl}/gpio/{class}");
            add(&tree, "gpio", &class, &[]);
            file(&tree, &class, "label", label);
        }
    }
    let chips = Devices::list_tree(&tree).unwrap().gpio_chips();
    let labels: Vec<_> = chips.iter().map(|chip| chip.label.as_deref()).collect();
    assert_eq!(labels, [Some("bank A"), Some("bank B")]);
    assert!(chips[1].identity.as_str().ends_with("/pinctrl#1"));
}

#[test]
fn places_for_ports_and_screens_are_no_serial_ports() {
    let ports = Devices::list_tree(&pc()).unwrap().serial_ports();
    let ports: Vec<_> = ports
        .iter()
        .map(|port| (&*port.name, port.driver.as_deref()))
        .collect();
    assert_eq!(ports, [("ttyGS0", None), ("ttyS0", Some("serial"))]);
}

#[test]
fn links_of_udevd_are_told() {
    let tree = pc();
    plug(&tree);
    let devices = Devices::list_tree(&tree).unwrap();
    let ports = devices.serial_ports();
    let port = ports.iter().find(|port| port.name == "ttyUSB0").unwrap();
    let by_id = "/dev/serial/by-id/usb-FTDI_Dual_RS232-HS_FT4X21-if00-port0";
    let by_path = "/dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.0-port0";
    assert_eq!(port.by_id.as_deref(), Some(Path::new(by_id)));
    assert_eq!(port.by_path.as_deref(), Some(Path::new(by_path)));
    // Not `usb0`, which is its controller.
    assert_eq!(port.aliases, ["gps0"]);
    let device = devices.get(&port.path).unwrap();
    assert_eq!(device.property("ID_BUS"), Some("usb".as_ref()));
    assert_eq!(
        device.property("ID_MODEL_ENC"),
        Some(r"Dual\x20RS232-HS".as_ref())
    );
    for key in ["I", "G", "Q", "V"] {
        assert_eq!(device.property(key), None);
    }
}

#[test]
fn a_port_without_a_driver_has_not_that_of_what_it_hangs_on() {
    let tree = pc();
    plug(&tree);
    let ports = Devices::list_tree(&tree).unwrap().serial_ports();
    let drivers: Vec<_> = ports
        .iter()
        .map(|port| (&*port.name, port.driver.as_deref()))
        .collect();
    assert_eq!(
        drivers[2..],
        [("ttyUSB0", Some("ftdi_sio")), ("ttyUSB1", None)]
    );
    let usb = ports[3].usb.as_ref().unwrap();
    assert_eq!(
        (usb.vendor, usb.product, usb.interface),
        (0x403, 0x6010, Some(1))
    );
    assert_eq!(usb.interface_name.as_deref(), Some("Dual RS232-HS 1"));
    assert_eq!(usb.manufacturer.as_deref(), Some("FTDI"));
    assert_eq!(usb.product_name.as_deref(), Some("Dual RS232-HS"));
    assert_eq!((&*usb.port, usb.serial.as_deref()), ("1-3", Some("FT4X21")));
    assert_eq!(ports[3].identity.as_str(), "tty@usb:0403:6010:FT4X21:01");
}
