use std::collections::HashMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

/// udev's daemon, Debian's with its rules, which the emulated Pi is without until a test asks for it.
/// It is stopped when the value is dropped: what it wrote and linked is gone then, and the nodes that
/// were there before belong again to whom they did.
///
/// There is one at a time: who starts another waits for the end of the first.
///
/// What a real system has and this has not: the hardware database (`ID_…_FROM_DATABASE`), modules to
/// load, other names for network interfaces, and what it was told of at the start: see
/// [`trigger`](Udevd::trigger).
///
/// # Panics
/// Everything panics outside of the emulated Pi.
#[derive(Debug)]
pub struct Udevd {
    daemon: Child,
    nodes: Nodes,
    // Unlocked when all else is done.
    _alone: File,
}

impl Udevd {
    /// Starts it, and returns when it listens.
    pub fn start() -> Udevd {
        Udevd::with_rules("")
    }

    /// Starts it with rules of a test's own, which come after all others (`udev(7)`). Groups are
    /// Debian's, or numbers.
    pub fn with_rules(rules: &str) -> Udevd {
        let alone = File::create("/tmp/.udevd").unwrap();
        flock(&alone, FlockOperation::LockExclusive).unwrap();
        run(&mut Command::new("get-udevd"));
        fs::create_dir_all("/run/udev/rules.d").unwrap();
        fs::write("/run/udev/rules.d/99-test.rules", rules).unwrap();
        let nodes = Nodes::all();
        let mut daemon = udevadm();
        // One program is both.
        daemon.arg0("systemd-udevd");
        let daemon = daemon.spawn().unwrap();
        let udevd = Udevd {
            daemon,
            nodes,
            _alone: alone,
        };
        let start = Instant::now();
        while !Path::new("/run/udev/control").exists() {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "udevd does not listen"
            );
            thread::sleep(Duration::from_millis(10));
        }
        // It has read its rules when it answers.
        run(udevadm().args(["control", "--ping"]));
        udevd
    }

    /// Waits until it has done with all that the kernel has told.
    pub fn settle(&self) {
        run(udevadm().args(["settle", "--timeout=60"]));
    }

    /// Has the kernel tell again of the devices of a subsystem (`"tty"`), as happens at the start of
    /// a real system, and waits until it has done with them.
    pub fn trigger(&self, subsystem: &str) {
        let mut trigger = udevadm();
        trigger.args(["trigger", "--action=add", "--settle", "--subsystem-match"]);
        run(trigger.arg(subsystem));
    }
}

impl Drop for Udevd {
    fn drop(&mut self) {
        // It ends its workers first.
        let _ = kill_process(Pid::from_child(&self.daemon), Signal::TERM);
        let start = Instant::now();
        while let Ok(None) = self.daemon.try_wait() {
            if start.elapsed() > Duration::from_secs(30) {
                let _ = self.daemon.kill();
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = fs::remove_dir_all("/run/udev");
        self.nodes.restore();
    }
}

fn udevadm() -> Command {
    let mut command = Command::new("/bin/udevadm");
    command.env("SYSTEMD_LOG_LEVEL", "err");
    command
}

fn run(command: &mut Command) {
    let done = command.status();
    assert!(done.is_ok_and(|status| status.success()), "{command:?}");
}

/// What is in `/dev`, and whose it is: mode, user and group.
#[derive(Debug)]
struct Nodes(HashMap<PathBuf, (u32, u32, u32)>);

impl Nodes {
    fn all() -> Nodes {
        let mut all = HashMap::new();
        visit(Path::new("/dev"), &mut |path, metadata| {
            all.insert(path.into(), of(metadata));
        });
        Nodes(all)
    }

    /// Gives back the nodes that changed hands, and removes links that are new.
    fn restore(&self) {
        visit(Path::new("/dev"), &mut |path, metadata| {
            match self.0.get(path) {
                Some(before) if *before != of(metadata) => {
                    let (mode, user, group) = *before;
                    let _ = chown(path, Some(user), Some(group));
                    let _ = fs::set_permissions(path, fs::Permissions::from_mode(mode));
                }
                None if metadata.is_symlink() => drop(fs::remove_file(path)),
                // The kernel's own are not empty.
                None if metadata.is_dir() => drop(fs::remove_dir(path)),
                _ => (),
            }
        });
    }
}

fn of(metadata: &fs::Metadata) -> (u32, u32, u32) {
    (metadata.mode() & 0o7777, metadata.uid(), metadata.gid())
}

/// Visits all that is in a folder, and each folder after what is in it.
fn visit(folder: &Path, each: &mut impl FnMut(&Path, &fs::Metadata)) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // It may have gone.
        if let Ok(metadata) = entry.metadata() {
            if metadata.is_dir() {
                visit(&entry.path(), each);
            }
            each(&entry.path(), &metadata);
        }
    }
}
