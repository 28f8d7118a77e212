//! Who holds a line, and what one is told who wants it.

use circuits_gpio::{Config, Direction, Error, LineInfo, Output};
use circuits_stub::Stub;

fn assert_selects(error: Error) {
    let Error::InUse { holder, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(holder.as_deref(), Some("spi0 CS0"));
    let text = error.to_string();
    assert!(text.contains("dtoverlay=spi0-0cs"), "{text}");
}

#[test]
fn a_chip_select_is_the_drivers() {
    let board = Stub::virtual_time().lines(["SPI_CE0_N"]);
    let board = board.hog("SPI_CE0_N", "spi0 CS0").unwrap();
    let info = LineInfo::of_on(&board, "SPI_CE0_N").unwrap();
    assert_eq!(info.consumer(), Some("spi0 CS0"));
    assert_eq!(info.config().direction(), Direction::Output);
    assert_selects(Output::open_on(&board, "SPI_CE0_N", &Config::new()).unwrap_err());
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs a Raspberry Pi whose SPI is enabled"]
fn a_chip_select_is_the_drivers_on_the_kernel() {
    assert_selects(Output::open("SPI_CE0_N").unwrap_err());
}
