//! Serial ports that come, go, are held, and are joined to other programs.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use circuits_enumerate::{Devices, Filter, Watch};
use circuits_stub::trace::Action;
use circuits_stub::{Error, Profile, Stub, uart};
use circuits_uart::{Backend, Config, ErrorKind, Port, Queue};

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

const ENODEV: Option<i32> = Some(19);

const MILLISECOND: Duration = Duration::from_millis(1);

/// Answers each byte with itself.
struct Echo;

impl uart::Device for Echo {
    fn receive(&mut self, byte: u8, line: &mut uart::Line) {
        line.send(&[byte]);
    }
}

fn opens(board: &Stub, name: &str, config: &Config) -> Option<ErrorKind> {
    Port::open_on(board, name, config)
        .err()
        .map(|error| error.kind())
}

#[test]
fn ports_are_opened_by_the_kernels_rules() -> Result {
    let board = Stub::virtual_time()
        .serial_port("ttyUSB0")
        .serial_port("ttyAMA0")
        .serial_port("/dev/ttyS0");
    assert_eq!(
        circuits_uart::list_on(&board)?,
        ["ttyAMA0", "ttyS0", "ttyUSB0"]
    );
    let (alone, shared) = (Config::new(), Config::new().exclusive(false));
    assert_eq!(opens(&board, "ttyS9", &alone), Some(ErrorKind::NotFound));
    let stranger = board.without_permission();
    assert_eq!(
        opens(&stranger, "ttyS0", &alone),
        Some(ErrorKind::PermissionDenied)
    );
    assert_eq!(opens(&stranger, "ttyS9", &alone), Some(ErrorKind::NotFound));

    let one = Port::open_on(&board, "/dev/ttyS0", &alone)?;
    assert_eq!(opens(&board, "ttyS0", &shared), Some(ErrorKind::InUse));
    assert_eq!(opens(&board, "ttyAMA0", &alone), None);
    let error = Port::open_on(&board, "ttyS0", &alone)
        .unwrap_err()
        .to_string();
    let me = format!("(pid {}) holds it", std::process::id());
    assert!(
        error.contains("serial_plug") && error.ends_with(&me),
        "{error}"
    );
    drop(one);
    assert_eq!(board.holder("ttyS0"), None);

    let one = Port::open_on(&board, "ttyS0", &shared)?;
    assert_eq!(opens(&board, "ttyS0", &alone), Some(ErrorKind::InUse));
    let other = Port::open_on(&board, "ttyS0", &shared)?;
    drop(one);
    assert!(other.modem_lines()?.dtr, "it was not the last");
    drop(other);

    board.hold_serial("ttyS0", "gpsd (pid 312)")?;
    let error = Port::open_on(&board, "ttyS0", &shared)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("in use: gpsd (pid 312) holds it"),
        "{error}"
    );
    let held = board.hold_serial("ttyS0", "another");
    assert!(matches!(held, Err(Error::PortInUse { .. })));
    board.release_serial("ttyS0")?;
    assert_eq!(opens(&board, "ttyS0", &alone), None);
    let none = board.hold_serial("ttyS9", "another");
    assert!(matches!(none, Err(Error::NoPort { .. })));
    Ok(())
}

#[test]
fn two_who_share_a_port_each_get_some_of_it() -> Result {
    let board = Stub::virtual_time().serial_loop("ttyS0")?;
    let shared = Config::new().exclusive(false);
    let mut one = Port::open_on(&board, "ttyS0", &shared)?;
    let mut other = Port::open_on(&board, "ttyS0", &shared)?;
    let total = board.run(|| -> Result<usize> {
        let reader = board.spawn("reader", move || -> Result<usize> {
            let mut buffer = [0; 8];
            let mut total = 0;
            while let Ok(count) = other.read_within(&mut buffer, 100 * MILLISECOND) {
                total += count;
            }
            let _ = other.write(b"x");
            Ok(total)
        })?;
        one.write_all(&[0; 100])?;
        let mut buffer = [0; 8];
        let mut total = 0;
        while let Ok(count) = one.read_within(&mut buffer, 50 * MILLISECOND) {
            total += count;
        }
        Ok(total + reader.join()??)
    })?;
    assert_eq!(total, 100);
    Ok(())
}

#[test]
fn one_thing_is_connected_at_a_time() -> Result {
    let board = Stub::virtual_time().serial_cable("ttyS0", "ttyS1")?;
    let is_taken = |done: circuits_stub::Result<()>, name: &str| match done {
        Err(Error::PortTaken { port }) => port == name,
        _ => false,
    };
    assert!(is_taken(board.plug_serial("ttyS1", Echo), "ttyS1"));
    assert!(is_taken(board.plug_serial_cable("ttyS2", "ttyS0"), "ttyS0"));
    assert!(is_taken(
        board.clone().serial_loop("ttyS0").map(drop),
        "ttyS0"
    ));

    let config = Config::new().baud(9600);
    let mut one = Port::open_on(&board, "ttyS0", &config)?;
    let other = Port::open_on(&board, "ttyS1", &config)?;
    one.write_all(b"half of it")?;
    board.delay().sleep(5 * MILLISECOND)?;
    assert!(board.unplug_serial("ttyS1").is_none(), "it was a cable");
    assert!(!one.modem_lines()?.cts && !other.modem_lines()?.cts);
    one.flush()?;
    assert_eq!(other.waiting(Queue::Input)?, 4);

    // Another thing, and the same one again.
    let mut buffer = [0; 1];
    board.plug_serial("ttyS0", Echo)?;
    for _ in 0..2 {
        one.write_all(b"x")?;
        one.read_exact(&mut buffer)?;
        let device = board.unplug_serial("ttyS0").expect("a device");
        one.write_all(b"y")?;
        one.flush()?;
        assert!(one.read_within(&mut buffer, MILLISECOND).is_err());
        board.plug_serial("ttyS0", device)?;
        // What is under way is lost, though it is soon there again.
        one.write_all(b"z")?;
        board.delay().sleep(MILLISECOND / 2)?;
        let device = board.unplug_serial("ttyS0").expect("a device");
        board.plug_serial("ttyS0", device)?;
        one.flush()?;
        assert!(one.read_within(&mut buffer, 2 * MILLISECOND).is_err());
    }
    board.remove_serial_port("ttyS0")?;
    assert!(board.unplug_serial("ttyS0").is_none());
    let none = board.remove_serial_port("ttyS0");
    assert!(matches!(none, Err(Error::NoPort { .. })));
    Ok(())
}

/// All four waits end when the port goes, and what came is not lost.
#[test]
fn whoever_waits_is_told_that_the_port_went() -> Result {
    let board = Stub::virtual_time().serial_cable("ttyUSB0", "ttyS0")?;
    let config = Config::new().baud(9600).exclusive(false);
    let hardware = config
        .clone()
        .flow_control(circuits_uart::FlowControl::Hardware);
    let there = Port::open_on(&board, "ttyS0", &config)?;
    there.set_rts(false)?;
    (&there).write_all(b"last words")?;
    board.run(|| -> Result {
        let waits: [fn(&Port) -> circuits_uart::Error; 3] = [
            |port| port.drain(None).unwrap_err(),
            |port| {
                port.write_within(&[0; 5000], Duration::from_secs(9))
                    .unwrap_err()
            },
            |port| port.wait_modem_change(None).unwrap_err(),
        ];
        let mut waiting = Vec::new();
        for wait in waits {
            let port = Port::open_on(&board, "ttyUSB0", &hardware)?;
            (&port).write_all(b"never sent")?;
            let name = format!("waits {}", waiting.len());
            waiting.push(board.spawn(&name, move || wait(&port).kind())?);
        }
        let reader = Port::open_on(&board, "ttyUSB0", &hardware)?;
        let handle = Backend::open(&board, "ttyUSB0", false)?;
        let read = board.spawn("reads", move || -> Result<_> {
            let mut read = vec![0; 4];
            (&reader).read_exact(&mut read)?;
            // There is more by now.
            until_it_goes(&reader)?;
            let rest = reader.read_within(&mut [0; 64], Duration::ZERO)?;
            let error = reader
                .read_within(&mut [0], Duration::from_secs(9))
                .unwrap_err();
            Ok((read, rest, error.kind()))
        })?;
        board.delay().sleep(8 * MILLISECOND)?;
        board.remove_serial_port("ttyUSB0")?;
        for wait in waiting {
            assert_eq!(wait.join()?, ErrorKind::Removed);
        }
        assert!(!there.modem_lines()?.cts);
        let (read, rest, end) = read.join()??;
        assert_eq!(
            (&read[..], rest, end),
            (&b"last"[..], 3, ErrorKind::Removed)
        );

        // For ever, though there is another one of its name.
        board.plug_serial("ttyUSB0", Echo)?;
        assert_eq!(handle.read(&mut [0]).unwrap_err().raw_os_error(), ENODEV);
        assert_eq!(handle.write(&[0]).unwrap_err().raw_os_error(), ENODEV);
        assert_eq!(handle.drain().unwrap_err().raw_os_error(), ENODEV);
        assert_eq!(handle.counters().unwrap_err().raw_os_error(), ENODEV);
        assert_eq!(handle.config().unwrap_err().raw_os_error(), ENODEV);
        assert_eq!(
            handle.waiting(Queue::Both).unwrap_err().raw_os_error(),
            ENODEV
        );
        assert_eq!(handle.set_break(true).unwrap_err().raw_os_error(), ENODEV);
        drop(handle);
        let mut new = Port::open_on(&board, "ttyUSB0", &config)?;
        new.write_all(b"x")?;
        assert_eq!(new.read(&mut [0])?, 1);
        Ok(())
    })
}

/// Waits for something else.
fn until_it_goes(port: &Port) -> Result {
    let late = port.wait_modem_change(Some(10 * MILLISECOND));
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Removed);
    Ok(())
}

#[test]
fn ports_are_listed_and_watched_as_a_kernels() -> Result {
    let board = Stub::virtual_time().serial_port("ttyAMA0");
    let mut watch = Watch::open_on(&board, Filter::new().subsystem("tty"))?;
    board.plug_serial_port("ttyUSB3");
    let devices = Devices::list_on(&board)?;
    let ports = devices.serial_ports();
    let names: Vec<&str> = ports.iter().map(|port| &*port.name).collect();
    assert_eq!(names, ["ttyAMA0", "ttyUSB3"]);
    let port = &ports[1];
    assert_eq!(port.node, Path::new("/dev/ttyUSB3"));
    assert_eq!(port.driver.as_deref(), Some("serial-stub"));
    let device = devices.get(&port.path).expect("a device");
    assert_eq!(
        device.property("MAJOR").map(|major| major == "188"),
        Some(true)
    );
    assert_eq!(
        device.property("MINOR").map(|minor| minor == "3"),
        Some(true)
    );
    board.remove_serial_port("ttyUSB3")?;
    assert_eq!(Devices::list_on(&board)?.serial_ports().len(), 1);
    let mut seen = Vec::new();
    while let Some(change) = watch.try_change()? {
        seen.push(format!("{change:?}"));
    }
    assert!(
        seen.iter().any(|change| change.contains("ttyUSB3")),
        "{seen:?}"
    );
    Ok(())
}

#[test]
fn nodes_are_late_where_udevd_is() -> Result {
    let board = Stub::virtual_time().nodes_after(50 * MILLISECOND);
    board.plug_serial_port("ttyUSB0");
    let denied = Some(ErrorKind::PermissionDenied);
    assert_eq!(opens(&board, "ttyUSB0", &Config::new()), denied);
    board.delay().sleep(50 * MILLISECOND)?;
    assert_eq!(opens(&board, "ttyUSB0", &Config::new()), None);
    Ok(())
}

const USB: &str = "/devices/platform/usb1/1-1";

fn uevent(action: &str, path: &str, fields: &str) -> Vec<u8> {
    let text = format!("{action}@{path}|ACTION={action}|DEVPATH={path}|{fields}|");
    text.replace('|', "\0").into_bytes()
}

#[test]
fn a_feed_grows_ports_and_a_profile_what_is_on_them() -> Result {
    let adapter = Filter::new().property("PRODUCT", "403/6001/600");
    let board = Stub::virtual_time().profile(Profile::new(adapter).serial_device(|| Echo));
    let port = format!("{USB}/1-1:1.0/ttyUSB0/tty/ttyUSB0");
    let add = |path: &str, name: &str| {
        let fields = format!("SUBSYSTEM=tty|MAJOR=188|MINOR=0|DEVNAME={name}");
        uevent("add", path, &fields)
    };
    let usb = "SUBSYSTEM=usb|DEVTYPE=usb_device|PRODUCT=403/6001/600";
    board.feed(&uevent("add", USB, usb))?;
    board.feed(&add(&port, "ttyUSB0"))?;
    board.feed(&add("/devices/platform/serial8250/tty/ttyS0", "ttyS0"))?;
    board.feed(&add("/devices/virtual/tty/tty1", "tty1"))?;
    assert_eq!(circuits_uart::list_on(&board)?, ["ttyS0", "ttyUSB0"]);

    let mut serial = Port::open_on(&board, "ttyUSB0", &Config::new())?;
    serial.write_all(b"x")?;
    let mut byte = [0];
    serial.read_exact(&mut byte)?;
    assert_eq!(&byte, b"x");
    board.feed(&uevent("remove", USB, usb))?;
    assert_eq!(circuits_uart::list_on(&board)?, ["ttyS0"]);
    let error = serial.read_within(&mut byte, MILLISECOND).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Removed);
    // What was fed can be taken away by hand as well.
    let mut watch = Watch::open_on(&board, Filter::new().subsystem("tty"))?;
    while watch.try_change()?.is_some() {}
    board.remove_serial_port("ttyS0")?;
    assert!(Devices::list_on(&board)?.serial_ports().is_empty());
    let change = watch.try_change()?;
    assert!(format!("{change:?}").contains("ttyS0"), "{change:?}");
    Ok(())
}

#[test]
fn no_pseudo_terminal_has_virtual_time() {
    let board = Stub::virtual_time();
    let error = board.serial_pty("ttyS0").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("Stub::real_time"), "{error}");
}

#[cfg(unix)]
#[test]
fn another_program_is_at_the_other_end_of_a_pseudo_terminal() -> Result {
    use std::fs::OpenOptions;

    let board = Stub::real_time();
    let path = board.serial_pty("ttyS0")?;
    let error = board.serial_pty("ttyS0").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ResourceBusy);
    let config = Config::new()
        .baud(3_000_000)
        .timeout(Duration::from_secs(20));
    let mut port = Port::open_on(&board, "ttyS0", &config)?;
    assert!(port.modem_lines()?.cts && port.modem_lines()?.cd);
    let open = || OpenOptions::new().read(true).write(true).open(&path);
    // It comes and goes.
    for _ in 0..2 {
        let mut program = open()?;
        port.write_all(b"to you\n\r\x03\x04\0\xff")?;
        let mut read = [0; 12];
        program.read_exact(&mut read)?;
        assert_eq!(&read, b"to you\n\r\x03\x04\0\xff");
        program.write_all(b"to me\n\r\x03\x04\0\xff")?;
        let mut read = [0; 11];
        port.read_exact(&mut read)?;
        assert_eq!(&read, b"to me\n\r\x03\x04\0\xff");
    }
    // More than any buffer holds.
    let sent: Vec<u8> = (0..200_000).map(|number| (number % 251) as u8).collect();
    let program = std::thread::spawn({
        let (mut program, sent) = (open()?, sent.clone());
        move || program.write_all(&sent)
    });
    let start = std::time::Instant::now();
    let mut read = vec![0; sent.len()];
    port.read_exact(&mut read)?;
    assert!(read == sent);
    // Of which it may have missed some.
    let on_wire = Duration::from_micros(200_000 * 10 / 3);
    assert!(start.elapsed() >= on_wire / 2);
    program.join().expect("no panic")?;
    // Its end is the end of the line.
    let mut program = open()?;
    board.remove_serial_port("ttyS0")?;
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while program.write_all(b"x").is_ok() {
        assert!(std::time::Instant::now() < until, "it hangs up");
        std::thread::sleep(MILLISECOND);
    }
    Ok(())
}

#[test]
fn in_real_time_bytes_take_theirs() -> Result {
    let board = Stub::real_time().serial_loop("ttyS0")?;
    let mut port = Port::open_on(&board, "ttyS0", &Config::new().baud(9600))?;
    let start = std::time::Instant::now();
    port.write_all(b"hello")?;
    let mut read = [0; 5];
    port.read_exact(&mut read)?;
    assert_eq!(&read, b"hello");
    assert!(start.elapsed() >= Duration::from_micros(5 * 1041));
    let handle = Backend::open(&board, "ttyS0", false).map(drop);
    assert_eq!(handle.unwrap_err().raw_os_error(), Some(16));
    port.flush()?;
    Ok(())
}

/// The kernel's buffers of a pseudo-terminal take some bytes, and the board's the others.
#[cfg(unix)]
#[test]
fn what_another_program_does_not_read_is_told_to_be_lost() -> Result {
    let board = Stub::real_time();
    board.serial_pty("ttyS0")?;
    let recording = board.record();
    let port = Port::open_on(&board, "ttyS0", &Config::new().baud(3_000_000))?;
    let sent = 200_000;
    port.write_within(&vec![7; sent], Duration::from_secs(60))?;
    port.drain(None)?;
    let lost = || -> usize {
        let notes = recording.entries().into_iter();
        let lost = notes.filter_map(|entry| match entry.action {
            Action::Note(note) => note
                .strip_prefix("ttyS0: ")?
                .split(' ')
                .next()?
                .parse::<usize>()
                .ok(),
            _ => None,
        });
        lost.sum()
    };
    let enough = sent - (64 << 10) - (80 << 10);
    while lost() < enough {
        board.delay().sleep(Duration::from_millis(10))?;
    }
    assert!(lost() <= sent - (64 << 10), "{}", lost());
    Ok(())
}
