use std::io::{Read, Write};
use std::thread;

use circuits_bench::{Outside, block_on};
use circuits_uart::{
    Config, Error, ErrorKind, FlowControl, Linux, Parity, Port, Queue, Rs485, StopBits,
};
use circuits_wait::{Interrupt, Monotonic};

use crate::{LONG, MOMENT, OWN, lock, once, refused, until};

fn open(config: &Config) -> Port {
    Port::open("ttyAMA0", config).unwrap()
}

/// Others come and go meanwhile. On this kernel the device of a port is one of the bus serial-base.
#[test]
#[ignore = "needs the emulated Pi"]
fn ports_are_listed_and_places_are_not() {
    let names = circuits_uart::list().unwrap();
    let own: Vec<_> = names
        .iter()
        .filter(|name| !name.starts_with("ttyUSB"))
        .collect();
    assert_eq!(own, ["ttyAMA0", "ttyS1"]);
    let error = Port::open("ttyS0", &Config::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("no hardware"), "{error}");
}

#[test]
#[ignore = "needs the emulated Pi"]
fn bytes_pass_both_ways() {
    let _one = lock(&OWN);
    let uart = Outside::here().uart();
    for report in [false, true] {
        let mut port = open(&Config::new().report_errors(report));
        let all: Vec<u8> = (0..3000).map(|number| number as u8).collect();
        port.write_all(&all).unwrap();
        port.flush().unwrap();
        assert_eq!(uart.receive(3000), all);
        // No more than there is room for.
        for part in all.chunks(1000) {
            uart.send(part);
            let mut received = [0; 1000];
            port.read_exact(&mut received).unwrap();
            assert_eq!(received, part);
        }
    }
}

#[test]
#[ignore = "needs the emulated Pi"]
fn bytes_are_counted() {
    let _one = lock(&OWN);
    let uart = Outside::here().uart();
    let mut port = open(&Config::new());
    assert_eq!(port.counters().unwrap(), Default::default());
    port.write_all(&[7; 96]).unwrap();
    port.flush().unwrap();
    assert_eq!(uart.receive(96), [7; 96]);
    uart.send(b"hello");
    port.read_exact(&mut [0; 5]).unwrap();
    let counters = port.counters().unwrap();
    assert_eq!(
        (counters.sent, counters.received, counters.lost()),
        (96, 5, 0)
    );
}

/// The driver takes bytes, which do not leave before the other end has them go on.
#[test]
#[ignore = "needs the emulated Pi"]
fn a_port_drains_when_all_has_left() {
    let _one = lock(&OWN);
    let uart = Outside::here().uart();
    let interrupt = Interrupt::new().unwrap();
    let linux = Linux::with_clock(Monotonic::interrupted_by(interrupt.clone()));
    let config = Config::new()
        .flow_control(FlowControl::Software)
        .timeout(MOMENT);
    let mut port = Port::open_on(&linux, "ttyAMA0", &config).unwrap();
    uart.send(b"\x13");
    // Nothing tells that it has come.
    until(|| {
        port.write_within(b".", LONG).unwrap();
        port.drain(Some(MOMENT)).is_err()
    });
    let waiting = port.waiting(Queue::Output).unwrap();
    assert!(waiting > 0);
    assert_eq!(
        port.drain(Some(MOMENT)).unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    assert_eq!(
        port.flush().unwrap_err().kind(),
        std::io::ErrorKind::TimedOut
    );
    let mut flush = Box::pin(embedded_io_async_07::Write::flush(&mut port));
    assert!(once(&mut flush).is_pending());
    drop(flush);

    thread::scope(|scope| {
        let drains = scope.spawn(|| port.drain(None).unwrap_err());
        thread::sleep(MOMENT);
        interrupt.raise();
        assert_eq!(drains.join().unwrap().kind(), ErrorKind::Interrupted);
        interrupt.clear();
        // It is not sent, and goes on when it may.
        assert_eq!(port.waiting(Queue::Output).unwrap(), waiting);
        let drains = scope.spawn(|| port.drain(None));
        uart.send(b"\x11");
        drains.join().unwrap().unwrap();
    });
    assert_eq!(port.waiting(Queue::Output).unwrap(), 0);
    let sent = port.counters().unwrap().sent;
    assert_eq!(uart.receive(sent as usize), vec![b'.'; sent as usize]);

    uart.send(b"\x13");
    until(|| {
        port.write_within(b"!", LONG).unwrap();
        port.drain(Some(MOMENT)).is_err()
    });
    thread::scope(|scope| {
        let drains = scope.spawn(|| block_on(embedded_io_async_07::Write::flush(&mut port)));
        thread::sleep(MOMENT);
        uart.send(b"\x11");
        drains.join().unwrap().unwrap();
    });
    // What will not be sent is thrown away.
    uart.send(b"\x13");
    until(|| {
        port.write_within(b"?", LONG).unwrap();
        port.drain(Some(MOMENT)).is_err()
    });
    port.discard(Queue::Output).unwrap();
    assert_eq!(port.waiting(Queue::Output).unwrap(), 0);
    uart.send(b"\x11");
    port.drain(Some(LONG)).unwrap();
    let sent = port.counters().unwrap().sent - sent;
    uart.receive(sent as usize);
}

/// 3 MBd is what 48 MHz by 16 are. Of what it cannot do, the kernel makes what the port had before
/// (`uart_get_baud_rate`).
#[test]
#[ignore = "needs the emulated Pi"]
fn a_rate_that_is_too_high_is_refused() {
    let _one = lock(&OWN);
    let port = open(&Config::new().baud(12_345));
    for baud in [3_500_000, 50_000_000] {
        let error = port.configure(&Config::new().baud(baud)).unwrap_err();
        let Error::Baud { asked, granted, .. } = error else {
            panic!("{error}");
        };
        assert_eq!((asked, granted), (baud, 12_345));
        assert_eq!(port.config().baud_rate(), 12_345);
    }
    for baud in [50, 110, 31_250, 250_000, 3_000_000] {
        port.configure(&Config::new().baud(baud)).unwrap();
    }
}

#[test]
#[ignore = "needs the emulated Pi"]
fn characters_of_all_kinds_are_granted() {
    let _one = lock(&OWN);
    let port = open(&Config::new());
    let parities = [
        Parity::None,
        Parity::Even,
        Parity::Odd,
        Parity::Mark,
        Parity::Space,
    ];
    for bits in 5..=8 {
        for parity in parities {
            for stop in [StopBits::One, StopBits::Two] {
                let config = Config::new().data_bits(bits).parity(parity).stop_bits(stop);
                port.configure(&config).unwrap();
                assert_eq!(port.config(), config);
            }
        }
    }
    for low_latency in [true, false] {
        port.configure(&Config::new().low_latency(low_latency))
            .unwrap();
    }
    for flow in [
        FlowControl::Hardware,
        FlowControl::Software,
        FlowControl::None,
    ] {
        port.configure(&Config::new().flow_control(flow)).unwrap();
    }
}

/// The driver switches the direction by RTS, and cannot terminate a line; it uses RTS for one thing.
#[test]
#[ignore = "needs the emulated Pi"]
fn rs485_is_granted() {
    let _one = lock(&OWN);
    let port = open(&Config::new());
    for rs485 in [
        Rs485::new(),
        Rs485::new().rts_on_send(false).receive_while_sending(true),
        Rs485::new().delay_before_ms(3).delay_after_ms(5),
    ] {
        port.configure(&Config::new().rs485(rs485)).unwrap();
    }
    // It stays on where nothing is said of it.
    let hardware = Config::new().flow_control(FlowControl::Hardware);
    assert_eq!(refused(&port, &hardware), "this flow control");
    let terminated = Config::new().rs485(Rs485::new().terminate(true));
    assert_eq!(refused(&port, &terminated), "RS-485 of this kind");
    let longer = Config::new().rs485(Rs485::new().delay_before_ms(1000));
    assert_eq!(refused(&port, &longer), "RS-485 of this kind");
    port.configure(&hardware.rs485(Rs485::off())).unwrap();
}

#[test]
#[ignore = "needs the emulated Pi"]
fn modem_lines_are_set_and_read() {
    let _one = lock(&OWN);
    let mut port = open(&Config::new().rts(false).dtr(true));
    let lines = |port: &Port| {
        let lines = port.modem_lines().unwrap();
        (lines.rts, lines.dtr)
    };
    assert_eq!(lines(&port), (false, true));
    for (rts, dtr) in [(true, true), (true, false), (false, false), (false, true)] {
        port.set_rts(rts).unwrap();
        port.set_dtr(dtr).unwrap();
        assert_eq!(lines(&port), (rts, dtr));
    }
    // Nothing moves the lines that this end reads.
    assert_eq!(port.wait_modem_change(Some(MOMENT)).unwrap(), None);
    assert!(once(port.next_modem_change()).is_pending());
}

#[test]
#[ignore = "needs the emulated Pi"]
fn breaks_are_told_in_their_places() {
    let _one = lock(&OWN);
    let uart = Outside::here().uart();
    let mut port = open(&Config::new().report_errors(true));
    let read = |port: &Port| {
        let mut byte = [0];
        port.read_within(&mut byte, LONG).map(|_| byte[0])
    };
    uart.send(b"a\xff");
    uart.send_break();
    uart.send(b"b");
    assert_eq!(read(&port).unwrap(), b'a');
    assert_eq!(read(&port).unwrap(), 0xff);
    assert_eq!(read(&port).unwrap_err().kind(), ErrorKind::Break);
    assert_eq!(read(&port).unwrap(), b'b');
    assert_eq!(port.counters().unwrap().breaks, 1);

    let mut byte = [0];
    thread::scope(|scope| {
        let reads = async { embedded_io_async_07::Read::read(&mut port, &mut byte).await };
        let reads = scope.spawn(|| block_on(reads));
        thread::sleep(MOMENT);
        uart.send_break();
        assert_eq!(reads.join().unwrap().unwrap_err().kind(), ErrorKind::Break);
    });

    // What waits is counted, and outlives other settings.
    uart.send(b"c");
    uart.send_break();
    uart.send(b"d");
    until(|| port.waiting(Queue::Input).unwrap() == 3);
    port.configure(&Config::new()).unwrap();
    assert_eq!(port.waiting(Queue::Input).unwrap(), 3);
    assert_eq!(read(&port).unwrap(), b'c');
    assert_eq!(read(&port).unwrap_err().kind(), ErrorKind::Break);
    assert_eq!(read(&port).unwrap(), b'd');

    // Otherwise a break is a byte.
    uart.send_break();
    assert_eq!(read(&port).unwrap(), 0);
    port.send_break(MOMENT).unwrap();
}
