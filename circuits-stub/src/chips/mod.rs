//! Chips as their datasheets have them, to be put on the buses of a board.

mod ads1115;
mod at24c;
mod bme280;
mod ds3231;
mod gps;
mod lis3dh;
mod max7219;
mod mcp23017;
mod mcp3008;
mod modem;
mod pca9685;
mod picture;
mod sd_card;
mod ssd1306;
mod tmc2209;
mod tmp102;
mod utc;
mod w25q;

pub use ads1115::Ads1115;
pub use at24c::At24c;
pub use at24c::At24cSize;
pub use bme280::{Air, Bme280};
pub use ds3231::Ds3231;
pub use gps::{Gps, Position};
pub use lis3dh::Lis3dh;
pub use max7219::Max7219;
pub use mcp3008::Mcp3008;
pub use mcp23017::Mcp23017;
pub use modem::{Modem, Registration, Sms};
pub use pca9685::Pca9685;
pub use picture::Picture;
pub use sd_card::SdCard;
pub use ssd1306::Ssd1306;
pub use tmc2209::Tmc2209;
pub use tmp102::Tmp102;
pub use w25q::W25q;
