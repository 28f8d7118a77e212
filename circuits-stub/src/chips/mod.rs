//! Chips as their datasheets have them, to be put on the buses of a board.

mod tmp102;

pub use tmp102::Tmp102;
