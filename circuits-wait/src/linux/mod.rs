//! Waiting on the kernel: descriptors by `poll(2)` and epoll, time by `CLOCK_MONOTONIC`. No
//! `unsafe`: rustix has the system calls.

mod fd;
mod monotonic;
mod periodic;
mod reactor;

pub use fd::Fd;
pub use monotonic::Monotonic;
pub use periodic::Periodic;
