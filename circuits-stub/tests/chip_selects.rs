//! Chips whose chip select is a line see it move: at once, in order, whatever others do meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use circuits_gpio::Output;
use circuits_spi::{Bus, ChipSelect, Config, list_on};
use circuits_stub::{Stub, spi};
use circuits_wait::Time;
use embedded_hal::spi::SpiBus;

fn rests() -> Config {
    Config::new().chip_select(ChipSelect::None)
}

/// How often it was selected and deselected; and whether it panics.
#[derive(Clone, Default)]
struct Edges(Arc<(AtomicUsize, AtomicUsize, AtomicBool)>);

impl spi::Device for Edges {
    fn select(&mut self, _: Time) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
    fn transfer(&mut self, _: u8) -> u8 {
        assert!(!self.0.2.load(Ordering::SeqCst), "a chip that panics");
        0
    }
    fn deselect(&mut self, _: Time) {
        self.0.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// The bus is whole after a chip panicked.
#[test]
fn lines_are_seen_after_a_panic() {
    let chip = Edges::default();
    let stub = Stub::virtual_time()
        .lines(["CS"])
        .spi_device_on("spidev0.0", "CS", chip.clone())
        .unwrap();
    let line = Output::open_on(&stub, "CS", &circuits_gpio::Config::new().initial(true)).unwrap();
    let before = chip.0.1.load(Ordering::SeqCst);
    let mut bus = Bus::open_on(&stub, "spidev0.0", &rests()).unwrap();
    line.set(false).unwrap();
    chip.0.2.store(true, Ordering::SeqCst);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bus.write(&[1])));
    assert!(result.is_err());
    chip.0.2.store(false, Ordering::SeqCst);
    line.set(true).unwrap();
    assert_eq!(chip.0.1.load(Ordering::SeqCst), before + 1, "deselected");
}

/// An edge is seen at once, whoever looks at the wires meanwhile.
#[test]
fn edges_are_not_left_lying() {
    let chip = Edges::default();
    let stub = Stub::real_time()
        .lines(["CS"])
        .spi_device_on("spidev0.0", "CS", chip.clone())
        .unwrap();
    let line = Output::open_on(&stub, "CS", &circuits_gpio::Config::new().initial(true)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let looker = {
        let (stub, stop) = (stub.clone(), stop.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = list_on(&stub);
            }
        })
    };
    let mut late = 0;
    let base = chip.0.1.load(Ordering::SeqCst);
    for round in 1..=20_000 {
        line.set(false).unwrap();
        line.set(true).unwrap();
        if chip.0.1.load(Ordering::SeqCst) != base + round {
            late += 1;
        }
    }
    stop.store(true, Ordering::Relaxed);
    looker.join().unwrap();
    thread::sleep(Duration::from_millis(50));
    let lost = base + 20_000 - chip.0.1.load(Ordering::SeqCst);
    assert_eq!((late, lost), (0, 0));
}

/// Two hands at a line: the chip believes what the line has in the end.
#[test]
fn the_last_level_is_the_one_that_is_seen() {
    use std::sync::Barrier;
    let chip = Edges::default();
    let stub = Stub::real_time()
        .lines(["CS"])
        .spi_device_on("spidev0.0", "CS", chip.clone())
        .unwrap();
    let barrier = Arc::new(Barrier::new(3));
    const ROUNDS: usize = 20_000;
    let hands = [false, true].map(|level| {
        let (pin, barrier) = (stub.pin("CS").unwrap(), barrier.clone());
        thread::spawn(move || {
            for _ in 0..ROUNDS {
                barrier.wait();
                pin.drive(level);
                barrier.wait();
            }
        })
    });
    let pin = stub.pin("CS").unwrap();
    let mut wrong = 0;
    for _ in 0..ROUNDS {
        barrier.wait();
        barrier.wait();
        let selected = chip.0.0.load(Ordering::SeqCst) > chip.0.1.load(Ordering::SeqCst);
        wrong += usize::from(selected == pin.level());
    }
    for hand in hands {
        hand.join().unwrap();
    }
    assert_eq!(wrong, 0);
}

/// A chip may drive a pin as its line selects it.
#[test]
fn a_line_selects_one_after_another() {
    struct First(circuits_stub::Pin);
    impl spi::Device for First {
        fn select(&mut self, _: Time) {
            self.0.drive(false);
        }
        fn transfer(&mut self, _: u8) -> u8 {
            0
        }
    }
    let second = Edges::default();
    let stub = Stub::virtual_time().lines(["CS0", "CS1"]);
    let pins = ["CS0", "CS1"].map(|name| stub.pin(name).unwrap());
    let [select, next] = pins;
    select.drive(true);
    next.drive(true);
    let stub = stub
        .spi_device_on("spidev0.0", "CS0", First(next))
        .unwrap()
        .spi_device_on("spidev0.0", "CS1", second.clone())
        .unwrap();
    select.drive(false);
    assert!(!stub.level("CS1").unwrap());
    assert_eq!(second.0.0.load(Ordering::SeqCst), 1);
}
