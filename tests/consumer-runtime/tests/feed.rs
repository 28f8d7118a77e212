//! What the runtime feeds, and what becomes of it: on the virtual board, and in a registry.
// Static programs go to devices, and to the emulated Pi, without the recordings.
#![cfg(not(target_env = "musl"))]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use circuits::enumerate::{
    ChangeKind, Devices, Filter, Frames, MemoryTree, Recording, Uevent, wait_ready,
};
use circuits::prelude::*;
use circuits::stub::chips::Tmp102;
use circuits::stub::{Profile, Stub};
use circuits::{gpio, i2c};

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../recordings")
}

fn recording(name: &str) -> Recording {
    let text = fs::read_to_string(recordings().join(name)).unwrap();
    Recording::parse(&text).unwrap()
}

/// The program, which waits to be asked for each step.
struct Runtime {
    program: Child,
    frames: Frames<ChildStdout>,
}

impl Runtime {
    fn start(stories: &[&str], arguments: &[&str]) -> Runtime {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consumer-runtime"));
        command.current_dir(recordings()).arg("--step-by-step");
        let mut program = command
            .args(arguments)
            .args(stories)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let frames = Frames::new(program.stdout.take().unwrap());
        Runtime { program, frames }
    }

    /// Feeds the board all that there is at the start, or after a gap.
    fn cold_plug(&mut self, stub: &Stub) {
        loop {
            let frame = self.frames.next().unwrap().unwrap();
            stub.feed(&frame).unwrap();
            if frame == b"live" {
                return;
            }
        }
    }

    fn ask(&mut self) {
        let input = self.program.stdin.as_mut().unwrap();
        input.write_all(b"\n").unwrap();
    }

    /// Asks for the next step, and feeds the board its uevents.
    fn step(&mut self, stub: &Stub, uevents: usize) {
        self.ask();
        for _ in 0..uevents {
            stub.feed(&self.frames.next().unwrap().unwrap()).unwrap();
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What devices are said to be: by path, their properties.
type Table = BTreeMap<PathBuf, BTreeMap<String, String>>;

fn table<'a>(devices: impl IntoIterator<Item = &'a circuits::enumerate::Device>) -> Table {
    let text = |bytes: &std::ffi::OsStr| bytes.to_string_lossy().into_owned();
    let row = |device: &circuits::enumerate::Device| {
        let properties = device.properties();
        let mut properties: BTreeMap<_, _> = properties
            .map(|(key, value)| (text(key), text(value)))
            .collect();
        properties.insert("SUBSYSTEM".into(), text(device.subsystem()));
        (device.path().to_path_buf(), properties)
    };
    devices.into_iter().map(row).collect()
}

/// Checks that a registry knows what was recorded of `/sys`, and beyond it only what recordings leave
/// out.
fn is_as_recorded(known: &Devices, tree: &MemoryTree, when: &str) {
    let fixture = Devices::list_tree(tree).unwrap();
    let mut known = table(known.iter().map(|device| &**device));
    for (path, mut expected) in table(fixture.iter().map(|device| &**device)) {
        let mut found = known
            .remove(&path)
            .unwrap_or_else(|| panic!("{when}: no {path:?}"));
        // The kernel tells of the alias of a device that loses its driver only when it gets one again.
        if !found.contains_key("MODALIAS") && !found.contains_key("DRIVER") {
            expected.remove("MODALIAS");
        }
        found.remove("SYNTH_UUID");
        assert_eq!(found, expected, "{when}: {path:?}");
    }
    for (path, more) in known {
        let recorded = [
            "gpio",
            "i2c",
            "i2c-dev",
            "net",
            "spi",
            "spidev",
            "tty",
            "usb",
            "usb-serial",
        ];
        assert!(
            !recorded.contains(&&*more["SUBSYSTEM"]),
            "{when}: {path:?} is still known"
        );
    }
}

#[test]
fn what_is_known_is_what_was_recorded() {
    let machines: [(&str, &[&str]); 2] = [
        (
            "pi/cold-plug.txt",
            &[
                "pi/usb-serial.txt",
                "pi/i2c-client.txt",
                "pi/i2c-adapter.txt",
                "pi/spi-device.txt",
                "pi/gpio-chip.txt",
                "pi/can-link.txt",
            ],
        ),
        ("can/cold-plug.txt", &["can/can-controller.txt"]),
    ];
    let mut steps = 0;
    for (cold_plug, stories) in machines {
        let files: Vec<&str> = [cold_plug].iter().chain(stories).copied().collect();
        let mut runtime = Runtime::start(&files, &[]);
        let (stub, tree) = (Stub::virtual_time(), MemoryTree::new());
        runtime.cold_plug(&stub);
        recording(cold_plug)
            .steps()
            .for_each(|step| step.apply(&tree));
        // A program that watched from the start knows the same.
        let mut watch = Board::from(&stub).watch().unwrap();
        is_as_recorded(&Devices::list_all_on(&stub).unwrap(), &tree, cold_plug);
        for story in stories {
            for step in recording(story).steps() {
                let uevents = step.uevents().count();
                if uevents > 0 {
                    runtime.step(&stub, uevents);
                }
                step.apply(&tree);
                let when = format!("{story}, {}", step.name());
                is_as_recorded(&Devices::list_all_on(&stub).unwrap(), &tree, &when);
                while watch.try_change().unwrap().is_some() {}
                is_as_recorded(watch.devices(), &tree, &when);
                steps += 1;
            }
        }
    }
    assert_eq!(steps, 18);
}

/// What a Pi of these recordings grows into.
fn board() -> Stub {
    let pins = Filter::new().property("DEVNAME", "gpiochip0");
    let plugged = Filter::new().property("DEVNAME", "gpiochip3");
    let header = Filter::new().property("OF_ALIAS_0", "i2c1");
    Stub::virtual_time()
        .profile(Profile::new(pins).lines("pinctrl-bcm2835", ["LED", "BUTTON"]))
        .profile(Profile::new(plugged).lines("plugged", ["RELAY"]))
        .profile(Profile::new(header).i2c_device(0x48, Tmp102::new))
}

const SOON: Duration = Duration::from_secs(1);

#[test]
fn an_application_gets_its_line_and_its_bus_again() {
    let stories = [
        "pi/cold-plug.txt",
        "pi/gpio-chip.txt",
        "pi/i2c-adapter.txt",
        "pi/gpio-chip.txt",
    ];
    let mut runtime = Runtime::start(&stories, &[]);
    let stub = board();
    let board = Board::from(&stub);
    runtime.cold_plug(&stub);
    let led = board.output("LED").unwrap();
    let counts = |name| {
        let steps = recording(name);
        steps
            .steps()
            .map(|step| step.uevents().count())
            .collect::<Vec<_>>()
    };

    // A chip comes, and goes while a line of it is held.
    let chip = counts("pi/gpio-chip.txt");
    assert_eq!(
        board.output("RELAY").unwrap_err().kind(),
        gpio::ErrorKind::NotFound
    );
    runtime.step(&stub, chip[0]);
    wait_ready(&stub, "/dev/gpiochip3", SOON).unwrap();
    let chips = board.devices().unwrap().gpio_chips();
    assert_eq!(chips.len(), 4);
    let identity = chips[3].identity.clone();
    let relay = board.output("RELAY").unwrap();
    runtime.step(&stub, chip[1]);
    assert_eq!(
        relay.set(true).unwrap_err().kind(),
        gpio::ErrorKind::Removed
    );
    assert_eq!(board.devices().unwrap().gpio_chips().len(), 3);
    assert!(
        board
            .reconnect(&identity, SOON, |name| board.gpio_chip(name).map(drop))
            .is_err()
    );

    // So does a bus.
    let adapter = counts("pi/i2c-adapter.txt");
    let adapters = board.devices().unwrap().i2c_adapters();
    let header = adapters
        .iter()
        .find(|adapter| adapter.name == "i2c-1")
        .unwrap();
    assert_eq!(header.clients.len(), 3);
    let mut bus = board.i2c_bus("i2c-1").unwrap();
    bus.read(0x48, &mut [0; 2]).unwrap();
    runtime.step(&stub, adapter[0]);
    let error = bus.read(0x48, &mut [0; 2]).unwrap_err();
    assert_eq!(error.kind(), i2c::ErrorKind::Removed);
    runtime.step(&stub, adapter[1]);
    let mut bus = board
        .reconnect(&header.identity, SOON, |name| board.i2c_bus(name))
        .unwrap();
    bus.read(0x48, &mut [0; 2]).unwrap();

    // The chip comes back while the application waits for it.
    let line = stub.run(|| {
        let application = board.clone();
        let waiting = move || {
            application.reconnect(&identity, SOON, |chip| {
                application.output(format!("{chip}:0"))
            })
        };
        let waiting = stub.spawn("application", waiting).unwrap();
        stub.delay().sleep(SOON / 2).unwrap();
        runtime.step(&stub, chip[0]);
        waiting.join().unwrap().unwrap()
    });
    line.set(true).unwrap();
    assert!(stub.level("RELAY").unwrap());
    assert!(relay.set(true).is_err(), "the old one stays as it is");
    led.set(true).unwrap();
}

#[test]
fn what_was_lost_is_told_by_a_cold_plug() {
    let stories = ["pi/cold-plug.txt", "pi/gpio-chip.txt", "pi/can-link.txt"];
    let mut runtime = Runtime::start(&stories, &["--lose", "unplug,rename,del"]);
    let stub = board();
    let board = Board::from(&stub);
    runtime.cold_plug(&stub);
    let mut watch = board.watch().unwrap();
    let plugged = recording("pi/gpio-chip.txt")
        .steps()
        .next()
        .unwrap()
        .uevents()
        .count();
    runtime.step(&stub, plugged);
    let relay = board.output("RELAY").unwrap();
    while watch.try_change().unwrap().is_some() {}

    // That it was unplugged is lost.
    runtime.ask();
    runtime.cold_plug(&stub);
    assert_eq!(relay.get().unwrap_err().kind(), gpio::ErrorKind::Removed);
    let mut gone = Vec::new();
    while let Some(change) = watch.try_change().unwrap() {
        if change.kind() == ChangeKind::Removed {
            gone.push(change.device().name().to_string_lossy().into_owned());
        }
    }
    assert!(gone.contains(&"gpiochip3".into()), "{gone:?}");
    assert!(!gone.contains(&"gpiochip0".into()), "{gone:?}");

    // An interface comes, gets another name, and goes; two steps are one gap.
    let added = recording("pi/can-link.txt")
        .steps()
        .next()
        .unwrap()
        .uevents()
        .count();
    runtime.step(&stub, added);
    assert!(
        board
            .devices()
            .unwrap()
            .of("net")
            .any(|device| device.name() == "vcan7")
    );
    runtime.ask();
    runtime.ask();
    runtime.cold_plug(&stub);
    let devices = Devices::list_all_on(&stub).unwrap();
    let names: Vec<_> = devices.of("net").map(|device| device.name()).collect();
    assert_eq!(names, ["lo", "vcan0"]);
}

#[test]
fn what_is_no_uevent_is_skipped() {
    let stub = Stub::virtual_time();
    let recording = stub.record();
    let mut stream = Vec::new();
    for datagram in [
        &b"cold-plug"[..],
        b"nonsense",
        b"add@/devices/a\0SUBSYSTEM=net\0",
        b"live",
    ] {
        stream.extend((datagram.len() as u32).to_le_bytes());
        stream.extend(datagram);
    }
    stub.feed_from(&*stream).unwrap();
    assert_eq!(Devices::list_all_on(&stub).unwrap().len(), 1);
    assert!(recording.to_string().contains("no uevent"), "{recording}");
    assert!(stub.feed(b"add@/devices/../../etc\0").is_err());
    assert!(Uevent::parse(b"live").is_err());
}

/// Makes a folder what a tree is.
#[cfg(target_os = "linux")]
fn copy(tree: &MemoryTree, from: &Path, root: &Path) {
    use circuits::enumerate::Tree;

    let to = root.join(from.strip_prefix("/").unwrap());
    if let Ok(target) = tree.read_link(from) {
        std::os::unix::fs::symlink(target, to).unwrap();
    } else if let Ok(bytes) = tree.read(from) {
        fs::write(to, bytes).unwrap();
    } else if let Ok(names) = tree.list(from) {
        fs::create_dir_all(to).unwrap();
        for name in names {
            copy(tree, &from.join(name), root);
        }
    }
}

/// A device has the kernel's uevents from the runtime, and its own `/sys`.
#[cfg(target_os = "linux")]
#[test]
fn a_registry_is_fed_through_a_pipe() {
    use circuits::enumerate::{Feed, Linux, Watch};

    let sys = std::env::temp_dir().join(format!("circuits-feed-{}", std::process::id()));
    let tree = MemoryTree::new();
    recording("pi/cold-plug.txt")
        .steps()
        .for_each(|step| step.apply(&tree));
    fs::create_dir_all(&sys).unwrap();
    copy(&tree, Path::new("/sys"), &sys);
    let feed = Feed::new();
    let linux = Linux::new().with_root(&sys).fed_by(&feed);
    let mut watch = Watch::open_on(&linux, Filter::new()).unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_consumer-runtime"))
        .current_dir(recordings())
        .args(["--step-by-step", "pi/cold-plug.txt", "pi/usb-serial.txt"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stream = program.stdout.take().unwrap();
    let feeding = std::thread::spawn(move || feed.read_from(stream));
    // What was there already is no change. At its end `/sys` is looked at.
    while watch.counts().rescans == 0 {
        assert!(watch.wait_change(SOON).unwrap().is_none());
    }
    // All steps, until the feed ends.
    let mut input = program.stdin.take().unwrap();
    input.write_all(b"\n\n\n\n").unwrap();
    drop(input);
    let changes = (&mut watch).into_iter().map(Result::unwrap).count();
    feeding.join().unwrap().unwrap();
    program.wait().unwrap();
    fs::remove_dir_all(&sys).unwrap();
    assert!((20..60).contains(&changes), "{changes}");
    for step in recording("pi/usb-serial.txt").steps() {
        step.apply(&tree);
    }
    is_as_recorded(watch.devices(), &tree, "at the end");
    assert_eq!(watch.counts().rescans, 1);
}
