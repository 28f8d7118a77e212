//! Devices that come and go under an application's hands, on the virtual board.

use std::time::Duration;

use circuits::enumerate::{Devices, ErrorKind, Filter, Identity};
use circuits::prelude::*;
use circuits::stub::chips::{Tmp102, W25q};
use circuits::stub::{Profile, Stub};
use circuits::{ReconnectError, gpio, i2c, reconnect_async, spi};

const SOON: Duration = Duration::from_secs(1);
const MILLIS: Duration = Duration::from_millis(1);

fn relays() -> Identity {
    "gpio:gpio_chip@/devices/platform/relays.0".parse().unwrap()
}

#[test]
fn another_chip_of_the_same_name_is_not_opened() {
    let stub = Stub::virtual_time()
        .nodes_after(500 * MILLIS)
        .chip("relays", ["PUMP"]);
    let board = Board::from(&stub);
    let name = stub.run(|| {
        let application = board.clone();
        let waiting = stub.spawn("application", move || {
            application.reconnect(&relays(), 10 * SOON, |chip| {
                let line = application.output(format!("{chip}:0"))?;
                Ok::<_, gpio::Error>((chip.to_owned(), line))
            })
        });
        stub.delay().sleep(200 * MILLIS).unwrap();
        stub.remove_chip("gpiochip0").unwrap();
        assert_eq!(stub.plug_chip("motors", ["SAW"]), "gpiochip0");
        stub.delay().sleep(SOON).unwrap();
        assert_eq!(stub.consumer("SAW").unwrap(), None);
        stub.plug_chip("relays", ["PUMP"]);
        let (name, _line) = waiting.unwrap().join().unwrap().unwrap();
        assert_ne!(stub.consumer("PUMP").unwrap(), None);
        name
    });
    assert_eq!(name, "gpiochip1");
}

#[test]
fn a_chip_that_is_on_its_way_out_is_waited_for() {
    let stub = Stub::virtual_time().chip("relays", ["PUMP"]);
    let board = Board::from(&stub);
    let mut tries = 0;
    stub.run(|| {
        let other = stub.clone();
        let going = stub.spawn("hand", move || {
            other.delay().sleep(5 * MILLIS)?;
            other.remove_chip("gpiochip0").unwrap();
            other.delay().sleep(20 * MILLIS)?;
            other.plug_chip("relays", ["PUMP"]);
            std::io::Result::Ok(())
        });
        board
            .reconnect(&relays(), SOON, |chip| {
                tries += 1;
                // Handles know before anybody is told.
                match board.clock().now().as_nanos() {
                    0 => Err(gpio::Error::from_io(
                        &chip.into(),
                        "anything",
                        std::io::Error::from_raw_os_error(19),
                    )),
                    _ => board.output(format!("{chip}:0")),
                }
            })
            .unwrap();
        going.unwrap().join().unwrap().unwrap();
    });
    assert_eq!(tries, 2);
    // One that stays and cannot be opened is told.
    let refused = board.reconnect(&relays(), SOON, |_| {
        Err::<(), _>(std::io::Error::other("no"))
    });
    assert!(matches!(refused, Err(ReconnectError::Open { name, .. }) if name == "gpiochip0"));
}

#[test]
fn who_waits_for_ever_is_told() {
    let stub = Stub::virtual_time().chip("relays", ["PUMP"]);
    let board = Board::from(&stub.without_permission());
    let open = |chip: &str| board.output(format!("{chip}:0"));
    let error = board.reconnect(&relays(), None, open).unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::Deadlock));
    let error = board.reconnect(&relays(), SOON, open).unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::PermissionDenied));
    let error = stub
        .block_on(reconnect_async(&board, &relays(), open))
        .unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::Deadlock));
    let nobody: Identity = "gpio:gpio_chip@/devices/nowhere".parse().unwrap();
    let error = board.reconnect(&nobody, SOON, open).unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::TimedOut));
    let error = board.reconnect(&nobody, None, open).unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::Deadlock));
}

/// An expander at a port of a hub, as its adapter tells of it.
fn plug(stub: &Stub, port: u32, serial: &str, chip: u32) {
    let (usb, interface) = (format!("/devices/usb1/1-{port}"), format!("1-{port}:1.0"));
    for event in [
        format!(
            "add@{usb}\0SUBSYSTEM=usb\0DEVTYPE=usb_device\0PRODUCT=10c4/ea60/100\0ID_SERIAL_SHORT={serial}\0"
        ),
        format!(
            "add@{usb}/{interface}\0SUBSYSTEM=usb\0DEVTYPE=usb_interface\0MODALIAS=usb:v10C4\0"
        ),
        format!(
            "add@{usb}/{interface}/gpiochip{chip}\0SUBSYSTEM=gpio\0DEVTYPE=gpio_chip\0DEVNAME=gpiochip{chip}\0"
        ),
        format!(
            "add@{usb}/{interface}/i2c-{chip}/i2c-dev/i2c-{chip}\0SUBSYSTEM=i2c-dev\0DEVNAME=i2c-{chip}\0"
        ),
        format!("add@{usb}/{interface}/i2c-{chip}\0SUBSYSTEM=i2c\0"),
    ] {
        stub.feed(event.as_bytes()).unwrap();
    }
}

fn hub() -> Stub {
    let adapters = Filter::new().subsystem("usb");
    Stub::virtual_time().profile(
        Profile::new(adapters)
            .lines("cp2112", ["A", "B"])
            .i2c_device(0x48, Tmp102::new),
    )
}

#[test]
fn what_hangs_on_it_goes_with_it() {
    let stub = hub();
    let board = Board::from(&stub);
    plug(&stub, 1, "A1", 4);
    let line = board.output("gpiochip4:0").unwrap();
    let mut bus = board.i2c_bus("i2c-4").unwrap();
    bus.read(0x48, &mut [0; 2]).unwrap();
    // The kernel tells of each, and a feeder may have lost that.
    stub.feed(b"remove@/devices/usb1/1-1\0SUBSYSTEM=usb\0")
        .unwrap();
    assert_eq!(line.set(true).unwrap_err().kind(), gpio::ErrorKind::Removed);
    let error = bus.read(0x48, &mut [0; 2]).unwrap_err();
    assert_eq!(error.kind(), i2c::ErrorKind::Removed);
    assert!(board.gpio_chips().unwrap().is_empty());
    assert!(Devices::list_all_on(&stub).unwrap().is_empty());
}

#[test]
fn a_name_that_is_elsewhere_after_a_gap_is_another_chip() {
    let stub = hub();
    let board = Board::from(&stub);
    stub.feed(b"cold-plug").unwrap();
    plug(&stub, 1, "A1", 4);
    stub.feed(b"live").unwrap();
    let line = board.output("gpiochip4:0").unwrap();
    stub.feed(b"cold-plug").unwrap();
    plug(&stub, 2, "A1", 4);
    stub.feed(b"live").unwrap();
    assert_eq!(line.set(true).unwrap_err().kind(), gpio::ErrorKind::Removed);
    let chips = board.devices().unwrap().gpio_chips();
    assert_eq!(chips.len(), 1);
    assert!(chips[0].path.starts_with("/devices/usb1/1-2"));
    board.output("gpiochip4:1").unwrap().set(true).unwrap();
}

#[test]
fn twins_are_told_apart_by_their_places() {
    let stub = hub();
    let board = Board::from(&stub);
    plug(&stub, 1, "A1", 4);
    let devices = board.devices().unwrap();
    let alone = devices.gpio_chips().remove(0);
    assert_eq!(alone.identity.as_str(), "gpio:gpio_chip@usb:10c4:ea60:A1");
    let place = devices.identity_by_place(devices.get(&alone.path).unwrap());
    plug(&stub, 2, "A1", 5);
    let error = board.reconnect(&alone.identity, SOON, |chip| {
        board.gpio_chip(chip).map(drop)
    });
    let error = error.unwrap_err();
    assert_eq!(error.kind(), Some(ErrorKind::Ambiguous));
    let said = circuits::Failure::from(error);
    assert!(
        format!("{said:?}").contains("1-1:1.0, gpio:gpio_chip@/devices/usb1/1-2"),
        "{said:?}"
    );
    let found = board.reconnect(&place, SOON, |chip| Ok::<_, gpio::Error>(chip.to_owned()));
    assert_eq!(found.unwrap(), "gpiochip4");
}

#[cfg(target_os = "linux")]
#[test]
fn a_board_that_is_fed_can_be_interrupted() {
    use circuits::enumerate::{Feed, Linux};

    let feed = Feed::new();
    let board = Board::linux_fed_by(&feed).unwrap();
    let mut watch = board.watch().unwrap();
    board.interrupt().unwrap().raise();
    let error = watch.wait_change(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let without = Board::linux()
        .unwrap()
        .with_enumerate(Linux::new())
        .unwrap();
    let error = without.interrupt().unwrap_err().to_string();
    assert!(error.contains("Linux::with_clock"), "{error}");
}

#[test]
fn an_spi_device_is_found_again_when_it_has_its_driver_back() {
    let stub = Stub::virtual_time()
        .spi_device("spidev0.0", W25q::w25q32jv())
        .unwrap();
    let board = Board::from(&stub);
    let config = spi::Config::new();
    let mut flash = board.spi_device("spidev0.0", &config).unwrap();
    let mut watch = board.watch().unwrap();
    let controllers = watch.devices().spi_controllers();
    assert_eq!(controllers[0].name, "spi0");
    let identity = controllers[0].devices[0].identity.clone();
    assert_eq!(
        controllers[0].devices[0].spidev.as_deref(),
        Some("spidev0.0")
    );

    stub.remove_spi_node("spidev0.0").unwrap();
    let error = flash.write(&[0x9f]).unwrap_err();
    assert_eq!(error.kind(), spi::ErrorKind::Removed);
    let gone = watch.wait_change(SOON).unwrap().unwrap();
    assert_eq!(gone.device().subsystem(), "spidev");
    while watch.try_change().unwrap().is_some() {}
    let device = &watch.devices().spi_controllers()[0].devices[0];
    assert!(
        device
            .unavailable()
            .unwrap()
            .contains("no driver has spi0.0")
    );

    let back = stub.run(|| {
        let application = board.clone();
        let waiting = stub.spawn("application", move || {
            application.reconnect(&identity, 10 * SOON, |name| {
                application.spi_device(name, &spi::Config::new())
            })
        });
        stub.delay().sleep(SOON).unwrap();
        stub.plug_spi("spidev0.0", W25q::w25q32jv()).unwrap();
        waiting.unwrap().join().unwrap()
    });
    let mut id = [0x9f, 0, 0, 0];
    back.unwrap().transfer_in_place(&mut id).unwrap();
    assert_eq!(id[1..], [0xef, 0x40, 0x16]);
    let error = flash.write(&[0x9f]).unwrap_err();
    assert_eq!(error.kind(), spi::ErrorKind::Removed);
}

#[test]
fn an_spi_device_grows_by_a_uevent() {
    let memory = Filter::new().subsystem("spidev");
    let stub = Stub::virtual_time().profile(Profile::new(memory).spi_device(W25q::w25q32jv));
    let board = Board::from(&stub);
    let path = "/devices/spi_master/spi1/spi1.2/spidev/spidev1.2";
    let event = |action| format!("{action}@{path}\0SUBSYSTEM=spidev\0DEVNAME=spidev1.2\0");
    stub.feed(event("add").as_bytes()).unwrap();
    assert_eq!(board.spi_devices().unwrap(), ["spidev1.2"]);
    let mut flash = board.spi_device("spidev1.2", &spi::Config::new()).unwrap();
    let mut id = [0x9f, 0, 0, 0];
    flash.transfer_in_place(&mut id).unwrap();
    assert_eq!(id[1..], [0xef, 0x40, 0x16]);
    stub.feed(event("remove").as_bytes()).unwrap();
    let error = flash.transfer_in_place(&mut id).unwrap_err();
    assert_eq!(error.kind(), spi::ErrorKind::Removed);
}

#[test]
fn a_device_of_the_kernels_is_listed_and_goes_with_its_bus() {
    let stub = Stub::virtual_time().i2c_owner("i2c-1", 0x68, "rtc-ds1307");
    let clients = || {
        let adapters = Devices::list_on(&stub).unwrap().i2c_adapters();
        let clients = adapters.into_iter().flat_map(|adapter| adapter.clients);
        clients
            .map(|client| (client.address, client.driver))
            .collect::<Vec<_>>()
    };
    assert_eq!(clients(), [(Some(0x68), Some("rtc-ds1307".into()))]);
    stub.remove_i2c_bus("i2c-1").unwrap();
    assert_eq!(clients(), []);
}
