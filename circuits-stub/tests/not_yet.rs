//! What is wrong as yet: each fails, and loses its `ignore` with the mend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use circuits_gpio::Output;
use circuits_spi::{Bus, ChipSelect, Config, Device as SpiDev};
use circuits_stub::Stub;
use circuits_stub::chips::Mcp3008;
use embedded_hal::spi::{SpiBus, SpiDevice};

fn rests() -> Config {
    Config::new().chip_select(ChipSelect::None)
}

/// Two chips by lines on clones of one bus, each as `ExclusiveDevice` does it.
#[test]
#[ignore = "as on the wires of a real board: both lines are active at once"]
fn clones_of_a_bus_are_no_two_buses() {
    let (one, other) = (Mcp3008::new(1.024), Mcp3008::new(1.024));
    one.set_volts(0, 0.1005);
    other.set_volts(0, 0.9005);
    let stub = Stub::virtual_time()
        .lines(["CS0", "CS1"])
        .spi_device_on("spidev0.0", "CS0", one)
        .unwrap()
        .spi_device_on("spidev0.0", "CS1", other)
        .unwrap();
    let wrong = Arc::new(AtomicUsize::new(0));
    let bus = Bus::open_on(&stub, "spidev0.0", &rests()).unwrap();
    let lines = ["CS0", "CS1"].map(|name| {
        Output::open_on(&stub, name, &circuits_gpio::Config::new().initial(true)).unwrap()
    });
    stub.clone().run(|| {
        let mut joins = Vec::new();
        for (line, expected) in lines.into_iter().zip([100, 900]) {
            let (mut bus, wrong) = (bus.clone(), wrong.clone());
            joins.push(stub.spawn("user", move || {
                for _ in 0..20 {
                    line.set(false).unwrap();
                    // As a driver that writes and then reads.
                    let mut head = [1];
                    let mut rest = [0x80, 0];
                    bus.transfer_in_place(&mut head).unwrap();
                    bus.transfer_in_place(&mut rest).unwrap();
                    line.set(true).unwrap();
                    let code = u16::from_be_bytes([rest[0] & 3, rest[1]]);
                    if code != expected {
                        wrong.fetch_add(1, Ordering::SeqCst);
                    }
                }
            }));
        }
        for join in joins {
            let _ = join.unwrap().join();
        }
    });
    assert_eq!(wrong.load(Ordering::SeqCst), 0);
}

/// `configure` comes when what was called before is done.
#[test]
#[ignore = "is not mended yet: what was begun is known to the device, not to its handle"]
fn configure_waits_for_what_is_on_the_wire() {
    use std::task::{Context, Waker};
    let stub = Stub::virtual_time().spi_node("spidev0.0").unwrap();
    let device = SpiDev::open_on(&stub, "spidev0.0", &Config::new()).unwrap();
    let mut clone = device.clone();
    let clock = stub.clock();
    stub.clone().block_on(async move {
        let mut future = Box::pin(embedded_hal_async::spi::SpiDevice::write(
            &mut clone, &[0; 1000],
        ));
        let _ = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        device
            .configure(&Config::new().speed_hz(2_000_000))
            .unwrap();
        assert!(clock.now().as_nanos() >= 8_000_000, "{:?}", clock.now());
    });
}

/// A chip by a line, and a neighbour on the node's own chip select.
#[test]
#[ignore = "as on the wires of a real board: the line is active meanwhile"]
fn a_neighbour_on_a_node_is_heard_by_a_chip_on_a_line() {
    let one = Mcp3008::new(1.024);
    one.set_volts(0, 0.1005);
    let stub = Stub::virtual_time()
        .lines(["CS0"])
        .spi_device_on("spidev0.0", "CS0", one)
        .unwrap()
        .spi_node("spidev0.1")
        .unwrap();
    let wrong = Arc::new(AtomicUsize::new(0));
    let mut bus = Bus::open_on(&stub, "spidev0.0", &rests()).unwrap();
    let mut neighbour = SpiDev::open_on(&stub, "spidev0.1", &Config::new()).unwrap();
    let line = Output::open_on(&stub, "CS0", &circuits_gpio::Config::new().initial(true)).unwrap();
    stub.clone().run(|| {
        let count = wrong.clone();
        let a = stub
            .spawn("user", move || {
                for _ in 0..20 {
                    line.set(false).unwrap();
                    let (mut head, mut rest) = ([1], [0x80, 0]);
                    bus.transfer_in_place(&mut head).unwrap();
                    bus.transfer_in_place(&mut rest).unwrap();
                    line.set(true).unwrap();
                    if u16::from_be_bytes([rest[0] & 3, rest[1]]) != 100 {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
            .unwrap();
        let b = stub
            .spawn("neighbour", move || {
                (0..40).for_each(|_| neighbour.write(&[0x55]).unwrap())
            })
            .unwrap();
        let _ = (a.join(), b.join());
    });
    assert_eq!(wrong.load(Ordering::SeqCst), 0);
}
