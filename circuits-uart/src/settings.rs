//! How a port is set up, and what of that was not granted.

use std::io;
use std::sync::Arc;

use crate::error::{EINVAL, ENOTTY, EOPNOTSUPP};
use crate::{Config, Error, Handle, Result};

/// Refuses what makes no sense on any port.
pub(crate) fn check(port: &Arc<str>, config: &Config) -> Result<()> {
    let what = if config.baud_rate() == 0 {
        "at 0 baud nothing is ever sent (to hang up, set DTR)"
    } else if !(5..=8).contains(&config.character_bits()) {
        "a character has 5 to 8 bits of data"
    } else {
        return Ok(());
    };
    Err(Error::Invalid {
        port: port.clone(),
        what,
    })
}

/// Sets a port up that was opened: as `configure`, and RTS and DTR, or nothing of it.
pub(crate) fn set_up(handle: &dyn Handle, port: &Arc<str>, config: &Config) -> Result<Config> {
    let before = handle.config();
    let granted = configure(handle, port, config)?;
    let (rts, dtr) = (config.initial_rts(), config.initial_dtr());
    if rts.is_none() && dtr.is_none() {
        return Ok(granted);
    }
    handle.set_modem_lines(rts, dtr).map_err(|source| {
        if let Ok(before) = &before {
            // What is told is what was refused, not this.
            let _ = handle.put_back(before);
        }
        Error::from_io(port, "setting RTS or DTR", source)
    })?;
    Ok(granted)
}

/// Sets a port up, makes sure that all was granted, and returns the configuration with the baud rate that
/// the hardware has.
pub(crate) fn configure(handle: &dyn Handle, port: &Arc<str>, config: &Config) -> Result<Config> {
    let failed = |source| Error::from_io(port, "these settings", source);
    let before = handle.config().map_err(failed)?;
    let error = match handle.configure(config).and_then(|()| handle.config()) {
        Ok(granted) => match difference(port, config, &granted) {
            None => return Ok(config.clone().baud(granted.baud_rate())),
            Some(error) => error,
        },
        Err(source) => match source.raw_os_error() {
            Some(EINVAL | ENOTTY | EOPNOTSUPP) => Error::Unsupported {
                port: port.clone(),
                what: refused(handle, config),
                source,
            },
            _ => failed(source),
        },
    };
    // What is told is what was refused, not this.
    let _ = handle.put_back(&before);
    Err(error)
}

/// The first thing that was not granted.
fn difference(port: &Arc<str>, asked: &Config, granted: &Config) -> Option<Error> {
    let asks = |one: Option<bool>, other: Option<bool>| one.is_some() && one != other;
    let rs485 = asked.direction_control();
    let differences = [
        (
            asked.character_bits() != granted.character_bits(),
            "this number of data bits",
        ),
        (asked.parity_bit() != granted.parity_bit(), "this parity"),
        (asked.stop() != granted.stop(), "this number of stop bits"),
        (asked.flow() != granted.flow(), "this flow control"),
        (
            asked.reports_errors() != granted.reports_errors(),
            "the report of errors",
        ),
        (asked.hangs_up() != granted.hangs_up(), "hanging up or not"),
        (
            asks(asked.has_low_latency(), granted.has_low_latency()),
            "low latency",
        ),
        (
            rs485.is_some() && rs485 != granted.direction_control(),
            "RS-485 of this kind",
        ),
    ];
    let not_granted = differences.iter().find(|(differs, _)| *differs);
    if let Some((_, what)) = not_granted {
        return Some(Error::Unsupported {
            port: port.clone(),
            what,
            source: io::Error::from_raw_os_error(EINVAL),
        });
    }
    let (asked, granted) = (asked.baud_rate(), granted.baud_rate());
    // Half a bit in ten is 5 %, of which each end may have its share.
    let is_near = 50 * u64::from(asked.abs_diff(granted)) <= u64::from(asked);
    (!is_near).then(|| Error::Baud {
        port: port.clone(),
        asked,
        granted,
    })
}

/// What it was that the driver refused: that without which it does not refuse.
fn refused(handle: &dyn Handle, asked: &Config) -> &'static str {
    let tries = [
        (asked.without_rs485(), "RS-485"),
        (asked.without_low_latency(), "low latency"),
    ];
    for (without, what) in tries {
        if without != *asked && handle.configure(&without).is_ok() {
            return what;
        }
    }
    "these settings"
}
