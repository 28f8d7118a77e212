//! udev's daemon, which no guest has until a test asks for it: Debian's own with its rules, the
//! libraries that it needs, and Debian's numbers for the groups of the rules.
//!
//! The hardware database is not there: it is compiled where the package is installed. Nor are the
//! files by which network interfaces get other names.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cpio::Cpio;

pub(crate) const GROUPS: &str = include_str!("../guest/group");
const RULES: &str = "lib/udev/rules.d";
const LIBRARIES: [&str; 2] = ["lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu/systemd"];

/// Returns the archive that `guest/get-udevd` unpacks. `usr` is the folder of the packages.
pub(crate) fn archive(usr: &Path) -> Result<Vec<u8>> {
    let mut daemon = Daemon {
        libraries: HashMap::new(),
        archive: Cpio::new(),
    };
    for folder in LIBRARIES {
        for (name, path) in files(&usr.join(folder))? {
            daemon.libraries.insert(name, path);
        }
    }
    // It is the daemon, too, if it is called so.
    daemon.add("bin/udevadm", &usr.join("bin/udevadm"))?;
    daemon.archive.text("etc/group", GROUPS.as_bytes());
    for (name, path) in files(&usr.join(RULES))? {
        let rules = fs::read(path)?;
        daemon.archive.text(&format!("usr/{RULES}/{name}"), &rules);
    }
    Ok(daemon.archive.finish())
}

struct Daemon {
    /// Those that have not been added.
    libraries: HashMap<String, PathBuf>,
    archive: Cpio,
}

impl Daemon {
    /// Adds a program or library, and the libraries that it names: those that it is linked with, and
    /// those that it opens when it needs them.
    fn add(&mut self, to: &str, from: &Path) -> Result<()> {
        let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        self.archive.file(to, &bytes);
        for word in bytes.split(|byte| *byte == 0) {
            let word = std::str::from_utf8(word).unwrap_or_default();
            if let Some((name, path)) = self.libraries.remove_entry(word) {
                // The one that loads the others is where each program says that it is.
                let folder = if name.starts_with("ld-linux") {
                    "lib"
                } else {
                    "usr/lib"
                };
                self.add(&format!("{folder}/{name}"), &path)?;
            }
        }
        Ok(())
    }
}

/// The files in a folder, with their names.
fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder);
    for entry in entries.with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            files.push((name.to_string_lossy().into_owned(), path.clone()));
        }
    }
    Ok(files)
}
