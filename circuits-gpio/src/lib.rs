#![doc = include_str!("../README.md")]

pub mod backend;
mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod edge;
mod error;
mod hal;
mod line;
#[cfg_attr(not(target_os = "linux"), path = "linux/absent.rs")]
mod linux;
mod spec;

pub use backend::{Backend, Handle};
pub use config::{Bias, Config, Direction};
pub use edge::{Edge, EdgeDetection, Edges, Event};
pub use error::{Error, ErrorKind, Result};
pub use line::{Input, Output};
pub use linux::Linux;
pub use spec::LineSpec;
