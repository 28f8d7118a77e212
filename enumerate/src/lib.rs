#![doc = include_str!("../README.md")]

pub mod backend;
mod can;
mod tree;
mod udev;
mod uevent;

pub use backend::{Backend, Listener, Node};
pub use can::{CanLink, CanState};
pub use tree::Tree;
pub use uevent::{Action, ParseError, Uevent};
