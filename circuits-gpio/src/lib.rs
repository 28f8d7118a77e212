#![doc = include_str!("../README.md")]

pub mod backend;
mod chip;
mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod edge;
mod edges;
mod error;
mod find;
mod hal;
mod header;
mod held;
mod line;
mod lines;
#[cfg_attr(not(target_os = "linux"), path = "linux/absent.rs")]
mod linux;
mod listener;
mod spec;
mod watch;

pub use backend::{Backend, Handle, Request, Watcher};
pub use chip::{Chip, ChipInfo, LineInfo};
pub use config::{Bias, Config, Direction, Drive, EventClock, Release};
pub use edge::{Edge, EdgeDetection, Event};
pub use edges::{EdgeIter, Edges};
pub use error::{Error, ErrorKind, Result};
pub use line::{Input, Line, Output};
pub use lines::Lines;
pub use linux::Linux;
pub use spec::LineSpec;
pub use watch::{Change, ChangeIter, ChangeKind, Changes, Watch};
