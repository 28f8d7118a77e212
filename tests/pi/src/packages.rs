//! What the emulated Pi is made of: Debian's packages, downloaded by name and unpacked, not
//! installed.
//!
//! apt is given a configuration of its own, so nothing of the machine's is read but where its
//! mirror is, and nothing is changed. It thinks that no package is installed at all: the tools come
//! with all that they need, down to the C library, and run on any system that has apt.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Debian 13. Its kernel has no gpio-sim; the one of its backports does.
const SUITE: &str = "trixie";
const TOOLS: [&str; 2] = ["qemu-system-arm", "device-tree-compiler"];
const KERNEL: &str = "linux-image-arm64";
const SHELL: &str = "busybox-static";

/// A download that could not be had, which is nobody's fault here.
#[derive(Debug)]
pub(crate) struct NoDownload(String);

impl std::fmt::Display for NoDownload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a download could not be had: {}", self.0)
    }
}

impl std::error::Error for NoDownload {}

/// What was unpacked.
pub(crate) struct Packages {
    root: PathBuf,
    release: String,
}

impl Packages {
    /// Finds the packages in `root`, and gets them first if they are not all there.
    pub(crate) fn fetch(root: &Path) -> Result<Packages> {
        // Written last.
        let complete = root.join("release");
        if !complete.exists() {
            let _ = fs::remove_dir_all(root);
            for directory in ["tools", "guest"] {
                fs::create_dir_all(root.join(directory))?;
            }
            let apt = Apt::new(root)?;
            let release = apt.kernel()?;
            eprintln!(
                "downloading QEMU and Linux {release} into {}",
                root.display()
            );
            apt.download_with_dependencies(&TOOLS)?;
            let mut guest = vec![format!("{SHELL}:arm64")];
            guest.extend(apt.parts_of_kernel(&release)?);
            apt.download(&guest)?;
            apt.unpack()?;
            fs::write(&complete, release)?;
        }
        let release = fs::read_to_string(complete)?;
        Ok(Packages {
            root: root.into(),
            release,
        })
    }

    /// Returns the release of the kernel, as `uname -r` prints it.
    pub(crate) fn release(&self) -> &str {
        &self.release
    }

    /// Returns the kernel's own folder, with its image, modules and device trees.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.root.join("guest/usr/lib/modules").join(&self.release)
    }

    pub(crate) fn busybox(&self) -> PathBuf {
        self.root.join("guest/usr/bin/busybox")
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

/// The entry of a folder whose name is so.
fn find(folder: &Path, so: impl Fn(&str) -> bool) -> Result<PathBuf> {
    fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|n| so(&n.to_string_lossy())))
        .with_context(|| format!("something is missing in {}", folder.display()))
}

struct Apt<'a> {
    root: &'a Path,
    folder: PathBuf,
}

impl Apt<'_> {
    fn new(root: &Path) -> Result<Apt<'_>> {
        let folder = root.join("apt");
        for directory in ["lists/partial", "cache/archives/partial", "sources", "debs"] {
            fs::create_dir_all(folder.join(directory))?;
        }
        let native = output(Command::new("dpkg").arg("--print-architecture"))?;
        let native = native.trim();
        let source = format!(
            "Types: deb\nURIs: {}\nSuites: {SUITE} {SUITE}-backports\nComponents: main\n\
             Architectures: {native} arm64\n\
             Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
            mirror()?,
        );
        fs::write(folder.join("sources/debian.sources"), source)?;
        fs::write(folder.join("nothing-is-installed"), "")?;
        let at = folder.display();
        let configuration = format!(
            r#"Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "{at}/sources";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "{at}";
Dir::State::Status "{at}/nothing-is-installed";
Dir::Cache "{at}/cache";
APT::Architecture "{native}";
APT::Architectures {{ "{native}"; "arm64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
"#
        );
        fs::write(folder.join("apt.conf"), configuration)?;
        let apt = Apt { root, folder };
        apt.online(apt.command("apt-get").args(["-qq", "update"]))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .current_dir(self.folder.join("debs"));
        command
    }

    /// Runs what fails if a download does.
    fn online(&self, command: &mut Command) -> Result<()> {
        let done = command
            .output()
            .with_context(|| format!("cannot run {:?}", command.get_program()))?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(NoDownload(why).into());
        }
        Ok(())
    }

    /// The release of the newest kernel.
    fn kernel(&self) -> Result<String> {
        let package = format!("{KERNEL}:arm64/{SUITE}-backports");
        let depends = output(self.command("apt-cache").args(["depends", &package]))?;
        depends
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("linux-image-"))
            .filter_map(|rest| rest.strip_suffix(":arm64"))
            .find(|release| release.starts_with(|c: char| c.is_ascii_digit()))
            .map(str::to_owned)
            .with_context(|| format!("{package} depends on no kernel:\n{depends}"))
    }

    /// The packages that a kernel is divided into.
    fn parts_of_kernel(&self, release: &str) -> Result<Vec<String>> {
        let package = format!("linux-image-{release}:arm64");
        let depends = output(self.command("apt-cache").args(["depends", &package]))?;
        let part = |word: &&str| word.starts_with("linux-") && word.contains(release);
        let words = depends.split_whitespace().filter(part);
        let mut parts: Vec<_> = words.map(str::to_owned).collect();
        parts.sort();
        parts.dedup();
        Ok(parts)
    }

    fn download_with_dependencies(&self, packages: &[&str]) -> Result<()> {
        let mut install = self.command("apt-get");
        install.args(["-qq", "-y", "--download-only", "install"]);
        self.online(install.args(packages))?;
        for deb in debs(&self.folder.join("cache/archives"))? {
            fs::rename(
                &deb,
                self.folder.join("debs").join(deb.file_name().unwrap()),
            )?;
        }
        Ok(())
    }

    fn download(&self, packages: &[String]) -> Result<()> {
        self.online(
            self.command("apt-get")
                .args(["-qq", "download"])
                .args(packages),
        )
    }

    /// Unpacks each, records its version, and removes what was downloaded.
    fn unpack(&self) -> Result<()> {
        let mut versions = Vec::new();
        for deb in debs(&self.folder.join("debs"))? {
            let is = output(
                Command::new("dpkg-deb")
                    .args([
                        "--show",
                        "--showformat",
                        "${Package} ${Version} ${Architecture}\n",
                    ])
                    .arg(&deb),
            )?;
            let guest = is.starts_with("linux-") || is.starts_with(SHELL);
            let into = self.root.join(if guest { "guest" } else { "tools" });
            output(Command::new("dpkg-deb").arg("-x").arg(&deb).arg(into))?;
            versions.push(is);
        }
        versions.sort();
        fs::write(self.root.join("versions"), versions.concat())?;
        fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}

fn debs(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut debs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            debs.push(path);
        }
    }
    Ok(debs)
}

/// Where the machine gets its own Debian packages from.
fn mirror() -> Result<String> {
    if let Ok(mirror) = std::env::var("CIRCUITS_PI_MIRROR") {
        return Ok(mirror);
    }
    let mut targets = Command::new("apt-get");
    targets.args(["indextargets", "--format", "$(REPO_URI)"]);
    let mirrors = output(&mut targets)?;
    let of_debian = |uri: &&str| uri.trim_end_matches('/').ends_with("/debian");
    let mirror = mirrors.lines().find(of_debian);
    mirror.map(str::to_owned).context(
        "apt has no mirror of Debian here: set CIRCUITS_PI_MIRROR to the address of one (and \
         install debian-archive-keyring)",
    )
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
