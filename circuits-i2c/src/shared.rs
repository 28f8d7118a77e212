//! What the clones of a bus share, and what is refused before anything moves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use circuits_wait::{Clock, Job, Queue};
use embedded_hal::i2c::Operation;

use crate::messages::{Messages, Refusal};
use crate::smbus::{self, MAX_BLOCK_LEN, Reply};
use crate::{
    Address, Backend, Config, Done, Error, Functions, Handle, MAX_MESSAGE_LEN, MAX_MESSAGES,
    Result, find,
};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Arc<Queue<Work>>,
    pub(crate) name: Arc<str>,
    pub(crate) functions: Functions,
    pub(crate) clock: Arc<dyn Clock>,
}

/// What a future has the worker do, with data of its own.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) call: Call,
    pub(crate) messages: Messages,
    pub(crate) reply: Reply,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Call {
    #[default]
    Nothing,
    Transaction(Address),
    Smbus(Address, bool, smbus::Call),
}

impl Job for Work {
    type Handle = dyn Handle;
    type Done = Done;

    fn run(&mut self, handle: &dyn Handle) -> Done {
        match &self.call {
            Call::Transaction(address) => {
                self.messages.run(|all| handle.transaction(*address, all))
            }
            Call::Smbus(address, pec, call) => handle.smbus(*address, *pec, call, &mut self.reply),
            Call::Nothing => Done::at_once(Err(io::ErrorKind::InvalidInput.into())),
        }
    }
}

impl Shared {
    pub(crate) fn open(backend: &dyn Backend, name: &str, config: &Config) -> Result<Shared> {
        let name: Arc<str> = name.into();
        check_config(&name, config)?;
        let handle = find::open(backend, &name, config)?;
        Ok(Shared {
            functions: handle.functions(),
            queue: Arc::new(Queue::new(handle, "circuits-i2c")),
            name,
            clock: backend.clock(),
        })
    }

    /// Calls the handle when it is this call's turn.
    pub(crate) fn turn(&self, call: impl FnOnce(&(dyn Handle + 'static)) -> Done) -> Done {
        match self.queue.handle().blocks() {
            true => self.queue.run(call),
            false => call(self.queue.handle()),
        }
    }

    /// Waits until the wire is through with it.
    pub(crate) fn wait(&self, done: &Done) {
        if let Some(time) = done.busy_until {
            self.clock.delay_until(time);
        }
    }

    /// Tells whether the operations have neighbours to join, if there can be such a transaction.
    pub(crate) fn check(&self, address: Address, operations: &[Operation<'_>]) -> Result<bool> {
        self.check_address(address)?;
        let bus = || self.name.clone();
        let join = Messages::check(operations).map_err(|refusal| match refusal {
            Refusal::Empty => Error::Invalid {
                bus: bus(),
                what: "a transaction has at least one operation",
            },
            Refusal::TooManyMessages => Error::Limit {
                bus: bus(),
                what: "messages",
                limit: MAX_MESSAGES,
            },
            Refusal::TooLongMessage => Error::Limit {
                bus: bus(),
                what: "bytes in a message",
                limit: MAX_MESSAGE_LEN,
            },
        })?;
        self.check_function(
            Functions::I2C,
            "plain I2C transactions: the adapter is for SMBus only (use Bus::smbus)",
        )?;
        self.check_bits(address)?;
        Ok(join)
    }

    pub(crate) fn check_call(&self, address: Address, pec: bool, call: &smbus::Call) -> Result<()> {
        self.check_address(address)?;
        match call {
            smbus::Call::WriteBlockData { block, .. }
            | smbus::Call::BlockProcessCall { block, .. }
            | smbus::Call::WriteI2cBlockData { block, .. } => self.check_block(block.len())?,
            smbus::Call::ReadI2cBlockData { len, .. } => self.check_block((*len).into())?,
            _ => {}
        }
        let (function, what) = call.needs();
        self.check_function(function, what)?;
        if pec && call.may_have_pec() {
            self.check_function(Functions::PEC, "packet error codes of SMBus")?;
        }
        self.check_bits(address)
    }

    pub(crate) fn check_block(&self, len: usize) -> Result<()> {
        let bus = || self.name.clone();
        match len {
            0 => Err(Error::Invalid {
                bus: bus(),
                what: "a block of SMBus has at least one byte",
            }),
            1..=MAX_BLOCK_LEN => Ok(()),
            _ => Err(Error::Limit {
                bus: bus(),
                what: "bytes in a block of SMBus",
                limit: MAX_BLOCK_LEN,
            }),
        }
    }

    pub(crate) fn check_address(&self, address: Address) -> Result<()> {
        let what = match (address.is_valid(), address) {
            (true, _) => return Ok(()),
            (_, Address::SevenBit(_)) => {
                "an address has seven bits, 0x00 to 0x7f: is it shifted by the read-write bit?"
            }
            (_, Address::TenBit(_)) => "such an address has ten bits, 0x000 to 0x3ff",
        };
        Err(Error::Invalid {
            bus: self.name.clone(),
            what,
        })
    }

    fn check_bits(&self, address: Address) -> Result<()> {
        match address {
            Address::SevenBit(_) => Ok(()),
            Address::TenBit(_) => self.check_function(Functions::TEN_BIT, "addresses of ten bits"),
        }
    }

    fn check_function(&self, function: Functions, what: &'static str) -> Result<()> {
        match self.functions.contains(function) {
            true => Ok(()),
            false => Err(Error::Unsupported {
                bus: self.name.clone(),
                what,
                source: io::ErrorKind::Unsupported.into(),
            }),
        }
    }

    pub(crate) fn result(
        &self,
        address: Address,
        result: Result<(), (io::Error, &[Operation<'_>])>,
    ) -> Result<()> {
        result.map_err(|(source, operations)| {
            Error::from_transaction(&self.name, address, operations, source)
        })
    }
}

/// Checks what no adapter takes.
fn check_config(bus: &Arc<str>, config: &Config) -> Result<()> {
    let limit = |what, limit| Error::Limit {
        bus: bus.clone(),
        what,
        limit,
    };
    match config.adapter_timeout() {
        Some(Duration::ZERO) => {
            return Err(Error::Invalid {
                bus: bus.clone(),
                what: "with a timeout of nothing every transaction would time out",
            });
        }
        Some(timeout) if timeout > Config::MAX_TIMEOUT => {
            let millis = Config::MAX_TIMEOUT.as_millis() as usize;
            return Err(limit("milliseconds of timeout", millis));
        }
        _ => {}
    }
    match config.adapter_retries() {
        Some(retries) if retries > Config::MAX_RETRIES => {
            Err(limit("retries", Config::MAX_RETRIES as usize))
        }
        _ => Ok(()),
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}
