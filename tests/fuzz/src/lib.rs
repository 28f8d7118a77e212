//! What must hold for any bytes, and bytes to begin with: see the README.

#[path = "../../../circuits-stub/tests/invariants/mod.rs"]
mod boards;
#[path = "../../../circuits-can/tests/invariants/mod.rs"]
mod can;
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

/// Any bytes that are to be a CAN frame as the kernel has it.
pub fn can_frame(bytes: &[u8]) {
    can::bytes(bytes);
}

/// Any log of CAN frames, and any text of one, of a filter or of a mask.
pub fn can_log(bytes: &[u8]) {
    can::log(bytes);
}

/// Any text of a board file.
pub fn board_file(bytes: &[u8]) {
    boards::board_file(bytes);
}
