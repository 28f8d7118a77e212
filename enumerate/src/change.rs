use std::path::Path;
use std::sync::Arc;

use circuits_wait::Time;

use crate::{Device, Identity, Uevent};

/// A device came, went, or is not as it was.
#[derive(Clone, Debug)]
pub struct Change {
    pub(crate) time: Time,
    pub(crate) kind: ChangeKind,
    pub(crate) device: Arc<Device>,
    pub(crate) previous: Option<Arc<Device>>,
    pub(crate) identity: Identity,
    pub(crate) uevent: Option<Arc<Uevent>>,
}

/// What happened to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ChangeKind {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// Something about it is not as it was.
    Changed,
    /// It, or what it hangs on, has another name.
    Moved,
    /// A driver has it.
    Bound,
    /// No driver has it any more.
    Unbound,
    /// It is in use again.
    Online,
    /// It is out of use.
    Offline,
}

impl Change {
    /// Returns when it was read, on the board's clock.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns what happened.
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// Returns the device as it is since then; one that is gone as it was.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Returns the device as it was before; `None` of one that came.
    pub fn previous(&self) -> Option<&Arc<Device>> {
        self.previous.as_ref()
    }

    /// Returns the path of the device.
    pub fn path(&self) -> &Path {
        self.device.path()
    }

    /// Returns what the device is known by, of one that is gone, too: by this it is
    /// [found](crate::Devices::find) when it is back.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the uevent that told of it. `None` where none was read: uevents were lost, and the
    /// change was found by looking; or it followed from what happened to the device above it.
    pub fn uevent(&self) -> Option<&Uevent> {
        self.uevent.as_deref()
    }
}
