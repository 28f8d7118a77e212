//! What happens to the rover, in virtual time: the whole program, on the board that its file has, in its world.

mod bench;
mod buttons;
mod drives;
mod ground;
mod motors;
#[cfg(target_os = "linux")]
mod pi;
mod sensors;
mod telemetry;
