//! Sockets on virtual interfaces of the kernel's, where the contract does not look: how many system calls it
//! takes, what exactly is lost, and what the kernel does in its own way.
#![cfg(target_os = "linux")]

mod cycles;
mod ends;
mod filters;
mod frames;
mod links;

use std::process::Command;
use std::time::Duration;

use circuits_can::{Config, Frame, Id, Linux, Socket};
use socketcan::{CanFdSocket, Socket as _};

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(30);

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

/// A frame that says which it is.
fn numbered(number: u64) -> Frame {
    frame((number % 0x800) as u16, &number.to_be_bytes())
}

#[track_caller]
fn assert_silent(socket: &Socket) {
    match socket.read(SHORT) {
        Err(circuits_can::Error::TimedOut { .. }) => {}
        other => panic!("there came more: {other:?}"),
    }
}

/// Sends bytes as they are, which the kernel takes from anybody on a virtual interface.
fn send_raw(interface: &str, id: u32, length: u8, size: usize) {
    let mut bytes = vec![0; size];
    bytes[..4].copy_from_slice(&id.to_ne_bytes());
    bytes[4] = length;
    bytes[8..].fill(7);
    let socket = CanFdSocket::open(interface).unwrap();
    assert_eq!(socket.as_raw_socket().send(&bytes).unwrap(), size);
}

fn ip(arguments: &str) {
    let done = Command::new("ip")
        .args(arguments.split(' '))
        .status()
        .unwrap();
    assert!(done.success(), "ip {arguments}");
}
