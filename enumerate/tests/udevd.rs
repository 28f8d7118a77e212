//! Where udev's daemon runs: what a watch knows is what a new look finds, and a node is waited for
//! until its rules are applied.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use circuits_bench::{Adapter, Outside, Udevd};
use circuits_enumerate::{
    Backend, Change, ChangeKind, Device, Devices, ErrorKind, Filter, Group, Linux, SerialPort,
    Watch, ready, wait_ready,
};
use circuits_wait::{Clock, Monotonic};
use futures_lite::future::{block_on, or};
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

const SOON: Duration = Duration::from_secs(20);

const NODE: &str = "/dev/ttyUSB0";

fn ttys() -> Filter {
    Filter::new().subsystem("tty")
}

/// All that can be asked of a device.
fn all_of(device: &Device) -> Vec<String> {
    let properties = device.properties();
    let mut all: Vec<String> = properties
        .map(|(key, value)| format!("{}={}", key.to_string_lossy(), value.to_string_lossy()))
        .collect();
    all.push(format!(
        "SUBSYSTEM={}",
        device.subsystem().to_string_lossy()
    ));
    all
}

/// What is known of a device here and not there.
fn differences(one: &Devices, other: &Devices) -> Vec<String> {
    let lines = |devices: &Devices| -> BTreeSet<String> {
        let all = devices.iter().flat_map(|device| {
            let path = device.path().display().to_string();
            let all = all_of(device).into_iter();
            all.map(move |line| format!("{path} {line}"))
        });
        all.collect()
    };
    let (one, other) = (lines(one), lines(other));
    let only_one = one.difference(&other).map(|line| format!("- {line}"));
    let only_other = other.difference(&one).map(|line| format!("+ {line}"));
    only_one.chain(only_other).collect()
}

/// Takes what is still to come, and sees that the watch knows what a new look finds.
#[track_caller]
fn knows_what_there_is(watch: &mut Watch, linux: &Linux, udevd: &Udevd) -> Vec<Change> {
    udevd.settle();
    let rest = std::iter::from_fn(|| watch.try_change().unwrap()).collect();
    let found = Devices::list_all_on(linux).unwrap();
    let differences = differences(watch.devices(), &found);
    assert!(differences.is_empty(), "{differences:#?}");
    assert!(watch.devices().iter().eq(found.iter()));
    assert_eq!(watch.devices().serial_ports(), found.serial_ports());
    let counts = watch.counts();
    assert_eq!(
        (counts.refused, counts.rescans, counts.malformed),
        (0, 0, 0)
    );
    rest
}

/// The links to a node in a folder.
fn links(folder: &str, node: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let links = entries.map(|entry| entry.unwrap().path());
    let mut links: Vec<PathBuf> = links
        .filter(|link| fs::canonicalize(link).unwrap() == node)
        .collect();
    links.sort();
    links
}

/// It is all there at the moment at which it is told of.
#[track_caller]
fn came(change: &Change, devices: &Devices) -> SerialPort {
    assert_eq!(change.kind(), ChangeKind::Added);
    let node = change.device().node().unwrap();
    let metadata = fs::metadata(&node).unwrap();
    assert_eq!((metadata.gid(), metadata.mode() & 0o777), (4321, 0o640));
    let ports = devices.serial_ports();
    let port = ports.into_iter().find(|port| port.node == node).unwrap();
    let (by_id, by_path) = ("/dev/serial/by-id", "/dev/serial/by-path");
    assert_eq!(links(by_id, &node), [port.by_id.clone().unwrap()]);
    // There may be a second one, for the version of USB.
    assert_eq!(links(by_path, &node)[0], port.by_path.clone().unwrap());
    port
}

const RULES: &str = r#"SUBSYSTEM=="tty", KERNEL=="ttyUSB*", GROUP="4321", MODE="0640""#;

#[test]
#[ignore = "needs the emulated Pi"]
fn an_adapter_is_told_of_when_its_rules_are_applied() {
    let udevd = Udevd::with_rules(RULES);
    let linux = Linux::new();
    assert!(!linux.listen().unwrap().is_numbered(), "the kernel's group");
    let mut watch = Watch::open_on(&linux, ttys()).unwrap();
    for name in ["GPS", "MODEM"] {
        let adapter = Outside::here().plug(name, 2);
        let change = watch.wait_change(SOON).unwrap().unwrap();
        let port = came(&change, watch.devices());
        let identity = format!("tty@usb:0403:6001:{name}:00");
        assert_eq!(port.identity.as_str(), identity);
        let by_id = format!("/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_{name}-if00-port0");
        assert_eq!(port.by_id.as_deref(), Some(Path::new(&by_id)));
        assert!(knows_what_there_is(&mut watch, &linux, &udevd).is_empty());

        adapter.unplug();
        let change = watch.wait_change(SOON).unwrap().unwrap();
        assert_eq!(
            (change.kind(), change.path()),
            (ChangeKind::Removed, &*port.path)
        );
        assert!(knows_what_there_is(&mut watch, &linux, &udevd).is_empty());
    }
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_task_is_told_of_an_adapter_when_its_rules_are_applied() {
    let udevd = Udevd::with_rules(RULES);
    let linux = Linux::new();
    let mut watch = Watch::open_on(&linux, ttys()).unwrap();
    let next = |watch: &mut Watch| {
        let change = async { Some(watch.changes().next_change().await.unwrap()) };
        let late = async {
            let mut timer = Monotonic::new().timer().unwrap();
            let deadline = Monotonic::new().now() + SOON;
            let late = std::future::poll_fn(|cx| timer.poll_until(deadline, cx));
            late.await.unwrap();
            None
        };
        block_on(or(change, late)).expect("no change")
    };
    let adapter = Outside::here().plug("GPS", 3);
    let change = next(&mut watch);
    let port = came(&change, watch.devices());
    assert!(knows_what_there_is(&mut watch, &linux, &udevd).is_empty());
    adapter.unplug();
    let change = next(&mut watch);
    assert_eq!(
        (change.kind(), change.path()),
        (ChangeKind::Removed, &*port.path)
    );
    assert!(knows_what_there_is(&mut watch, &linux, &udevd).is_empty());
}

/// At the start of a real system the kernel tells of all devices again, so that udevd knows them.
#[test]
#[ignore = "needs the emulated Pi"]
fn what_udevd_is_told_at_its_start_is_known() {
    let udevd = Udevd::start();
    let linux = Linux::new();
    let mut watch = Watch::open_on(&linux, Filter::new()).unwrap();
    let adapter = Outside::here().plug("GPS", 4);
    for subsystem in ["usb", "gpio", "i2c-dev", "net"] {
        udevd.trigger(subsystem);
        knows_what_there_is(&mut watch, &linux, &udevd);
    }
    adapter.unplug();
    while watch
        .devices()
        .serial_ports()
        .iter()
        .any(|port| port.node == Path::new(NODE))
    {
        watch.wait_change(SOON).unwrap().expect("a change");
    }
    knows_what_there_is(&mut watch, &linux, &udevd);
}

/// A user who is not root, of the group that the rules give nodes to.
fn as_somebody<T: Send>(f: impl FnOnce() -> T + Send) -> T {
    let run = || {
        let (user, group) = (Uid::from_raw(65534), Gid::from_raw(4321));
        set_thread_groups(&[]).unwrap();
        set_thread_res_gid(group, group, group).unwrap();
        set_thread_res_uid(user, user, user).unwrap();
        f()
    };
    let done = thread::scope(|scope| scope.spawn(run).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn open() -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = flags | rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC;
    Ok(rustix::fs::open(NODE, flags, rustix::fs::Mode::empty())?.into())
}

/// Plugs an adapter in, and returns at the kernel's word that it is there.
fn plug_now(watch: &mut Watch) -> Adapter {
    let adapter = Outside::here().plug("RACE", 2);
    let change = watch.wait_change(SOON).unwrap().unwrap();
    assert_eq!(change.kind(), ChangeKind::Added);
    assert_eq!(change.device().node().unwrap(), Path::new(NODE));
    adapter
}

fn unplug(adapter: Adapter, watch: &mut Watch, udevd: &Udevd) {
    adapter.unplug();
    let change = watch.wait_change(SOON).unwrap().unwrap();
    assert_eq!(change.kind(), ChangeKind::Removed);
    udevd.settle();
}

fn races(times: u32, rules: &str, wait: impl Fn(&Linux) + Sync) {
    let udevd = Udevd::with_rules(rules);
    let linux = Linux::new().on_group(Group::Kernel);
    let mut watch = Watch::open_on(&linux, ttys()).unwrap();
    let mut too_early = 0;
    for _ in 0..times {
        let adapter = plug_now(&mut watch);
        let refused = as_somebody(|| {
            let start = Instant::now();
            let error = open().err().map(|error| error.kind());
            wait(&linux);
            println!("{error:?}, and ready after {:?}", start.elapsed());
            open().unwrap();
            error == Some(io::ErrorKind::PermissionDenied)
        });
        too_early += u32::from(refused);
        unplug(adapter, &mut watch, &udevd);
    }
    println!("{too_early} of {times} would have been too early");
    assert!(too_early > 0);
}

const FIVE: Duration = Duration::from_secs(5);

#[test]
#[ignore = "needs the emulated Pi"]
fn a_node_is_waited_for_until_its_rules_are_applied() {
    races(
        10,
        r#"SUBSYSTEM=="tty", KERNEL=="ttyUSB*", GROUP="4321", MODE="0660""#,
        |linux| wait_ready(linux, NODE, FIVE).unwrap(),
    );
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_task_waits_for_a_node_until_its_rules_are_applied() {
    races(
        3,
        r#"SUBSYSTEM=="tty", KERNEL=="ttyUSB*", MODE="0666""#,
        |linux| {
            block_on(ready(linux, NODE)).unwrap();
        },
    );
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_node_that_no_rule_gives_is_refused_in_the_end() {
    let udevd = Udevd::start();
    let linux = Linux::new();
    let mut watch = Watch::open_on(&linux, ttys()).unwrap();
    let adapter = plug_now(&mut watch);
    as_somebody(|| {
        let start = Instant::now();
        let error = wait_ready(&linux, NODE, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(start.elapsed() >= Duration::from_secs(1));
        assert_eq!(open().unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    });
    unplug(adapter, &mut watch, &udevd);
}
