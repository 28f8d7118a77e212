//! CAN buses of the virtual board.

mod node;

pub use node::{Controller, Node};
