//! What /sys says of ports (Documentation/ABI/testing/sysfs-tty).

use std::fs;
use std::io;
use std::path::Path;

/// Returns the names of the ports in a `/sys/class/tty`, by name and number.
pub(super) fn ports(class: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(class)? {
        let entry = entry?;
        // What is no UTF-8 nobody can ask for by name.
        if let Ok(name) = entry.file_name().into_string() {
            if is_port(&name, &entry.path()) {
                names.push(name);
            }
        }
    }
    names.sort_by_cached_key(|name| {
        let (kind, number) = split(name);
        (kind.to_owned(), number, name.clone())
    });
    Ok(names)
}

/// A port is a terminal of a device that has a driver, wherever that is connected, and not one of those
/// places that the 8250 driver keeps free. Some ports have no device.
fn is_port(name: &str, folder: &Path) -> bool {
    let (kind, number) = split(name);
    if number.is_some() && ["ttyGS", "rfcomm", "tnt"].contains(&kind) {
        return true;
    }
    // PORT_UNKNOWN, include/uapi/linux/serial_core.h
    let is_place = || fs::read(folder.join("type")).is_ok_and(|kind| kind.trim_ascii() == b"0");
    folder.join("device/driver").exists() && !is_place()
}

/// A name and its number.
fn split(name: &str) -> (&str, Option<u64>) {
    let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (kind, name[kind.len()..].parse().ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A class as kernels have it, older and newer ones.
    #[test]
    fn ports_are_told_from_other_terminals() {
        let root = std::env::temp_dir().join(format!("circuits-ports-{}", std::process::id()));
        let class = root.join("class");
        for (name, driver, kind) in [
            ("ttyS10", Some("dw-apb-uart"), Some("4\n")),
            ("ttyS9", Some("bcm2835-aux-uart"), Some("4\n")),
            // Places without hardware.
            ("ttyS0", Some("serial8250"), Some("0\n")),
            ("ttyS1", Some("port"), Some("0\n")),
            ("ttyAMA0", Some("uart-pl011"), Some("32\n")),
            ("ttyUSB1", Some("ftdi_sio"), None),
            ("ttyACM0", Some("cdc_acm"), None),
            ("ttymxc2", Some("imx-uart"), Some("62\n")),
            // Somebody took the driver away.
            ("ttyX0", None, None),
        ] {
            let device = root.join("devices").join(name);
            fs::create_dir_all(&device).unwrap();
            fs::create_dir_all(class.join(name)).unwrap();
            symlink(&device, class.join(name).join("device")).unwrap();
            if let Some(driver) = driver {
                let drivers = root.join("drivers").join(driver);
                fs::create_dir_all(&drivers).unwrap();
                symlink(drivers, device.join("driver")).unwrap();
            }
            if let Some(kind) = kind {
                fs::write(class.join(name).join("type"), kind).unwrap();
            }
        }
        let without_device = [
            "console", "hvc0", "ptmx", "rfcomm0", "tnt", "tnt0", "tty", "tty1", "ttyGS0", "ttyGSM",
        ];
        for name in without_device {
            fs::create_dir_all(class.join(name)).unwrap();
        }
        let expected = [
            "rfcomm0", "tnt0", "ttyACM0", "ttyAMA0", "ttyGS0", "ttyS9", "ttyS10", "ttyUSB1",
            "ttymxc2",
        ];
        assert_eq!(ports(&class).unwrap(), expected);
        fs::remove_dir_all(root).unwrap();
    }
}
