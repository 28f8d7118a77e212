//! What there is after each step of the recordings, and what was told of meanwhile, is what the tables
//! beside them say.
// Static programs go to devices, and to the emulated Pi, without the recordings.
#![cfg(not(target_env = "musl"))]

mod tables;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use circuits_enumerate::{
    Action, ChangeKind, Device, Devices, MemoryTree, Recording, Registry, Step, Uevent,
};
use circuits_wait::Time;
use tables::{Told, Views, changes, told};

/// The subsystems that the recorder leaves out: their uevents are there, as all are, and their
/// folders are not.
const NOT_RECORDED: [&str; 4] = ["devlink", "hwmon", "nvmem", "rtc"];

/// Devices of other buses, which are recorded because something hangs on them, and not while nothing
/// does. The kernel has them all the time: a driver went, and no device. Story, step, device.
const NOTHING_HANGS_ON: [(&str, &str, &str); 2] = [
    ("i2c-adapter", "unbind", "3f804000.i2c"),
    ("can-controller", "unbind", "0000:00:02.0"),
];

/// A recording and its table.
struct Story {
    name: String,
    recording: Recording,
    table: String,
}

impl Story {
    fn read(path: &Path) -> Story {
        let text = fs::read_to_string(path).unwrap();
        Story {
            name: path.file_stem().unwrap().to_str().unwrap().into(),
            recording: Recording::parse(&text).unwrap(),
            table: fs::read_to_string(path.with_extension("md")).unwrap(),
        }
    }
}

/// The start of a machine, and the stories that begin there.
fn machine(name: &str) -> (Story, Vec<Story>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recordings");
    let folder = folder.join(name);
    let entries = fs::read_dir(&folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    let start = folder.join("cold-plug.txt");
    paths.retain(|path| *path != start);
    (
        Story::read(&start),
        paths.iter().map(|path| Story::read(path)).collect(),
    )
}

fn machines() -> [(Story, Vec<Story>); 2] {
    [machine("pi"), machine("can")]
}

fn tree_of(start: &Story) -> MemoryTree {
    let tree = MemoryTree::new();
    start.recording.steps().for_each(|step| step.apply(&tree));
    tree
}

fn feed(registry: &mut Registry, step: &Step, tree: &MemoryTree) -> Vec<Told> {
    for datagram in step.uevents() {
        let event = Uevent::parse(datagram).unwrap();
        registry.apply(event, tree, Time::from_nanos(1));
    }
    std::iter::from_fn(|| registry.next_change())
        .map(|change| told(&change))
        .collect()
}

/// The recorder did not ask for the kind of a link.
fn without_kind(views: Views) -> Views {
    views.without("CAN interfaces", "kind")
}

fn devices(devices: &Devices) -> Vec<Arc<Device>> {
    devices.iter().cloned().collect()
}

#[track_caller]
fn assert_same(known: &[Arc<Device>], there: &[Arc<Device>], name: &str) {
    let only = |these: &[Arc<Device>], others: &[Arc<Device>]| -> Vec<Arc<Device>> {
        let only = these.iter().filter(|device| !others.contains(device));
        only.cloned().collect()
    };
    assert_eq!(only(known, there), only(there, known), "{name}");
    assert_eq!(known.len(), there.len());
}

#[test]
fn what_is_there_at_the_start_is_in_the_tables() {
    let mut rows = 0;
    for (start, _) in machines() {
        let expected = Views::expected(&start.table);
        rows += expected.len();
        let devices = Devices::list_tree(&tree_of(&start)).unwrap();
        let views = Views::of(&devices);
        assert_eq!(
            without_kind(views),
            without_kind(expected),
            "{}",
            start.name
        );
    }
    // By hand, over both tables.
    assert_eq!(rows, 31 + 13);
}

#[test]
fn what_is_there_after_each_step_is_in_the_tables() {
    let mut steps = 0;
    for (start, stories) in machines() {
        for story in &stories {
            let tree = tree_of(&start);
            let mut expected = Views::expected(&start.table);
            for step in story.recording.steps() {
                let name = format!("{}: {}", story.name, step.name());
                step.apply(&tree);
                expected.step(&story.table, step.name());
                let views = Views::of(&Devices::list_tree(&tree).unwrap());
                let views = without_kind(views).sorted();
                assert_eq!(views, without_kind(expected.clone()).sorted(), "{name}");
                steps += 1;
            }
        }
    }
    assert_eq!(steps, 18);
}

#[test]
fn each_change_is_told_once_and_in_order() {
    let mut count = 0;
    for (start, stories) in machines() {
        for story in &stories {
            let tree = tree_of(&start);
            let mut registry = Registry::new(Devices::list_tree(&tree).unwrap());
            for step in story.recording.steps() {
                step.apply(&tree);
                let told = feed(&mut registry, step, &tree);
                let expected = changes(&story.table, step.name());
                assert_eq!(told, expected, "{}: {}", story.name, step.name());
                count += told.len();
            }
        }
    }
    // By hand, over all tables.
    assert_eq!(count, 91);
}

#[test]
fn uevents_alone_tell_what_the_tree_shows() {
    for (start, stories) in machines() {
        for story in &stories {
            let tree = tree_of(&start);
            let mut registry = Registry::new(Devices::list_tree(&tree).unwrap());
            for step in story.recording.steps() {
                step.apply(&tree);
                feed(&mut registry, step, &tree);
                let is_recorded = |device: &Arc<Device>| {
                    let name = device.name().to_str().unwrap();
                    let hanging = (&*story.name, step.name(), name);
                    !NOT_RECORDED.iter().any(|name| device.subsystem() == *name)
                        && !NOTHING_HANGS_ON.contains(&hanging)
                };
                let mut known = devices(registry.devices());
                known.retain(is_recorded);
                let there = devices(&Devices::list_tree(&tree).unwrap());
                assert!(there.iter().all(is_recorded));
                assert_same(&known, &there, &format!("{}: {}", story.name, step.name()));
            }
        }
    }
}

#[test]
fn synthetic_uevents_of_all_devices_tell_what_the_tree_shows() {
    for (start, _) in machines() {
        let tree = tree_of(&start);
        let mut registry = Registry::default();
        let told: Vec<Told> = start
            .recording
            .steps()
            .flat_map(|step| feed(&mut registry, step, &tree))
            .collect();
        let there = Devices::list_tree(&tree).unwrap();
        assert_same(&devices(registry.devices()), &devices(&there), &start.name);
        assert!(told.iter().all(|[kind, ..]| kind == "added"));
        let paths: BTreeSet<&String> = told.iter().map(|[_, _, path]| path).collect();
        assert_eq!((told.len(), paths.len()), (there.len(), there.len()));
        // Again, of what is known.
        for step in start.recording.steps() {
            assert_eq!(feed(&mut registry, step, &tree), Vec::<Told>::new());
        }
    }
}

#[test]
fn a_tree_that_is_made_of_uevents_has_the_same_devices() {
    for (start, stories) in machines() {
        for story in [&start].into_iter().chain(&stories) {
            let (tree, mut registry) = (MemoryTree::new(), Registry::default());
            // A tree without classes is none.
            tree.folder("/sys/class");
            for step in start.recording.steps().chain(story.recording.steps()) {
                for datagram in step.uevents() {
                    let event = Uevent::parse(datagram).unwrap();
                    let is_device = event.devpath().starts_with("/devices")
                        && event.subsystem() != Some("queues".as_ref());
                    if is_device {
                        tree.apply(&event);
                    }
                    registry.apply(event, &tree, Time::from_nanos(1));
                    let there = devices(&Devices::list_tree(&tree).unwrap());
                    assert_same(&devices(registry.devices()), &there, &story.name);
                }
            }
        }
    }
}

#[test]
fn what_was_lost_is_found_by_looking() {
    for (start, stories) in machines() {
        for story in &stories {
            let tree = tree_of(&start);
            let before = Devices::list_tree(&tree).unwrap();
            let mut registry = Registry::new(before.clone());
            for step in story.recording.steps() {
                step.apply(&tree);
            }
            let after = Devices::list_tree(&tree).unwrap();
            registry.resync(after.clone(), Time::from_nanos(1));
            let told: Vec<_> = std::iter::from_fn(|| registry.next_change()).collect();
            assert_same(&devices(registry.devices()), &devices(&after), &story.name);
            // What came and went is not told of; another of the same name is another.
            let is = |kind| move |change: &&circuits_enumerate::Change| change.kind() == kind;
            let added = told.iter().filter(is(ChangeKind::Added)).count();
            let removed = told.iter().filter(is(ChangeKind::Removed)).count();
            assert_eq!(
                before.len() + added - removed,
                after.len(),
                "{}",
                story.name
            );
            let expected = match &*story.name {
                // The hub stays.
                "usb-serial" => (2, 0),
                // It has another index.
                "can-controller" => (1, 1),
                _ => (0, 0),
            };
            assert_eq!((added, removed), expected, "{}", story.name);
        }
    }
}

#[test]
fn a_device_can_be_told_of_anew() {
    for (start, _) in machines() {
        let there = Devices::list_tree(&tree_of(&start)).unwrap();
        let tree = MemoryTree::new();
        tree.folder("/sys/class");
        for device in there.iter() {
            let event = Uevent::parse(&device.to_uevent(Action::Add).to_bytes()).unwrap();
            tree.apply(&event);
        }
        let properties = |devices: &Devices| -> Vec<String> {
            let all = devices.iter().map(|device| {
                let properties: Vec<_> = device.properties().collect();
                format!(
                    "{:?} {:?} {properties:?}",
                    device.path(),
                    device.subsystem()
                )
            });
            all.collect()
        };
        let again = Devices::list_tree(&tree).unwrap();
        assert_eq!(properties(&again), properties(&there));
    }
}
