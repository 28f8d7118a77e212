use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Change, Device};

/// Which devices a [`Watch`](crate::Watch) tells of: all, unless it is said which.
///
/// Of several subsystems, and of several paths, one must fit; all properties must.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    subsystems: Vec<OsString>,
    paths: Vec<PathBuf>,
    properties: Vec<(OsString, OsString)>,
}

impl Filter {
    /// Makes a filter that lets everything through.
    pub fn new() -> Filter {
        Filter::default()
    }

    /// Lets devices of this subsystem through: `tty`.
    pub fn subsystem(mut self, name: impl Into<OsString>) -> Filter {
        self.subsystems.push(name.into());
        self
    }

    /// Lets a device through, and all below it: `/devices/platform/soc`, with or without `/sys` before it.
    pub fn below(mut self, path: impl Into<PathBuf>) -> Filter {
        let path: PathBuf = path.into();
        let below = path
            .strip_prefix("/sys")
            .map(|below| Path::new("/").join(below));
        self.paths.push(below.unwrap_or(path));
        self
    }

    /// Lets devices with this property through: `DEVTYPE`, `usb_device`.
    pub fn property(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Filter {
        self.properties.push((key.into(), value.into()));
        self
    }

    /// Tells whether it lets a device through.
    pub fn matches(&self, device: &Device) -> bool {
        let subsystem = device.subsystem();
        let path = device.path();
        (self.subsystems.is_empty() || self.subsystems.iter().any(|name| name == subsystem))
            && (self.paths.is_empty() || self.paths.iter().any(|above| path.starts_with(above)))
            && self.properties.iter().all(|(key, value)| {
                let property = device.property(key);
                property == Some(value)
            })
    }

    /// What was let through is told of when it is so no more, too.
    pub(crate) fn matches_change(&self, change: &Change) -> bool {
        self.matches(&change.device)
            || change
                .previous
                .as_ref()
                .is_some_and(|device| self.matches(device))
    }
}
