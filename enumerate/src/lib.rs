#![doc = include_str!("../README.md")]

mod udev;
mod uevent;

pub use uevent::{Action, ParseError, Uevent};
