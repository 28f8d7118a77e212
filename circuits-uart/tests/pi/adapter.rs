use std::io::{Read, Write};
use std::{fs, thread};

use circuits_bench::{Outside, block_on};
use circuits_uart::{Config, Error, ErrorKind, Parity, Port, Queue, Rs485};

use crate::{ADAPTER, LONG, MOMENT, lock, plug, refused, unplug, until};

fn open() -> Port {
    Port::open("ttyUSB0", &Config::new()).unwrap()
}

#[test]
#[ignore = "needs the emulated Pi"]
fn bytes_pass_both_ways() {
    let _one = lock(&ADAPTER);
    let adapter = plug();
    assert!(circuits_uart::list().unwrap().contains(&"ttyUSB0".into()));
    let mut port = open();
    let all: Vec<u8> = (0..3000).map(|number| number as u8).collect();
    port.write_all(&all).unwrap();
    assert_eq!(adapter.port().receive(3000), all);
    for part in all.chunks(1000) {
        adapter.port().send(part);
        let mut received = [0; 1000];
        port.read_exact(&mut received).unwrap();
        assert_eq!(received, part);
    }
    drop(port);
    unplug(adapter);
}

/// The model never says that its transmitter is empty, which is believed for so long and no longer.
#[test]
#[ignore = "needs the emulated Pi"]
fn a_port_drains_though_nobody_says_that_all_has_left() {
    let _one = lock(&ADAPTER);
    let adapter = plug();
    let mut port = open();
    port.write_all(b"hello").unwrap();
    assert_eq!(
        port.drain(Some(MOMENT)).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    port.drain(Some(LONG)).unwrap();
    assert_eq!(adapter.port().receive(5), b"hello");
    port.write_all(b"again").unwrap();
    port.drain(Some(MOMENT)).unwrap();
    assert_eq!(adapter.port().receive(5), b"again");
    drop(port);
    unplug(adapter);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn what_an_adapter_cannot_do_is_named() {
    let _one = lock(&ADAPTER);
    let adapter = plug();
    let port = open();
    let config = Config::new();
    assert_eq!(
        refused(&port, &config.clone().data_bits(6)),
        "this number of data bits"
    );
    assert_eq!(
        refused(&port, &config.clone().rs485(Rs485::new())),
        "RS-485"
    );
    assert_eq!(
        refused(&port, &config.clone().rs485(Rs485::off())),
        "RS-485"
    );
    let error = port
        .configure(&config.clone().baud(50_000_000))
        .unwrap_err();
    assert!(
        matches!(error, Error::Baud { granted: 9600, .. }),
        "{error}"
    );
    for parity in [Parity::Even, Parity::Odd, Parity::Mark, Parity::Space] {
        port.configure(&config.clone().data_bits(7).parity(parity))
            .unwrap();
    }
    for low_latency in [true, false] {
        port.configure(&config.clone().low_latency(low_latency))
            .unwrap();
    }
    port.set_rts(false).unwrap();
    assert!(!port.modem_lines().unwrap().rts);
    drop(port);
    unplug(adapter);
}

/// The driver learns how the lines are when the port is opened first: they change.
#[test]
#[ignore = "needs the emulated Pi"]
fn changes_of_modem_lines_are_told() {
    let _one = lock(&ADAPTER);
    let adapter = plug();
    let mut port = open();
    adapter.port().send(b"!");
    let change = port.wait_modem_change(Some(LONG)).unwrap().unwrap();
    assert_eq!(change.changes.cts, 1);
    assert!(change.lines.cts);
    assert_eq!(port.wait_modem_change(Some(MOMENT)).unwrap(), None);
    drop(port);

    unplug(adapter);

    let adapter = plug();
    port = open();
    adapter.port().send(b"!");
    let change = block_on(port.next_modem_change()).unwrap();
    assert_eq!((change.changes.cts, change.changes.received), (1, 0));
    drop(port);
    unplug(adapter);
}

fn all_say_that_it_is_gone(port: &mut Port) {
    let mut buffer = [0; 10];
    for _ in 0..2 {
        let errors = [
            port.read_within(&mut buffer, LONG).unwrap_err(),
            port.write_within(b"hello", LONG).unwrap_err(),
            port.drain(None).unwrap_err(),
            port.waiting(Queue::Both).unwrap_err(),
            port.discard(Queue::Both).unwrap_err(),
            port.configure(&Config::new()).unwrap_err(),
            port.modem_lines().unwrap_err(),
            port.set_dtr(false).unwrap_err(),
            port.set_break(true).unwrap_err(),
            port.counters().unwrap_err(),
            port.wait_modem_change(None).unwrap_err(),
            block_on(port.next_modem_change()).unwrap_err(),
            block_on(embedded_io_async_07::Read::read(port, &mut buffer)).unwrap_err(),
            block_on(embedded_io_async_07::Write::write(port, b"hello")).unwrap_err(),
            block_on(embedded_io_async_07::Write::flush(port)).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Removed, "{error}");
        }
    }
    assert_eq!(
        port.read(&mut buffer).unwrap_err().kind(),
        std::io::ErrorKind::NotConnected
    );
}

#[test]
#[ignore = "needs the emulated Pi"]
fn what_waits_ends_when_it_is_pulled_out() {
    let _one = lock(&ADAPTER);
    let adapter = plug();
    let mut port = open();
    // The lines have changed by then.
    adapter.port().send(b"!");
    port.read_exact(&mut [0]).unwrap();
    until(|| port.wait_modem_change(Some(MOMENT)).unwrap().is_none());
    thread::scope(|scope| {
        let reads = scope.spawn(|| port.read_within(&mut [0], LONG).unwrap_err());
        let looks = scope.spawn(|| port.wait_modem_change(Some(LONG)).unwrap_err());
        thread::sleep(MOMENT);
        adapter.unplug();
        for waits in [reads, looks] {
            let error = waits.join().unwrap();
            assert_eq!(error.kind(), ErrorKind::Removed, "{error}");
        }
    });
    all_say_that_it_is_gone(&mut port);

    // Another one comes while this one is open, and is another one.
    until(|| !fs::exists("/dev/ttyUSB0").unwrap());
    let adapter = Outside::here().plug("GPS", 2);
    until(|| {
        circuits_uart::list()
            .unwrap()
            .iter()
            .any(|name| name.starts_with("ttyUSB"))
    });
    all_say_that_it_is_gone(&mut port);
    drop(port);
    adapter.unplug();
    until(|| {
        !circuits_uart::list()
            .unwrap()
            .iter()
            .any(|name| name.starts_with("ttyUSB"))
    });
}

#[test]
#[ignore = "needs the emulated Pi"]
fn futures_end_when_it_is_pulled_out() {
    let _one = lock(&ADAPTER);
    let adapter = plug();
    let port = open();
    let (mut reader, mut writer) = port.split();
    thread::scope(|scope| {
        let reads = scope.spawn(|| {
            let mut byte = [0];
            block_on(embedded_io_async_07::Read::read(&mut reader, &mut byte)).unwrap_err()
        });
        let writes = scope.spawn(|| {
            block_on(async {
                loop {
                    // Until nobody takes it any more.
                    let write = embedded_io_async_07::Write::write(&mut writer, &[0; 500]);
                    if let Err(error) = write.await {
                        break error;
                    }
                }
            })
        });
        thread::sleep(MOMENT);
        adapter.unplug();
        for waits in [reads, writes] {
            let error = waits.join().unwrap();
            assert_eq!(error.kind(), ErrorKind::Removed, "{error}");
        }
    });
    drop((reader, writer));
    until(|| !fs::exists("/dev/ttyUSB0").unwrap());
}

#[test]
#[ignore = "needs the emulated Pi"]
fn it_is_opened_anew_when_it_is_back() {
    let _one = lock(&ADAPTER);
    let adapter = plug();
    let mut before = open();
    unplug(adapter);
    all_say_that_it_is_gone(&mut before);
    drop(before);
    let adapter = plug();
    let mut port = open();
    adapter.port().send(b"hello again");
    let mut greeting = [0; 11];
    port.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"hello again");
    drop(port);
    unplug(adapter);
}

#[test]
#[ignore = "needs the emulated Pi"]
fn a_port_that_is_held_names_its_holder() {
    let _one = lock(&ADAPTER);
    let adapter = plug();
    let port = open();
    let error = Port::open("/dev/ttyUSB0", &Config::new().exclusive(false)).unwrap_err();
    let Error::InUse { holder, .. } = &error else {
        panic!("{error}");
    };
    let pid = format!("(pid {})", std::process::id());
    assert!(holder.as_ref().unwrap().ends_with(&pid), "{error}");
    drop(port);
    unplug(adapter);
}
