//! What the kernel shows and tells is what the tables beside the recordings say.
#![cfg(target_os = "linux")]

mod tables;

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use circuits_bench::{CanLink, I2cClient, Outside, Unbound};
use circuits_enumerate::{Change, Devices, Filter, Linux, Watch};
use futures_lite::future::block_on;
use tables::{PI, Told, Views, changes, told};

/// A USB adapter takes a moment.
const SOON: Duration = Duration::from_secs(20);

/// For as long nothing more may come.
const QUIET: Duration = Duration::from_millis(300);

/// All devices are the machine's.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|e| e.into_inner())
}

/// How changes are waited for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Blocking,
    Async,
}

/// A story as it happens.
struct Story {
    name: &'static str,
    table: &'static str,
    way: Way,
    watch: Watch,
    views: Views,
    hub_is_there: bool,
}

impl Story {
    fn begin(name: &'static str, table: &'static str, way: Way) -> Story {
        let watch = Watch::open(Filter::new()).unwrap();
        let hub_is_there = watch.devices().get(HUB).is_some();
        Story {
            name,
            table,
            way,
            watch,
            views: Views::expected(PI),
            hub_is_there,
        }
    }

    /// Does something, waits for what is told of it, and looks what there is.
    fn step<T>(&mut self, step: &str, act: impl FnOnce() -> T) -> T {
        let value = act();
        let name = format!("{}, {step}, {:?}", self.name, self.way);
        let mut expected = changes(self.table, step);
        // It stays until the machine goes.
        expected.retain(|[_, _, path]| !(self.hub_is_there && is_hub(path)));
        let mut heard: Vec<Told> = Vec::new();
        while heard.len() < expected.len() {
            let change = self
                .next()
                .unwrap_or_else(|| panic!("{name}: only {heard:#?}"));
            assert!(change.uevent().is_some(), "{name}: {change:?}");
            heard.push(told(&change));
        }
        assert_eq!(heard, expected, "{name}");
        let more = self.watch.wait_change(QUIET).unwrap();
        assert!(more.is_none(), "{name}: {more:?}");

        self.views.step(self.table, step);
        let there = Devices::list().unwrap();
        let views = Views::of(&there).sorted();
        assert_eq!(views, self.views.clone().sorted(), "{name}");
        // What uevents told is what is seen.
        for device in there.iter() {
            let known = self.watch.devices().get(device.path());
            assert_eq!(known, Some(device), "{name}");
        }
        value
    }

    fn next(&mut self) -> Option<Change> {
        match self.way {
            Way::Blocking => self.watch.wait_change(SOON).unwrap(),
            Way::Async => block_on(self.watch.changes().next_change()).ok(),
        }
    }

    fn end(self) {
        let there = Devices::list_all_on(&Linux::new()).unwrap();
        let there: Vec<_> = there.iter().collect();
        let known: Vec<_> = self.watch.devices().iter().collect();
        let strange = known.iter().filter(|device| !there.contains(device));
        let missing = there.iter().filter(|device| !known.contains(device));
        let both: (Vec<_>, Vec<_>) = (strange.collect(), missing.collect());
        assert_eq!(both, (vec![], vec![]), "{}", self.name);
        let counts = self.watch.counts();
        let trouble = (
            counts.overflows,
            counts.gaps,
            counts.malformed,
            counts.rescans,
        );
        assert_eq!(trouble, (0, 0, 0, 0), "{}: {counts:?}", self.name);
        assert_eq!(self.views.sorted(), Views::expected(PI).sorted());
    }
}

const HUB: &str = "/devices/platform/soc/3f980000.usb/usb1/1-1";

fn is_hub(path: &str) -> bool {
    [HUB, &format!("{HUB}/1-1:1.0")].contains(&path)
}

/// Both ways, one after the other.
fn both(mut story: impl FnMut(Way)) {
    let _alone = alone();
    [Way::Blocking, Way::Async].into_iter().for_each(&mut story);
}

fn open(node: &Path) -> File {
    let mut options = File::options();
    // A port waits for nobody to answer, and is no terminal of this process.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = options
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(node);
    opened.unwrap_or_else(|error| panic!("{}: {error}", node.display()))
}

/// Opens all that has a name, and tells how many there are.
fn open_all() -> usize {
    let devices = Devices::list().unwrap();
    let chips = devices.gpio_chips().into_iter().map(|chip| chip.node);
    let buses = devices.i2c_adapters().into_iter();
    let buses = buses.map(|adapter| adapter.node.unwrap());
    let controllers = devices.spi_controllers().into_iter();
    let spi = controllers.flat_map(|controller| controller.devices);
    let spi = spi.map(|device| device.node.unwrap());
    let ports = devices.serial_ports().into_iter().map(|port| port.node);
    let nodes: Vec<PathBuf> = chips.chain(buses).chain(spi).chain(ports).collect();
    nodes.iter().for_each(|node| drop(open(node)));
    let interfaces = devices.can_interfaces();
    for can in &interfaces {
        use socketcan::Socket;
        drop(socketcan::CanSocket::open(&can.name).expect(&can.name));
    }
    nodes.len() + interfaces.len()
}

#[test]
#[ignore = "needs the emulated Pi"]
fn what_is_there_is_in_the_tables() {
    let _alone = alone();
    assert_eq!(Views::of(&Devices::list().unwrap()), Views::expected(PI));
    let all = Devices::list_all_on(&Linux::new()).unwrap();
    assert_eq!(Views::of(&all), Views::expected(PI));
}

#[test]
#[ignore = "needs the emulated Pi"]
fn all_that_has_a_name_opens() {
    let _alone = alone();
    // 3 chips, 3 buses, 2 chip selects, 2 ports, an interface.
    assert_eq!(open_all(), 11);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn serial_adapters_are_told_of() {
    let table = include_str!("../../tests/recordings/pi/usb-serial.md");
    both(|way| {
        let outside = Outside::here();
        let mut story = Story::begin("usb-serial", table, way);
        let gps = story.step("plug", || outside.plug("GPS", 2));
        let modem = story.step("plug another", || outside.plug("MODEM", 4));
        assert_eq!(open_all(), 13);
        story.step("unplug", || drop(gps));
        story.step("unplug the other", || drop(modem));
        story.end();
    });
}

#[test]
#[ignore = "needs the emulated Pi"]
fn chips_are_told_of() {
    let table = include_str!("../../tests/recordings/pi/gpio-chip.md");
    both(|way| {
        let mut story = Story::begin("gpio-chip", table, way);
        let chip = story.step("plug", || {
            let bank = gpiosim::Bank::new(4, "plugged");
            gpiosim::builder().with_bank(&bank).live().unwrap()
        });
        assert_eq!(open_all(), 12);
        story.step("unplug", || drop(chip));
        story.end();
    });
}

#[test]
#[ignore = "needs the emulated Pi"]
fn clients_are_told_of() {
    let table = include_str!("../../tests/recordings/pi/i2c-client.md");
    both(|way| {
        let mut story = Story::begin("i2c-client", table, way);
        let client = story.step("new device", || I2cClient::new("i2c-1", "lm75", 0x48));
        story.step("delete device", || drop(client));
        story.end();
    });
}

#[test]
#[ignore = "needs the emulated Pi"]
fn chip_selects_without_a_driver_are_told_of() {
    let table = include_str!("../../tests/recordings/pi/spi-device.md");
    both(|way| {
        let mut story = Story::begin("spi-device", table, way);
        let unbound = story.step("unbind", || Unbound::new("spi/drivers/spidev", "spi0.1"));
        story.step("bind", || drop(unbound));
        story.end();
    });
}

#[test]
#[ignore = "needs the emulated Pi"]
fn interfaces_are_told_of() {
    let table = include_str!("../../tests/recordings/pi/can-link.md");
    both(|way| {
        let mut story = Story::begin("can-link", table, way);
        let link = story.step("add", || CanLink::new("vcan7"));
        assert_eq!(open_all(), 12);
        story.step("rename", || rename("vcan7", "body"));
        story.step("del", || {
            sh("ip link set body down && ip link set body name vcan7");
            drop(link);
        });
        story.end();
    });
}

fn rename(from: &str, to: &str) {
    sh(&format!(
        "ip link set {from} down && ip link set {from} name {to} && ip link set {to} up"
    ));
}

fn sh(script: &str) {
    let done = Command::new("sh").args(["-c", script]).status().unwrap();
    assert!(done.success(), "{script}");
}
