use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use circuits_bench::block_on;
use circuits_uart::{Config, ErrorKind, Port, Queue};

use crate::{LONG, ports, until_waiting};

/// More than a terminal's own buffer has room for: the rest waits in front of it.
const MANY: usize = 10_000;

fn all_was_read(read: impl Fn(&mut Port, &mut [u8]) -> Result<usize, circuits_uart::Error>) {
    let (mut here, mut there) = ports(&Config::new());
    let sent: Vec<u8> = (0..MANY).map(|number| number as u8).collect();
    there.write_all(&sent).unwrap();
    drop(there);
    let (mut received, mut buffer) = (Vec::<u8>::new(), [0; 3000]);
    let error = loop {
        match read(&mut here, &mut buffer) {
            Ok(count) => received.extend(&buffer[..count]),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::HungUp);
    assert!(received == sent, "{} of {MANY} bytes", received.len());
    let again = read(&mut here, &mut buffer).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::HungUp);
}

#[test]
fn what_came_before_the_end_is_read() {
    all_was_read(|port, buffer| port.read_within(buffer, LONG));
}

#[test]
fn what_came_before_the_end_is_read_by_futures() {
    use embedded_io_async_07::Read;
    all_was_read(|port, buffer| block_on(Read::read(port, buffer)));
}

/// The kernel throws away what was not read when the controlling side goes (`tty_ldisc_hangup`).
#[test]
fn the_controlling_side_takes_everything_with_it() {
    let (mut here, there) = ports(&Config::new());
    here.write_all(b"hello").unwrap();
    until_waiting(&there, 5);
    drop(here);
    let mut buffer = [0; 10];
    for _ in 0..2 {
        let error = there.read_within(&mut buffer, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HungUp);
    }
    let errors = [
        there.write_within(b"hello", Duration::ZERO).unwrap_err(),
        there.drain(None).unwrap_err(),
        there.waiting(Queue::Both).unwrap_err(),
        there.discard(Queue::Both).unwrap_err(),
        there.modem_lines().unwrap_err(),
        there.configure(&Config::new()).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::HungUp, "{error}");
    }
}

#[test]
fn a_read_that_waits_ends() {
    for controlling in [true, false] {
        let (here, there) = ports(&Config::new());
        let (mut stays, goes) = if controlling {
            (here, there)
        } else {
            (there, here)
        };
        thread::scope(|scope| {
            let waits = scope.spawn(move || stays.read(&mut [0; 10]).unwrap_err());
            thread::sleep(Duration::from_millis(20));
            drop(goes);
            let error = waits.join().unwrap();
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        });
    }
}

/// The other end can be opened anew, and finds what was written meanwhile.
#[test]
fn after_the_end_another_may_begin() {
    let (mut here, there) = ports(&Config::new());
    let path = there.name().to_owned();
    drop(there);
    let error = here.read(&mut [0; 5]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    here.write_all(b"anybody there?").unwrap();
    here.flush().unwrap();
    let mut there = Port::open(&path, &Config::new()).unwrap();
    let mut question = [0; 14];
    there.read_exact(&mut question).unwrap();
    assert_eq!(&question, b"anybody there?");
    there.write_all(b"yes").unwrap();
    let mut answer = [0; 3];
    here.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"yes");
}
