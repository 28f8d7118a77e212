//! What is not to be had, and what one is told who wants it.

use circuits_gpio::{Config, Direction, EdgeDetection, Error, ErrorKind, Input, LineInfo, Output};
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

#[test]
fn edges_of_a_line_without_an_interrupt_are_not_supported() {
    let board = Stub::virtual_time().expander("pca9555", ["RELAY", "SENSE"]);
    let edges = Config::new().edge_detection(EdgeDetection::Both);
    let error = Input::open_on(&board, "SENSE", &edges).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    let mut input = Input::open_on(&board, "SENSE", &Config::new()).unwrap();
    for _ in 0..2 {
        let error = input.wait_edge(None).unwrap_err();
        let text = r#"line "SENSE" does not support edge detection: its chip has no interrupt"#;
        assert!(error.to_string().starts_with(text), "{error}");
    }
    board.drive("SENSE", true).unwrap();
    assert!(input.get().unwrap());
    let relay = Output::open_on(&board, "RELAY", &Config::new()).unwrap();
    relay.set(true).unwrap();
    assert!(board.level("RELAY").unwrap());
}
