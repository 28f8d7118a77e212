use std::panic::{AssertUnwindSafe, catch_unwind};

use circuits::i2c::Bus;
use circuits::stub::i2c::{Acknowledge, Device};
use circuits::stub::{Pin, Stub, spi};
use circuits::{Board, stub};

/// What is there and does nothing: it acknowledges all, and answers 0xff.
#[derive(Default)]
pub(crate) struct Deaf {
    bytes: usize,
}

impl Deaf {
    fn answer(&mut self) -> u8 {
        self.bytes += 1;
        // Who waits for it to say something else would wait for ever.
        assert!(self.bytes < 100_000, "it will never answer");
        0xff
    }
}

impl Device for Deaf {
    fn write(&mut self, _: u8) -> Acknowledge {
        self.answer();
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        self.answer()
    }
}

impl spi::Device for Deaf {
    fn transfer(&mut self, _: u8) -> u8 {
        self.answer()
    }
}

/// Runs a test of a driver with a chip at an address of `i2c-1`, on a board in virtual time.
pub(crate) fn on_i2c(
    address: u8,
    chip: impl stub::i2c::Device + 'static,
    test: impl Fn(&Stub, Bus),
) {
    let run = |stub: Stub| {
        let bus = Board::from(&stub).i2c_bus("i2c-1").unwrap();
        stub.run(|| test(&stub, bus));
    };
    let with = |stub: Stub, chip: Box<dyn Device>| stub.i2c_device("i2c-1", address, chip).unwrap();
    let deaf = with(Stub::virtual_time(), Box::<Deaf>::default());
    assert!(
        catch_unwind(AssertUnwindSafe(|| run(deaf))).is_err(),
        "it passes with a chip that answers 0xff"
    );
    run(with(Stub::virtual_time(), Box::new(chip)));
}

/// The same with a chip that has a pin, which is soldered to the line `INT`. Beside the chip that
/// answers 0xff another one is, which has that pin and is on no bus.
pub(crate) fn on_i2c_with_pin<C: stub::i2c::Device + Clone + 'static>(
    address: u8,
    chip: impl Fn(Pin) -> C,
    test: impl Fn(&Stub, Bus, &C),
) {
    let run = |is_deaf: bool| {
        let stub = Stub::virtual_time().lines(["INT"]);
        let chip = chip(stub.pin("INT").unwrap());
        let device: Box<dyn Device> = match is_deaf {
            true => Box::<Deaf>::default(),
            false => Box::new(chip.clone()),
        };
        stub.plug_i2c("i2c-1", address, device).unwrap();
        let bus = Board::from(&stub).i2c_bus("i2c-1").unwrap();
        stub.run(|| test(&stub, bus, &chip));
    };
    assert!(
        catch_unwind(AssertUnwindSafe(|| run(true))).is_err(),
        "it passes with a chip that answers 0xff"
    );
    run(false);
}
