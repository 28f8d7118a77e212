//! A flood of uevents, and somebody who reads them slowly: what the watch knows is right in the end,
//! the changes that it told lead to the same, and it takes no more memory than a queue.
#![cfg(target_os = "linux")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use circuits_bench::{CanLink, I2cClient};
use circuits_enumerate::{
    Action, Backend, Change, ChangeKind, Counts, Device, Devices, Feed, Filter, Group, Linux,
    Listener, MemoryTree, Node, Tree, Uevent, Watch,
};
use circuits_stub::Stub;
use circuits_wait::{Clock, Ready, Time};
use futures_lite::{StreamExt, future};

/// How many uevents a flood has.
const FLOOD: usize = 100_000;
/// Devices that come and go.
const DEVICES: usize = 100;
/// What waits for who does not read.
const QUEUE: usize = 16 << 10;

/// Counts the bytes that are taken, and the most that were at a time.
struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it is the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let taken = TAKEN.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(taken, Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Memory is that of all tests, and in the guest all hear of the same uevents.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|e| e.into_inner())
}

/// What was taken at most since this, above what was then.
struct Memory(usize);

impl Memory {
    fn now() -> Memory {
        let taken = TAKEN.load(Ordering::SeqCst);
        MOST.store(taken, Ordering::SeqCst);
        Memory(taken)
    }

    fn most(&self) -> usize {
        MOST.load(Ordering::SeqCst).saturating_sub(self.0)
    }
}

/// Resident memory, as the kernel counts it.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse::<usize>().unwrap() << 10
}

/// The devices as the changes tell of them, from those that there were at the beginning. A change
/// that does not follow from those before it is one that was told twice, or not at all.
struct Model {
    devices: BTreeMap<PathBuf, Arc<Device>>,
    changes: u64,
}

impl Model {
    fn of(devices: &Devices) -> Model {
        let devices = devices.iter();
        Model {
            devices: devices
                .map(|device| (device.path().into(), device.clone()))
                .collect(),
            changes: 0,
        }
    }

    fn apply(&mut self, change: &Change) {
        self.changes += 1;
        let previous = change.previous();
        let known = previous.and_then(|device| self.devices.remove(device.path()));
        assert_eq!(known.as_ref(), previous, "{change:?}");
        if change.kind() != ChangeKind::Removed {
            let device = change.device().clone();
            let other = self.devices.insert(device.path().into(), device);
            assert_eq!(other, None, "{change:?}");
        }
    }

    /// Asserts that this is what the watch knows, and what there is.
    fn check(&self, watch: &Watch, there_is: &Devices) {
        same(self.devices.values(), watch.devices().iter());
        same(watch.devices().iter(), there_is.iter());
    }
}

fn same<'a>(
    one: impl Iterator<Item = &'a Arc<Device>>,
    other: impl Iterator<Item = &'a Arc<Device>>,
) {
    let (one, other): (Vec<_>, Vec<_>) = (one.collect(), other.collect());
    let only = |these: &[&Arc<Device>], those: &[&Arc<Device>]| -> Vec<_> {
        let these = these.iter().filter(|device| !those.contains(device));
        these.map(|device| format!("{device:?}")).collect()
    };
    assert!(
        one == other,
        "{:#?} and not {:#?}",
        only(&one, &other),
        only(&other, &one)
    );
}

/// What came of a flood.
#[derive(Debug)]
struct Told {
    counts: Counts,
    changes: u64,
    memory: usize,
    took: Duration,
}

/// Reads slowly what a flood makes: [`blocking`] or [`async_`].
type Reader = fn(&dyn Backend, Duration, Box<dyn FnOnce() + Send>) -> Told;

/// Reads slowly what `flood` makes beside it, and then the rest.
fn blocking(backend: &dyn Backend, slow: Duration, flood: impl FnOnce() + Send) -> Told {
    let mut watch = Watch::open_on(backend, Filter::new()).unwrap();
    let mut model = Model::of(watch.devices());
    let (memory, start) = (Memory::now(), Instant::now());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _done = Done(&done);
            flood();
        });
        while !done.load(Ordering::SeqCst) {
            if let Some(change) = watch.wait_change(Duration::from_millis(1)).unwrap() {
                model.apply(&change);
                thread::sleep(slow);
            }
        }
    });
    let memory = memory.most();
    while let Some(change) = watch.try_change().unwrap() {
        model.apply(&change);
    }
    model.check(&watch, &Devices::list_all_on(backend).unwrap());
    told(&watch, &model, memory, start)
}

/// Does the same with a stream.
fn async_(backend: &dyn Backend, slow: Duration, flood: impl FnOnce() + Send) -> Told {
    let mut watch = Watch::open_on(backend, Filter::new()).unwrap();
    let mut model = Model::of(watch.devices());
    let (memory, start) = (Memory::now(), Instant::now());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _done = Done(&done);
            flood();
        });
        let mut changes = watch.changes();
        while !done.load(Ordering::SeqCst) {
            let next = future::poll_once(changes.next());
            match future::block_on(next) {
                Some(change) => {
                    model.apply(&change.unwrap().unwrap());
                    thread::sleep(slow);
                }
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
    });
    let memory = memory.most();
    // A poll of which nothing comes may have ended because others should have their turn.
    let mut changes = watch.changes();
    for _ in 0..100 {
        while let Some(change) = future::block_on(future::poll_once(changes.next())) {
            model.apply(&change.unwrap().unwrap());
        }
    }
    drop(changes);
    model.check(&watch, &Devices::list_all_on(backend).unwrap());
    told(&watch, &model, memory, start)
}

/// Tells that a flood is over, though it may have panicked.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn told(watch: &Watch, model: &Model, memory: usize, start: Instant) -> Told {
    let told = Told {
        counts: watch.counts(),
        changes: model.changes,
        memory,
        took: start.elapsed(),
    };
    println!("{told:?}");
    assert!(told.counts.overflows > 0, "{told:?}");
    assert!(told.counts.rescans > 0, "{told:?}");
    // It was read slowly, but it was read.
    assert!(
        told.changes > 10 && told.took > Duration::from_millis(30),
        "{told:?}"
    );
    told
}

/// Network interfaces in folders like those of `/sys`.
struct Folders {
    root: PathBuf,
    interfaces: Interfaces,
}

/// Which interfaces there are, and in which order they come and go: by the numbers of a linear
/// congruential generator.
struct Interfaces {
    there: Vec<Option<usize>>,
    random: u64,
    next: usize,
}

/// What happens to an interface.
enum Happens {
    Comes,
    Changes,
    Goes,
}

impl Interfaces {
    fn new() -> Interfaces {
        Interfaces {
            there: vec![None; DEVICES],
            random: 1,
            next: 0,
        }
    }

    fn random(&mut self, below: usize) -> usize {
        const FACTOR: u64 = 6_364_136_223_846_793_005;
        self.random = self.random.wrapping_mul(FACTOR).wrapping_add(1);
        (self.random >> 33) as usize % below
    }

    /// Returns what happens to which, and the datagram that tells of it.
    fn happen(&mut self) -> (Happens, usize, usize, Vec<u8>) {
        let number = self.random(DEVICES);
        self.next += 1;
        let goes = self.random(20) == 0;
        let (happens, index) = match self.there[number] {
            None => (Happens::Comes, self.next),
            Some(index) if goes => (Happens::Goes, index),
            Some(index) => (Happens::Changes, index),
        };
        self.there[number] = match happens {
            Happens::Goes => None,
            _ => Some(index),
        };
        let action = match happens {
            Happens::Comes => "add",
            Happens::Changes => "change",
            Happens::Goes => "remove",
        };
        let datagram = format!(
            "{action}@/devices/virtual/net/n{number}\0ACTION={action}\0\
             DEVPATH=/devices/virtual/net/n{number}\0SUBSYSTEM=net\0INTERFACE=n{number}\0\
             IFINDEX={index}\0"
        );
        (happens, number, index, datagram.into_bytes())
    }
}

impl Folders {
    fn new() -> Folders {
        let root = std::env::temp_dir().join(format!("circuits-flood-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for folder in ["class/net", "bus", "devices/virtual/net"] {
            fs::create_dir_all(root.join("sys").join(folder)).unwrap();
        }
        let interfaces = Interfaces::new();
        Folders { root, interfaces }
    }

    /// Does the next thing, and then tells of it.
    fn happen(&mut self, feed: &Feed) {
        let (happens, number, index, datagram) = self.interfaces.happen();
        let name = format!("n{number}");
        let device = self.root.join("sys/devices/virtual/net").join(&name);
        let link = self.root.join("sys/class/net").join(&name);
        match happens {
            Happens::Comes => {
                fs::create_dir(&device).unwrap();
                symlink("../../../../class/net", &device.join("subsystem"));
                let text = format!("INTERFACE={name}\nIFINDEX={index}\n");
                fs::write(device.join("type"), "1\n").unwrap();
                // At once, as the kernel's are.
                fs::write(self.root.join("uevent"), text).unwrap();
                fs::rename(self.root.join("uevent"), device.join("uevent")).unwrap();
                symlink(&format!("../../devices/virtual/net/{name}"), &link);
            }
            Happens::Changes => {}
            Happens::Goes => {
                fs::remove_file(&link).unwrap();
                fs::remove_dir_all(&device).unwrap();
            }
        }
        feed.push(&datagram).unwrap();
    }
}

fn symlink(target: &str, link: &Path) {
    std::os::unix::fs::symlink(target, link).unwrap();
}

impl Drop for Folders {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Real looks at a tree that changes meanwhile.
fn through_the_feed(read: Reader) {
    let _one = alone();
    let mut folders = Folders::new();
    let feed = Feed::with_capacity(QUEUE);
    let linux = Linux::new().with_root(&folders.root).fed_by(&feed);
    // Some are there at the beginning.
    (0..DEVICES).for_each(|_| folders.happen(&feed));
    let folders = Arc::new(Mutex::new(folders));
    let (flooding, fed) = (folders.clone(), feed.clone());
    let flood = move || {
        let mut folders = flooding.lock().unwrap();
        (0..FLOOD).for_each(|_| folders.happen(&fed));
    };
    let told = read(&linux, Duration::from_millis(2), Box::new(flood));
    assert!(told.memory < 1 << 20, "{told:?}");
    drop(folders);
}

#[test]
fn a_flood_through_the_feed_leaves_the_watch_right() {
    through_the_feed(|backend, slow, flood| blocking(backend, slow, flood));
}

#[test]
fn a_flood_through_the_feed_leaves_a_stream_right() {
    through_the_feed(|backend, slow, flood| async_(backend, slow, flood));
}

fn on_the_board(read: Reader) {
    let _one = alone();
    let stub = Stub::virtual_time().uevent_queue(QUEUE);
    let mut interfaces = Interfaces::new();
    (0..DEVICES).for_each(|_| stub.feed(&interfaces.happen().3).unwrap());
    let feeder = stub.clone();
    let flood = move || {
        for _ in 0..FLOOD {
            feeder.feed(&interfaces.happen().3).unwrap();
        }
    };
    let told = read(&stub, Duration::from_millis(2), Box::new(flood));
    assert!(told.memory < 1 << 20, "{told:?}");
}

#[test]
fn a_flood_on_the_board_leaves_the_watch_right() {
    on_the_board(|backend, slow, flood| blocking(backend, slow, flood));
}

/// Uevents without end: whoever reads gets one, or is told of a loss before each of so many.
#[derive(Clone, Debug)]
struct Endless {
    tree: MemoryTree,
    lost_before: Option<usize>,
}

#[derive(Debug)]
struct Queue {
    lost_before: Option<usize>,
    read: AtomicUsize,
}

impl Endless {
    fn new(lost_before: Option<usize>) -> Endless {
        let tree = MemoryTree::new();
        tree.folder("/sys/class");
        Endless { tree, lost_before }
    }
}

impl Backend for Endless {
    fn clock(&self) -> Arc<dyn Clock> {
        Linux::new().clock()
    }

    fn tree(&self) -> Arc<dyn Tree> {
        Arc::new(self.tree.clone())
    }

    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(Queue {
            lost_before: self.lost_before,
            read: AtomicUsize::new(0),
        }))
    }

    fn node(&self, _: &Path) -> io::Result<Box<dyn Node>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Listener for Queue {
    fn read(&self) -> io::Result<Uevent> {
        const ENOBUFS: i32 = 105;
        let read = self.read.fetch_add(1, Ordering::SeqCst);
        if self.lost_before.is_some_and(|every| read % every == 0) {
            return Err(io::Error::from_raw_os_error(ENOBUFS));
        }
        let event = Uevent::new(Action::Change, "/devices/virtual/net/n0", "net");
        Ok(event.with("NUMBER", read.to_string()))
    }

    fn ready(&self) -> &dyn Ready {
        &Always
    }
}

/// There is always something.
#[derive(Debug)]
struct Always;

impl Ready for Always {
    fn block(&self, _: Option<Time>, op: &mut dyn FnMut() -> io::Result<()>) -> io::Result<bool> {
        op().map(|()| true)
    }

    fn poll(
        &self,
        _: &mut Context<'_>,
        op: &mut dyn FnMut() -> io::Result<()>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(op())
    }

    fn cancel(&self) {}
}

/// Runs something that may never come back.
fn comes_back(f: impl FnOnce() + Send + 'static) {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        f();
        tell.send(()).unwrap();
    });
    told.recv_timeout(Duration::from_secs(20)).unwrap();
}

/// Who waits for what does not come is not kept from the rest of his work.
#[test]
fn a_flood_without_end_keeps_nobody() {
    let _one = alone();
    for lost_before in [None, Some(1), Some(1500)] {
        let wanted = Filter::new().subsystem("tty");
        let mut watch = Watch::open_on(&Endless::new(lost_before), wanted).unwrap();
        comes_back(move || {
            assert!(watch.try_change().unwrap().is_none());
            let change = watch.wait_change(Duration::from_millis(1)).unwrap();
            assert!(change.is_none());
            let mut changes = watch.changes();
            let change = future::block_on(future::poll_once(changes.next()));
            assert!(change.is_none());
        });
    }
}

/// What was lost is looked for, though more comes all the time.
#[test]
fn a_flood_without_end_hides_nothing() {
    let _one = alone();
    let backend = Endless::new(Some(50_000));
    let wanted = Filter::new().subsystem("tty");
    let mut watch = Watch::open_on(&backend, wanted).unwrap();
    let came = Uevent::new(Action::Add, "/devices/platform/uart/tty/ttyAMA0", "tty");
    backend.tree.apply(&came);
    comes_back(move || {
        let change = watch.wait_change(None).unwrap().unwrap();
        assert_eq!(change.device().name(), "ttyAMA0");
        backend
            .tree
            .apply(&Uevent::new(Action::Remove, came.devpath(), "tty"));
        let mut changes = watch.changes();
        let change = future::block_on(changes.next()).unwrap().unwrap();
        assert_eq!(change.kind(), ChangeKind::Removed);
    });
}

/// The number of the kernel's last uevent.
fn seqnum() -> usize {
    let text = fs::read_to_string("/sys/kernel/uevent_seqnum").unwrap();
    text.trim().parse().unwrap()
}

/// Clients of an I2C bus come and go, so that who misses one knows a wrong one; and what there is is
/// told of again and again.
fn in_the_guest(read: Reader) {
    const BUS: &str = "i2c-0";
    let _one = alone();
    let linux = Linux::new().on_group(Group::Kernel).receive_buffer(QUEUE);
    let client = |number: usize| I2cClient::new(BUS, "nobody", 0x10 + number as u8);
    let clients: Vec<Option<I2cClient>> = (0..48).map(|n| (n < 24).then(|| client(n))).collect();
    let clients = Arc::new(Mutex::new(clients));
    let (start, kept) = (seqnum(), clients.clone());
    let links: Arc<Mutex<Vec<CanLink>>> = Arc::default();
    let kept_links = links.clone();
    let flood = move || {
        let (mut clients, mut links) = (kept.lock().unwrap(), kept_links.lock().unwrap());
        let mut interfaces = Interfaces::new();
        let mut comings = 0;
        let file = |device: &str| {
            let path = format!("/sys/class/{device}/uevent");
            File::options().write(true).open(path).unwrap()
        };
        let mut again = [(file("net/lo"), "change"), (file("mem/null"), "add")];
        while seqnum() - start < FLOOD {
            for _ in 0..200 {
                for (file, action) in &mut again {
                    file.write_all(action.as_bytes()).unwrap();
                }
            }
            for _ in 0..3 {
                let number = interfaces.random(48);
                let client = match clients[number].take() {
                    Some(_) => None,
                    None => Some(client(number)),
                };
                clients[number] = client;
                comings += 1;
            }
            if links.len() < 8 && comings % 60 == 0 {
                let name = format!("flood{}", links.len());
                links.push(CanLink::new(&name));
            }
        }
        println!("{comings} came or went, {} links came", links.len());
    };
    let before = resident();
    let told = read(&linux, Duration::from_millis(3), Box::new(flood));
    let (now, uevents) = (resident(), seqnum() - start);
    println!(
        "{uevents} uevents, resident {} KiB, then {} KiB",
        before >> 10,
        now >> 10
    );
    assert!(uevents >= FLOOD);
    assert!(told.memory < 4 << 20, "{told:?}");
    assert!(now < before + (4 << 20), "{before} bytes, then {now}");
    drop((clients, links));
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_flood_of_the_kernels_leaves_the_watch_right() {
    in_the_guest(|backend, slow, flood| blocking(backend, slow, flood));
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_flood_of_the_kernels_leaves_a_stream_right() {
    in_the_guest(|backend, slow, flood| async_(backend, slow, flood));
}
