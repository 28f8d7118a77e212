//! Chips as their datasheets have them, to be put on the buses of a board.

mod ads1115;
mod at24c;
mod ds3231;
mod picture;
mod ssd1306;
mod tmp102;

pub use ads1115::Ads1115;
pub use at24c::At24c;
pub use at24c::At24cSize;
pub use ds3231::Ds3231;
pub use picture::Picture;
pub use ssd1306::Ssd1306;
pub use tmp102::Tmp102;
