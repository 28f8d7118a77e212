#![doc = include_str!("../README.md")]

mod attention;
mod board_file;
pub mod can;
pub mod chips;
mod error;
pub mod gpio;
mod hotplug;
pub mod i2c;
mod named;
mod occasion;
pub mod parts;
mod pin;
pub mod registers;
mod sample;
pub mod spi;
mod stub;
mod time;
pub mod trace;
mod turn;
pub mod uart;
mod world;

pub use attention::Attention;
pub use board_file::{BoardFile, BoardFileError};
pub use error::{Error, Result};
pub use gpio::Net;
pub use hotplug::Profile;
pub use pin::Pin;
pub use stub::Stub;
pub use time::{JoinHandle, Task};
