//! What libudev hears on this machine is what the kernel tells, and that some of it was lost.
#![cfg(target_os = "linux")]

use std::fs;
use std::io;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use circuits_enumerate::{Action, Backend, Devices, Filter, Group, Listener, Watch};
use circuits_enumerate_udev::Udev;
use circuits_wait::{Clock, Monotonic};

/// All hear of the same uevents.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|e| e.into_inner())
}

/// Has the kernel tell of an interface again.
fn trigger() {
    fs::write("/sys/class/net/lo/uevent", "change").unwrap();
}

/// Reads all there is, and counts it and how often some was lost.
fn read(listener: &dyn Listener) -> (u32, u32) {
    let (mut uevents, mut losses) = (0, 0);
    loop {
        match listener.read() {
            Ok(_) => uevents += 1,
            Err(error) if error.raw_os_error() == Some(105) => losses += 1,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                return (uevents, losses);
            }
        }
    }
}

#[test]
fn a_monitor_opens_and_does_not_wait() {
    let _one = alone();
    for group in [Group::Udev, Group::Kernel] {
        let listener = Udev::new().on_group(group).listen().unwrap();
        read(&*listener);
        assert_eq!(listener.is_numbered(), group == Group::Kernel);
        assert!(format!("{listener:?}").contains("Monitor"));
    }
}

#[test]
fn devices_are_those_of_linux() {
    let _one = alone();
    let paths = |devices: Devices| -> Vec<_> {
        devices
            .iter()
            .map(|device| device.path().to_owned())
            .collect()
    };
    let linux = Devices::list_on(&circuits_enumerate::Linux::new());
    let udev = Devices::list_on(&Udev::new());
    match (linux, udev) {
        (Ok(linux), Ok(udev)) => assert_eq!(paths(linux), paths(udev)),
        // Where there is no `/sys`.
        (linux, udev) => assert_eq!(linux.is_err(), udev.is_err()),
    }
}

#[test]
#[ignore = "needs root"]
fn uevents_have_all_that_the_kernel_tells() {
    let _one = alone();
    let udev = Udev::new().on_group(Group::Kernel);
    let linux = circuits_enumerate::Linux::new().on_group(Group::Kernel);
    let (ours, theirs) = (linux.listen().unwrap(), udev.listen().unwrap());
    trigger();
    let (ours, theirs) = (ours.read().unwrap(), theirs.read().unwrap());
    assert_eq!(theirs.action(), &Action::Change);
    assert_eq!(theirs.devpath(), ours.devpath());
    assert_eq!(theirs.seqnum(), ours.seqnum());
    for (key, value) in ours.fields() {
        assert_eq!(theirs.field(key.to_str().unwrap()), Some(value), "{key:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn what_is_lost_is_told_once_behind_what_was_queued() {
    let _one = alone();
    let udev = Udev::new().on_group(Group::Kernel).receive_buffer(8192);
    let listener = udev.listen().unwrap();
    for _ in 0..3 {
        (0..500).for_each(|_| trigger());
        let first = listener.read().unwrap().seqnum().unwrap();
        // There is room for it, but the kernel drops it: the loss is still going on.
        trigger();
        let mut last = first;
        let error = loop {
            match listener.read() {
                Ok(event) => {
                    last += 1;
                    assert_eq!(event.seqnum(), Some(last));
                }
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(105));
        assert!(last < first + 400);
        trigger();
        assert_eq!(read(&*listener), (1, 0));
    }
    // It is told even if the queue is never found empty.
    (0..500).for_each(|_| trigger());
    let told = (0..200).find_map(|_| {
        let error = listener.read().err();
        trigger();
        error
    });
    assert_eq!(told.and_then(|error| error.raw_os_error()), Some(105));
}

#[test]
#[ignore = "needs root"]
fn who_waits_is_woken() {
    let _one = alone();
    let listener = Udev::new().on_group(Group::Kernel).listen().unwrap();
    let mut read = || listener.read().map(drop);
    let deadline = Monotonic::new().now() + Duration::from_secs(10);
    let later = || {
        thread::sleep(Duration::from_millis(50));
        trigger();
    };
    for _ in 0..3 {
        thread::scope(|scope| {
            scope.spawn(later);
            let block = listener.ready().block(Some(deadline), &mut read);
            assert!(block.unwrap());
        });
        thread::scope(|scope| {
            scope.spawn(later);
            let poll = std::future::poll_fn(|cx| listener.ready().poll(cx, &mut read));
            futures_lite::future::block_on(poll).unwrap();
        });
    }
}

#[test]
#[ignore = "needs root"]
fn a_watch_looks_when_something_was_lost() {
    let _one = alone();
    let udev = Udev::new().on_group(Group::Kernel).receive_buffer(8192);
    let mut watch = Watch::open_on(&udev, Filter::new()).unwrap();
    (0..500).for_each(|_| trigger());
    while watch.try_change().unwrap().is_some() {}
    let counts = watch.counts();
    assert_eq!((counts.overflows, counts.rescans), (1, 1));
}
