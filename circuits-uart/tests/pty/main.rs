//! Ports on both ends of pseudo-terminals, which any Linux has.
//!
//! What they cannot show, `tests/pi.rs` does: a pseudo-terminal has no modem lines, no breaks and no
//! counters, its characters have 8 bits and are never damaged, and what is written has left at once.
#![cfg(target_os = "linux")]

mod bytes;
mod ends;
mod futures;
mod held;
mod runtime;
mod settings;
mod waits;

use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use circuits_uart::{Config, Linux, Port, Queue};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

const LONG: Duration = Duration::from_secs(10);

/// A pseudo-terminal: its controlling side, and the path of the other.
fn pty() -> (OwnedFd, String) {
    let controlling =
        openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&controlling).unwrap();
    unlockpt(&controlling).unwrap();
    let path = ptsname(&controlling, Vec::new()).unwrap();
    (controlling, path.into_string().unwrap())
}

/// Ports on the controlling side and on the other, which wait for ten seconds if it is not said otherwise.
fn ports(config: &Config) -> (Port, Port) {
    ports_on(&Linux::new(), config)
}

fn ports_on(linux: &Linux, config: &Config) -> (Port, Port) {
    let (controlling, path) = pty();
    let there = Port::open_on(linux, &path, config).unwrap();
    let here = Port::from_fd(linux, controlling, &Config::new()).unwrap();
    here.set_timeout(Some(LONG));
    there.set_timeout(config.longest_wait().or(Some(LONG)));
    (here, there)
}

/// Waits for what the kernel takes a moment for: what is written arrives by a worker of its own.
#[track_caller]
fn until(so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if so() {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("it did not come about in ten seconds");
}

#[track_caller]
fn until_waiting(port: &Port, count: usize) {
    until(|| port.waiting(Queue::Input).unwrap() == count);
}
