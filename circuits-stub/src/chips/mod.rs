//! Chips as their datasheets have them, to be put on the buses of a board.

mod at24c;
mod tmp102;

pub use at24c::At24c;
pub use at24c::At24cSize;
pub use tmp102::Tmp102;
