//! Sockets on a virtual interface of the kernel's, where the contract cannot look.
#![cfg(target_os = "linux")]

mod frames;

use std::time::Duration;

use circuits_can::{Config, Frame, Id, Linux, Socket};

const LONG: Duration = Duration::from_secs(20);

fn open(interface: &str) -> Socket {
    open_with(interface, &Config::new())
}

fn open_with(interface: &str, config: &Config) -> Socket {
    Socket::open_on(&Linux::new(), interface, config).unwrap()
}

fn id(id: u16) -> Id {
    Id::standard(id).unwrap()
}

fn frame(number: u16, data: &[u8]) -> Frame {
    Frame::new(id(number), data).unwrap()
}
