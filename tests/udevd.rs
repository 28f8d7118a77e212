//! udev's daemon in the emulated Pi: it does what it does on a real one, and leaves nothing behind.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use circuits_bench::{Outside, Udevd};

/// The user, the group and the permissions of a node.
fn whose(node: &str) -> (u32, u32, u32) {
    let node = fs::metadata(node).unwrap();
    (node.uid(), node.gid(), node.mode() & 0o777)
}

/// The names of the links in a folder, which all lead to a node.
fn links(folder: &str, node: &str) -> Vec<String> {
    let mut names = Vec::new();
    // Without a link there is no folder.
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        assert_eq!(fs::canonicalize(entry.path()).unwrap(), Path::new(node));
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    names
}

/// Waits until a node has come or gone: only then is there something for udevd to settle.
#[track_caller]
fn until(node: &str, there: bool) {
    for _ in 0..1000 {
        if Path::new(node).exists() == there {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{node} did not come or go in ten seconds");
}

#[test]
#[ignore = "needs the emulated Pi"]
fn adapters_get_links_and_owners() {
    let outside = Outside::here();
    let udevd = Udevd::with_rules(
        r#"ACTION=="add", SUBSYSTEM=="tty", KERNEL=="ttyUSB1", GROUP="4321", MODE="0640""#,
    );
    let gps = outside.plug("GPS", 2);
    until("/dev/ttyUSB0", true);
    udevd.settle();
    let by_id = |name| format!("usb-QEMU_QEMU_USB_SERIAL_{name}-if00-port0");
    assert_eq!(links("/dev/serial/by-id", "/dev/ttyUSB0"), [by_id("GPS")]);
    let by_path = links("/dev/serial/by-path", "/dev/ttyUSB0");
    assert!(
        by_path
            .iter()
            .any(|name| name == "platform-3f980000.usb-usb-0:1.2:1.0-port0"),
        "{by_path:?}"
    );
    // Debian's own rules give it to `dialout`.
    assert_eq!(whose("/dev/ttyUSB0"), (0, 20, 0o660));
    let data = fs::read_to_string("/run/udev/data/c188:0").unwrap();
    assert!(data.contains("E:ID_SERIAL_SHORT=GPS\n"), "{data}");

    let modem = outside.plug("MODEM", 4);
    until("/dev/ttyUSB1", true);
    udevd.settle();
    assert_eq!(whose("/dev/ttyUSB1"), (0, 4321, 0o640));

    modem.unplug();
    until("/dev/ttyUSB1", false);
    udevd.settle();
    assert_eq!(links("/dev/serial/by-id", "/dev/ttyUSB0"), [by_id("GPS")]);
    gps.unplug();
    until("/dev/ttyUSB0", false);
    udevd.settle();
    assert!(!Path::new("/dev/serial").exists());
    assert!(!Path::new("/run/udev/data/c188:0").exists());
}

#[test]
#[ignore = "needs the emulated Pi"]
fn it_leaves_nothing_behind() {
    let (uart, link) = ("/dev/ttyAMA0", "/dev/char/204:64");
    let before = whose(uart);
    for _ in 0..2 {
        let udevd = Udevd::start();
        assert_eq!(whose(uart), before);
        // It was there before, so udevd is to be told.
        udevd.trigger("tty");
        assert_eq!(whose(uart), (0, 20, 0o660));
        assert_eq!(fs::canonicalize(link).unwrap(), Path::new(uart));
        drop(udevd);
        assert_eq!(whose(uart), before);
        assert!(!Path::new(link).exists());
        assert!(!Path::new("/run/udev").exists());
    }
}
