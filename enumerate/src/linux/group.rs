/// Whose uevents are listened to: a group of `NETLINK_KOBJECT_UEVENT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// The kernel's, group 1. They come as soon as the device is there: its node may still belong to
    /// root, and links to it are missing.
    Kernel,
    /// Those that udevd sends on when its rules are done, group 2: the node has its rights and its
    /// links, and the uevent has udev's properties. Nothing comes where no udevd runs.
    Udev,
}
