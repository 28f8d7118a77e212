use std::panic::{AssertUnwindSafe, catch_unwind};

use circuits::Board;
use circuits::gpio::{self, Output};
use circuits::spi::{Bus, ChipSelect, Config, Device};
use circuits::stub::{Stub, spi};
use circuits::wait::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;

use crate::deaf::Deaf;

/// Runs a test of a driver with a chip at `spidev0.0`, at 1 MHz, on a board in virtual time.
pub(crate) fn on_spi(chip: impl spi::Device + 'static, test: impl Fn(&Stub, Device)) {
    twice(chip, |chip| {
        let stub = Stub::virtual_time().spi_device("spidev0.0", chip).unwrap();
        let device = Board::from(&stub).spi_device("spidev0.0", &Config::new());
        stub.run(|| test(&stub, device.unwrap()));
    });
}

/// The same with a chip that a line selects, as a device of embedded-hal-bus.
pub(crate) fn on_spi_line(
    chip: impl spi::Device + 'static,
    test: impl Fn(&Stub, ExclusiveDevice<Bus, Output, Delay>),
) {
    twice(chip, |chip| {
        let stub = Stub::virtual_time().lines(["SELECT"]);
        let stub = stub.spi_device_on("spidev0.0", "SELECT", chip).unwrap();
        let board = Board::from(&stub);
        let config = Config::new().chip_select(ChipSelect::None);
        let bus = board.spi_bus("spidev0.0", &config).unwrap();
        let config = gpio::Config::new().initial(true);
        let line = board.output_with("SELECT", &config).unwrap();
        let device = ExclusiveDevice::new(bus, line, stub.delay()).unwrap();
        stub.run(|| test(&stub, device));
    });
}

fn twice(chip: impl spi::Device + 'static, run: impl Fn(Box<dyn spi::Device>)) {
    assert!(
        catch_unwind(AssertUnwindSafe(|| run(Box::<Deaf>::default()))).is_err(),
        "it passes with a chip that answers 0xff"
    );
    run(Box::new(chip));
}
