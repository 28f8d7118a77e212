//! Buses, passed on.

use std::io;
use std::sync::Arc;

use circuits::i2c::smbus::{self, Reply};
use circuits::i2c::{Address, Backend, Config, Done, Functions, Handle, Operation};
use circuits::wait::Clock;

use super::Proxy;
use super::log::Log;
use super::record::{Answer, Call, Fault, Message, Place};

impl<B: Backend> Backend for Proxy<B> {
    fn open(&self, name: &str, config: &Config) -> io::Result<Box<dyn Handle>> {
        let log = Log::new(&self.record, self.inner.clock(), Place::Bus(name.into()));
        let inner = log.note(
            Call::Open(config.clone()),
            || self.inner.open(name, config),
            |_| Answer::Done,
        )?;
        let log = log.ending_with(Call::Close);
        Ok(Box::new(Bus { inner, log }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let log = Log::new(&self.record, self.inner.clock(), Place::Buses);
        let list = || self.inner.list();
        log.note(Call::Buses, list, |names| Answer::Buses(names.clone()))
    }

    fn adapter(&self, bus: &str) -> io::Result<String> {
        let log = Log::new(&self.record, self.inner.clock(), Place::Bus(bus.into()));
        let adapter = || self.inner.adapter(bus);
        log.note(Call::Adapter, adapter, |name| Answer::Adapter(name.clone()))
    }
}

/// A bus that is open.
#[derive(Debug)]
struct Bus {
    inner: Box<dyn Handle>,
    log: Log,
}

impl Handle for Bus {
    fn transaction(&self, address: Address, operations: &mut [Operation<'_>]) -> Done {
        let asked = self.log.now();
        let done = self.inner.transaction(address, operations);
        let messages = operations.iter().map(|operation| match operation {
            Operation::Write(bytes) => Message::Write(bytes.to_vec()),
            Operation::Read(bytes) if done.result.is_ok() => Message::Read(bytes.to_vec()),
            Operation::Read(bytes) => Message::NotRead(bytes.len()),
        });
        let call = Call::Transaction {
            address,
            messages: messages.collect(),
            busy_until: done.busy_until,
        };
        let told = done.result.as_ref().map(|()| Answer::Done);
        self.log.add(asked, call, told.map_err(Fault::from));
        done
    }

    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn functions(&self) -> Functions {
        self.inner.functions()
    }

    fn owner(&self, address: Address) -> io::Result<Option<String>> {
        let owner = || self.inner.owner(address);
        let answer = |driver: &Option<String>| Answer::Owner(driver.clone());
        self.log.note(Call::Owner(address), owner, answer)
    }

    fn smbus(&self, address: Address, pec: bool, call: &smbus::Call, reply: &mut Reply) -> Done {
        let asked = self.log.now();
        let done = self.inner.smbus(address, pec, call, reply);
        let call = Call::Smbus {
            address,
            pec,
            call: *call,
            busy_until: done.busy_until,
        };
        let told = done.result.as_ref().map(|()| Answer::Reply(*reply));
        self.log.add(asked, call, told.map_err(Fault::from));
        done
    }
}
