//! What /sys says of adapters (Documentation/ABI/testing/sysfs-bus-i2c-*).

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Address;

/// Returns the name of the adapter of a bus, `i2c-1`.
pub(super) fn adapter(bus: &str) -> io::Result<String> {
    if bus.is_empty() || bus.contains('/') {
        return Err(io::ErrorKind::NotFound.into());
    }
    let name = fs::read(Path::new("/sys/class/i2c-dev").join(bus).join("name"))?;
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    // What is no UTF-8 nobody can ask for by name.
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Returns the folder of the adapter whose node has these numbers.
pub(super) fn folder(major: u32, minor: u32) -> io::Result<PathBuf> {
    fs::canonicalize(format!("/sys/dev/char/{major}:{minor}/device"))
}

/// Returns the driver that has the device at an address, on this adapter, on those that it is a
/// channel of, or on its own channels: they are one wire at times, so the kernel looks at all of them
/// (`i2cdev_check_addr`, drivers/i2c/i2c-dev.c).
pub(super) fn owner(folder: &Path, address: Address) -> io::Result<Option<String>> {
    if let Some(driver) = below(folder, address)? {
        return Ok(Some(driver));
    }
    let mut adapter = folder;
    while let Some(parent) = adapter.parent().filter(|parent| number(parent).is_some()) {
        if let Some(driver) = here(parent, address)? {
            return Ok(Some(driver));
        }
        adapter = parent;
    }
    Ok(None)
}

/// On an adapter and on the channels of a multiplexer below it.
fn below(folder: &Path, address: Address) -> io::Result<Option<String>> {
    if let Some(driver) = here(folder, address)? {
        return Ok(Some(driver));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Only folders: links lead elsewhere.
        if number(&entry.path()).is_some() && entry.file_type()?.is_dir() {
            if let Some(driver) = below(&entry.path(), address)? {
                return Ok(Some(driver));
            }
        }
    }
    Ok(None)
}

/// On one adapter. A device without a driver is nobody's.
fn here(folder: &Path, address: Address) -> io::Result<Option<String>> {
    let Some(number) = number(folder) else {
        return Ok(None);
    };
    // `i2c_dev_set_name`, drivers/i2c/i2c-core-base.c
    let device = match address {
        Address::SevenBit(address) => format!("{number}-{address:04x}"),
        Address::TenBit(address) => format!("{number}-{:04x}", address | 0xa000),
    };
    match fs::read_link(folder.join(device).join("driver")) {
        Ok(driver) => Ok(driver
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number of the adapter that a folder is.
fn number(folder: &Path) -> Option<u32> {
    let name = folder.file_name().and_then(OsStr::to_str)?;
    name.strip_prefix("i2c-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A multiplexer at 0x70 of i2c-1 with the channels i2c-4 and i2c-5, and a driver on each.
    #[test]
    fn a_multiplexer_is_one_wire() {
        let root = std::env::temp_dir().join(format!("circuits-owner-{}", std::process::id()));
        let bus = root.join("soc/i2c-1");
        for (device, driver) in [
            ("1-0070", Some("pca954x")),
            ("1-0048", None),
            ("1-a123", Some("ten")),
            ("i2c-4/4-0050", Some("at24")),
            ("i2c-5/5-0051", Some("eeprom")),
        ] {
            fs::create_dir_all(bus.join(device)).unwrap();
            if let Some(driver) = driver {
                let link = Path::new("/sys/bus/i2c/drivers").join(driver);
                symlink(link, bus.join(device).join("driver")).unwrap();
            }
        }
        let owner = |folder: &str, address| owner(&bus.join(folder), address).unwrap();
        let named = |driver: &str| Some(driver.to_owned());
        assert_eq!(owner("", 0x70.into()), named("pca954x"));
        assert_eq!(owner("", 0x48.into()), None);
        assert_eq!(owner("", 0x23.into()), None);
        assert_eq!(owner("", Address::TenBit(0x123)), named("ten"));
        assert_eq!(owner("", 0x50.into()), named("at24"));
        assert_eq!(owner("i2c-4", 0x70.into()), named("pca954x"));
        assert_eq!(owner("i2c-4", 0x51.into()), None, "another channel");
        fs::remove_dir_all(root).unwrap();
    }
}
