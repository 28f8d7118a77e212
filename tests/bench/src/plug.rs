use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A device on an I2C bus that the kernel is told of, and forgets when this is dropped
/// (<https://docs.kernel.org/i2c/instantiating-devices.html>). Needs root.
#[derive(Debug)]
pub struct I2cClient {
    bus: PathBuf,
    address: u8,
}

impl I2cClient {
    /// Tells the kernel that there is a device on `bus` (`"i2c-1"`), for the driver of this name.
    pub fn new(bus: &str, driver: &str, address: u8) -> I2cClient {
        let bus = PathBuf::from("/sys/bus/i2c/devices").join(bus);
        fs::write(bus.join("new_device"), format!("{driver} {address:#x}")).unwrap();
        I2cClient { bus, address }
    }
}

impl Drop for I2cClient {
    fn drop(&mut self) {
        let _ = fs::write(
            self.bus.join("delete_device"),
            format!("{:#x}", self.address),
        );
    }
}

/// A device without its driver, which it gets back when this is dropped. Needs root.
#[derive(Debug)]
pub struct Unbound {
    driver: PathBuf,
    device: String,
}

impl Unbound {
    /// Takes a device (`"spi0.1"`) from a driver (`"spi/drivers/spidev"`).
    pub fn new(driver: &str, device: &str) -> Unbound {
        let driver = PathBuf::from("/sys/bus").join(driver);
        fs::write(driver.join("unbind"), device).unwrap();
        Unbound {
            driver,
            device: device.into(),
        }
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = fs::write(self.driver.join("bind"), &self.device);
    }
}

/// A virtual CAN interface, which is up, and goes when this is dropped. Needs root and `ip`.
#[derive(Debug)]
pub struct CanLink {
    name: String,
}

impl CanLink {
    /// Makes an interface of this name.
    pub fn new(name: &str) -> CanLink {
        ip(&["link", "add", name, "type", "vcan"]);
        ip(&["link", "set", name, "up"]);
        CanLink { name: name.into() }
    }
}

impl Drop for CanLink {
    fn drop(&mut self) {
        ip(&["link", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) {
    let done = Command::new("ip").args(arguments).status().unwrap();
    assert!(done.success(), "ip {arguments:?}");
}
