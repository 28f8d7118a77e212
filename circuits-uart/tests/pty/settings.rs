use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use circuits_uart::{Config, Error, ErrorKind, FlowControl, Linux, Parity, Port, Rs485, StopBits};

use crate::{ports, pty, until, until_waiting};

#[track_caller]
fn refused(config: &Config) -> &'static str {
    let (_controlling, path) = pty();
    match Port::open(&path, config).unwrap_err() {
        Error::Unsupported { what, .. } => what,
        error => panic!("{error}"),
    }
}

/// `pty_set_termios` makes each character one of 8 bits without parity.
#[test]
fn what_a_pseudo_terminal_cannot_do_is_named() {
    let config = Config::new();
    assert_eq!(
        refused(&config.clone().data_bits(7)),
        "this number of data bits"
    );
    assert_eq!(
        refused(&config.clone().data_bits(5)),
        "this number of data bits"
    );
    for parity in [Parity::Even, Parity::Odd, Parity::Mark, Parity::Space] {
        assert_eq!(refused(&config.clone().parity(parity)), "this parity");
    }
    assert_eq!(refused(&config.clone().low_latency(true)), "low latency");
    assert_eq!(refused(&config.clone().rs485(Rs485::new())), "RS-485");
    assert_eq!(refused(&config.clone().rts(true)), "setting RTS or DTR");
    let (port, _controlling) = {
        let (controlling, path) = pty();
        (Port::open(&path, &config).unwrap(), controlling)
    };
    let unsupported = [
        port.modem_lines().unwrap_err(),
        port.set_rts(true).unwrap_err(),
        port.set_break(true).unwrap_err(),
        port.counters().unwrap_err(),
        port.wait_modem_change(None).unwrap_err(),
    ];
    for error in unsupported {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

#[test]
fn what_was_granted_is_read_back() {
    let (_controlling, path) = pty();
    let port = Port::open(&path, &Config::new()).unwrap();
    for baud in [
        50, 9600, 12_345, 31_250, 115_200, 250_000, 4_000_000, 12_000_000,
    ] {
        let config = Config::new()
            .baud(baud)
            .stop_bits(StopBits::Two)
            .flow_control(FlowControl::Hardware)
            .report_errors(true)
            .hang_up(false)
            .timeout(Duration::from_secs(1));
        port.configure(&config).unwrap();
        assert_eq!(port.config(), config);
    }
    let config = Config::new().flow_control(FlowControl::Software);
    port.configure(&config).unwrap();
    assert_eq!(port.config(), config);
}

/// Who opens the port next finds what the last one left, whatever that was, and sets all of it.
#[test]
fn nothing_is_left_of_other_settings() {
    let (controlling, path) = pty();
    let odd = Config::new()
        .flow_control(FlowControl::Software)
        .report_errors(true)
        .stop_bits(StopBits::Two)
        .hang_up(false);
    drop(Port::open(&path, &odd).unwrap());
    let mut there = Port::open(&path, &Config::new()).unwrap();
    let mut here = Port::from_fd(&Linux::new(), controlling, &Config::new()).unwrap();
    let bytes = b"\x11\x13\xff\x00\x03\x04\r\n\x7f\x1a";
    here.write_all(bytes).unwrap();
    let mut received = [0; 10];
    there.read_exact(&mut received).unwrap();
    assert_eq!(&received, bytes);
}

/// The controlling side is never handed marks; which ones the other side is handed is its own affair.
#[test]
fn errors_are_not_reported_to_the_controlling_side() {
    let (controlling, path) = pty();
    let mut there = Port::open(&path, &Config::new().report_errors(true)).unwrap();
    let config = Config::new().report_errors(true);
    let error =
        Port::from_fd(&Linux::new(), controlling.try_clone().unwrap(), &config).unwrap_err();
    let Error::Unsupported { what, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(what, "the report of errors");
    let mut here = Port::from_fd(&Linux::new(), controlling, &Config::new()).unwrap();
    let mut received = [0; 2];
    here.write_all(b"\xff\x01").unwrap();
    there.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"\xff\x01");
    there.write_all(b"\xff\x02").unwrap();
    here.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"\xff\x02");
}

#[test]
fn what_waits_outlives_other_settings() {
    let (mut here, mut there) = ports(&Config::new());
    let sent = b"a\xff\x00b\xff\xff";
    let mut expected = Vec::new();
    for report in [true, false, false, true, true, false] {
        here.write_all(sent).unwrap();
        expected.extend(sent);
        until_waiting(&there, expected.len());
        there
            .configure(&Config::new().report_errors(report))
            .unwrap();
        assert_eq!(
            there.waiting(circuits_uart::Queue::Input).unwrap(),
            expected.len()
        );
    }
    let mut received = vec![0; expected.len()];
    there.read_exact(&mut received).unwrap();
    assert_eq!(received, expected);

    // As the terminal was for people, nothing is read before a line is at its end.
    let (controlling, path) = pty();
    let mut here = std::fs::File::from(controlling);
    let _keeps_it = std::fs::File::open(&path).unwrap();
    here.write_all(b"no line").unwrap();
    thread::sleep(Duration::from_millis(20));
    let mut there = Port::open(&path, &Config::new()).unwrap();
    let mut received = [0; 7];
    there.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"no line");
}

#[test]
fn what_waits_is_thrown_away() {
    use circuits_uart::Queue;
    for (report, queue) in [
        (false, Queue::Both),
        (true, Queue::Both),
        (true, Queue::Input),
    ] {
        let (mut here, mut there) = ports(&Config::new().report_errors(report));
        here.write_all(b"1\xff2").unwrap();
        until(|| there.waiting(Queue::Input).unwrap() >= 3);
        // So that some of it is not the kernel's any more.
        there.read_exact(&mut [0]).unwrap();
        there.discard(Queue::Output).unwrap();
        assert_eq!(there.waiting(Queue::Input).unwrap(), 2);
        there.discard(queue).unwrap();
        assert_eq!(there.waiting(Queue::Both).unwrap(), 0);
        here.write_all(b"3").unwrap();
        let mut byte = [0];
        there.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"3");
    }
}

#[test]
fn software_flow_control_stops_and_resumes() {
    let (mut here, there) = ports(&Config::new());
    // Both ends have one setup, and it is this end that sends what stops the other.
    there
        .configure(&Config::new().flow_control(FlowControl::Software))
        .unwrap();
    here.write_all(b"\x13").unwrap();
    let moment = Duration::from_millis(20);
    let mut sent = 0;
    until(|| there.write_within(b".", moment).is_err());
    let error = there.write_within(b".", moment).unwrap_err();
    assert!(
        matches!(error, Error::TimedOut { written: 0, .. }),
        "{error}"
    );
    thread::scope(|scope| {
        let waits = scope.spawn(|| there.write_within(b"!", Duration::from_secs(10)));
        thread::sleep(moment);
        here.write_all(b"\x11").unwrap();
        waits.join().unwrap().unwrap();
    });
    let mut byte = [0];
    while byte != *b"!" {
        here.read_exact(&mut byte).unwrap();
        sent += 1;
    }
    assert!(sent >= 1);
    // What stopped it was no data.
    assert_eq!(there.waiting(circuits_uart::Queue::Input).unwrap(), 0);
}

#[test]
fn what_is_no_port_is_told() {
    let open = |name| Port::open(name, &Config::new()).unwrap_err();
    for name in [
        "ttyNONE0",
        "/dev/ttyNONE0",
        "",
        "pts/no",
        "serial/by-id/nobody",
    ] {
        let error = open(name);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}");
    }
    for name in ["null", "/dev/zero", "/proc/self/status", "/", "."] {
        let error = open(name);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{name}: {error}");
        assert!(error.to_string().contains("no terminal"), "{error}");
    }
    let file = std::fs::File::open("/dev/null").unwrap();
    let error = Port::from_fd(&Linux::new(), file, &Config::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("\"null\""), "{error}");
}

#[test]
fn ports_have_names_for_people() {
    let (here, there) = ports(&Config::new());
    assert!(there.name().starts_with("/dev/pts/"), "{}", there.name());
    assert_eq!(here.name(), format!("the other side of {}", there.name()));
    // A relative name is one in /dev.
    let name = there.name().strip_prefix("/dev/").unwrap().to_owned();
    drop(there);
    let there = Port::open(&name, &Config::new()).unwrap();
    assert_eq!(there.name(), name);
}

/// Whatever this machine has, pseudo-terminals and consoles are no ports.
#[test]
fn listing_gives_ports_alone() {
    for name in circuits_uart::list().unwrap() {
        let kind = name.trim_end_matches(|c: char| c.is_ascii_digit());
        assert!(
            !["tty", "pts", "console", "ptmx", "hvc"].contains(&kind),
            "{name}"
        );
    }
}

/// What waits behind the terminal's own buffer as well.
#[test]
fn all_that_waits_is_thrown_away() {
    use circuits_uart::Queue;
    for queue in [Queue::Input, Queue::Both] {
        let (mut here, mut there) = ports(&Config::new());
        here.write_all(&[b'?'; 10_000]).unwrap();
        until(|| there.waiting(Queue::Input).unwrap() > 4000);
        there.discard(queue).unwrap();
        here.write_all(b"!").unwrap();
        let mut byte = [0];
        there.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"!");
    }
}
