//! How a socket is set up, and what of that was not granted.

use std::io;
use std::sync::Arc;

use crate::{Config, Error, Handle, Result};

/// How many filters a socket has at most (`CAN_RAW_FILTER_MAX`).
const FILTERS: usize = 512;

/// Refuses what no socket can be.
pub(crate) fn check(interface: &Arc<str>, config: &Config) -> Result<()> {
    if config.frame_filters().len() > FILTERS {
        return Err(Error::Limit {
            interface: interface.clone(),
            what: "the filters of a socket",
            limit: FILTERS,
        });
    }
    config.check().map_err(|what| Error::Invalid {
        interface: interface.clone(),
        what,
    })
}

/// Makes sure that all was granted.
pub(crate) fn read_back(handle: &dyn Handle, interface: &Arc<str>, config: &Config) -> Result<()> {
    let granted = handle
        .config()
        .map_err(|error| Error::from_io(interface, "reading its settings back", error))?;
    match (config.receive_buffer_size(), granted.receive_buffer_size()) {
        (Some(asked), Some(granted)) if granted < asked => {
            return Err(Error::Limit {
                interface: interface.clone(),
                what: "the receive buffer, in bytes (net.core.rmem_max)",
                limit: granted as usize,
            });
        }
        _ => {}
    }
    let refused =
        if config.receive_buffer_size().is_some() && granted.receive_buffer_size().is_none() {
            "setting the receive buffer"
        } else if granted.frame_filters() != config.frame_filters() {
            "these filters"
        } else if granted.joins_filters() != config.joins_filters() {
            "joining filters"
        } else if granted.error_mask() != config.error_mask() {
            "this mask of errors"
        } else if granted.loops_back() != config.loops_back() {
            "setting the loopback"
        } else if granted.receives_own() != config.receives_own() {
            "setting whether its own frames come back"
        } else if granted.has_fd() != config.has_fd() {
            "setting whether there are CAN FD frames"
        } else {
            return Ok(());
        };
    Err(Error::Unsupported {
        interface: interface.clone(),
        what: refused,
        source: io::Error::from_raw_os_error(crate::error::EOPNOTSUPP),
    })
}
