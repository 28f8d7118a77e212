//! What goes over the wires of the virtual board: when, to whom, and what is refused.

use std::sync::{Arc, Mutex};

use circuits_gpio::Output;
use circuits_spi::{
    Backend, BitOrder, Bus, ChipSelect, Config, Device, ErrorKind, Mode, Operation,
};
use circuits_stub::trace::Action;
use circuits_stub::{Pin, Stub, spi};
use circuits_wait::Time;
use embedded_hal::delay::DelayNs;
use embedded_hal::spi::{SpiBus, SpiDevice};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// Writes down what it sees, and answers each byte with its complement.
#[derive(Clone, Default)]
struct Witness {
    seen: Arc<Mutex<Vec<Seen>>>,
    is_active_high: bool,
    /// Is driven low when it is deselected.
    pin: Option<Pin>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Select(u64),
    Byte(u8),
    Deselect(u64),
}

impl Witness {
    fn see(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
    }

    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl spi::Device for Witness {
    fn select(&mut self, time: Time) {
        self.see(Seen::Select(time.as_nanos()));
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        self.see(Seen::Byte(byte));
        !byte
    }

    fn deselect(&mut self, time: Time) {
        self.see(Seen::Deselect(time.as_nanos()));
        if let Some(pin) = &self.pin {
            pin.drive(false);
        }
    }

    fn is_active_high(&self) -> bool {
        self.is_active_high
    }
}

fn rests() -> Config {
    Config::new().chip_select(ChipSelect::None)
}

/// A byte takes 8 µs at 1 MHz.
#[test]
fn who_comes_second_waits_for_the_wires() -> Result {
    let stub = Stub::virtual_time()
        .spi_node("spidev0.0")?
        .spi_node("spidev0.1")?
        .spi_node("spidev1.0")?;
    let clock = stub.clock();
    let names = ["spidev0.0", "spidev0.1", "spidev1.0"];
    let ends = stub.run(|| {
        let threads = names.map(|name| {
            let (stub, clock) = (stub.clone(), clock.clone());
            let user = stub.clone();
            let user = move || {
                let mut device = Device::open_on(&user, name, &Config::new()).unwrap();
                device.write(&[1; 100]).unwrap();
                clock.now().as_nanos()
            };
            stub.spawn(name, user).unwrap()
        });
        threads.map(|thread| thread.join().unwrap())
    });
    assert_eq!(ends, [800_000, 1_600_000, 800_000]);
    Ok(())
}

#[test]
fn no_clock_is_faster_than_the_controllers() -> Result {
    let stub = Stub::virtual_time().spi_node("spidev0.0")?;
    let config = Config::new().speed_hz(u32::MAX);
    Device::open_on(&stub, "spidev0.0", &config)?.write(&[1; 1000])?;
    assert_eq!(stub.clock().now().as_nanos(), 64_000, "125 MHz");
    Ok(())
}

#[test]
fn what_a_kernel_refuses_is_refused() -> Result {
    let stub = Stub::virtual_time().spi_node("spidev0.0")?;
    let config = Config::new().three_wire(true);
    let mut device = Device::open_on(&stub, "spidev0.0", &config)?;
    device.transaction(&mut [Operation::Write(&[1]), Operation::Read(&mut [0])])?;
    let error = device.transfer_in_place(&mut [1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    // EINVAL and EMSGSIZE, for who does not look first.
    let handle = Backend::open(&stub, "spidev0.0")?;
    let mut byte = [1];
    let mut both = [Operation::TransferInPlace(&mut byte)];
    let error = handle.transaction(&mut both).result.unwrap_err();
    assert_eq!(error.raw_os_error(), Some(22));
    for operation in [
        Operation::Write(&[0; 4097]),
        Operation::Read(&mut [0; 4097]),
    ] {
        let error = handle.transaction(&mut [operation]).result.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(90));
    }
    Ok(())
}

#[test]
fn a_chip_on_a_line_sees_it_move() -> Result {
    let chip = Witness::default();
    let stub = Stub::virtual_time()
        .lines(["CS"])
        .spi_device_on("spidev0.0", "CS", chip.clone())?;
    let line = Output::open_on(&stub, "CS", &circuits_gpio::Config::new().initial(true))?;
    let mut bus = Bus::open_on(&stub, "spidev0.0", &rests())?;
    chip.take();
    bus.write(&[1])?;
    assert_eq!(chip.take(), []);
    line.set(false)?;
    bus.write(&[2])?;
    line.set(true)?;
    let seen = [Seen::Select(8_000), Seen::Byte(2), Seen::Deselect(16_000)];
    assert_eq!(chip.take(), seen);
    Ok(())
}

/// A chip that drives a pin does so while it has the wires.
#[test]
fn a_chip_selects_another() -> Result {
    let other = Witness::default();
    let stub =
        Stub::virtual_time()
            .lines(["CS"])
            .spi_device_on("spidev0.0", "CS", other.clone())?;
    let pin = stub.pin("CS")?;
    pin.drive(true);
    other.take();
    let one = Witness {
        pin: Some(pin),
        ..Witness::default()
    };
    let stub = stub.spi_device("spidev0.0", one)?;
    Device::open_on(&stub, "spidev0.0", &Config::new())?.write(&[1])?;
    assert!(matches!(other.take()[..], [Seen::Select(_)]));
    Ok(())
}

#[test]
fn who_is_not_selected_hears_nothing() -> Result {
    let (low, high) = (
        Witness::default(),
        Witness {
            is_active_high: true,
            ..Witness::default()
        },
    );
    let stub = Stub::virtual_time()
        .spi_device("spidev0.0", low.clone())?
        .spi_device("spidev0.1", high.clone())?;
    for (select, name, chip, is_meant) in [
        (ChipSelect::ActiveLow, "spidev0.0", &low, true),
        (ChipSelect::ActiveHigh, "spidev0.0", &low, false),
        (ChipSelect::None, "spidev0.0", &low, false),
        (ChipSelect::ActiveLow, "spidev0.1", &high, false),
        (ChipSelect::ActiveHigh, "spidev0.1", &high, true),
        (ChipSelect::None, "spidev0.1", &high, false),
    ] {
        let config = Config::new().chip_select(select);
        let mut bytes = [0x0f];
        Device::open_on(&stub, name, &config)?.transfer_in_place(&mut bytes)?;
        assert_eq!(chip.take().is_empty(), !is_meant, "{name} {select:?}");
        let came = if is_meant { 0xf0 } else { 0xff };
        assert_eq!(bytes, [came], "{name} {select:?}");
    }
    assert!(low.take().is_empty() && high.take().is_empty());
    Ok(())
}

/// Several that drive the wire at once: low wins.
#[test]
fn chips_that_are_selected_together_pull_together() -> Result {
    let chips = [Witness::default(), Witness::default()];
    let [one, other] = chips.clone();
    let stub = Stub::virtual_time()
        .lines(["CS0", "CS1"])
        .spi_device_on("spidev0.0", "CS0", one)?
        .spi_device_on("spidev0.0", "CS1", other)?;
    struct Low;
    impl spi::Device for Low {
        fn transfer(&mut self, _: u8) -> u8 {
            0b0011_1111
        }
    }
    let stub = stub.spi_device("spidev0.0", Low)?;
    let mut bytes = [0b0000_1111];
    Device::open_on(&stub, "spidev0.0", &Config::new())?.transfer_in_place(&mut bytes)?;
    assert_eq!(bytes, [0b0011_0000]);
    Ok(())
}

#[test]
fn words_go_as_they_are_set_up() -> Result {
    let chip = Witness::default();
    let stub = Stub::virtual_time().spi_device("spidev0.0", chip.clone())?;
    let mut device = Device::open_on(&stub, "spidev0.0", &Config::new())?;
    let bytes = |seen: Vec<Seen>| -> Vec<u8> {
        let byte = |seen| match seen {
            Seen::Byte(byte) => Some(byte),
            _ => None,
        };
        seen.into_iter().filter_map(byte).collect()
    };
    let mut read = [0xaa; 2];
    device.read(&mut read)?;
    assert_eq!((read, bytes(chip.take())), ([0xff; 2], vec![0, 0]));
    let config = Config::new().bits_per_word(16);
    device.configure(&config)?;
    let mut word = 0x1234u16.to_ne_bytes();
    device.transfer_in_place(&mut word)?;
    assert_eq!(bytes(chip.take()), [0x12, 0x34]);
    assert_eq!(u16::from_ne_bytes(word), !0x1234);
    device.configure(&config.bit_order(BitOrder::LsbFirst))?;
    assert!(!device.reverses_bits(), "this controller can");
    let mut word = 0x1234u16.to_ne_bytes();
    device.transfer_in_place(&mut word)?;
    assert_eq!(bytes(chip.take()), [0x2c, 0x48]);
    assert_eq!(u16::from_ne_bytes(word), !0x1234);
    device.configure(&Config::new().loopback(true))?;
    let mut byte = [0x5a];
    device.transfer_in_place(&mut byte)?;
    assert_eq!(byte, [0x5a]);
    Ok(())
}

#[test]
fn a_pause_is_a_new_beginning_of_the_clock() -> Result {
    #[derive(Clone, Default)]
    struct Clocked(Arc<Mutex<Vec<u64>>>);
    impl spi::Device for Clocked {
        fn clock(&mut self, time: Time) {
            self.0.lock().unwrap().push(time.as_nanos());
        }
        fn transfer(&mut self, _: u8) -> u8 {
            0
        }
        fn understands(&self, mode: Mode) -> bool {
            mode == Mode::Mode0
        }
    }
    let chip = Clocked::default();
    let stub = Stub::virtual_time().spi_device("spidev0.0", chip.clone())?;
    let mut operations = [
        Operation::Write(&[1]),
        Operation::DelayNs(1_000),
        Operation::Write(&[2]),
    ];
    Device::open_on(&stub, "spidev0.0", &Config::new())?.transaction(&mut operations)?;
    assert_eq!(*chip.0.lock().unwrap(), [0, 9_000]);
    assert_eq!(stub.clock().now().as_nanos(), 17_000);
    Ok(())
}

/// A future that nobody can wake up in time sends nothing.
#[test]
fn what_cannot_be_waited_for_is_not_begun() -> Result {
    let chip = Witness::default();
    let stub = Stub::virtual_time().spi_device("spidev0.0", chip.clone())?;
    let mut device = Device::open_on(&stub, "spidev0.0", &Config::new())?;
    let future = embedded_hal_async::spi::SpiDevice::write(&mut device, &[1]);
    let error = pollster::block_on(future).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert_eq!(chip.take(), []);
    Ok(())
}

/// Entries of the trace are in the order of their times.
#[test]
fn the_trace_is_in_order() {
    let stub = Stub::virtual_time()
        .lines(["A"])
        .spi_node("spidev0.0")
        .unwrap()
        .spi_node("spidev0.1")
        .unwrap();
    let recording = stub.record();
    let line = Output::open_on(&stub, "A", &circuits_gpio::Config::new()).unwrap();
    stub.clone().run(|| {
        let joins: Vec<_> = ["spidev0.0", "spidev0.1"]
            .into_iter()
            .map(|name| {
                let stub2 = stub.clone();
                stub.spawn(name, move || {
                    let mut device = Device::open_on(&stub2, name, &Config::new()).unwrap();
                    device.write(&[1; 100]).unwrap();
                })
                .unwrap()
            })
            .collect();
        let stub2 = stub.clone();
        let third = stub
            .spawn("line", move || {
                stub2.delay().delay_us(100);
                line.set(true).unwrap();
            })
            .unwrap();
        for join in joins {
            let _ = join.join();
        }
        let _ = third.join();
    });
    let told = recording.to_string();
    let times: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(times.is_sorted(), "{told}");
}

/// An entry is of when it was asked for, and says when it was on the wires.
#[test]
fn the_trace_tells_what_the_chip_select_did() -> Result {
    let stub = Stub::virtual_time().spi_node("spidev0.0")?;
    let mut device = Device::open_on(&stub, "spidev0.0", &Config::new())?;
    let recording = stub.record();
    device.write(&[0x9f])?;
    device.transaction(&mut [])?;
    device.configure(&rests())?;
    device.transaction(&mut [Operation::Write(&[1]), Operation::Read(&mut [0])])?;
    let entries = recording.take();
    let told: Vec<String> = entries.iter().map(|e| e.action.to_string()).collect();
    let write = "spidev0.0: select, write 9f, deselect";
    assert_eq!(told.first().map(String::as_str), Some(write));
    let rested = "spidev0.0: write 01, read ff";
    assert_eq!(told.last().map(String::as_str), Some(rested));
    let Some(Action::Spi { start, stop, .. }) = entries.last().map(|entry| &entry.action) else {
        panic!("{told:?}");
    };
    assert_eq!((start.as_nanos(), stop.as_nanos()), (8_000, 24_000));
    Ok(())
}

#[test]
fn a_name_is_as_linux_writes_it() {
    for name in [
        "spidev+0.0",
        "spidev00.0",
        "spidev0.+1",
        "spidev0.01",
        "spidev0",
        "spidev0.",
    ] {
        assert!(Stub::virtual_time().spi_node(name).is_err(), "{name}");
    }
    assert!(Stub::virtual_time().spi_node("spidev10.20").is_ok());
}

#[test]
fn a_word_has_no_more_bits_than_it_is_set_up_to() -> Result {
    let chip = Witness::default();
    let stub = Stub::virtual_time().spi_device("spidev0.0", chip.clone())?;
    let mut device = Device::open_on(&stub, "spidev0.0", &Config::new().bits_per_word(4))?;
    let mut bytes = [0xa5];
    device.transfer_in_place(&mut bytes)?;
    assert_eq!(bytes, [0x0a]);
    assert!(chip.take().contains(&Seen::Byte(0x05)));
    device.configure(&Config::new().bits_per_word(12))?;
    let mut word = 0xf123u16.to_ne_bytes();
    device.transfer_in_place(&mut word)?;
    assert_eq!(u16::from_ne_bytes(word), 0x0edc);
    assert_eq!(chip.take()[1..3], [Seen::Byte(0x01), Seen::Byte(0x23)]);
    Ok(())
}

/// Bits that are off by one stay so from operation to operation, for each chip by itself.
#[test]
fn a_chip_at_the_wrong_edge_keeps_its_last_bit() -> Result {
    #[derive(Clone, Default)]
    struct Wrong(Arc<Mutex<Vec<u8>>>);
    impl spi::Device for Wrong {
        fn transfer(&mut self, byte: u8) -> u8 {
            self.0.lock().unwrap().push(byte);
            0xff
        }
        fn understands(&self, _: Mode) -> bool {
            false
        }
    }
    let chips = [Wrong::default(), Wrong::default()];
    let [one, other] = chips.clone();
    let stub = Stub::virtual_time()
        .lines(["CS"])
        .spi_device("spidev0.0", one)?
        .spi_device_on("spidev0.0", "CS", other)?;
    let mut device = Device::open_on(&stub, "spidev0.0", &Config::new())?;
    for _ in 0..2 {
        device.transaction(&mut [Operation::Write(&[0x01]), Operation::Write(&[0x03])])?;
    }
    let [one, other] = chips.map(|chip| chip.0.lock().unwrap().clone());
    assert_eq!(one, [0x00, 0x81, 0x00, 0x81]);
    // Its line stays active.
    assert_eq!(other, [0x00, 0x81, 0x80, 0x81]);
    Ok(())
}

#[test]
fn controllers_refuse_what_their_drivers_do() -> Result {
    let mode = |mode| Config::new().mode(mode);
    let resting = || Config::new().chip_select(ChipSelect::None);
    for (controller, config, can) in [
        (spi::Controller::bcm2835aux(), mode(Mode::Mode0), true),
        (spi::Controller::bcm2835aux(), mode(Mode::Mode1), false),
        (spi::Controller::bcm2835aux(), mode(Mode::Mode2), true),
        (spi::Controller::bcm2835aux(), mode(Mode::Mode3), false),
        (spi::Controller::bcm2835aux(), resting(), true),
        (
            spi::Controller::bcm2835aux(),
            Config::new().three_wire(true),
            false,
        ),
        (spi::Controller::bcm2835(), mode(Mode::Mode3), true),
        (
            spi::Controller::bcm2835(),
            Config::new().loopback(true),
            false,
        ),
        (
            spi::Controller::designware(),
            Config::new().loopback(true),
            true,
        ),
        (spi::Controller::designware(), resting(), false),
    ] {
        let stub = Stub::virtual_time().spi_controller("spidev1.0", controller.clone())?;
        let opened = Device::open_on(&stub, "spidev1.0", &config);
        assert_eq!(opened.is_ok(), can, "{controller:?} {config:?} {opened:?}");
    }
    Ok(())
}

/// A device may use the board as it is dropped.
#[test]
fn a_device_goes_when_the_wires_are_free() -> Result {
    struct Last(Stub);
    impl spi::Device for Last {
        fn transfer(&mut self, byte: u8) -> u8 {
            byte
        }
    }
    impl Drop for Last {
        fn drop(&mut self) {
            assert!(circuits_spi::list_on(&self.0).unwrap().is_empty());
        }
    }
    let stub = Stub::virtual_time().spi_node("spidev0.0")?;
    stub.plug_spi("spidev0.0", Last(stub.clone()))?;
    stub.remove_spi_node("spidev0.0")?;
    Ok(())
}
