//! Names, words, modes and the trace of the virtual wires, seen from a program.

use std::sync::{Arc, Mutex};

use circuits_spi::*;
use circuits_stub::Stub;
use embedded_hal::spi::{SpiBus, SpiDevice};

#[test]
fn names_are_as_the_kernel_writes_them() {
    let stub = Stub::virtual_time().spi_node("spidev0.0").unwrap();
    for name in [
        "spidev+0.0",
        "spidev00.0",
        "spidev0.00",
        "spidev4294967296.0",
        "spidev0.-1",
        "spidev0.0.0",
        "/dev//dev/spidev0.0",
    ] {
        let opened = Device::open_on(&stub, name, &Config::new()).is_ok();
        let there = name.starts_with("spidev0.0") && name.len() == 9;
        assert_eq!(opened, there, "{name}");
    }
}

#[test]
fn the_trace_of_a_chip_select_that_rests() {
    let stub = Stub::virtual_time().spi_node("spidev0.0").unwrap();
    let recording = stub.record();
    let config = Config::new().chip_select(ChipSelect::None);
    let mut bus = Bus::open_on(&stub, "spidev0.0", &config).unwrap();
    bus.write(&[1]).unwrap();
    let text = recording.to_string();
    assert!(!text.contains("select"), "{text}");
}

#[test]
fn a_short_word_has_no_more_bits() {
    use circuits_stub::{Stub, spi};
    struct Saw(Arc<Mutex<Vec<u8>>>);
    impl spi::Device for Saw {
        fn transfer(&mut self, byte: u8) -> u8 {
            self.0.lock().unwrap().push(byte);
            0xff
        }
    }
    let saw = Arc::new(Mutex::default());
    let stub = Stub::virtual_time()
        .spi_device("spidev0.0", Saw(saw.clone()))
        .unwrap();
    let mut device = Device::open_on(&stub, "spidev0.0", &Config::new().bits_per_word(4)).unwrap();
    let mut back = [0; 1];
    device.transfer(&mut back, &[0xff]).unwrap();
    assert_eq!((back, saw.lock().unwrap().clone()), ([0x0f], vec![0x0f]));
}

#[test]
fn a_wrong_mode_is_wrong_in_the_same_way_over_operations() {
    use circuits_stub::{Stub, spi};
    struct Saw(Arc<Mutex<Vec<u8>>>);
    impl spi::Device for Saw {
        fn transfer(&mut self, byte: u8) -> u8 {
            self.0.lock().unwrap().push(byte);
            0xff
        }
        fn understands(&self, mode: Mode) -> bool {
            mode == Mode::Mode0
        }
    }
    let run = |split: bool| {
        let saw = Arc::new(Mutex::default());
        let stub = Stub::virtual_time()
            .spi_device("spidev0.0", Saw(saw.clone()))
            .unwrap();
        let mut device =
            Device::open_on(&stub, "spidev0.0", &Config::new().mode(Mode::Mode1)).unwrap();
        let mut back = [0; 1];
        match split {
            false => device.transfer_in_place(&mut [1, 1, 0]).unwrap(),
            true => device
                .transaction(&mut [Operation::Write(&[1, 1]), Operation::Read(&mut back)])
                .unwrap(),
        }
        saw.lock().unwrap().clone()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn configure_waits_for_what_is_on_the_wire() {
    use std::task::{Context, Waker};
    let stub = Stub::virtual_time().spi_node("spidev0.0").unwrap();
    let device = Device::open_on(&stub, "spidev0.0", &Config::new()).unwrap();
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
