//! What [`Linux`] is where there is no Linux: a type that no value has.

use std::fmt::Display;
use std::io;
use std::sync::Arc;

use circuits_wait::Clock;

use crate::backend::Request;
use crate::{Backend, ChipInfo, Error, Handle, LineInfo, Result, Watcher};

/// The lines of a Linux machine, which this is not.
#[derive(Clone, Debug)]
pub enum Linux {}

impl Linux {
    pub(crate) fn here(line: &dyn Display) -> Result<Linux> {
        Err(Error::from_io(
            &line.to_string().into(),
            "GPIO on a system other than Linux",
            io::ErrorKind::Unsupported.into(),
        ))
    }
}

impl Backend for Linux {
    fn clock(&self) -> Arc<dyn Clock> {
        match *self {}
    }

    fn chips(&self) -> io::Result<Vec<String>> {
        match *self {}
    }

    fn chip_info(&self, _: &str) -> io::Result<ChipInfo> {
        match *self {}
    }

    fn line_infos(&self, _: &str) -> io::Result<Vec<LineInfo>> {
        match *self {}
    }

    fn line_info(&self, _: &str, _: u32) -> io::Result<LineInfo> {
        match *self {}
    }

    fn open(&self, _: &Request) -> io::Result<Box<dyn Handle>> {
        match *self {}
    }

    fn watch(&self, _: &str, _: &[u32]) -> io::Result<Box<dyn Watcher>> {
        match *self {}
    }
}
