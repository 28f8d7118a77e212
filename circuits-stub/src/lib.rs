#![doc = include_str!("../README.md")]

pub mod chips;
mod error;
mod gpio;
pub mod i2c;
mod sample;
mod stub;
mod time;
pub mod trace;

pub use error::{Error, Result};
pub use stub::Stub;
pub use time::{JoinHandle, Task};
