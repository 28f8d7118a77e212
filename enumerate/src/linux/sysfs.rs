use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, Mode, OFlags, RawDir};
use rustix::io::{Errno, retry_on_intr};

use super::route;
use crate::{CanLink, Tree};

/// How much is read at once. An attribute that is text is shorter (`sysfs_kf_seq_show`,
/// fs/sysfs/file.c), so a part that is not full is the last. Of a binary one the kernel gives a page
/// at most (`kernfs_file_read_iter`, fs/kernfs/file.c), which is no less than this anywhere: with
/// more room here, one that is longer would seem to end after its first page.
const PART: usize = 4096;

/// The files of this machine, or those below a folder.
#[derive(Clone, Debug)]
pub(super) struct Sysfs {
    root: Option<Arc<Path>>,
}

impl Sysfs {
    pub(super) fn new(root: Option<PathBuf>) -> Sysfs {
        let root = root.filter(|root| root != Path::new("/"));
        Sysfs {
            root: root.map(Arc::from),
        }
    }

    pub(super) fn exists(&self, path: &Path) -> bool {
        rustix::fs::access(&*self.path(path), Access::EXISTS).is_ok()
    }

    fn path<'a>(&self, path: &'a Path) -> Cow<'a, Path> {
        match &self.root {
            Some(root) => Cow::Owned(root.join(path.strip_prefix("/").unwrap_or(path))),
            None => Cow::Borrowed(path),
        }
    }

    fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let (path, flags) = (self.path(path), flags | OFlags::RDONLY | OFlags::CLOEXEC);
        let open = || rustix::fs::open(&*path, flags, Mode::empty());
        Ok(retry_on_intr(open)?)
    }
}

impl Tree for Sysfs {
    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(file, OFlags::empty())?;
        let mut bytes = Vec::new();
        loop {
            let mut part = [MaybeUninit::uninit(); PART];
            let read = match rustix::io::read(&file, &mut part) {
                Ok((read, _)) => read,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            bytes.extend_from_slice(read);
            if read.len() < PART {
                return Ok(bytes);
            }
        }
    }

    fn read_link(&self, link: &Path) -> io::Result<PathBuf> {
        let target = rustix::fs::readlink(&*self.path(link), Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let folder = self.open(folder, OFlags::DIRECTORY)?;
        let mut part = [MaybeUninit::uninit(); 2 * PART];
        let mut entries = RawDir::new(&folder, &mut part);
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(std::ffi::OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    fn can_links(&self) -> io::Result<Vec<CanLink>> {
        match self.root {
            // The tree may be another machine's.
            Some(_) => Err(Errno::OPNOTSUPP.into()),
            None => route::can_links(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder that goes with the value.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let name = format!("circuits-{name}-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(folder.join("sys/class")).unwrap();
            Folder(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_of_any_length_is_read() {
        let folder = Folder::new("lengths");
        let tree = Sysfs::new(Some(folder.0.clone()));
        for length in [0, 1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 7] {
            let bytes: Vec<u8> = (0..length).map(|number| number as u8).collect();
            fs::write(folder.0.join("sys/file"), &bytes).unwrap();
            assert!(
                tree.read("/sys/file".as_ref()).unwrap() == bytes,
                "{length}"
            );
        }
    }

    #[test]
    fn a_tree_is_below_its_folder() {
        let folder = Folder::new("tree");
        let tree = Sysfs::new(Some(folder.0.clone()));
        for number in 0..300 {
            let target = format!("../../devices/{number}/{}", "x".repeat(number));
            symlink(target, folder.0.join(format!("sys/class/link{number}"))).unwrap();
        }
        let mut names = tree.list("/sys/class".as_ref()).unwrap();
        names.sort();
        let mut expected: Vec<OsString> = (0..300)
            .map(|number| format!("link{number}").into())
            .collect();
        expected.sort();
        assert_eq!(names, expected);
        let link = tree.read_link("/sys/class/link7".as_ref()).unwrap();
        assert_eq!(link, Path::new("../../devices/7/xxxxxxx"));
        let long = tree.read_link("/sys/class/link299".as_ref()).unwrap();
        assert_eq!(long.as_os_str().len(), "../../devices/299/".len() + 299);
        assert!(tree.exists("/sys/class".as_ref()));
        assert!(!tree.exists("/sys/block".as_ref()));
    }

    #[test]
    fn errors_have_their_numbers() {
        let folder = Folder::new("errors");
        let tree = Sysfs::new(Some(folder.0.clone()));
        fs::write(folder.0.join("sys/file"), b"1").unwrap();
        let number = |error: io::Error| error.raw_os_error();
        let (file, none) = (Path::new("/sys/file"), Path::new("/sys/none"));
        assert_eq!(number(tree.read(none).unwrap_err()), Some(2));
        assert_eq!(number(tree.read("/sys".as_ref()).unwrap_err()), Some(21));
        assert_eq!(number(tree.list(file).unwrap_err()), Some(20));
        assert_eq!(number(tree.list(none).unwrap_err()), Some(2));
        assert_eq!(number(tree.read_link(file).unwrap_err()), Some(22));
        let error = tree.can_links().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        let zero = tree.read(std::ffi::OsStr::from_bytes(b"/a\0b").as_ref());
        assert_eq!(number(zero.unwrap_err()), Some(22));
    }
}
