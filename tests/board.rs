//! A board is one backend a bus and a clock, of which some mix.

use std::time::Duration;

use circuits::stub::Stub;
use circuits::stub::chips::Tmp102;
use circuits::{Board, Error, gpio};

#[test]
fn buses_of_two_boards_mix_in_real_time() {
    use circuits::prelude::*;

    let lines = Stub::real_time().lines(["LED"]);
    let buses = Stub::real_time()
        .i2c_device("i2c-1", 0x48, Tmp102::new())
        .unwrap();
    let board = Board::from(&lines).with_i2c(buses).unwrap();
    board.output("LED").unwrap().set(true).unwrap();
    board.i2c_bus("i2c-1").unwrap().write(0x48, &[0]).unwrap();
    // An interrupt reaches both.
    board.interrupt().unwrap().raise();
    let error = board.delay().sleep(Duration::from_secs(600)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
    assert!(lines.interrupt().unwrap().is_raised());
}

#[test]
fn virtual_time_mixes_with_nothing_else() {
    let (one, other) = (Stub::virtual_time(), Stub::virtual_time());
    let refused = |board: Result<Board, Error>| matches!(board, Err(Error::OtherClock));
    assert!(refused(Board::from(&one).with_i2c(other.clone())));
    assert!(refused(Board::from(&one).with_gpio(Stub::real_time())));
    assert!(refused(Board::from(&Stub::real_time()).with_gpio(other)));
    Board::from(&one)
        .with_gpio(one.clone())
        .unwrap()
        .with_i2c(one)
        .unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_real_bus_mixes_with_virtual_lines() {
    let lines = Stub::real_time().lines(["LED"]);
    let board = Board::linux().unwrap().with_gpio(lines.clone()).unwrap();
    let led = board.output("LED").unwrap();
    led.set(true).unwrap();
    assert!(lines.level("LED").unwrap());
    assert!(matches!(
        Board::linux().unwrap().with_gpio(Stub::virtual_time()),
        Err(Error::OtherClock)
    ));
    assert!(board.i2c_bus("i2c-987").is_err());
}

#[cfg(not(target_os = "linux"))]
#[test]
fn there_is_no_board_of_linux_elsewhere() {
    assert!(matches!(Board::linux(), Err(Error::NotLinux)));
    let error = gpio::Output::open("GPIO17").unwrap_err();
    assert_eq!(error.kind(), gpio::ErrorKind::Unsupported);
}

#[test]
fn a_clone_is_the_same_board() {
    let stub = Stub::virtual_time().lines(["LED"]);
    let board = Board::from(&stub);
    let _led = board.clone().output("LED").unwrap();
    let error = board.output("LED").unwrap_err();
    assert_eq!(gpio::Error::kind(&error), gpio::ErrorKind::InUse);
}
