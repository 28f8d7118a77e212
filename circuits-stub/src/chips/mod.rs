//! Chips as their datasheets have them, to be put on the buses of a board.

mod max7219;
mod mcp3008;
mod sd_card;
mod tmp102;
mod w25q;

pub use max7219::Max7219;
pub use mcp3008::Mcp3008;
pub use sd_card::SdCard;
pub use tmp102::Tmp102;
pub use w25q::W25q;
