//! The whole station on a virtual board, in virtual time: a day passes in seconds.

mod bench;
mod clock;
mod day;
mod ending;
mod log;
mod missing;
mod pages;
#[cfg(target_os = "linux")]
mod pi;
