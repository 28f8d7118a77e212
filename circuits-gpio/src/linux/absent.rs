//! What [`Linux`] is where there is no Linux: a type that no value has.

use std::io;
use std::sync::Arc;

use circuits_wait::Clock;

use crate::{Backend, Config, Error, Handle, LineSpec, Result};

/// The lines of a Linux machine, which this is not.
#[derive(Clone, Debug)]
pub enum Linux {}

impl Linux {
    pub(crate) fn for_line(line: &LineSpec) -> Result<Linux> {
        Err(Error::from_io(
            &line.to_string().into(),
            "GPIO on a system other than Linux",
            io::ErrorKind::Unsupported.into(),
        ))
    }
}

impl Backend for Linux {
    fn open(&self, _: &LineSpec, _: &Config) -> Result<Box<dyn Handle>> {
        match *self {}
    }

    fn clock(&self) -> Arc<dyn Clock> {
        match *self {}
    }
}
