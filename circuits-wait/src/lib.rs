#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod delay;
mod interrupt;
#[cfg(target_os = "linux")]
mod linux;
mod queue;
mod ready;
mod time;

pub use clock::{Clock, Timer};
pub use delay::Delay;
pub use interrupt::Interrupt;
#[cfg(target_os = "linux")]
pub use linux::{Fd, Monotonic, Periodic};
pub use queue::{Job, Queue, Request};
pub use ready::Ready;
pub use time::Time;
