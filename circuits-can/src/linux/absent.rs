//! What [`Linux`] is where there is no Linux: a type that no value has.

use std::io;
use std::sync::Arc;

use circuits_wait::Clock;

use crate::{Backend, Config, Error, Handle, Result};

/// The CAN interfaces of a Linux machine, which this is not.
#[derive(Clone, Debug)]
pub enum Linux {}

impl Linux {
    pub(crate) fn here(interface: &str) -> Result<Linux> {
        Err(Error::Unsupported {
            interface: interface.into(),
            what: "CAN on a system other than Linux",
            source: io::ErrorKind::Unsupported.into(),
        })
    }
}

impl Backend for Linux {
    fn open(&self, _: &str, _: &Config) -> io::Result<Box<dyn Handle>> {
        match *self {}
    }

    fn clock(&self) -> Arc<dyn Clock> {
        match *self {}
    }
}
