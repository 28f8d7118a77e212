#![doc = include_str!("../README.md")]

mod address;
pub mod backend;
mod block;
mod bus;
mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod device;
mod error;
mod find;
mod functions;
mod hal;
#[cfg_attr(not(target_os = "linux"), path = "linux/absent.rs")]
mod linux;
mod messages;
mod scan;
mod shared;
pub mod smbus;
mod ten_bit;

pub use address::Address;
pub use backend::{Backend, Done, Handle, MAX_MESSAGE_LEN, MAX_MESSAGES};
pub use bus::Bus;
pub use config::Config;
pub use device::Device;
/// A read or a write in a transaction: embedded-hal's.
pub use embedded_hal::i2c::Operation;
pub use error::{Error, ErrorKind, Result};
pub use find::{list, list_on};
pub use functions::Functions;
pub use linux::Linux;
pub use scan::{Answer, HAZARDS, Hazard, Method, Reason, Scan, Scanning};
pub use ten_bit::TenBit;
