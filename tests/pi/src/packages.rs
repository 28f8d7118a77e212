//! What the emulated Pi is made of: Debian's packages, unpacked and not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::apt::{Apt, SUITE};

const TOOLS: [&str; 2] = ["qemu-system-arm", "device-tree-compiler"];
const SHELL: &str = "busybox-static";

/// udev and the libraries that it needs. By its dependencies it would come with all of systemd, and
/// apt takes seconds to find them.
const UDEV: [&str; 18] = [
    "udev",
    "libsystemd-shared",
    "libacl1",
    "libaudit1",
    "libblkid1",
    "libc6",
    "libcap2",
    "libcap-ng0",
    "libcrypt1",
    "libkmod2",
    "libmount1",
    "libpam0g",
    "libpcre2-8-0",
    "libseccomp2",
    "libselinux1",
    "libssl3t64",
    "libzstd1",
    "zlib1g",
];

/// What was unpacked.
pub(crate) struct Packages {
    root: PathBuf,
    release: String,
}

impl Packages {
    /// Finds the packages in `root`, and gets them first if they are not all there.
    pub(crate) fn fetch(root: &Path) -> Result<Packages> {
        // Written last: what was asked for, and the release of the kernel that came.
        let complete = root.join("complete");
        let wanted = [&[SUITE][..], &TOOLS, &[SHELL], &UDEV].concat().join(", ") + "\n";
        let read = || fs::read_to_string(&complete).unwrap_or_default();
        if !read().starts_with(&wanted) {
            let _ = fs::remove_dir_all(root);
            for directory in ["tools", "guest"] {
                fs::create_dir_all(root.join(directory))?;
            }
            let apt = Apt::new(&root.join("apt"))?;
            let release = apt.kernel()?;
            eprintln!(
                "downloading QEMU and Linux {release} into {}",
                root.display()
            );
            apt.download_with_dependencies(&TOOLS)?;
            let mut versions = unpack(&apt.debs()?, &root.join("tools"))?;
            let mut guest = apt.parts_of_kernel(&release)?;
            let others = [SHELL].into_iter().chain(UDEV);
            guest.extend(others.map(|package| format!("{package}:arm64")));
            apt.download(&guest)?;
            versions.extend(unpack(&apt.debs()?, &root.join("guest"))?);
            versions.sort();
            fs::write(root.join("versions"), versions.concat())?;
            fs::remove_dir_all(root.join("apt"))?;
            fs::write(&complete, format!("{wanted}{release}"))?;
        }
        Ok(Packages {
            root: root.into(),
            release: read()[wanted.len()..].to_owned(),
        })
    }

    /// Returns the release of the kernel, as `uname -r` prints it.
    pub(crate) fn release(&self) -> &str {
        &self.release
    }

    /// Returns the packages with their versions.
    pub(crate) fn versions(&self) -> Result<String> {
        Ok(fs::read_to_string(self.root.join("versions"))?)
    }

    /// Returns the kernel's own folder, with its image, modules and device trees.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.root.join("guest/usr/lib/modules").join(&self.release)
    }

    /// Returns the folder of what the guest's packages have in `/usr`.
    pub(crate) fn guest(&self) -> PathBuf {
        self.root.join("guest/usr")
    }

    /// Returns the folder of the files that QEMU loads.
    pub(crate) fn firmware(&self) -> PathBuf {
        self.root.join("tools/usr/share/qemu")
    }

    /// Returns the command that runs one of the tools with the libraries that came with it.
    pub(crate) fn tool(&self, name: &str) -> Result<Command> {
        let libraries = find(&self.root.join("tools/usr/lib"), |name| {
            name.ends_with("-linux-gnu")
        })?;
        let loader = find(&libraries, |name| {
            name.starts_with("ld-linux") && name.contains(".so.")
        })?;
        let mut command = Command::new(loader);
        command
            .arg("--library-path")
            .arg(&libraries)
            .arg(self.root.join("tools/usr/bin").join(name))
            .env("QEMU_MODULE_DIR", libraries.join("qemu"));
        Ok(command)
    }
}

/// Unpacks packages, which are then gone, and returns their versions.
fn unpack(debs: &[PathBuf], into: &Path) -> Result<Vec<String>> {
    let mut versions = Vec::new();
    for deb in debs {
        let mut show = Command::new("dpkg-deb");
        show.args(["--show", "--showformat"]);
        show.arg("${Package} ${Version} ${Architecture}\n");
        versions.push(output(show.arg(deb))?);
        output(Command::new("dpkg-deb").arg("-x").arg(deb).arg(into))?;
        fs::remove_file(deb)?;
    }
    Ok(versions)
}

/// The entry of a folder whose name is so.
fn find(folder: &Path, so: impl Fn(&str) -> bool) -> Result<PathBuf> {
    fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|n| so(&n.to_string_lossy())))
        .with_context(|| format!("something is missing in {}", folder.display()))
}

/// Runs a command that must succeed and returns what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command
        .output()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(
        done.status.success(),
        "{:?}: {}",
        command.get_program(),
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
