//! Chips by the words that files have for them, a file a bus. To add one is an entry in `CHIPS` there, and how it is
//! made of its settings; and a row in BOARDS.md.

mod can;
mod i2c;
mod spi;
mod uart;

use super::chip::{Bus, Chip};
use super::source::Result;

/// A chip that files know.
pub(super) struct Known {
    pub(super) word: &'static str,
    pub(super) on: &'static [Bus],
    /// The first address that it can have on I2C, the last one, and how far it is from one to the next.
    pub(super) addresses: (u8, u8, u8),
    pub(super) make: fn(&mut Chip<'_, '_>) -> Result<()>,
}

impl Known {
    const fn at(self, first: u8, last: u8) -> Known {
        self.at_each(1, first, last)
    }

    /// One that takes several addresses, from one of these on.
    const fn at_each(self, step: u8, first: u8, last: u8) -> Known {
        Known {
            addresses: (first, last, step),
            ..self
        }
    }

    /// The addresses that it can have.
    pub(super) fn addresses(&self) -> impl Iterator<Item = u8> + use<> {
        let (first, last, step) = self.addresses;
        (first..=last).step_by(step.max(1).into())
    }
}

const fn known(
    word: &'static str,
    on: &'static [Bus],
    make: fn(&mut Chip<'_, '_>) -> Result<()>,
) -> Known {
    Known {
        word,
        on,
        addresses: (0, 0x7f, 1),
        make,
    }
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Known> {
    [i2c::CHIPS, spi::CHIPS, uart::CHIPS, can::CHIPS]
        .into_iter()
        .flatten()
}
