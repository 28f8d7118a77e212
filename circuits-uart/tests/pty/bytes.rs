use std::io::{Read, Write};
use std::thread;

use circuits_uart::{Config, Port};

use crate::ports;

fn every_byte_passes(from: &mut Port, to: &mut Port) {
    let all: Vec<u8> = (0..=255).collect();
    from.write_all(&all).unwrap();
    let mut received = [0; 256];
    to.read_exact(&mut received).unwrap();
    assert_eq!(received[..], all[..]);
}

#[test]
fn every_byte_comes_as_it_was_sent() {
    let (mut here, mut there) = ports(&Config::new());
    every_byte_passes(&mut here, &mut there);
    every_byte_passes(&mut there, &mut here);
}

/// With marks in the input a byte ff comes twice from the kernel. (A damaged byte or a break does not
/// come over a pseudo-terminal.)
#[test]
fn every_byte_comes_as_it_was_sent_where_errors_are_reported() {
    let (mut here, mut there) = ports(&Config::new().report_errors(true));
    every_byte_passes(&mut here, &mut there);
    // What looks like a mark is none.
    here.write_all(b"\xff\x00\x01\xff\xff\x00\x00").unwrap();
    let mut byte = [0];
    for expected in *b"\xff\x00\x01\xff\xff\x00\x00" {
        assert_eq!(there.read(&mut byte).unwrap(), 1);
        assert_eq!(byte[0], expected);
    }
}

/// Numbers that look random (xorshift), the same again for the same seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

const MANY: usize = 4 << 20;

fn send(mut port: &Port, seed: u64) {
    let (mut bytes, mut sizes) = (Numbers(seed), Numbers(seed + 1));
    let mut sent = 0;
    while sent < MANY {
        let size = (sizes.next() as usize % 9000 + 1).min(MANY - sent);
        port.write_all(&bytes.bytes(size)).unwrap();
        sent += size;
    }
}

fn receive(mut port: &Port, seed: u64) {
    let (mut bytes, mut sizes) = (Numbers(seed), Numbers(seed + 2));
    let (mut received, mut buffer) = (0, vec![0; 9000]);
    while received < MANY {
        let size = (sizes.next() as usize % 9000 + 1).min(MANY - received);
        let count = port.read(&mut buffer[..size]).unwrap();
        let expected = bytes.bytes(count);
        assert!(buffer[..count] == expected, "after {received} bytes");
        received += count;
    }
}

#[test]
fn megabytes_pass_both_ways_at_once() {
    for report in [false, true] {
        let (here, there) = ports(&Config::new().report_errors(report));
        thread::scope(|scope| {
            scope.spawn(|| send(&here, 11));
            scope.spawn(|| receive(&there, 11));
            scope.spawn(|| send(&there, 22));
            scope.spawn(|| receive(&here, 22));
        });
    }
}
