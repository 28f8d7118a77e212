//! Chips as their datasheets have them, to be put on the buses of a board.

mod bme280;
mod lis3dh;
mod mcp23017;
mod pca9685;
mod tmp102;

pub use bme280::{Air, Bme280};
pub use lis3dh::Lis3dh;
pub use mcp23017::Mcp23017;
pub use pca9685::Pca9685;
pub use tmp102::Tmp102;
