use std::fs;
use std::process::Command;

use circuits_bench::{CanLink, I2cClient, Outside, Unbound};

use crate::snapshot::Snapshot;
use crate::uevents::{self, Uevents};

/// Records one story after another, each in a file of its own: `=== NAME` begins one.
pub(crate) fn tell() {
    // No message of the kernel's on the console, which is what we print to.
    fs::write("/proc/sys/kernel/printk", "0").unwrap();
    let mut story = begin("cold-plug.txt", "What is there at the start");
    story.cold_plug();
    if fs::exists("/sys/class/net/can0").unwrap() {
        return controllers();
    }

    let outside = Outside::here();
    let mut story = begin(
        "usb-serial.txt",
        "A USB serial adapter is plugged in, a second one too, and the first one is pulled out",
    );
    let gps = story.step("plug", || outside.plug("GPS", 2));
    let modem = story.step("plug another", || outside.plug("MODEM", 4));
    story.step("unplug", || drop(gps));
    story.step("unplug the other", || drop(modem));

    let mut story = begin(
        "i2c-client.txt",
        "The kernel is told of a device on an I2C bus, and forgets it",
    );
    let client = story.step("new device", || I2cClient::new("i2c-1", "lm75", 0x48));
    story.step("delete device", || drop(client));

    let mut story = begin(
        "i2c-adapter.txt",
        "An I2C controller loses its driver, and gets it back",
    );
    let unbound = story.step("unbind", || {
        Unbound::new("platform/drivers/i2c-bcm2835", "3f804000.i2c")
    });
    story.step("bind", || drop(unbound));

    let mut story = begin(
        "spi-device.txt",
        "An SPI device loses its driver, and gets it back",
    );
    let unbound = story.step("unbind", || Unbound::new("spi/drivers/spidev", "spi0.1"));
    story.step("bind", || drop(unbound));

    let mut story = begin("gpio-chip.txt", "A GPIO chip comes, and goes");
    let chip = story.step("plug", || {
        let bank = gpiosim::Bank::new(4, "plugged");
        gpiosim::builder().with_bank(&bank).live().unwrap()
    });
    story.step("unplug", || drop(chip));

    let mut story = begin(
        "can-link.txt",
        "A virtual CAN interface is made, gets another name, and goes",
    );
    let link = story.step("add", || CanLink::new("vcan7"));
    story.step("rename", || {
        let rename = "ip link set vcan7 down && ip link set vcan7 name body && ip link set body up";
        assert!(
            Command::new("sh")
                .args(["-c", rename])
                .status()
                .unwrap()
                .success()
        );
    });
    story.step("del", || {
        let back = "ip link set body down && ip link set body name vcan7";
        assert!(
            Command::new("sh")
                .args(["-c", back])
                .status()
                .unwrap()
                .success()
        );
        drop(link);
    });
}

/// What the machine with CAN controllers has to tell.
fn controllers() {
    let set = "ip link set can0 type can bitrate 500000 && ip link set can0 up";
    let mut story = begin(
        "can-controller.txt",
        "A CAN controller is set up, and loses its driver, and gets it back",
    );
    story.step("up", || {
        assert!(
            Command::new("sh")
                .args(["-c", set])
                .status()
                .unwrap()
                .success()
        );
    });
    let device = fs::canonicalize("/sys/class/net/can0/device").unwrap();
    let device = device.file_name().unwrap().to_str().unwrap();
    let unbound = story.step("unbind", || Unbound::new("pci/drivers/kvaser_pci", device));
    story.step("bind", || drop(unbound));
}

struct Story {
    uevents: Uevents,
    now: Snapshot,
}

fn begin(file: &str, title: &str) -> Story {
    let line = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let model = line("/sys/firmware/devicetree/base/model");
    let model = model.trim_end_matches('\0');
    let release = line("/proc/sys/kernel/osrelease");
    println!("=== {file}");
    println!("# {title}");
    println!("kernel Linux {}", release.trim());
    println!("machine {model}, emulated by QEMU");
    Story {
        uevents: Uevents::listen(),
        now: Snapshot::take(&Snapshot::nothing()),
    }
}

impl Story {
    /// Does something and records what it led to.
    fn step<T>(&mut self, name: &str, act: impl FnOnce() -> T) -> T {
        let value = act();
        self.tell_uevents(name);
        uevents::settle();
        let after = Snapshot::take(&self.now);
        section(name, "appeared", &after.without(&self.now));
        section(name, "disappeared", &after.lacks(&self.now));
        self.now = after;
        value
    }

    /// What a program does when it starts: all devices that there are, by their uevents.
    fn cold_plug(&mut self) {
        for device in &self.now.devices {
            uevents::trigger(device.to_str().unwrap()).unwrap();
        }
        self.tell_uevents("cold-plug");
        let nothing = Snapshot::nothing();
        section("cold-plug", "appeared", &self.now.without(&nothing));
    }

    fn tell_uevents(&self, step: &str) {
        let datagrams = self.uevents.take();
        let texts: Vec<_> = datagrams.iter().map(|one| uevents::text(one)).collect();
        section(step, "uevents", &texts.join("\n"));
    }
}

fn section(step: &str, what: &str, text: &str) {
    if !text.is_empty() {
        print!("\n[{step}: {what}]\n{text}");
    }
}
