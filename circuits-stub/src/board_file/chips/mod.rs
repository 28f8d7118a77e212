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
    pub(super) make: fn(&mut Chip<'_, '_>) -> Result<()>,
}

const fn known(
    word: &'static str,
    on: &'static [Bus],
    make: fn(&mut Chip<'_, '_>) -> Result<()>,
) -> Known {
    Known { word, on, make }
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Known> {
    [i2c::CHIPS, spi::CHIPS, uart::CHIPS, can::CHIPS]
        .into_iter()
        .flatten()
}
