//! How a device is set up, and what of that was not granted.

use std::io;
use std::sync::Arc;

use crate::error::EINVAL;
use crate::{BitOrder, ChipSelect, Config, Error, Handle, Result};

/// What of a configuration concerns messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) word_bytes: usize,
    pub(crate) word_bits: u8,
    /// The bits of words are turned round here.
    pub(crate) reverses: bool,
    pub(crate) splits: bool,
    pub(crate) three_wire: bool,
}

/// Sets a device up, and makes sure that all was granted.
pub(crate) fn configure(
    handle: &dyn Handle,
    device: &Arc<str>,
    config: &Config,
) -> Result<Settings> {
    let invalid = |what| {
        Err(Error::Invalid {
            device: device.clone(),
            what,
        })
    };
    if !(1..=32).contains(&config.word_bits()) {
        return invalid("a word has 1 to 32 bits");
    }
    if config.max_speed_hz() == 0 {
        return invalid("a clock of 0 Hz never ends");
    }
    let mut settings = Settings {
        word_bytes: config.word_bytes(),
        word_bits: config.word_bits(),
        reverses: false,
        splits: config.splits(),
        three_wire: config.is_three_wire(),
    };
    let from_io = |source| Error::from_io(device, source);
    let is_refused = |error: &io::Error| error.raw_os_error() == Some(EINVAL);
    let before = handle.config().map_err(from_io)?;
    let mut asked = config.clone().split(false);
    let mut result = granted(handle, &asked);
    // Bits can be turned round here.
    if config.order() == BitOrder::LsbFirst && result.as_ref().is_err_and(is_refused) {
        asked = asked.bit_order(BitOrder::MsbFirst);
        settings.reverses = true;
        result = granted(handle, &asked);
    }
    let Err(source) = result else {
        return Ok(settings);
    };
    let error = match is_refused(&source) {
        true => Error::Unsupported {
            device: device.clone(),
            what: refused(handle, &before, &asked),
            source,
        },
        false => from_io(source),
    };
    // What is told is what was refused, not this.
    let _ = handle.configure(&before);
    Err(error)
}

/// Sets a device up and reads that back. What was not granted is refused.
fn granted(handle: &dyn Handle, config: &Config) -> io::Result<()> {
    handle.configure(config)?;
    match handle.config()? == *config {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(EINVAL)),
    }
}

/// Finds out what it is that the controller cannot do: whatever it refuses by itself. Each is tried with
/// all else as it was, for others may have the device open, and the clock's mode last.
fn refused(handle: &dyn Handle, before: &Config, asked: &Config) -> &'static str {
    let one = || before.clone();
    let tries = [
        (
            one().loopback(asked.is_loopback()),
            "to read what it writes (connect MISO and MOSI by a wire)",
        ),
        (
            one().three_wire(asked.is_three_wire()),
            "data both ways on one wire",
        ),
        (
            one().bits_per_word(asked.word_bits()),
            "words of so many bits (most controllers know 8, some 16)",
        ),
        (
            one().speed_hz(asked.max_speed_hz()),
            "a clock of so many Hz",
        ),
        (
            one().chip_select(asked.selects()),
            match asked.selects() {
                ChipSelect::None => {
                    "a chip select that rests (leave it active: it moves beside your own, on a node \
                     to which nothing else is connected)"
                }
                _ => "a chip select that is active high (the device tree says so: spi-cs-high)",
            },
        ),
        (one().mode(asked.clock_mode()), "this clock mode"),
    ];
    let refused = tries
        .into_iter()
        .filter(|(config, _)| config != before)
        .find(|(config, _)| {
            let result = granted(handle, config);
            let _ = handle.configure(before);
            result.is_err()
        });
    refused.map_or("these settings together", |(_, what)| what)
}
