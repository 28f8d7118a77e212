//! A backend that passes everything on to another one, and keeps a record of it: to see what a
//! program does on the real machine.
//!
//! ```no_run
//! use circuits::Board;
//! use thermostat::proxy::Proxy;
//!
//! let board = Board::linux()?;
//! let gpio = Proxy::new(board.gpio().clone());
//! let i2c = Proxy::noting_in(gpio.record(), board.i2c().clone());
//! let spi = Proxy::noting_in(gpio.record(), board.spi().clone());
//! let uart = Proxy::noting_in(gpio.record(), board.uart().clone());
//! let can = Proxy::noting_in(gpio.record(), board.can().clone());
//! let record = gpio.record().clone();
//! let board = board.with_gpio(gpio)?.with_i2c(i2c)?.with_spi(spi)?;
//! let board = board.with_uart(uart)?.with_can(can)?;
//!
//! board.output("GPIO17")?.set(true)?;
//! print!("{record}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing is changed on the way: who has the proxy for a backend cannot tell it from the one
//! behind it.

mod can;
mod gpio;
mod i2c;
mod log;
mod record;
mod settings;
mod show;
mod spi;
mod uart;

pub use record::{Answer, Call, Entry, Fault, Message, Place, Record, Transfer};

/// Passes everything on, and keeps a record of it.
///
/// It is a backend of whatever the one behind it is a backend of.
#[derive(Clone, Debug)]
pub struct Proxy<B> {
    inner: B,
    record: Record,
}

impl<B> Proxy<B> {
    /// Stands before a backend, with a record of its own.
    pub fn new(inner: B) -> Proxy<B> {
        Proxy::noting_in(&Record::default(), inner)
    }

    /// Stands before a backend, with a record that others have, too: what is done to lines, to buses,
    /// to SPI devices, to serial ports and on CAN comes in one order then. Their clocks should be the same one.
    pub fn noting_in(record: &Record, inner: B) -> Proxy<B> {
        Proxy {
            inner,
            record: record.clone(),
        }
    }

    /// Returns the record. It can be read while the program runs, and after it.
    pub fn record(&self) -> &Record {
        &self.record
    }
}
