//! What must hold for any bytes, and bytes to begin with: see the README.

#[path = "../../../circuits-uart/tests/invariants/mod.rs"]
mod framings;
#[path = "../../../enumerate/tests/invariants/mod.rs"]
mod invariants;
mod seeds;

pub use seeds::put as seed;

/// Any datagram.
pub fn uevent(bytes: &[u8]) {
    invariants::uevent(bytes);
}

/// Any uevents, told or lost, and looks in between.
pub fn registry(bytes: &[u8]) {
    invariants::registry(bytes);
}

/// Uevents as a kernel tells them: a registry has what a look finds.
pub fn tree(bytes: &[u8]) {
    invariants::tree(bytes);
}

/// Any bytes that come over a serial line, in any framing.
pub fn framing(bytes: &[u8]) {
    framings::framing(bytes);
}

/// Any text of a recording.
pub fn recording(bytes: &[u8]) {
    invariants::recording(bytes);
}
