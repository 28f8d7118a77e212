//! What goes over the wires of the virtual board: when, to whom, and what is refused.

use std::sync::{Arc, Mutex};

use circuits_gpio::Output;
use circuits_spi::{
    Backend, BitOrder, Bus, ChipSelect, Config, Device, ErrorKind, Mode, Operation,
};
use circuits_stub::{Pin, Stub, spi};
use circuits_wait::Time;
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
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    // EMSGSIZE, for who does not count first.
    let handle = Backend::open(&stub, "spidev0.0")?;
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
