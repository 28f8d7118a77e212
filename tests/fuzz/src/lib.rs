//! What must hold for any bytes, and bytes to begin with.

#[path = "../../../enumerate/tests/invariants/mod.rs"]
pub mod invariants;
pub mod seeds;
