//! Records how devices look and how they come and go, on the machine that it runs on: `cargo pi
//! record` runs it on the emulated ones. The format is told in tests/recordings/README.md.

#[cfg(target_os = "linux")]
mod nodes;
#[cfg(target_os = "linux")]
mod snapshot;
#[cfg(target_os = "linux")]
mod stories;
#[cfg(target_os = "linux")]
mod uevents;

fn main() {
    #[cfg(target_os = "linux")]
    stories::tell();
}
