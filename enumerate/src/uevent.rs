use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use crate::udev;

/// What happened to a device, as the kernel tells it (`kobject_uevent_env`, lib/kobject_uevent.c).
///
/// It is read from the kernel's datagram, `action@devpath` and fields `KEY=value` with a zero byte
/// after each, and written as one. Nothing in it needs to be text.
///
/// ```
/// use circuits_enumerate::{Action, Uevent};
///
/// let bytes = b"add@/devices/virtual/net/vcan0\0ACTION=add\0DEVPATH=/devices/virtual/net/vcan0\0\
///               SUBSYSTEM=net\0INTERFACE=vcan0\0SEQNUM=1200\0";
/// let event = Uevent::parse(bytes)?;
/// assert_eq!(event.action(), &Action::Add);
/// assert_eq!(event.subsystem(), Some("net".as_ref()));
/// assert_eq!(event.seqnum(), Some(1200));
/// assert_eq!(event.to_bytes(), bytes);
/// # Ok::<(), circuits_enumerate::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uevent {
    action: Action,
    devpath: PathBuf,
    /// `KEY=value`, as they came.
    fields: Vec<OsString>,
}

/// What can happen to a device (`kobject_actions`, lib/kobject_uevent.c).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It came.
    Add,
    /// It went.
    Remove,
    /// Something about it is not as it was.
    Change,
    /// It has another path; `DEVPATH_OLD` is the one it had.
    Move,
    /// It is in use again.
    Online,
    /// It is out of use.
    Offline,
    /// A driver has it.
    Bind,
    /// No driver has it any more.
    Unbind,
    /// A word that no kernel said when this was written.
    Other(OsString),
}

/// Why bytes are no uevent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// The first field is not `action@devpath`.
    #[error("a uevent begins with `action@/path`, which this does not")]
    NoHeader,
    /// The path leads elsewhere: it has `..` in it.
    #[error("the path of a uevent leads out of it")]
    BadPath,
    /// A field says something else than the header.
    #[error("a uevent says two things of its action or its path")]
    Contradiction,
    /// It is framed by udev, and cut or of another version.
    #[error("udev's frame of a uevent is cut, or of another version")]
    BadFrame,
}

impl Uevent {
    /// Makes one with the fields that each has: `ACTION`, `DEVPATH` and `SUBSYSTEM`.
    pub fn new(
        action: Action,
        devpath: impl Into<PathBuf>,
        subsystem: impl AsRef<OsStr>,
    ) -> Uevent {
        let devpath = devpath.into();
        let mut event = Uevent {
            action: action.clone(),
            devpath: devpath.clone(),
            fields: Vec::new(),
        };
        event.push("ACTION".as_ref(), action.as_os_str());
        event.push("DEVPATH".as_ref(), devpath.as_os_str());
        event.push("SUBSYSTEM".as_ref(), subsystem.as_ref());
        event
    }

    /// Adds a field.
    pub fn with(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Uevent {
        self.push(key.as_ref(), value.as_ref());
        self
    }

    fn push(&mut self, key: &OsStr, value: &OsStr) {
        let mut field = OsString::from(key);
        field.push("=");
        field.push(value);
        self.fields.push(field);
    }

    /// Reads a datagram: the kernel's, or one that udevd has sent on.
    ///
    /// # Errors
    /// [`ParseError`]. No bytes make it panic.
    pub fn parse(datagram: &[u8]) -> Result<Uevent, ParseError> {
        if udev::is_framed(datagram) {
            return Uevent::from_fields(udev::fields(datagram)?, None);
        }
        let mut parts = datagram.splitn(2, |byte| *byte == 0);
        let header = parts.next().unwrap_or_default();
        let at = header.iter().position(|byte| *byte == b'@');
        let (action, path) = match at {
            Some(at) => (&header[..at], &header[at + 1..]),
            None => return Err(ParseError::NoHeader),
        };
        let fields = parts.next().unwrap_or_default();
        Uevent::from_fields(fields, Some((action, path)))
    }

    /// Without a header, the fields say what it would.
    fn from_fields(bytes: &[u8], header: Option<(&[u8], &[u8])>) -> Result<Uevent, ParseError> {
        let fields = bytes.split(|byte| *byte == 0);
        let fields: Vec<OsString> = fields
            .filter(|field| !field.is_empty())
            .map(|field| OsString::from_vec(field.to_vec()))
            .collect();
        let find = |key: &str| value(&fields, key).map(OsStrExt::as_bytes);
        let (action, path) = match (header, find("ACTION"), find("DEVPATH")) {
            (Some((action, path)), said, at) => {
                if said.is_some_and(|said| said != action) || at.is_some_and(|at| at != path) {
                    return Err(ParseError::Contradiction);
                }
                (action, path)
            }
            (None, Some(action), Some(path)) => (action, path),
            (None, _, _) => return Err(ParseError::NoHeader),
        };
        // Fields can say what no header could.
        if action.is_empty() || action.contains(&b'@') || !path.starts_with(b"/") {
            return Err(ParseError::NoHeader);
        }
        let devpath = PathBuf::from(OsStr::from_bytes(path));
        if devpath
            .components()
            .any(|part| part == Component::ParentDir)
        {
            return Err(ParseError::BadPath);
        }
        Ok(Uevent {
            action: Action::from(OsStr::from_bytes(action)),
            devpath,
            fields,
        })
    }

    /// Returns it as the kernel sends it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.action.as_os_str().as_bytes().to_vec();
        bytes.push(b'@');
        bytes.extend_from_slice(self.devpath.as_os_str().as_bytes());
        bytes.push(0);
        bytes.extend(self.to_fields());
        bytes
    }

    /// Returns it as udevd sends it on, to who listens to udev's group. What its header said and no
    /// field did is a field there.
    pub fn to_udev_bytes(&self) -> Vec<u8> {
        let mut event = self.clone();
        if self.field("ACTION").is_none() {
            event.push("ACTION".as_ref(), self.action.as_os_str());
        }
        if self.field("DEVPATH").is_none() {
            event.push("DEVPATH".as_ref(), self.devpath.as_os_str());
        }
        udev::frame(&event.to_fields(), self.subsystem(), self.field("DEVTYPE"))
    }

    fn to_fields(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in &self.fields {
            bytes.extend_from_slice(field.as_bytes());
            bytes.push(0);
        }
        bytes
    }

    /// Returns what happened.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Returns the path of the device, below `/sys`: `/devices/…`.
    pub fn devpath(&self) -> &Path {
        &self.devpath
    }

    /// Returns the subsystem: `gpio`, `tty`.
    pub fn subsystem(&self) -> Option<&OsStr> {
        self.field("SUBSYSTEM")
    }

    /// Returns its number among the uevents of the kernel.
    pub fn seqnum(&self) -> Option<u64> {
        self.field("SEQNUM")?.to_str()?.parse().ok()
    }

    /// Returns the first value of a field.
    pub fn field(&self, key: &str) -> Option<&OsStr> {
        value(&self.fields, key)
    }

    /// Whether it tells of a device. Others tell of modules and drivers. Queues of network interfaces
    /// are below them, and are no devices: no class has them, so nobody who looks finds them
    /// (net/core/net-sysfs.c).
    pub(crate) fn is_of_device(&self) -> bool {
        let is_queue = self.subsystem().is_some_and(|name| name == "queues");
        is_below_devices(&self.devpath) && !is_queue
    }

    /// Returns the path that a device had before it moved, if it is one.
    pub(crate) fn moved_from(&self) -> Option<&Path> {
        let from = self.field("DEVPATH_OLD").map(Path::new)?;
        is_below_devices(from).then_some(from)
    }

    /// Returns all fields, as they came.
    pub fn fields(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.fields.iter().map(|field| split(field))
    }
}

fn is_below_devices(path: &Path) -> bool {
    let below = path.strip_prefix("/devices");
    below.is_ok_and(|below| !below.as_os_str().is_empty())
}

fn value<'a>(fields: &'a [OsString], key: &str) -> Option<&'a OsStr> {
    let mut fields = fields.iter().map(|field| split(field));
    fields.find_map(|(name, value)| (name == key).then_some(value))
}

/// What has no `=` is a key without a value.
fn split(field: &OsStr) -> (&OsStr, &OsStr) {
    let bytes = field.as_bytes();
    let end = bytes.iter().position(|byte| *byte == b'=');
    let key = &bytes[..end.unwrap_or(bytes.len())];
    let value = end.map_or(&[][..], |end| &bytes[end + 1..]);
    (OsStr::from_bytes(key), OsStr::from_bytes(value))
}

impl Action {
    /// The kernel's words, in its order.
    const WORDS: [(&str, Action); 8] = [
        ("add", Action::Add),
        ("remove", Action::Remove),
        ("change", Action::Change),
        ("move", Action::Move),
        ("online", Action::Online),
        ("offline", Action::Offline),
        ("bind", Action::Bind),
        ("unbind", Action::Unbind),
    ];

    /// Returns the kernel's word.
    pub fn as_os_str(&self) -> &OsStr {
        let known = Action::WORDS.iter().find(|(_, action)| action == self);
        match (known, self) {
            (Some((word, _)), _) => OsStr::new(word),
            (None, Action::Other(word)) => word,
            (None, _) => OsStr::new(""),
        }
    }
}

impl From<&OsStr> for Action {
    fn from(word: &OsStr) -> Action {
        let known = Action::WORDS.into_iter().find(|(known, _)| word == *known);
        known.map_or_else(|| Action::Other(word.into()), |(_, action)| action)
    }
}

/// `add`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_os_str().to_string_lossy().fmt(f)
    }
}
