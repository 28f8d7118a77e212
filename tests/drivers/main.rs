//! Drivers that other people wrote, as they are on crates.io, on chips of the virtual board.
//!
//! Each test runs twice: first with a chip that answers 0xff to everything, which must make it fail,
//! so that what it says of the chip is not said of nothing; then with the chip. On a serial line and on a CAN bus there
//! is nothing at first, then rubbish.

mod ads1x1x;
mod atat;
mod bme280;
mod bme280_multibus;
mod bme280_rs;
mod can;
mod canopen;
mod deaf;
mod ds323x;
mod eeprom24x;
mod embassy_time;
mod embedded_sdmmc;
mod kernel;
mod lis3dh;
mod lis3dh_async;
mod max7219;
mod mcp25xx;
mod mcp3008;
mod motor;
mod mpu6050_dmp;
mod nmea;
mod port_expander;
mod pwm_pca9685;
mod rmodbus;
mod serial;
mod spi;
mod ssd1306;
mod tmc2209;
mod tmp1x2;
mod w25q32jv;
