//! A hundred megabytes each way at once through a pseudo-terminal, in chunks of any size: bit-exact, by
//! threads and by futures.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{Read, Write};
use std::thread;

use circuits_bench::block_on;
use circuits_uart::{Config, Linux, Port};
use fastrand::Rng;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

const LENGTH: usize = 100_000_000;

/// After how many bytes they are the same again: a prime, and more than any buffer on the way has, so that
/// none can be lost or doubled unseen.
const PERIOD: usize = 65_521;

/// The largest chunk.
const MOST: usize = 8192;

/// What goes through.
struct Stream {
    period: Vec<u8>,
    sizes: Rng,
    done: usize,
}

impl Stream {
    fn new(seed: u64) -> Stream {
        let mut rng = Rng::with_seed(seed);
        let mut period: Vec<u8> = (0..PERIOD).map(|_| rng.u8(..)).collect();
        period.extend_from_within(..MOST);
        Stream {
            period,
            sizes: rng,
            done: 0,
        }
    }

    /// How much is read or written next: small amounts as often as large ones.
    fn size(&mut self) -> usize {
        let most = 1 << self.sizes.u32(0..=MOST.ilog2());
        self.sizes.usize(1..=most).min(LENGTH - self.done)
    }

    /// The next bytes, of which so many went.
    fn next(&mut self, size: usize) -> &[u8] {
        &self.period[self.done % PERIOD..][..size]
    }

    /// Takes what came.
    fn check(&mut self, bytes: &[u8]) {
        let done = self.done;
        assert!(self.next(bytes.len()) == bytes, "other bytes after {done}");
        self.done += bytes.len();
    }

    fn is_done(&self) -> bool {
        self.done == LENGTH
    }
}

fn send(mut to: impl Write, seed: u64) {
    let mut stream = Stream::new(seed);
    while !stream.is_done() {
        let size = stream.size();
        let written = to.write(stream.next(size)).unwrap();
        assert!((1..=size).contains(&written));
        stream.done += written;
    }
}

fn receive(mut from: impl Read, seed: u64) {
    let (mut stream, mut buffer) = (Stream::new(seed), [0; MOST]);
    while !stream.is_done() {
        let size = stream.size();
        let read = from.read(&mut buffer[..size]).unwrap();
        stream.check(&buffer[..read]);
    }
}

fn pair() -> (Port, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    let port = Port::open_on(&Linux::new(), path.to_str().unwrap(), &Config::new());
    (port.unwrap(), File::from(master))
}

#[test]
fn by_threads() {
    let (port, other) = pair();
    let (port, other) = (&port, &other);
    thread::scope(|scope| {
        scope.spawn(move || send(port, 1));
        scope.spawn(move || receive(other, 1));
        scope.spawn(move || send(other, 2));
        scope.spawn(move || receive(port, 2));
    });
}

async fn send_async(mut to: impl embedded_io_async_07::Write, seed: u64) {
    let mut stream = Stream::new(seed);
    while !stream.is_done() {
        let size = stream.size();
        stream.done += to.write(stream.next(size)).await.unwrap();
    }
    to.flush().await.unwrap();
}

async fn receive_async(mut from: impl embedded_io_async_07::Read, seed: u64) {
    let (mut stream, mut buffer) = (Stream::new(seed), [0; MOST]);
    while !stream.is_done() {
        let size = stream.size();
        let read = from.read(&mut buffer[..size]).await.unwrap();
        stream.check(&buffer[..read]);
    }
}

#[test]
fn by_futures() {
    let (port, other) = pair();
    let (reader, writer) = port.split();
    let other = &other;
    thread::scope(|scope| {
        scope.spawn(move || block_on(send_async(writer, 3)));
        scope.spawn(move || receive(other, 3));
        scope.spawn(move || send(other, 4));
        scope.spawn(move || block_on(receive_async(reader, 4)));
    });
}
