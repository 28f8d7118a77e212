use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use circuits_bench::{CanLink, Tracer};
use circuits_enumerate::{Devices, Filter, Linux, Watch};

use crate::ratio::{Ratio, median};
use crate::rounds::{Batch, Competitor, Rounds, Times, batch};

/// Calls by name, which are the most of a listing.
const NAMES: &[(libc::c_long, &str)] = &[
    (libc::SYS_openat, "openat"),
    (libc::SYS_read, "read"),
    (libc::SYS_close, "close"),
    (libc::SYS_getdents64, "getdents64"),
    (libc::SYS_readlinkat, "readlinkat"),
    (libc::SYS_fstat, "fstat"),
    #[cfg(target_pointer_width = "64")]
    (libc::SYS_newfstatat, "newfstatat"),
    (libc::SYS_statx, "statx"),
    (libc::SYS_fcntl, "fcntl"),
    (libc::SYS_lseek, "lseek"),
    #[cfg(target_pointer_width = "64")]
    (libc::SYS_mmap, "mmap"),
    (libc::SYS_munmap, "munmap"),
    (libc::SYS_socket, "socket"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_sendto, "sendto"),
];

/// A way to list something, which says how much it found.
type List = fn() -> Result<usize>;

/// What was measured of somebody who lists something.
struct Row {
    name: &'static str,
    found: usize,
    calls: Vec<libc::c_long>,
    times: Times,
}

/// Measures how long it takes to know what there is, and prints it. Needs root, for the tracer.
pub(crate) fn measure(rounds: &mut Rounds) -> Result<()> {
    // Where there is none, nobody would have anything to find.
    let _can = CanLink::new("peers0");
    let operations: [(&str, &[(&'static str, List)]); 4] = [
        (
            "serial ports",
            &[
                ("circuits", serial_ports),
                ("serialport", serialport),
                ("names alone", names_of_ttys),
            ],
        ),
        (
            "CAN interfaces",
            &[
                ("circuits", can_interfaces),
                ("types alone", types_of_links),
            ],
        ),
        (
            "buses",
            &[("circuits", buses), ("uevent files", uevents_of_buses)],
        ),
        (
            "all devices",
            &[
                ("circuits", all),
                ("Watch::open", watch),
                ("uevent files", uevents_of_all),
                ("a walk", walk),
            ],
        ),
    ];
    println!("listing         by             found  calls   us a call   ratio  95 % interval");
    let mut told = Vec::new();
    for (operation, lists) in operations {
        let rows = rows(rounds, operation, lists)?;
        for row in &rows {
            print(operation, row, &rows[0]);
        }
        told.extend(rows.into_iter().map(|row| (operation, row)));
    }
    println!();
    for (operation, row) in told {
        println!("{operation}, {}: {}", row.name, by_name(&row.calls));
    }
    Ok(())
}

fn rows(
    rounds: &mut Rounds,
    operation: &'static str,
    lists: &[(&'static str, List)],
) -> Result<Vec<Row>> {
    let batch_of =
        |list: List| -> Batch { batch(move || list().map(|found| assert!(black_box(found) > 0))) };
    let competitors = lists
        .iter()
        .map(|(name, list)| Competitor::new(name, Ok(batch_of(*list))));
    let times = rounds.times(operation, competitors.collect())?;
    let rows = lists.iter().zip(times).map(|((name, list), times)| {
        let mut found = 0;
        let mut done = Ok(());
        let calls = Tracer::new().trace(|| done = list().map(|count| found = count));
        done?;
        ensure!(found > 0, "{name} has found nothing of {operation}");
        Ok(Row {
            name,
            found,
            calls,
            times,
        })
    });
    rows.collect()
}

fn print(operation: &str, row: &Row, first: &Row) {
    let Row {
        name,
        found,
        calls,
        times,
    } = row;
    let Ratio {
        value,
        lower,
        upper,
    } = Ratio::new(times, &first.times);
    let (calls, time) = (calls.len(), median(&mut times.clone()) / 1000.0);
    println!(
        "{operation:<15} {name:<13} {found:>6} {calls:>6} {time:>11.0} {value:>7.3}  {lower:.3} to {upper:.3}"
    );
}

/// `openat 40, read 30, ...`, the most frequent first.
fn by_name(calls: &[libc::c_long]) -> String {
    let mut counts = BTreeMap::new();
    calls
        .iter()
        .for_each(|call| *counts.entry(*call).or_insert(0) += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let name = |number| {
        let known = NAMES.iter().find(|(known, _)| *known == number);
        known.map_or_else(|| format!("call {number}"), |(_, name)| (*name).into())
    };
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(number, count)| format!("{} {count}", name(number)))
        .collect();
    counts.join(", ")
}

fn serial_ports() -> Result<usize> {
    let devices = Devices::list_subsystems_on(&Linux::new(), &["tty"])?;
    Ok(devices.serial_ports().len())
}

fn serialport() -> Result<usize> {
    Ok(serialport::available_ports()?.len())
}

fn can_interfaces() -> Result<usize> {
    let devices = Devices::list_subsystems_on(&Linux::new(), &["net"])?;
    Ok(devices.can_interfaces().len())
}

fn buses() -> Result<usize> {
    Ok(Devices::list_on(&Linux::new())?.len())
}

fn all() -> Result<usize> {
    Ok(Devices::list_all_on(&Linux::new())?.len())
}

fn watch() -> Result<usize> {
    let watch = Watch::open_on(&Linux::new(), Filter::new())?;
    Ok(watch.devices().len())
}

/// What tells a terminal that hangs on something: the least that a list of ports needs.
fn names_of_ttys() -> Result<usize> {
    let ports = names("/sys/class/tty".as_ref()).into_iter().filter(|tty| {
        fs::read_link(tty).is_ok_and(|link| !link.starts_with("../../devices/virtual"))
    });
    Ok(ports.count())
}

/// What tells a CAN interface from others, without route netlink.
fn types_of_links() -> Result<usize> {
    let types = names("/sys/class/net".as_ref())
        .into_iter()
        .filter_map(|link| fs::read_to_string(link.join("type")).ok());
    Ok(types.filter(|kind| kind.trim() == "280").count())
}

/// As udev's libraries list: by the links of buses and classes, and the file `uevent` of each.
fn uevents_of_buses() -> Result<usize> {
    const BUSES: [&str; 4] = ["gpio", "i2c", "spi", "usb"];
    const CLASSES: [&str; 5] = ["i2c-dev", "net", "spi_master", "spidev", "tty"];
    let of_buses = BUSES.map(|name| Path::new("/sys/bus").join(name).join("devices"));
    let of_classes = CLASSES.map(|name| Path::new("/sys/class").join(name));
    Ok(uevents(of_buses.into_iter().chain(of_classes)))
}

fn uevents_of_all() -> Result<usize> {
    let of_buses = names("/sys/bus".as_ref()).into_iter();
    let of_buses = of_buses.map(|bus| bus.join("devices"));
    let of_classes = names("/sys/class".as_ref());
    Ok(uevents(of_buses.chain(of_classes)))
}

fn uevents(folders: impl Iterator<Item = PathBuf>) -> usize {
    let devices = folders.flat_map(|folder| names(&folder));
    // Where they are is what they are known by.
    let devices = devices.filter_map(|device| Some((fs::read_link(&device).ok()?, device)));
    devices
        .filter(|(_, device)| fs::read(device.join("uevent")).is_ok())
        .count()
}

/// All of `/sys/devices` is walked through, and what has a subsystem is a device.
fn walk() -> Result<usize> {
    fn below(folder: &Path) -> usize {
        let mut found = 0;
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let kind = entry.file_type().ok();
            if kind.is_some_and(|kind| kind.is_dir()) {
                found += below(&entry.path());
            } else if entry.file_name() == "uevent" {
                let _ = black_box(fs::read(entry.path()));
            } else if entry.file_name() == "subsystem" {
                found += usize::from(fs::read_link(entry.path()).is_ok());
            }
        }
        found
    }
    Ok(below("/sys/devices".as_ref()))
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
