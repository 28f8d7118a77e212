//! What [`Linux`] is where there is no Linux: a type that no value has.

use std::io;
use std::sync::Arc;

use circuits_wait::Clock;

use crate::{Backend, Error, Handle, Result};

/// The SPI devices of a Linux machine, which this is not.
#[derive(Clone, Debug)]
pub enum Linux {}

impl Linux {
    pub(crate) fn for_device(name: &str) -> Result<Linux> {
        let source = io::ErrorKind::Unsupported.into();
        Err(Error::Unsupported {
            device: name.into(),
            what: "SPI on a system other than Linux",
            source,
        })
    }
}

impl Backend for Linux {
    fn open(&self, _: &str) -> io::Result<Box<dyn Handle>> {
        match *self {}
    }

    fn clock(&self) -> Arc<dyn Clock> {
        match *self {}
    }
}
