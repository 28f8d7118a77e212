//! Archives in the format that the kernel takes as its first file system (newc, `initramfs`).

use std::collections::BTreeSet;

/// An archive in memory.
pub(crate) struct Cpio {
    bytes: Vec<u8>,
    inodes: u32,
    directories: BTreeSet<String>,
}

impl Cpio {
    pub(crate) fn new() -> Cpio {
        Cpio {
            bytes: Vec::new(),
            inodes: 0,
            directories: BTreeSet::new(),
        }
    }

    /// Adds a directory and those that it is in.
    pub(crate) fn directory(&mut self, path: &str) {
        if path.is_empty() || self.directories.contains(path) {
            return;
        }
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent);
        }
        self.directories.insert(path.into());
        self.entry(path, 0o040_755, b"");
    }

    /// Adds a file that may be executed.
    pub(crate) fn file(&mut self, path: &str, contents: &[u8]) {
        self.file_with(0o755, path, contents);
    }

    /// Adds a file that may only be read.
    pub(crate) fn text(&mut self, path: &str, contents: &[u8]) {
        self.file_with(0o644, path, contents);
    }

    fn file_with(&mut self, mode: u32, path: &str, contents: &[u8]) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent);
        }
        self.entry(path, 0o100_000 | mode, contents);
    }

    /// Returns the archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, b"");
        self.bytes
    }

    /// A header of thirteen hexadecimal numbers, the name with its zero, and the contents, each
    /// padded to four bytes.
    fn entry(&mut self, path: &str, mode: u32, contents: &[u8]) {
        self.inodes += 1;
        let (inode, length, name) = (self.inodes, contents.len() as u32, path.len() as u32 + 1);
        self.bytes.extend(b"070701");
        for number in [inode, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name, 0] {
            self.bytes.extend(format!("{number:08X}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(contents);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}
