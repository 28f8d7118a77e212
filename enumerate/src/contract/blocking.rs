use std::sync::Arc;
use std::time::Duration;

use super::{Bench, LONG, comes, goes, next, pause};
use crate::{ChangeKind, Devices, Filter, Watch};

fn gpio(bench: &dyn Bench) -> Watch {
    Watch::open_on(bench.backend(), Filter::new().subsystem("gpio")).unwrap()
}

pub(super) fn what_is_plugged_in_is_listed(bench: Arc<dyn Bench>) {
    let plugged = bench.plug();
    let (path, node) = (plugged.path(), plugged.node());
    let lists = [
        Devices::list_on(bench.backend()),
        Devices::list_all_on(bench.backend()),
        Devices::list_subsystems_on(bench.backend(), &["gpio"]),
    ];
    for devices in lists {
        let devices = devices.unwrap();
        let device = devices.get(&path).expect("it is there");
        assert_eq!(
            (device.subsystem(), device.node()),
            ("gpio".as_ref(), Some(node.clone()))
        );
        let chips = devices.gpio_chips();
        let chip = chips
            .iter()
            .find(|chip| chip.path == path)
            .expect("it is a chip");
        assert_eq!(chip.node, node);
        assert_eq!(node, std::path::Path::new("/dev").join(&chip.name));
        assert_eq!(devices.find(&chip.identity), Some(device));
        // What it hangs on is there, too, and before it.
        let above = devices.parent(&path).expect("it hangs on something");
        let position = |path| devices.iter().position(|device| device.path() == path);
        assert!(position(above.path()) < position(&path));
        assert!(
            devices
                .children(above.path())
                .any(|child| child.path() == path)
        );
    }
    drop(plugged);
    // The kernel is through with it when it has told of it.
    let mut watch = gpio(&*bench);
    while watch.devices().get(&path).is_some() {
        goes(&mut watch, &path);
    }
    assert!(
        Devices::list_on(bench.backend())
            .unwrap()
            .get(&path)
            .is_none()
    );
}

pub(super) fn a_device_comes_and_goes_once(bench: Arc<dyn Bench>) {
    let mut watch = gpio(&*bench);
    for _ in 0..3 {
        let plugged = bench.plug();
        let path = plugged.path();
        comes(&mut watch, &path);
        drop(plugged);
        goes(&mut watch, &path);
    }
    assert_eq!(watch.counts().overflows, 0);
}

pub(super) fn changes_count_from_the_opening(bench: Arc<dyn Bench>) {
    let before = bench.plug();
    let mut watch = gpio(&*bench);
    let after = bench.plug();
    let (before_it, path) = (before.path(), after.path());
    drop(after);
    // Both were queued before anybody read.
    comes(&mut watch, &path);
    goes(&mut watch, &path);
    assert!(watch.devices().get(&before_it).is_some());
    drop(before);
    goes(&mut watch, &before_it);
}

pub(super) fn each_watch_hears_all(bench: Arc<dyn Bench>) {
    let mut watches = [gpio(&*bench), gpio(&*bench), gpio(&*bench)];
    let plugged = bench.plug();
    let path = plugged.path();
    comes(&mut watches[1], &path);
    drop(plugged);
    goes(&mut watches[1], &path);
    for number in [2, 0] {
        comes(&mut watches[number], &path);
        goes(&mut watches[number], &path);
    }
}

pub(super) fn a_filter_lets_through_what_it_says(bench: Arc<dyn Bench>) {
    let open = |filter| Watch::open_on(bench.backend(), filter).unwrap();
    let mut by_type = open(Filter::new().property("DEVTYPE", "gpio_chip"));
    let mut nobody = open(Filter::new().subsystem("gpio").below("/devices/nowhere"));
    let mut others = open(Filter::new().subsystem("net").subsystem("spi"));
    let plugged = bench.plug();
    let path = plugged.path();
    let mut by_path = open(Filter::new().below(&path));
    comes(&mut by_type, &path);
    drop(plugged);
    goes(&mut by_type, &path);
    goes(&mut by_path, &path);
    assert!(nobody.try_change().unwrap().is_none());
    while let Some(change) = others.try_change().unwrap() {
        assert_ne!(change.device().subsystem(), "gpio");
    }
    // It knows of them nevertheless.
    assert!(nobody.counts().received > 0);
}

pub(super) fn without_a_change_it_is_none(bench: Arc<dyn Bench>) {
    let filter = Filter::new().below("/devices/nowhere");
    let mut watch = Watch::open_on(bench.backend(), filter).unwrap();
    assert!(watch.try_change().unwrap().is_none());
    let clock = bench.backend().clock();
    let begun = clock.now();
    let timeout = Duration::from_millis(30);
    assert!(watch.wait_change(timeout).unwrap().is_none());
    assert!(clock.now().since(begun) >= timeout);
    assert!(watch.wait_change(Duration::ZERO).unwrap().is_none());
}

pub(super) fn a_wait_ends_with_the_change(bench: Arc<dyn Bench>) {
    let mut watch = gpio(&*bench);
    let plugger = bench.clone();
    let (tell, told) = std::sync::mpsc::channel();
    let plug = move || {
        pause(&*plugger);
        let plugged = plugger.plug();
        tell.send(plugged.path()).unwrap();
        pause(&*plugger);
        drop(plugged);
    };
    let wait = move || {
        // The first chip that comes is this one, unless others have plugged one in.
        let mut path = None;
        loop {
            let change = watch.wait_change(LONG).unwrap().expect("a change");
            path = path.or_else(|| told.try_recv().ok());
            let is_it = path.as_ref().is_some_and(|path| change.path() == path);
            if is_it && change.kind() == ChangeKind::Removed {
                break;
            }
        }
    };
    bench.run(vec![("plugger", Box::new(plug)), ("watch", Box::new(wait))]);
}

pub(super) fn a_wait_is_interrupted_and_loses_nothing(bench: Arc<dyn Bench>) {
    let mut watch = gpio(&*bench);
    let interrupt = bench.backend().clock().interrupt().unwrap();
    let plugged = bench.plug();
    let path = plugged.path();
    interrupt.raise();
    let error = watch.wait_change(LONG).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Interrupted);
    // What there is can be taken nevertheless.
    let mut came = false;
    while let Some(change) = watch.try_change().unwrap() {
        came |= change.path() == path;
    }
    interrupt.clear();
    if !came {
        comes(&mut watch, &path);
    }
    let (runner, interrupter) = (bench.clone(), interrupt.clone());
    let wait = move || {
        let filter = Filter::new().below("/devices/nowhere");
        let mut nobody = Watch::open_on(runner.backend(), filter).unwrap();
        let error = nobody.wait_change(None).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Interrupted);
    };
    let pauser = bench.clone();
    let raise = move || {
        pause(&*pauser);
        interrupter.raise();
    };
    bench.run(vec![
        ("watch", Box::new(wait)),
        ("interrupter", Box::new(raise)),
    ]);
    interrupt.clear();
    drop(plugged);
    goes(&mut watch, &path);
}

pub(super) fn a_signal_does_not_end_a_wait(bench: Arc<dyn Bench>) {
    let mut watch = gpio(&*bench);
    let (tell, told) = std::sync::mpsc::channel();
    let waiter = bench.clone();
    let wait = move || {
        tell.send(waiter.signals()).unwrap();
        let filter = Filter::new().below("/devices/nowhere");
        let mut nobody = Watch::open_on(waiter.backend(), filter).unwrap();
        let clock = waiter.backend().clock();
        let begun = clock.now();
        assert!(nobody.wait_change(5 * super::PAUSE).unwrap().is_none());
        assert!(clock.now().since(begun) >= 5 * super::PAUSE);
    };
    let sender = bench.clone();
    let send = move || {
        pause(&*sender);
        let signal = told.recv().unwrap();
        for _ in 0..3 {
            signal();
            pause(&*sender);
        }
    };
    bench.run(vec![("watch", Box::new(wait)), ("sender", Box::new(send))]);
    let plugged = bench.plug();
    comes(&mut watch, &plugged.path());
}

pub(super) fn too_much_is_told_and_mended(bench: Arc<dyn Bench>) {
    let first = bench.plug();
    let mut watch = gpio(&*bench);
    bench.flood();
    // These are lost. It comes before the other goes, or would be taken for that.
    let plugged = bench.plug();
    let (gone, path) = (first.path(), plugged.path());
    drop(first);
    let (mut went, mut came) = (0, 0);
    while went + came < 2 {
        let change = watch.wait_change(LONG).unwrap().expect("a difference");
        let is = |kind, path| change.kind() == kind && change.path() == path;
        went += u32::from(is(ChangeKind::Removed, &*gone));
        came += u32::from(is(ChangeKind::Added, &*path));
    }
    let counts = watch.counts();
    assert!(counts.overflows > 0 && counts.rescans > 0, "{counts:?}");
    // From here on it is as before.
    assert!(watch.devices().get(&path).is_some());
    drop(plugged);
    goes(&mut watch, &path);
}

pub(super) fn what_went_is_told_as_it_was(bench: Arc<dyn Bench>) {
    let plugged = bench.plug();
    let (path, node) = (plugged.path(), plugged.node());
    let mut watch = gpio(&*bench);
    let before = watch.devices().clone();
    drop(plugged);
    let change = loop {
        let change = next(&mut watch, &path);
        if change.kind() == ChangeKind::Removed {
            break change;
        }
    };
    assert_eq!(change.device().node(), Some(node));
    assert_eq!(change.previous(), Some(change.device()));
    // What somebody holds stays as it was.
    assert!(before.get(&path).is_some());
}
