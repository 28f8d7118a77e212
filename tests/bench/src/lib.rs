//! What the tests of Circuits stand on.
//!
//! - [`Suite`] runs the facts of a contract on one target after another, and tells which ran.
//! - An [`Executor`] runs futures, [`run_threads`] threads, and [`signal_this_thread`] disturbs them.
//! - [`SimLines`] is two lines of the kernel's simulator, [`Tracer`] counts system calls.
//! - [`Outside`] is the bench that the emulated Pi stands on: it moves its inputs, reads its outputs,
//!   warms its sensors, plugs adapters in, and holds the other ends of its serial lines.
//! - [`I2cClient`], [`Unbound`] and [`CanLink`] come and go inside, by the kernel's own means.
//! - [`Udevd`] is udev's daemon, with which it is as on a real system.
//!
//! It is not published. Things fail by panicking: it is for tests.
#![allow(missing_debug_implementations)]

mod executors;
mod signals;
mod suite;
mod virtual_board;

#[cfg(target_os = "linux")]
mod outside;
#[cfg(target_os = "linux")]
mod plug;
#[cfg(target_os = "linux")]
mod sim;
#[cfg(target_os = "linux")]
mod tracer;
#[cfg(target_os = "linux")]
mod udevd;

pub use executors::{Executor, Thread, block_on, run_threads};
pub use signals::signal_this_thread;
pub use suite::{Excused, Suite};
pub use virtual_board::VirtualBoard;

#[cfg(target_os = "linux")]
pub use outside::{Adapter, Outside, Port};
#[cfg(target_os = "linux")]
pub use plug::{CanLink, I2cClient, Unbound};
#[cfg(target_os = "linux")]
pub use sim::SimLines;
#[cfg(target_os = "linux")]
pub use tracer::Tracer;
#[cfg(target_os = "linux")]
pub use udevd::Udevd;
