use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Debug;
use std::io;
use std::ops::Bound;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::CanLink;

/// What is below `/sys`, and the little that is asked of elsewhere: `/run/udev/data`, and route
/// netlink.
///
/// Paths are absolute, as on the machine: where that is a folder of another one, it is the tree's
/// affair. Errors have Linux's numbers.
pub trait Tree: Send + Sync + Debug {
    /// Returns what a file says.
    fn read(&self, file: &Path) -> io::Result<Vec<u8>>;

    /// Returns what a link points to, as it says so.
    fn read_link(&self, link: &Path) -> io::Result<PathBuf>;

    /// Returns the names of what is in a folder, in any order.
    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>>;

    /// Returns what route netlink says of the CAN interfaces.
    ///
    /// # Errors
    /// [`Unsupported`](io::ErrorKind::Unsupported) where nobody can be asked.
    fn can_links(&self) -> io::Result<Vec<CanLink>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl<T: Tree + ?Sized> Tree for Arc<T> {
    fn read(&self, file: &Path) -> io::Result<Vec<u8>> {
        (**self).read(file)
    }

    fn read_link(&self, link: &Path) -> io::Result<PathBuf> {
        (**self).read_link(link)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        (**self).list(folder)
    }

    fn can_links(&self) -> io::Result<Vec<CanLink>> {
        (**self).can_links()
    }
}

/// Where a link in a folder leads, by its text alone: links of `/sys` pass through no others.
pub(crate) fn target(folder: &Path, link: &Path) -> PathBuf {
    let mut path = folder.to_path_buf();
    for component in link.components() {
        match component {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            Component::RootDir => path = PathBuf::from("/"),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    path
}

/// What is at a path and below it, the outermost first.
pub(crate) fn subtree<'a, T>(
    map: &'a BTreeMap<PathBuf, T>,
    path: &Path,
) -> impl Iterator<Item = (&'a PathBuf, &'a T)> {
    let from = map.range::<Path, _>((Bound::Included(path), Bound::Unbounded));
    from.take_while(move |(below, _)| below.starts_with(path))
}
