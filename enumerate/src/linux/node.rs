use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use circuits_wait::{Fd, Monotonic, Ready};
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init, remove_watch};
use rustix::fs::{Access, AtFlags, CWD, accessat, readlink};
use rustix::io::{Errno, read};

use crate::Node;

/// How many links are followed on the way to a node (`MAXSYMLINKS`, include/linux/namei.h).
const LINKS: usize = 40;

/// What of a folder is told: what comes and goes there and its rights, and its own.
const WATCHED: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// A node, and inotify (inotify(7)) on each folder in which the kernel looks on the way to it, that
/// of a link's target as well: only what happens in these can change the answer.
#[derive(Debug)]
pub(super) struct Watched {
    path: PathBuf,
    inotify: Fd<OwnedFd>,
    /// Numbers of watches.
    folders: Mutex<Vec<i32>>,
}

impl Watched {
    pub(super) fn new(path: &Path, clock: &Monotonic) -> io::Result<Watched> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let path = std::path::absolute(path)?;
        let folders = watch(&inotify, &path)?;
        Ok(Watched {
            path,
            inotify: Fd::new(inotify, clock),
            folders: Mutex::new(folders),
        })
    }

    /// Forgets what inotify has told, and tells whether that was anything. It reads until there is
    /// no more, else what is left would wake nobody; one read takes more than anybody writes
    /// meanwhile.
    fn drain(&self) -> io::Result<bool> {
        let mut any = false;
        loop {
            match read(self.inotify.get_ref(), &mut [0; 4096]) {
                Ok(_) => any = true,
                Err(Errno::AGAIN) => return Ok(any),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Node for Watched {
    fn check(&self) -> io::Result<()> {
        let mut folders = self.folders.lock().unwrap_or_else(|e| e.into_inner());
        // There are none after a failure.
        if self.drain()? || folders.is_empty() {
            let before = std::mem::take(&mut *folders);
            *folders = watch(self.inotify.get_ref(), &self.path)?;
            for gone in before.iter().filter(|folder| !folders.contains(folder)) {
                // The kernel has removed those whose folder is gone.
                let _ = remove_watch(self.inotify.get_ref(), *gone);
            }
        }
        let rights = Access::READ_OK | Access::WRITE_OK;
        Ok(accessat(CWD, &self.path, rights, AtFlags::EACCESS)?)
    }

    fn ready(&self) -> &dyn Ready {
        &self.inotify
    }
}

/// Watches the folders on the way to `path`, which is absolute, as far as it goes. Each is watched
/// before something is looked up in it: what comes in between is told.
fn watch(inotify: &OwnedFd, path: &Path) -> io::Result<Vec<i32>> {
    let mut watches = Vec::new();
    let mut here = PathBuf::new();
    let mut links = 0;
    // What is left of the way, the next last.
    let mut left = steps(path);
    while let Some(step) = left.pop() {
        match &*step {
            name if name == "/" => here = PathBuf::from("/"),
            name if name == ".." => drop(here.pop()),
            name => {
                let next = here.join(name);
                match readlink(&next, Vec::new()) {
                    Ok(_) if links == LINKS => break,
                    Ok(target) => {
                        links += 1;
                        left.extend(steps(Path::new(&OsString::from_vec(target.into_bytes()))));
                        // A relative one goes on from here, which is watched.
                        continue;
                    }
                    // It is there and no link.
                    Err(Errno::INVAL) if !left.is_empty() => here = next,
                    // It is the node, or the way ends before it.
                    Err(_) => break,
                }
            }
        }
        match add_watch(inotify, &here, WATCHED) {
            Ok(number) if !watches.contains(&number) => watches.push(number),
            Ok(_) => {}
            // It has just gone, which is told where it was; or it may be passed through, but not
            // read, and so not watched.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(watches)
}

/// The steps of a path, the first last.
fn steps(path: &Path) -> Vec<OsString> {
    let step = |component: Component<'_>| match component {
        Component::CurDir | Component::Prefix(_) => None,
        step => Some(OsStr::to_owned(step.as_os_str())),
    };
    path.components().rev().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::sync::MutexGuard;
    use std::time::Duration;

    use circuits_wait::Clock;

    use super::*;

    /// A folder that goes with the value. There is one at a time: what comes and goes beside it
    /// would wake those who wait.
    struct Folder(PathBuf, #[allow(dead_code)] MutexGuard<'static, ()>);

    impl Folder {
        fn new(name: &str) -> Folder {
            static ONE: Mutex<()> = Mutex::new(());
            let one = ONE.lock().unwrap_or_else(|e| e.into_inner());
            let name = format!("circuits-node-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            Folder(folder, one)
        }

        fn path(&self, path: &str) -> PathBuf {
            self.0.join(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Waits until the node is there (or is not), which a change does that comes meanwhile.
    fn wait(node: &Watched, there: bool, change: impl FnOnce() + Send) {
        assert_eq!(node.check().is_ok(), !there);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                moment();
                change();
            });
            let deadline = Monotonic::new().now() + Duration::from_secs(10);
            let mut look = || match node.check().is_ok() == there {
                true => Ok(()),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
            assert!(node.ready().block(Some(deadline), &mut look).unwrap());
        });
    }

    fn moment() {
        std::thread::sleep(Duration::from_millis(20));
    }

    fn node(path: &Path) -> Watched {
        Watched::new(path, &Monotonic::new()).unwrap()
    }

    #[test]
    fn a_node_comes_and_goes() {
        let folder = Folder::new("comes");
        let (path, other) = (folder.path("ttyUSB0"), folder.path("other"));
        let node = node(&path);
        assert_eq!(node.check().unwrap_err().kind(), io::ErrorKind::NotFound);
        wait(&node, true, || drop(File::create(&path).unwrap()));
        wait(&node, false, || fs::remove_file(&path).unwrap());
        File::create(&other).unwrap();
        wait(&node, true, || fs::rename(&other, &path).unwrap());
        wait(&node, false, || fs::rename(&path, &other).unwrap());
        // From and to where nobody looks.
        fs::create_dir(folder.path("elsewhere")).unwrap();
        let elsewhere = folder.path("elsewhere/other");
        fs::rename(&other, &elsewhere).unwrap();
        wait(&node, true, || fs::rename(&elsewhere, &path).unwrap());
        wait(&node, false, || fs::rename(&path, &elsewhere).unwrap());
    }

    #[test]
    fn folders_come_and_go_on_the_way() {
        let folder = Folder::new("folders");
        let path = folder.path("serial/by-id/usb-1");
        let node = node(&path);
        for _ in 0..3 {
            wait(&node, true, || {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                File::create(&path).unwrap();
            });
            wait(&node, false, || {
                fs::remove_dir_all(folder.path("serial")).unwrap()
            });
        }
        // One that was made elsewhere, and is moved.
        fs::create_dir_all(folder.path("made/by-id")).unwrap();
        File::create(folder.path("made/by-id/usb-1")).unwrap();
        let (made, serial) = (folder.path("made"), folder.path("serial"));
        wait(&node, true, || fs::rename(&made, &serial).unwrap());
        wait(&node, false, || fs::rename(&serial, &made).unwrap());
    }

    #[test]
    fn links_are_followed() {
        let folder = Folder::new("links");
        let path = folder.path("serial/by-id/usb-1");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::create_dir(folder.path("dev")).unwrap();
        let node = node(&path);
        let device = folder.path("dev/ttyUSB0");
        symlink("../../dev/ttyUSB0", &path).unwrap();
        wait(&node, true, || drop(File::create(&device).unwrap()));
        wait(&node, false, || fs::remove_file(&device).unwrap());
        // It leads elsewhere, by a whole path and another link.
        fs::create_dir(folder.path("other")).unwrap();
        symlink(folder.path("other"), folder.path("link")).unwrap();
        fs::remove_file(&path).unwrap();
        symlink(folder.path("link/./ttyUSB1"), &path).unwrap();
        let device = folder.path("other/ttyUSB1");
        wait(&node, true, || drop(File::create(&device).unwrap()));
        // Only the folders on the way are watched: this one is no more, and gets a new number.
        fs::remove_file(&path).unwrap();
        symlink("../../dev/ttyUSB0", &path).unwrap();
        let last = node.folders.lock().unwrap().iter().copied().max();
        node.check().unwrap_err();
        let other = add_watch(node.inotify.get_ref(), folder.path("other"), WATCHED);
        assert!(other.ok() > last);
    }

    #[test]
    fn a_circle_of_links_is_no_node() {
        let folder = Folder::new("circle");
        let (one, other) = (folder.path("one"), folder.path("other"));
        symlink(&one, &other).unwrap();
        symlink(&other, &one).unwrap();
        let node = node(&one);
        node.check().unwrap_err();
        wait(&node, true, || {
            fs::remove_file(&other).unwrap();
            File::create(&other).unwrap();
        });
    }

    #[test]
    fn a_future_is_woken() {
        let folder = Folder::new("future");
        let path = folder.path("node");
        let node = node(&path);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                moment();
                File::create(folder.path("another")).unwrap();
                moment();
                File::create(&path).unwrap();
            });
            let mut look = || match node.check() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                done => done,
            };
            let future = std::future::poll_fn(|cx| node.ready().poll(cx, &mut look));
            futures_lite::future::block_on(future).unwrap();
        });
    }

    #[test]
    fn no_path_makes_it_panic() {
        for path in [
            "/",
            "/..",
            "//dev/../..//dev/null",
            "node",
            "./..",
            "/dev/null/x",
        ] {
            let _ = node(path.as_ref()).check();
        }
        assert!(Watched::new("".as_ref(), &Monotonic::new()).is_err());
        assert!(node("a\0b".as_ref()).check().is_err());
        node("/dev/null".as_ref()).check().unwrap();
    }
}
