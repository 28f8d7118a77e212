//! A device of the kernel's that went is found again when it comes back, by who it is.
#![cfg(target_os = "linux")]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use circuits::enumerate::{ChangeKind, ErrorKind, Filter, Identity};
use circuits::prelude::*;
use circuits::spi::Config;
use circuits::{Board, ReconnectError, reconnect_async};

use circuits_bench::{Outside, Udevd, block_on};

const SOON: Duration = Duration::from_secs(20);

/// Opens a serial port as it is. A file that is open keeps its number from others.
fn open(name: &str) -> io::Result<(String, File)> {
    let mut options = File::options();
    options.read(true).write(true);
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(Path::new("/dev").join(name))?;
    Ok((name.into(), file))
}

fn adapter(name: &str) -> Identity {
    format!("tty@usb:0403:6001:{name}:00").parse().unwrap()
}

fn usb_serial_number(name: &str) -> String {
    let file = format!("/sys/class/tty/{name}/device/../../serial");
    fs::read_to_string(file).unwrap().trim().into()
}

#[test]
#[ignore = "needs the emulated Pi"]
fn an_adapter_is_found_in_another_socket_under_another_name() {
    let (board, outside) = (Board::linux().unwrap(), Outside::here());
    let _udevd = Udevd::start();
    let identity = adapter("GPS");
    let gps = outside.plug("GPS", 2);
    let (before, kept) = board.reconnect(&identity, SOON, open).unwrap();
    let devices = board.devices().unwrap();
    let port = devices.find(&identity).unwrap();
    assert_eq!(
        (port.name(), devices.identity(port)),
        (before.as_ref(), identity.clone())
    );
    gps.unplug();

    // It comes while it is waited for.
    let come = || {
        thread::sleep(Duration::from_millis(500));
        outside.plug("GPS", 4)
    };
    let (gps, (name, port)) = thread::scope(|scope| {
        let coming = scope.spawn(come);
        let back = board.reconnect(&identity, SOON, open).unwrap();
        (coming.join().unwrap(), back)
    });
    assert_ne!(name, before, "the number of what is open is taken");
    assert_eq!(usb_serial_number(&name), "GPS");
    gps.unplug();
    drop((kept, port));

    let gps = thread::scope(|scope| {
        let coming = scope.spawn(come);
        let (name, _) = block_on(reconnect_async(&board, &identity, open)).unwrap();
        assert_eq!(usb_serial_number(&name), "GPS");
        coming.join().unwrap()
    });
    gps.unplug();
}

#[test]
#[ignore = "needs the emulated Pi"]
fn adapters_are_told_apart_by_their_serial_numbers() {
    let (board, outside) = (Board::linux().unwrap(), Outside::here());
    let _udevd = Udevd::start();
    let (gps, modem) = (outside.plug("GPS", 2), outside.plug("MODEM", 3));
    let check = |name: &str| {
        let (port, _) = board.reconnect(&adapter(name), SOON, open).unwrap();
        assert_eq!(usb_serial_number(&port), name);
        port
    };
    let before = [check("GPS"), check("MODEM")];
    gps.unplug();
    modem.unplug();
    while before
        .iter()
        .any(|name| Path::new("/dev").join(name).exists())
    {
        thread::sleep(Duration::from_millis(10));
    }
    // The other one comes first, in the same socket, so it has the same name.
    let modem = outside.plug("MODEM", 2);
    assert_eq!(check("MODEM"), before[0]);
    let short = Duration::from_millis(500);
    match board.reconnect(&adapter("GPS"), short, open) {
        Err(ReconnectError::Wait { source, .. }) => assert_eq!(source.kind(), ErrorKind::TimedOut),
        found => panic!("{found:?}"),
    }
    let gps = outside.plug("GPS", 3);
    assert_eq!(check("GPS"), before[1]);
    assert_eq!(check("MODEM"), before[0]);
    drop((gps, modem));
}

/// The kernel lets no controller go while one of its buses is open (`i2c_del_adapter`,
/// drivers/i2c/i2c-core-base.c): the bus is to be closed first, and opened again.
#[test]
#[ignore = "needs the emulated Pi"]
fn an_i2c_controller_goes_when_its_bus_is_closed_and_comes_back() {
    const DRIVER: &str = "/sys/bus/platform/drivers/i2c-bcm2835";
    const CONTROLLER: &str = "3f804000.i2c";
    let board = Board::linux().unwrap();
    let mut bus = board.i2c_bus("i2c-1").unwrap();
    let mut raw = [0; 2];
    bus.write_read(0x48, &[0], &mut raw).unwrap();
    let adapters = board.devices().unwrap().i2c_adapters();
    let adapter = adapters.into_iter().find(|adapter| adapter.name == "i2c-1");
    let identity = adapter.unwrap().identity;
    let only_buses = Filter::new().subsystem("i2c-dev");
    let mut watch = board.watch_with(only_buses).unwrap();

    let (sender, unbound) = mpsc::channel();
    thread::spawn(move || {
        let done = fs::write(format!("{DRIVER}/unbind"), CONTROLLER);
        sender.send(done.is_ok()).unwrap();
    });
    // It is told that it goes, and its node has gone; but it goes on.
    let change = watch.wait_change(SOON).unwrap().unwrap();
    assert_eq!(change.kind(), ChangeKind::Removed);
    assert_eq!(watch.devices().identity(change.device()), identity);
    assert!(!Path::new("/dev/i2c-1").exists());
    let error = bus.write_read(0x48, &[0], &mut raw).unwrap_err();
    // The driver, which has no interrupt any more, says that it timed out.
    assert_eq!(error.kind(), circuits::i2c::ErrorKind::Removed);
    let short = unbound.recv_timeout(Duration::from_secs(1));
    assert_eq!(short, Err(mpsc::RecvTimeoutError::Timeout));

    drop(bus);
    assert_eq!(unbound.recv_timeout(SOON), Ok(true));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            fs::write(format!("{DRIVER}/bind"), CONTROLLER).unwrap();
        });
        let back = board.reconnect(&identity, SOON, |name| board.i2c_bus(name));
        back.unwrap().write_read(0x48, &[0], &mut raw).unwrap();
    });
}

#[test]
#[ignore = "needs the emulated Pi"]
fn an_spi_device_loses_its_driver_and_gets_it_back() {
    const DRIVER: &str = "/sys/bus/spi/drivers/spidev";
    let board = Board::linux().unwrap();
    let config = Config::new().speed_hz(10_000_000);
    let mut nobody = board.spi_device("spidev0.1", &config).unwrap();
    nobody.write(&[0]).unwrap();
    let controllers = board.devices().unwrap().spi_controllers();
    let mut devices = controllers.into_iter().flat_map(|all| all.devices);
    let device = devices.find(|device| device.name == "spi0.1").unwrap();
    fs::write(format!("{DRIVER}/unbind"), "spi0.1").unwrap();
    for _ in 0..2 {
        let error = nobody.write(&[0]).unwrap_err();
        assert_eq!(error.kind(), circuits::spi::ErrorKind::Removed);
    }
    let error = board.spi_device("spidev0.1", &config).unwrap_err();
    assert!(error.to_string().contains("no driver has it"), "{error}");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            fs::write(format!("{DRIVER}/bind"), "spi0.1").unwrap();
        });
        let open = |name: &str| board.spi_device(name, &config);
        let mut back = board.reconnect(&device.identity, SOON, open).unwrap();
        back.write(&[0]).unwrap();
    });
    assert!(nobody.write(&[0]).is_err());
}
