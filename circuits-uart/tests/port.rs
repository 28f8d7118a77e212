//! What a port does by itself, whatever its backend, on the virtual board.

use std::io::{self, Write};
use std::time::Duration;

use circuits_stub::Stub;
use circuits_stub::uart::Controller;
use circuits_uart::{Config, Error, ErrorKind, FlowControl, Port};

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

fn cable() -> Result<Stub> {
    Ok(Stub::virtual_time().serial_cable("ttyS0", "ttyS1")?)
}

fn open(board: &Stub, name: &str, config: &Config) -> Result<Port> {
    Ok(Port::open_on(board, name, config)?)
}

#[test]
fn changes_from_before_it_was_opened_are_not_told() -> Result {
    let board = cable()?;
    let other = open(&board, "ttyS1", &Config::new())?;
    for _ in 0..2 {
        let port = open(&board, "ttyS0", &Config::new())?;
        assert_eq!(port.wait_modem_change(Some(Duration::ZERO))?, None);
        other.set_dtr(false)?;
        other.set_dtr(true)?;
        let counters = port.counters()?;
        assert_eq!((counters.dsr, counters.cd, counters.cts), (2, 2, 0));
    }
    Ok(())
}

#[test]
fn each_line_may_be_set_at_the_opening() -> Result {
    for (config, lines) in [
        (Config::new(), (true, true)),
        (Config::new().rts(false), (false, true)),
        (Config::new().dtr(false), (true, false)),
        (Config::new().rts(false).dtr(false), (false, false)),
    ] {
        let board = cable()?;
        let set = open(&board, "ttyS0", &config)?.modem_lines()?;
        assert_eq!((set.rts, set.dtr), lines);
    }
    Ok(())
}

#[test]
fn who_opened_it_alone_has_it_alone() -> Result {
    let board = cable()?;
    for exclusive in [true, false] {
        let port = open(&board, "ttyS0", &Config::new().exclusive(exclusive))?;
        port.configure(&Config::new().exclusive(!exclusive))?;
        assert_eq!(port.config().is_exclusive(), exclusive);
    }
    Ok(())
}

/// An FT232R has 24 MHz / 23 and / 22 next to each other.
#[test]
fn a_baud_rate_is_granted_within_two_percent() -> Result {
    let board = Stub::virtual_time().serial_controller("ttyUSB0", Controller::usb());
    let port = open(&board, "ttyUSB0", &Config::new())?;
    port.configure(&Config::new().baud(1_062_000))?;
    assert_eq!(port.config().baud_rate(), 1_043_478);
    let error = port.configure(&Config::new().baud(1_066_000)).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Baud {
                granted: 1_043_478,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(port.config().baud_rate(), 1_043_478);
    Ok(())
}

/// The kernel would block for it.
#[test]
fn a_break_begins_when_all_has_left() -> Result {
    let board = cable()?;
    let mut port = open(&board, "ttyS0", &Config::new())?;
    port.write_all(b"before")?;
    match port.set_break(true).unwrap_err() {
        Error::Io { source, .. } => assert_eq!(source.kind(), io::ErrorKind::WouldBlock),
        error => panic!("{error}"),
    }
    port.set_break(false)?;
    port.flush()?;
    port.set_break(true)?;
    port.set_break(false)?;
    Ok(())
}

/// A receiver that holds CTS keeps a drop waiting; this does not.
#[test]
fn a_port_is_closed_in_time() {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1").unwrap();
    let stopped = Config::new().flow_control(FlowControl::Hardware).baud(9600);
    let far = Port::open_on(&board, "ttyS1", &Config::new().baud(9600).rts(false)).unwrap();
    let mut port = Port::open_on(&board, "ttyS0", &stopped).unwrap();
    port.write_all(b"never sent").unwrap();
    let start = board.clock().now();
    let error = port.close(Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(board.clock().now() - start, Duration::from_millis(20));
    far.set_rts(true).unwrap();
    let mut port = Port::open_on(&board, "ttyS0", &stopped).unwrap();
    port.write_all(b"sent").unwrap();
    port.close(None).unwrap();
    let mut heard = [0; 16];
    assert_eq!(
        far.read_within(&mut heard, Duration::from_secs(1)).unwrap(),
        4
    );
    assert_eq!(&heard[..4], b"sent");
}

/// What a configuration says of RTS and DTR counts whenever it is set.
#[test]
fn lines_are_set_up_anew() {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1").unwrap();
    let port = Port::open_on(&board, "ttyS0", &Config::new()).unwrap();
    assert!(port.modem_lines().unwrap().dtr);
    port.configure(&Config::new().dtr(false)).unwrap();
    let lines = port.modem_lines().unwrap();
    assert_eq!((lines.dtr, lines.rts), (false, true));
}
