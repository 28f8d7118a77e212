#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod backend;
mod burst;
mod bytes;
mod calls;
mod cause;
mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod cycle;
mod error;
mod error_frame;
mod error_mask;
mod filter;
mod frame;
mod hal;
mod halves;
mod id;
mod incoming;
mod interface;
mod interface_config;
#[cfg_attr(not(target_os = "linux"), path = "linux/absent.rs")]
mod linux;
pub mod log;
mod received;
mod replay;
#[cfg(feature = "serde")]
mod serde;
mod settings;
mod socket;
mod text;
mod wait;

pub use backend::{Backend, Cyclic, Handle, Interest, Link};
pub use cause::{Cause, ControllerProblem, Location, Violation, WireFault};
pub use config::Config;
pub use cycle::{Cycle, CycleConfig};
pub use error::{Error, ErrorKind, Result};
pub use error_frame::{Causes, ErrorFrame};
pub use error_mask::ErrorMask;
pub use filter::Filter;
pub use frame::{AnyFrame, Frame, FrameError};
pub use halves::{Reader, Writer};
pub use id::Id;
pub use incoming::{Incoming, Iter};
pub use interface::{ErrorCounters, Interface, InterfaceInfo, State, list, list_on};
pub use interface_config::{InterfaceConfig, Mode};
pub use linux::Linux;
pub use received::Received;
pub use replay::{Replay, Summary};
pub use socket::Socket;
