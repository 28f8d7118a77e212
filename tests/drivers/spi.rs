use std::panic::{AssertUnwindSafe, catch_unwind};

use circuits::Board;
use circuits::spi::{Config, Device};
use circuits::stub::{Stub, spi};

use crate::deaf::Deaf;

/// Runs a test of a driver with a chip at `spidev0.0`, at 1 MHz, on a board in virtual time.
pub(crate) fn on_spi(chip: impl spi::Device + 'static, test: impl Fn(&Stub, Device)) {
    let run = |chip: Box<dyn spi::Device>| {
        let stub = Stub::virtual_time().spi_device("spidev0.0", chip).unwrap();
        let device = Board::from(&stub).spi_device("spidev0.0", &Config::new());
        stub.run(|| test(&stub, device.unwrap()));
    };
    assert!(
        catch_unwind(AssertUnwindSafe(|| run(Box::<Deaf>::default()))).is_err(),
        "it passes with a chip that answers 0xff"
    );
    run(Box::new(chip));
}
