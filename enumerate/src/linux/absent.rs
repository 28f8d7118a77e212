//! What [`Linux`] is where there is no Linux: a type that no value has.

mod group;

use std::io;
use std::path::Path;
use std::sync::Arc;

use circuits_wait::Clock;

use crate::{Backend, Error, Listener, Node, Result, Tree};

pub use group::Group;

/// The devices of a Linux machine, which this is not.
#[derive(Clone, Debug)]
pub enum Linux {}

impl Linux {
    pub(crate) fn here(what: &str) -> Result<Linux> {
        Err(Error::from_io(what, io::ErrorKind::Unsupported.into()))
    }
}

impl Backend for Linux {
    fn clock(&self) -> Arc<dyn Clock> {
        match *self {}
    }

    fn tree(&self) -> Arc<dyn Tree> {
        match *self {}
    }

    fn listen(&self) -> io::Result<Box<dyn Listener>> {
        match *self {}
    }

    fn node(&self, _: &Path) -> io::Result<Box<dyn Node>> {
        match *self {}
    }
}
