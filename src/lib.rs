#![doc = include_str!("../README.md")]

mod board;
mod failure;
pub mod guide;
mod interrupt;
#[cfg(feature = "enumerate")]
mod reconnect;
mod spawn;

pub use board::{Board, Error, Result};
#[cfg(feature = "can")]
pub use circuits_can as can;
#[cfg(feature = "enumerate")]
pub use circuits_enumerate as enumerate;
#[cfg(feature = "gpio")]
pub use circuits_gpio as gpio;
#[cfg(feature = "i2c")]
pub use circuits_i2c as i2c;
#[cfg(feature = "spi")]
pub use circuits_spi as spi;
#[cfg(feature = "stub")]
pub use circuits_stub as stub;
#[cfg(feature = "uart")]
pub use circuits_uart as uart;
pub use circuits_wait as wait;
pub use embedded_hal;
pub use embedded_hal_async;
pub use failure::Failure;
pub use interrupt::Interrupt;
#[cfg(feature = "enumerate")]
pub use reconnect::{ReconnectError, reconnect, reconnect_async};
pub use spawn::JoinHandle;

/// What most programs need: [`Board`], [`Failure`], and embedded-hal's blocking traits.
///
/// The async ones have the same methods, so a program takes in the one or the other where it uses
/// the types of this suite directly: see [`embedded_hal_async`]. Drivers are not concerned.
pub mod prelude {
    pub use embedded_hal::delay::DelayNs as _;
    pub use embedded_hal::digital::{InputPin as _, OutputPin as _, StatefulOutputPin as _};
    pub use embedded_hal::i2c::I2c as _;
    pub use embedded_hal::spi::{SpiBus as _, SpiDevice as _};

    pub use crate::{Board, Failure};
}
