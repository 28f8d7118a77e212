//! How programs come to SPI devices.

use std::io;
use std::sync::Arc;

use circuits_spi::{Absence, Backend, Config, Done, Handle, Limits, Operation};
use circuits_wait::Clock;

use super::wire::{Wire, numbers};
use crate::Stub;
use crate::stub::Board;

impl Backend for Stub {
    fn open(&self, name: &str) -> io::Result<Box<dyn Handle>> {
        let board = self.board();
        let name = name.strip_prefix("/dev/").unwrap_or(name);
        let (number, select) = numbers(name).map_err(|_| io::ErrorKind::NotFound)?;
        let wire = board.controllers.find(number);
        let wire = wire.ok_or(io::ErrorKind::NotFound)?;
        let id = wire.id(select).ok_or(io::ErrorKind::NotFound)?;
        self.permit(name)?;
        Ok(Box::new(StubNode {
            board: board.clone(),
            wire,
            place: (select, id),
        }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.board().controllers.nodes())
    }

    fn absence(&self, name: &str) -> Absence {
        let name = name.strip_prefix("/dev/").unwrap_or(name);
        let controllers = &self.board().controllers;
        if controllers.is_empty() {
            return Absence::NoController;
        }
        let Ok((number, select)) = numbers(name) else {
            return Absence::Unknown;
        };
        let wire = controllers.find(number);
        match wire.is_some_and(|wire| wire.has_select(select)) {
            true => Absence::NoDriver,
            false => Absence::NoDevice,
        }
    }
}

#[derive(Debug)]
struct StubNode {
    board: Arc<Board>,
    wire: Arc<Wire>,
    place: (u32, u64),
}

impl Handle for StubNode {
    fn transaction(&self, operations: &mut [Operation<'_, u8>]) -> Done {
        let (result, free) = self.wire.message(&self.board, self.place, operations);
        Done {
            result,
            busy_until: Some(free),
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        self.wire.configure(self.place.0, self.place.1, config)
    }

    fn config(&self) -> io::Result<Config> {
        self.wire.config(self.place.0, self.place.1)
    }

    fn limits(&self) -> Limits {
        self.wire.controller().limits
    }

    fn blocks(&self) -> bool {
        false
    }
}
