#![doc = include_str!("../README.md")]

mod address;
pub mod backend;
mod bus;
mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
mod hal;
#[cfg_attr(not(target_os = "linux"), path = "linux/absent.rs")]
mod linux;
mod messages;

pub use address::Address;
pub use backend::{Backend, Done, Handle, MAX_MESSAGE_LEN, MAX_MESSAGES};
pub use bus::Bus;
pub use config::Config;
/// A read or a write in a transaction: embedded-hal's.
pub use embedded_hal::i2c::Operation;
pub use error::{Error, ErrorKind, Result};
pub use linux::Linux;
