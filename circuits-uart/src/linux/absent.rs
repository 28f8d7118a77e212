//! What [`Linux`] is where there is no Linux: a type that no value has.

use std::io;
use std::sync::Arc;

use circuits_wait::Clock;

use crate::{Backend, Error, Handle, Result};

/// The serial ports of a Linux machine, which this is not.
#[derive(Clone, Debug)]
pub enum Linux {}

impl Linux {
    pub(crate) fn here(port: &str) -> Result<Linux> {
        Err(Error::Unsupported {
            port: port.into(),
            what: "serial communication on a system other than Linux",
            source: io::ErrorKind::Unsupported.into(),
        })
    }
}

impl Backend for Linux {
    fn open(&self, _: &str, _: bool) -> io::Result<Box<dyn Handle>> {
        match *self {}
    }

    fn clock(&self) -> Arc<dyn Clock> {
        match *self {}
    }
}
