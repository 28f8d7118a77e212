//! Devices on serial lines.

mod device;
#[cfg(test)]
mod told;

pub use device::{Device, Line};
