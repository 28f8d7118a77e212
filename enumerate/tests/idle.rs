//! Who waits for changes of devices costs nothing while there are none.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use circuits_bench::{I2cClient, block_on};
use circuits_enumerate::{Counts, Filter, Group, Linux, Watch};

/// How often each thread of the process has stopped running, by its number and name.
fn switches() -> BTreeMap<(u32, String), u64> {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let of_thread = |entry: fs::DirEntry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let value = |name: &str| {
            let mut lines = status.lines();
            let line = lines.find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().to_owned())
        };
        let count = |name| value(name)?.parse::<u64>().ok();
        let all = count("voluntary_ctxt_switches:")? + count("nonvoluntary_ctxt_switches:")?;
        Some(((count("Pid:")? as u32, value("Name:")?), all))
    };
    threads
        .filter_map(|entry| of_thread(entry.unwrap()))
        .collect()
}

/// Has the kernel tell of an interface again, which is no change.
fn trigger() {
    fs::write("/sys/class/net/lo/uevent", "change").unwrap();
}

/// A gap in the numbers of uevents has each look once, a moment later, and nobody again.
#[test]
#[ignore = "needs the emulated Pi; takes a minute"]
fn a_minute_with_two_watches_costs_no_wake_up() {
    let before = switches();
    let open = || {
        let linux = Linux::new().on_group(Group::Kernel);
        Watch::open_on(&linux, Filter::new().subsystem("i2c")).unwrap()
    };
    let (tell, told) = mpsc::channel::<(&str, Counts)>();
    let (mut blocking, mut stream, tell_too) = (open(), open(), tell.clone());
    let waiters = [
        thread::spawn(move || {
            blocking.wait_change(None).unwrap().unwrap();
            tell.send(("blocking", blocking.counts())).unwrap();
        }),
        thread::spawn(move || {
            block_on(stream.changes().next_change()).unwrap();
            tell_too.send(("stream", stream.counts())).unwrap();
        }),
    ];
    let ours = || -> Vec<_> {
        let all = switches().into_iter();
        all.filter(|(thread, _)| !before.contains_key(thread))
            .collect()
    };
    // Until they wait.
    thread::sleep(Duration::from_secs(2));
    let start = ours();
    assert_eq!(start.len(), 3, "two who wait, one for futures: {start:?}");
    // A minute, if nobody is in a hurry.
    let seconds = option_env!("CIRCUITS_TEST_IDLE").map_or(60, |seconds| seconds.parse().unwrap());
    thread::sleep(Duration::from_secs(seconds));
    assert_eq!(ours(), start);

    // A namespace of its own has an interface that only takes numbers.
    trigger();
    let apart = Command::new("unshare").args(["-n", "true"]).status();
    assert!(apart.unwrap().success());
    trigger();
    thread::sleep(Duration::from_secs(5));
    let looked = ours();
    assert_ne!(looked, start);
    thread::sleep(Duration::from_secs(10));
    assert_eq!(ours(), looked);
    told.try_recv().unwrap_err();

    // They have waited, and did not sleep.
    let _client = I2cClient::new("i2c-0", "nobody", 0x10);
    for _ in 0..2 {
        let (who, counts) = told.recv_timeout(Duration::from_secs(10)).unwrap();
        println!("{who}: {counts:?}");
        assert!(counts.gaps >= 1, "{who}: {counts:?}");
        assert_eq!((counts.rescans, counts.overflows), (1, 0), "{who}");
    }
    for waiter in waiters {
        waiter.join().unwrap();
    }
}
