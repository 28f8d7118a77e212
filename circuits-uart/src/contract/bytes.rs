use std::io::{Read, Write};
use std::sync::Arc;

use super::{Bench, LONG, alone, assert_silent, both, open, pause, read, stream};
use crate::Queue;

pub(super) fn every_byte_goes_both_ways(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        let all: Vec<u8> = (0..=255).collect();
        bench.send(&all);
        assert_eq!(read(&port, all.len()), all);
        port.write_all(&all).unwrap();
        assert_eq!(bench.receive(all.len()), all);
        // What a terminal would make something of.
        let odd = b"\r\n\n\r\x03\x04\x11\x13\x1a\x1c\x7f\xff\x00\xff\xff\x15\x16";
        bench.send(odd);
        assert_eq!(read(&port, odd.len()), odd);
        assert_silent(&port);
    });
}

pub(super) fn a_read_returns_what_there_is(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        bench.send(b"abc");
        let (mut bytes, mut count) = ([0; 100], 0);
        while count < 3 {
            let more = Read::read(&mut port, &mut bytes[count..]).unwrap();
            assert!(more > 0, "a read of nothing is no read");
            count += more;
        }
        assert_eq!(&bytes[..count], b"abc");
        bench.send(b"defg");
        pause(&*bench);
        // Less than there is.
        let mut two = [0; 2];
        port.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"de");
        port.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"fg");
    });
}

pub(super) fn nothing_to_read_into_is_no_wait(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    alone(&bench, move || {
        assert_eq!(Read::read(&mut port, &mut []).unwrap(), 0);
        assert_eq!(Write::write(&mut port, &[]).unwrap(), 0);
        assert_eq!(port.read_within(&mut [], LONG).unwrap(), 0);
        port.write_within(&[], LONG).unwrap();
    });
}

pub(super) fn a_long_stream_is_whole(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    let bytes = stream(bench.many());
    let sent = bytes.clone();
    let writer = Arc::new(port);
    let (reader, other) = (writer.clone(), bench.clone());
    both(
        &runner,
        move || writer.write_within(&sent, 100 * LONG).unwrap(),
        move || {
            assert!(
                other.receive(bytes.len()) == bytes,
                "what came is not what was sent"
            )
        },
    );
    let bytes = stream(bench.many());
    let sent = bytes.clone();
    both(
        &runner,
        move || sent.chunks(1000).for_each(|part| bench.send(part)),
        move || {
            assert!(
                read(&reader, bytes.len()) == bytes,
                "what came is not what was sent"
            )
        },
    );
}

pub(super) fn two_threads_read_and_write_at_once(bench: Arc<dyn Bench>) {
    let port = Arc::new(open(&*bench));
    let (writer, runner) = (port.clone(), bench.clone());
    // Each waits for the other.
    both(
        &runner,
        move || {
            for byte in 0..20 {
                assert_eq!(read(&port, 1), [byte]);
                bench.send(&[byte, byte]);
                assert_eq!(read(&port, 2), [byte, byte]);
                let came = bench.receive(1);
                assert_eq!(came, [byte + 100]);
                bench.send(&[byte + 1]);
            }
        },
        {
            let bench = runner.clone();
            move || {
                bench.send(&[0]);
                for byte in 100..120 {
                    (&*writer).write_all(&[byte]).unwrap();
                    pause(&*bench);
                }
            }
        },
    );
}

pub(super) fn halves_are_the_same_port(bench: Arc<dyn Bench>) {
    let (mut reader, mut writer) = open(&*bench).split();
    let runner = bench.clone();
    alone(&runner, move || {
        assert_eq!(reader.port().name(), bench.port());
        writer.write_all(b"to").unwrap();
        assert_eq!(bench.receive(2), b"to");
        bench.send(b"fro");
        let mut bytes = [0; 3];
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"fro");
        let mut port = reader.reunite(writer).unwrap();
        port.write_all(b"again").unwrap();
        assert_eq!(bench.receive(5), b"again");
    });
}

pub(super) fn what_waits_is_counted(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        assert_eq!(port.waiting(Queue::Input).unwrap(), 0);
        bench.send(&[7; 10]);
        pause(&*bench);
        assert_eq!(port.waiting(Queue::Input).unwrap(), 10);
        assert_eq!(port.waiting(Queue::Both).unwrap(), 10);
        read(&port, 4);
        assert_eq!(port.waiting(Queue::Input).unwrap(), 6);
        assert_eq!(port.waiting(Queue::Output).unwrap(), 0);
    });
}

pub(super) fn what_waits_is_discarded(bench: Arc<dyn Bench>) {
    let port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        for queue in [Queue::Input, Queue::Both] {
            bench.send(b"old");
            pause(&*bench);
            port.discard(queue).unwrap();
            assert_eq!(port.waiting(Queue::Input).unwrap(), 0);
            bench.send(b"new");
            assert_eq!(read(&port, 3), b"new");
        }
        // What did not leave yet may be gone, and what follows is not.
        port.discard(Queue::Output).unwrap();
        (&port).write_all(b"on").unwrap();
        assert_eq!(bench.receive(2), b"on");
    });
}

pub(super) fn what_is_drained_has_left(bench: Arc<dyn Bench>) {
    let mut port = open(&*bench);
    let runner = bench.clone();
    alone(&runner, move || {
        port.drain(Some(LONG)).unwrap();
        port.write_all(&[0x55; 100]).unwrap();
        port.flush().unwrap();
        assert_eq!(port.waiting(Queue::Output).unwrap(), 0);
        assert_eq!(bench.receive(100), [0x55; 100]);
        port.drain(None).unwrap();
    });
}
