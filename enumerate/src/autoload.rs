use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use crate::{Change, ChangeKind, Device};

/// Has the kernel's drivers loaded for devices that come, by `modprobe`: what udevd does where it
/// runs, for machines without. Nothing does so unless it is asked.
///
/// Changes are offered as they come, and loaded together when there are no more:
///
/// ```
/// use circuits_enumerate::{Autoload, Filter, Watch};
/// use circuits_stub::Stub;
///
/// let stub = Stub::virtual_time();
/// let mut watch = Watch::open_on(&stub, Filter::new())?;
/// // For this example, a program that only says what it was asked for.
/// let mut autoload = Autoload::new().modprobe("/bin/echo").allow(|alias| alias.starts_with("platform:"));
/// autoload.offer_all(watch.devices());
///
/// let stub = stub.lines(["LED"]);
/// while let Some(change) = watch.try_change()? {
///     autoload.offer(&change);
/// }
/// assert_eq!(autoload.waiting().collect::<Vec<_>>(), ["platform:stub"]);
/// let status = autoload.load()?.expect("something to load");
/// assert!(status.success());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it takes
/// A `MODALIAS` is what a device says of itself, so it may be hostile. Only those go to `modprobe` that
/// are made of printable ASCII, begin with a kind and a colon (`usb:v0403p6001…`), and have no slash
/// in them, which a path would have; they come after `--`, so none can be an option, and no shell
/// reads them. Others are counted.
pub struct Autoload {
    modprobe: PathBuf,
    allow: Box<dyn Fn(&str) -> bool + Send>,
    waiting: BTreeSet<OsString>,
    refused: u64,
}

/// How many bytes of aliases one `modprobe` gets; the system takes more
/// (`ARG_MAX`, include/uapi/linux/limits.h).
const BATCH: usize = 64 << 10;

impl Autoload {
    /// Makes one that lets every alias through, to `/sbin/modprobe`.
    pub fn new() -> Autoload {
        Autoload {
            modprobe: "/sbin/modprobe".into(),
            allow: Box::new(|_| true),
            waiting: BTreeSet::new(),
            refused: 0,
        }
    }

    /// Runs another program instead, as `PROGRAM -a -b -q -- ALIAS…`.
    pub fn modprobe(mut self, program: impl Into<PathBuf>) -> Autoload {
        self.modprobe = program.into();
        self
    }

    /// Lets only those aliases through for which `policy` says so.
    pub fn allow(mut self, policy: impl Fn(&str) -> bool + Send + 'static) -> Autoload {
        self.allow = Box::new(policy);
        self
    }

    /// Notes the alias of a device that came, if it has no driver yet.
    pub fn offer(&mut self, change: &Change) {
        if change.kind() == ChangeKind::Added {
            self.offer_device(change.device());
        }
    }

    /// Notes the aliases of all devices that have no driver, as a machine does that starts.
    pub fn offer_all(&mut self, devices: &crate::Devices) {
        devices.iter().for_each(|device| self.offer_device(device));
    }

    fn offer_device(&mut self, device: &Device) {
        let Some(alias) = device
            .property("MODALIAS")
            .filter(|_| device.driver().is_none())
        else {
            return;
        };
        match plain(alias) {
            Some(text) if (self.allow)(text) => drop(self.waiting.insert(alias.into())),
            Some(_) => {}
            None => self.refused += 1,
        }
    }

    /// Returns the aliases that are to be loaded.
    pub fn waiting(&self) -> impl Iterator<Item = &OsStr> {
        self.waiting.iter().map(OsString::as_os_str)
    }

    /// Returns how many aliases were refused because of how they look.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Runs `modprobe` once for what is waiting, up to 64 KiB of it, and blocks until it is done;
    /// `None` if nothing is. That there is no module for an alias is no failure.
    ///
    /// # Errors
    /// The program cannot be run; what waits still does, then.
    pub fn load(&mut self) -> io::Result<Option<ExitStatus>> {
        let mut room = BATCH;
        let fits = |alias: &&OsString| {
            let left = room.checked_sub(alias.len() + 1);
            room = left.unwrap_or(0);
            left.is_some()
        };
        let batch: Vec<OsString> = self.waiting.iter().take_while(fits).cloned().collect();
        if batch.is_empty() {
            return Ok(None);
        }
        let status = Command::new(&self.modprobe)
            // All of them, by the blacklist, and silent about what there is no module for.
            .args(["-a", "-b", "-q", "--"])
            .args(&batch)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()?;
        batch.iter().for_each(|alias| {
            self.waiting.remove(alias);
        });
        Ok(Some(status))
    }
}

/// An alias as text, if it is one.
fn plain(alias: &OsStr) -> Option<&str> {
    let text = alias.to_str()?;
    let (kind, _) = text.split_once(':')?;
    let is_kind = !kind.is_empty()
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_plain = alias
        .as_bytes()
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~') && *byte != b'/');
    // Longer than any that the kernel makes (`UEVENT_BUFFER_SIZE`).
    (is_kind && is_plain && text.len() <= 2048).then_some(text)
}

impl Default for Autoload {
    fn default() -> Autoload {
        Autoload::new()
    }
}

impl fmt::Debug for Autoload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Autoload")
            .field("modprobe", &self.modprobe)
            .field("waiting", &self.waiting)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_no_option_and_no_path() {
        let good = "usb:v0403p6001d0600dc00dsc00dp00icFFiscFFipFFin00";
        assert_eq!(plain(good.as_ref()), Some(good));
        let with_a_space = "of:NgpioT(null)Cbrcm,bcm2835-gpio";
        assert_eq!(plain(with_a_space.as_ref()), Some(with_a_space));
        for bad in [
            "-C:evil",
            "--config=x:y",
            "usb",
            ":x",
            "",
            "usb:../../evil.ko",
            "usb:/evil.ko",
            "usb:a\nb",
            "usb:ü",
            "a b:c",
        ] {
            assert_eq!(plain(bad.as_ref()), None, "{bad}");
        }
        assert_eq!(plain(OsStr::from_bytes(b"usb:\xff")), None);
        assert_eq!(plain(format!("usb:{}", "a".repeat(3000)).as_ref()), None);
    }
}
