//! A device that answers with what it is sent, and says of each message which it is; on the virtual
//! board, and behind a backend that blocks.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use circuits_spi::{Backend, Config, Done, Handle, Limits, Operation};
use circuits_stub::{Stub, spi};
use circuits_wait::{Clock, Time};

use crate::Drawn;

/// What came of a message: its first two bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Came {
    pub(crate) task: u8,
    pub(crate) number: u8,
}

/// The device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echo {
    position: usize,
    now: Came,
    log: Arc<Mutex<Vec<Came>>>,
}

/// What it says in a message to a byte, after the number of the message.
pub(crate) fn answer(count: u32, position: usize, byte: u8) -> u8 {
    !byte ^ (count as u8).rotate_left(4) ^ position as u8
}

impl Echo {
    /// What came, in order.
    pub(crate) fn log(&self) -> Vec<Came> {
        self.log.lock().unwrap().clone()
    }

    /// Takes back what came last.
    pub(crate) fn forget_last(&self) -> Came {
        self.log.lock().unwrap().pop().unwrap()
    }

    fn begin(&mut self) {
        self.position = 0;
        self.now = Came::default();
    }

    fn exchange(&mut self, byte: u8) -> u8 {
        match self.position {
            0 => self.now.task = byte,
            1 => self.now.number = byte,
            _ => {}
        }
        let count = self.log.lock().unwrap().len() as u32;
        let answer = match count.to_le_bytes().get(self.position) {
            Some(byte) => *byte,
            None => answer(count, self.position, byte),
        };
        self.position += 1;
        answer
    }

    fn end(&mut self) {
        self.log.lock().unwrap().push(self.now);
    }
}

impl spi::Device for Echo {
    fn select(&mut self, _: Time) {
        self.begin();
    }

    fn transfer(&mut self, byte: u8) -> u8 {
        self.exchange(byte)
    }

    fn deselect(&mut self, _: Time) {
        self.end();
    }
}

/// A backend whose transactions block for a while, longer and shorter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slow {
    pub(crate) echo: Echo,
    busy: Arc<AtomicBool>,
    config: Arc<Mutex<Config>>,
}

impl Backend for Slow {
    fn open(&self, _: &str) -> io::Result<Box<dyn Handle>> {
        Ok(Box::new(self.clone()))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Stub::real_time().clock()
    }
}

impl Handle for Slow {
    fn transaction(&self, operations: &mut [Operation<'_, u8>]) -> Done {
        assert!(
            !self.busy.swap(true, Ordering::SeqCst),
            "two transactions at once"
        );
        let mut echo = self.echo.clone();
        echo.begin();
        let mut drawn = Drawn(echo.log().len() as u32 + 1);
        let mut pause = || {
            if drawn.below(4) == 0 {
                thread::sleep(Duration::from_micros(drawn.below(100).into()));
            }
        };
        for operation in operations {
            pause();
            let exchange = |byte: &mut u8| *byte = echo.exchange(*byte);
            match operation {
                Operation::Read(buffer) => {
                    buffer.fill(0);
                    buffer.iter_mut().for_each(exchange);
                }
                Operation::Write(bytes) => bytes.to_vec().iter_mut().for_each(exchange),
                Operation::Transfer(read, write) => {
                    read.copy_from_slice(write);
                    read.iter_mut().for_each(exchange);
                }
                Operation::TransferInPlace(buffer) => buffer.iter_mut().for_each(exchange),
                Operation::DelayNs(_) => {}
            }
            pause();
        }
        echo.end();
        self.busy.store(false, Ordering::SeqCst);
        Done {
            result: Ok(()),
            busy_until: None,
        }
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        *self.config.lock().unwrap() = config.clone();
        Ok(())
    }

    fn config(&self) -> io::Result<Config> {
        Ok(self.config.lock().unwrap().clone())
    }

    fn limits(&self) -> Limits {
        Limits::SPIDEV
    }

    fn blocks(&self) -> bool {
        true
    }
}
