#![doc = include_str!("../README.md")]

mod autoload;
pub mod backend;
mod can;
mod change;
#[cfg(feature = "contract")]
pub mod contract;
mod device;
mod devices;
mod error;
mod filter;
mod frames;
mod identity;
#[cfg_attr(not(target_os = "linux"), path = "linux/absent.rs")]
mod linux;
mod memory;
mod ready;
mod recording;
mod registry;
mod sequence;
mod tree;
mod udev;
mod uevent;
mod views;
mod watch;

pub use autoload::Autoload;
pub use backend::{Backend, Listener, Node};
pub use can::{CanLink, CanState};
pub use change::{Change, ChangeKind};
pub use device::Device;
pub use devices::Devices;
pub use error::{Error, ErrorKind, Result};
pub use filter::Filter;
pub use frames::{Datagram, Frames};
pub use identity::Identity;
#[cfg(target_os = "linux")]
pub use linux::Feed;
pub use linux::{Group, Linux};
pub use memory::MemoryTree;
pub use ready::{ready, wait_ready};
pub use recording::{Recording, RecordingError, Step};
pub use registry::Registry;
pub use tree::Tree;
pub use uevent::{Action, ParseError, Uevent};
pub use views::{
    CanInterface, GpioChip, I2cAdapter, I2cClient, Machine, SerialPort, SpiController, SpiDevice,
    Usb,
};
pub use watch::{ChangeIter, Changes, Counts, Watch};
