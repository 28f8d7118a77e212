//! Debian's packages, downloaded by name.
//!
//! apt is given a configuration of its own, so nothing of the machine's is read but where its
//! mirror is, and nothing is changed. It thinks that no package is installed at all: what it
//! downloads comes with all that it needs, down to the C library, and runs on any system.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages::output;

/// Debian 13. Its kernel has no gpio-sim; the one of its backports does.
pub(crate) const SUITE: &str = "trixie";
const KERNEL: &str = "linux-image-arm64";

/// How apt says that it is the network.
const NETWORK: [&str; 7] = [
    "Could not connect",
    "Unable to connect",
    "Could not resolve",
    "Temporary failure resolving",
    "Connection failed",
    "timed out",
    "Service Unavailable",
];

/// A download that could not be had, which is nobody's fault here.
#[derive(Debug, thiserror::Error)]
#[error("a download could not be had: {0}")]
pub(crate) struct NoDownload(String);

/// A folder of apt's.
pub(crate) struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// Makes the folder, and gets the lists of what there is.
    pub(crate) fn new(folder: &Path) -> Result<Apt> {
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
        let apt = Apt {
            folder: folder.into(),
        };
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
        if done.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        match NETWORK.iter().any(|words| why.contains(words)) {
            true => Err(NoDownload(why).into()),
            // A package that is gone or a signature that is wrong is for us to mend.
            false => bail!("apt: {why}"),
        }
    }

    /// Returns the release of the newest kernel.
    pub(crate) fn kernel(&self) -> Result<String> {
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

    /// Returns the packages that a kernel is divided into.
    pub(crate) fn parts_of_kernel(&self, release: &str) -> Result<Vec<String>> {
        let package = format!("linux-image-{release}:arm64");
        let depends = output(self.command("apt-cache").args(["depends", &package]))?;
        let part = |word: &&str| word.starts_with("linux-") && word.contains(release);
        let words = depends.split_whitespace().filter(part);
        let mut parts: Vec<_> = words.map(str::to_owned).collect();
        parts.sort();
        parts.dedup();
        Ok(parts)
    }

    /// Downloads packages and all that they need.
    pub(crate) fn download_with_dependencies(&self, packages: &[&str]) -> Result<()> {
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

    /// Downloads packages.
    pub(crate) fn download(&self, packages: &[String]) -> Result<()> {
        self.online(
            self.command("apt-get")
                .args(["-qq", "download"])
                .args(packages),
        )
    }

    /// Returns what was downloaded.
    pub(crate) fn debs(&self) -> Result<Vec<PathBuf>> {
        debs(&self.folder.join("debs"))
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
