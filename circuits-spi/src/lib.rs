#![doc = include_str!("../README.md")]

pub mod backend;
mod bus;
mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod device;
mod error;
mod hal;
#[cfg_attr(not(target_os = "linux"), path = "linux/absent.rs")]
mod linux;
mod messages;
mod node;
mod settings;
mod shared;

pub use backend::{Absence, Backend, Done, Handle, Limits};
pub use bus::Bus;
pub use config::{BitOrder, ChipSelect, Config, Mode};
pub use device::{Device, list, list_on};
/// A read, a write or a delay in a transaction: embedded-hal's.
pub use embedded_hal::spi::Operation;
pub use error::{Error, ErrorKind, Result};
pub use linux::Linux;
