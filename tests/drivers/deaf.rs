use std::panic::{AssertUnwindSafe, catch_unwind};

use circuits::Board;
use circuits::i2c::Bus;
use circuits::stub::i2c::{Acknowledge, Device};
use circuits::stub::{Pin, Stub, spi};

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
pub(crate) fn on_i2c(address: u8, chip: impl Device + 'static, test: impl Fn(&Stub, Bus)) {
    on_i2c_at([(address, Box::new(chip) as _)], test);
}

/// The same with a chip that has several addresses.
pub(crate) fn on_i2c_at(
    chip: impl IntoIterator<Item = (u8, Box<dyn Device>)>,
    test: impl Fn(&Stub, Bus),
) {
    let run = |devices: Vec<(u8, Box<dyn Device>)>| {
        let stub = Stub::virtual_time();
        for (address, device) in devices {
            stub.plug_i2c("i2c-1", address, device).unwrap();
        }
        let bus = Board::from(&stub).i2c_bus("i2c-1").unwrap();
        stub.run(|| test(&stub, bus));
    };
    let chip: Vec<_> = chip.into_iter().collect();
    let deaf = chip
        .iter()
        .map(|(address, _)| (*address, Box::<Deaf>::default() as _));
    let deaf = deaf.collect();
    assert!(
        catch_unwind(AssertUnwindSafe(|| run(deaf))).is_err(),
        "it passes with a chip that answers 0xff"
    );
    run(chip);
}

/// The same with a chip whose pins are soldered to lines of a board: it is made for each board.
pub(crate) fn on_i2c_with_lines<D: Device + Clone + 'static>(
    lines: &[&str],
    address: u8,
    chip: impl Fn(&Stub) -> D,
    test: impl Fn(&Stub, Bus, &D),
) {
    let run = |is_deaf| {
        let stub = Stub::virtual_time().lines(lines.iter().copied());
        let chip = chip(&stub);
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

/// The same with a chip that has a pin, which is soldered to the line `INT`.
pub(crate) fn on_i2c_with_pin<D: Device + Clone + 'static>(
    address: u8,
    chip: impl Fn(Pin) -> D,
    test: impl Fn(&Stub, Bus, &D),
) {
    let chip = |stub: &Stub| chip(stub.pin("INT").unwrap());
    on_i2c_with_lines(&["INT"], address, chip, test);
}
