//! What Linux shows of its devices: uevents, and who may send them; nodes; CAN interfaces.
#![cfg(target_os = "linux")]

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use circuits_bench::{CanLink, Outside, Tracer};
use circuits_enumerate::{Action, Backend, Group, Linux, Listener, Node, Uevent};
use circuits_wait::{Clock, Monotonic};
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, sendto, socket_with};
use rustix::process::Uid;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities, set_thread_res_uid};

const SOON: Duration = Duration::from_secs(10);

/// All hear of the same uevents.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|e| e.into_inner())
}

fn listen(group: Group) -> Box<dyn Listener> {
    Linux::new().on_group(group).listen().unwrap()
}

/// Waits for the next one that is wanted.
fn next(listener: &dyn Listener, wanted: impl Fn(&Uevent) -> bool) -> Uevent {
    let deadline = Monotonic::new().now() + SOON;
    let mut found = None;
    let mut take = || {
        let event = listener.read()?;
        match wanted(&event) {
            true => found = Some(event),
            false => return Err(io::ErrorKind::WouldBlock.into()),
        }
        Ok(())
    };
    assert!(listener.ready().block(Some(deadline), &mut take).unwrap());
    found.unwrap()
}

fn nothing(listener: &dyn Listener) {
    let error = listener.read().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

/// Has the kernel tell of an interface again.
fn trigger() {
    fs::write("/sys/class/net/lo/uevent", "change").unwrap();
}

/// The port of the one socket that listens to a group, as `/proc/net/netlink` has it.
fn port_of_the_listener(group: u32) -> u32 {
    let table = fs::read_to_string("/proc/net/netlink").unwrap();
    let ports: Vec<u32> = table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let groups = u32::from_str_radix(fields[3], 16).unwrap();
            let port: u32 = fields[2].parse().unwrap();
            (fields[1] == "15" && port != 0 && groups == group).then_some(port)
        })
        .collect();
    assert_eq!(ports.len(), 1, "{table}");
    ports[0]
}

fn send(bytes: &[u8], port: u32, groups: u32) -> rustix::io::Result<usize> {
    let (family, kind) = (AddressFamily::NETLINK, SocketType::DGRAM);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, Some(KOBJECT_UEVENT))?;
    let to = SocketAddrNetlink::new(port, groups);
    sendto(&socket, bytes, SendFlags::empty(), &to)
}

/// Runs `f` as somebody who is not root, but may have a right of root's.
fn as_nobody<T: Send>(rights: CapabilitySet, f: impl FnOnce() -> T + Send) -> T {
    let run = || {
        // With root as the saved user, rights may be taken again.
        let nobody = Uid::from_raw(65534);
        set_thread_res_uid(nobody, nobody, None).unwrap();
        let mut sets = capabilities(None).unwrap();
        sets.effective = rights;
        set_capabilities(None, sets).unwrap();
        f()
    };
    thread::scope(|scope| scope.spawn(run).join()).unwrap()
}

fn forged() -> Uevent {
    Uevent::new(Action::Add, "/devices/forged/tty/ttyUSB7", "tty").with("SEQNUM", "7")
}

#[test]
#[ignore = "needs the emulated Pi"]
fn an_adapter_comes_and_goes() {
    let _one = alone();
    let listener = listen(Group::Kernel);
    assert!(listener.is_numbered());
    nothing(&*listener);
    let adapter = Outside::here().plug("enum", 3);
    let is = |action: Action| {
        move |event: &Uevent| event.action() == &action && event.subsystem() == Some("tty".as_ref())
    };
    let came = next(&*listener, is(Action::Add));
    let node = Path::new("/dev").join(came.field("DEVNAME").unwrap());
    let node = Linux::new().node(&node).unwrap();
    node.check().unwrap();
    adapter.unplug();
    let went = next(&*listener, is(Action::Remove));
    assert_eq!(went.devpath(), came.devpath());
    assert!(went.seqnum() > came.seqnum());
    assert_eq!(node.check().unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(listener.refused(), 0);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn only_the_kernel_is_heard_on_its_group() {
    let _one = alone();
    let listener = listen(Group::Kernel);
    let port = port_of_the_listener(1);
    let bytes = forged().to_bytes();
    // To the socket; to the group; to the socket as if to the group; from udevd.
    for (sent, (port, groups)) in [(port, 0), (0, 1), (port, 1)].into_iter().enumerate() {
        send(&bytes, port, groups).unwrap();
        nothing(&*listener);
        assert!(listener.refused() > sent as u64);
    }
    send(&forged().to_udev_bytes(), 0, 1).unwrap();
    nothing(&*listener);
    trigger();
    assert_eq!(listener.read().unwrap().action(), &Action::Change);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn only_root_is_heard_on_udevs_group() {
    let _one = alone();
    let listener = listen(Group::Udev);
    assert!(!listener.is_numbered());
    let port = port_of_the_listener(2);
    let bytes = forged().to_udev_bytes();
    // The kernel lets nobody send.
    for (port, groups) in [(port, 0), (0, 2), (port, 2)] {
        let sent = as_nobody(CapabilitySet::empty(), || send(&bytes, port, groups));
        assert_eq!(sent, Err(rustix::io::Errno::PERM));
    }
    nothing(&*listener);
    assert_eq!(listener.refused(), 0);
    // Who may set up networks may send.
    for (port, groups) in [(port, 0), (0, 2), (port, 2)] {
        let before = listener.refused();
        as_nobody(CapabilitySet::NET_ADMIN, || send(&bytes, port, groups)).unwrap();
        nothing(&*listener);
        assert!(listener.refused() > before);
    }
    // Root to the socket alone, which udevd does not.
    let before = listener.refused();
    send(&bytes, port, 0).unwrap();
    nothing(&*listener);
    assert_eq!(listener.refused(), before + 1);
    // As udevd does.
    send(&bytes, 0, 2).unwrap();
    assert_eq!(listener.read().unwrap(), forged());
    nothing(&*listener);
    // And nothing of the kernel's.
    trigger();
    nothing(&*listener);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_datagram_that_is_no_uevent_is_told() {
    let _one = alone();
    let listener = listen(Group::Udev);
    let long = forged().with("LONG", "x".repeat(16 << 10)).to_udev_bytes();
    // The kernel's form may be cut anywhere.
    let cut = forged().with("LONG", "x".repeat(16 << 10)).to_bytes();
    for bytes in [&b"libudev\0odd"[..], b"odd", &long, &cut] {
        send(bytes, 0, 2).unwrap();
        let error = listener.read().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        nothing(&*listener);
    }
    let fits = forged().with("LONG", "x".repeat(15 << 10));
    send(&fits.to_udev_bytes(), 0, 2).unwrap();
    assert_eq!(listener.read().unwrap(), fits);
}

/// One call does not go on for ever, and leaves nothing behind that wakes nobody.
#[test]
#[ignore = "needs the emulated Pi"]
fn a_flood_of_forged_datagrams_is_thrown_away() {
    let _one = alone();
    let listener = listen(Group::Kernel);
    for _ in 0..100 {
        send(&forged().to_bytes(), 0, 1).unwrap();
    }
    trigger();
    let error = listener.read().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(listener.read().unwrap().action(), &Action::Change);
    assert_eq!(listener.refused(), 100);
    nothing(&*listener);
}

/// The loss is told where it is, and what comes after it is there.
#[test]
#[ignore = "needs the emulated Pi"]
fn what_is_lost_is_told_once() {
    let _one = alone();
    let linux = Linux::new().on_group(Group::Kernel).receive_buffer(8192);
    let listener = linux.listen().unwrap();
    for _ in 0..3 {
        for _ in 0..500 {
            trigger();
        }
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
        assert!(last < first + 400);
        assert_eq!(error.raw_os_error(), Some(105));
        nothing(&*listener);
        trigger();
        let after = listener.read().unwrap().seqnum();
        assert_eq!(after, Some(first + 501));
        nothing(&*listener);
    }
}

/// Two losses, between which nothing was read to the end.
#[test]
#[ignore = "needs the emulated Pi"]
fn a_second_loss_is_told_too() {
    let _one = alone();
    let linux = Linux::new().on_group(Group::Kernel).receive_buffer(8192);
    let listener = linux.listen().unwrap();
    (0..500).for_each(|_| trigger());
    let mut queued = 0;
    while listener.read().is_ok() {
        queued += 1;
    }
    (0..500).for_each(|_| trigger());
    // All but the error that tells of it.
    for _ in 0..queued {
        listener.read().unwrap();
    }
    (0..500).for_each(|_| trigger());
    let mut losses = 0;
    loop {
        match listener.read() {
            Ok(_) => {}
            Err(error) if error.raw_os_error() == Some(105) => losses += 1,
            Err(error) => break assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
    assert_eq!(losses, 2);
}

/// A loss is told even if the queue is never found empty, because more comes all the time.
#[test]
#[ignore = "needs the emulated Pi"]
fn a_loss_is_told_in_a_stream_without_end() {
    let _one = alone();
    let linux = Linux::new().on_group(Group::Kernel).receive_buffer(8192);
    let listener = linux.listen().unwrap();
    (0..500).for_each(|_| trigger());
    let told = (0..200).find_map(|_| {
        let error = listener.read().err();
        trigger();
        error
    });
    assert_eq!(told.and_then(|error| error.raw_os_error()), Some(105));
    while listener.read().is_ok() {}
    nothing(&*listener);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_future_is_woken_by_a_uevent() {
    let _one = alone();
    let listener = listen(Group::Kernel);
    for _ in 0..3 {
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(50));
                // What is thrown away wakes, too.
                send(&forged().to_bytes(), 0, 1).unwrap();
                thread::sleep(Duration::from_millis(50));
                trigger();
            });
            let mut read = || listener.read().map(drop);
            let future = std::future::poll_fn(|cx| listener.ready().poll(cx, &mut read));
            futures_lite::future::block_on(future).unwrap();
        });
    }
    assert_eq!(listener.refused(), 3);
}

/// Its sign is below the root as everything is.
#[test]
#[ignore = "needs the emulated Pi"]
fn udevd_is_listened_to_where_it_runs() {
    let _one = alone();
    let root = std::env::temp_dir().join("circuits-root");
    fs::create_dir_all(root.join("run/udev")).unwrap();
    let linux = Linux::new().with_root(&root);
    assert!(linux.listen().unwrap().is_numbered());
    File::create(root.join("run/udev/control")).unwrap();
    assert!(!linux.listen().unwrap().is_numbered());
    assert!(Linux::new().listen().unwrap().is_numbered());
    let kernel = linux.on_group(Group::Kernel);
    assert!(kernel.listen().unwrap().is_numbered());
    fs::remove_dir_all(root).unwrap();
}

/// Numbers are the kernel's for all network namespaces, and an interface is told of in its own only.
#[test]
#[ignore = "needs the emulated Pi"]
fn what_others_are_told_takes_numbers() {
    let _one = alone();
    let listener = listen(Group::Kernel);
    trigger();
    let before = listener.read().unwrap().seqnum().unwrap();
    let apart = std::process::Command::new("unshare")
        .args(["-n", "true"])
        .status();
    assert!(apart.unwrap().success());
    trigger();
    let after = next(&*listener, |event| event.action() == &Action::Change);
    assert_ne!(after.seqnum(), Some(before + 1));
}

/// A node whose rights come later, as udev's rules give them.
#[test]
#[ignore = "needs the emulated Pi"]
fn a_node_is_waited_for_by_who_may_open_it() {
    let folder = std::env::temp_dir().join("circuits-rights");
    fs::create_dir_all(folder.join("by-id")).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let path = folder.join("by-id/node");
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let node = Linux::new().node(&path).unwrap();
    let wait = |kind, change: &(dyn Fn() + Sync)| {
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(100));
                change();
            });
            // Rights to files are those of the effective user, whoever has started it.
            let as_nobody = || {
                set_thread_res_uid(None, Uid::from_raw(65534), None).unwrap();
                assert_eq!(node.check().unwrap_err().kind(), kind);
                wait_for(&*node);
            };
            scope.spawn(as_nobody).join().unwrap();
        });
    };
    wait(io::ErrorKind::NotFound, &|| {
        File::create(&path).unwrap();
        mode(&path, 0o600);
        thread::sleep(Duration::from_millis(50));
        mode(&path, 0o666);
    });
    mode(&path, 0o644);
    wait(io::ErrorKind::PermissionDenied, &|| mode(&path, 0o666));
    mode(&path, 0o600);
    wait(io::ErrorKind::PermissionDenied, &|| {
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
    });
    // Not the node's own rights, but its folder's.
    mode(&folder.join("by-id"), 0o700);
    wait(io::ErrorKind::PermissionDenied, &|| {
        mode(&folder.join("by-id"), 0o755);
    });
    fs::remove_dir_all(folder).unwrap();
}

fn wait_for(node: &dyn Node) {
    let deadline = Monotonic::new().now() + SOON;
    let mut check = || match node.check() {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
            ) =>
        {
            Err(io::ErrorKind::WouldBlock.into())
        }
        done => done,
    };
    assert!(node.ready().block(Some(deadline), &mut check).unwrap());
}

#[test]
#[ignore = "needs the emulated Pi"]
fn virtual_can_interfaces_are_told_of() {
    let _one = alone();
    let _link = CanLink::new("vcan7");
    let links = Linux::new().tree().can_links().unwrap();
    let link = links.iter().find(|link| link.name == "vcan7").unwrap();
    assert_eq!(link.kind.as_deref(), Some("vcan"));
    assert!(link.up && link.mtu >= 16);
    assert_eq!((link.state, link.bitrate), (None, None));
    assert!(links.iter().all(|link| link.name != "lo"));
}

#[test]
#[ignore = "needs the emulated Pi"]
fn calls_are_few() {
    let _one = alone();
    let linux = Linux::new().on_group(Group::Kernel);
    let (tree, listener) = (linux.tree(), linux.listen().unwrap());
    let node = linux.node("/dev/null".as_ref()).unwrap();
    trigger();
    let mut tracer = Tracer::new();
    let mut calls = |f: &mut dyn FnMut()| {
        let mut calls = tracer.trace(f);
        // Before it closes a descriptor, std asks whether it is open, in a debug build.
        calls.retain(|call| !cfg!(debug_assertions) || *call != libc::SYS_fcntl);
        calls
    };
    let (open, close) = (libc::SYS_openat, libc::SYS_close);
    let read = calls(&mut || drop(tree.read("/sys/class/net/lo/mtu".as_ref()).unwrap()));
    assert_eq!(read, [open, libc::SYS_read, close]);
    let listed = calls(&mut || drop(tree.list("/sys/class/net".as_ref()).unwrap()));
    let entries = libc::SYS_getdents64;
    assert_eq!(listed, [open, entries, entries, close]);
    let link = calls(&mut || drop(tree.read_link("/sys/class/net/lo".as_ref()).unwrap()));
    assert_eq!(link, [libc::SYS_readlinkat]);
    let event = calls(&mut || drop(listener.read().unwrap()));
    assert_eq!(event, [libc::SYS_recvmsg]);
    let none = calls(&mut || nothing(&*listener));
    assert_eq!(none, [libc::SYS_recvmsg]);
    let checked = calls(&mut || node.check().unwrap());
    assert_eq!(checked, [libc::SYS_read, libc::SYS_faccessat2]);
    let links = calls(&mut || drop(tree.can_links().unwrap()));
    let (socket, send, receive) = (libc::SYS_socket, libc::SYS_sendto, libc::SYS_recvfrom);
    let mut calls = links;
    // A few interfaces and the end, as the kernel likes to part them.
    calls.dedup();
    assert_eq!(calls, [socket, send, receive, close]);
}
