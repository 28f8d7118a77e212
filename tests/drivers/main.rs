//! Drivers that other people wrote, as they are on crates.io, on chips of the virtual board.
//!
//! Each test runs twice: first with a chip that answers 0xff to everything, which must make it fail,
//! so that what it says of the chip is not said of nothing; then with the chip.

mod bme280;
mod bme280_multibus;
mod bme280_rs;
mod deaf;
mod lis3dh;
mod lis3dh_async;
mod port_expander;
mod pwm_pca9685;
mod select;
mod tmp1x2;
