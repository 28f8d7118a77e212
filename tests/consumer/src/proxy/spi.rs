//! SPI devices, passed on.

use std::io;
use std::sync::Arc;

use circuits::spi::{Absence, Backend, Config, Done, Handle, Limits, Operation};
use circuits::wait::Clock;

use super::Proxy;
use super::log::Log;
use super::record::{Answer, Call, Fault, Place, Transfer};

impl<B: Backend> Backend for Proxy<B> {
    fn open(&self, name: &str) -> io::Result<Box<dyn Handle>> {
        let place = Place::SpiDevice(name.into());
        let log = Log::new(&self.record, self.inner.clock(), place);
        let inner = log.note(Call::OpenSpi, || self.inner.open(name), |_| Answer::Done)?;
        let log = log.ending_with(Call::Close);
        Ok(Box::new(Device { inner, log }))
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let log = Log::new(&self.record, self.inner.clock(), Place::SpiDevices);
        let devices = || self.inner.list();
        let answer = |names: &Vec<String>| Answer::SpiDevices(names.clone());
        log.note(Call::SpiDevices, devices, answer)
    }

    fn absence(&self, name: &str) -> Absence {
        let place = Place::SpiDevice(name.into());
        let log = Log::new(&self.record, self.inner.clock(), place);
        let asked = log.now();
        let why = self.inner.absence(name);
        log.add(asked, Call::Absence, Ok(Answer::Absence(why.clone())));
        why
    }
}

/// A device that is open. It is closed before that is noted: fields are dropped in this order.
#[derive(Debug)]
struct Device {
    inner: Box<dyn Handle>,
    log: Log,
}

impl Handle for Device {
    fn transaction(&self, operations: &mut [Operation<'_, u8>]) -> Done {
        let asked = self.log.now();
        // What is sent in place is overwritten by what comes.
        let mut transfers: Vec<_> = operations.iter().map(sent).collect();
        let done = self.inner.transaction(operations);
        if done.result.is_ok() {
            for (transfer, operation) in transfers.iter_mut().zip(&*operations) {
                receive(transfer, operation);
            }
        }
        let call = Call::TransactionSpi {
            transfers,
            busy_until: done.busy_until,
        };
        let told = done.result.as_ref().map(|()| Answer::Done);
        self.log.add(asked, call, told.map_err(Fault::from));
        done
    }

    fn configure(&self, config: &Config) -> io::Result<()> {
        let configure = || self.inner.configure(config);
        let call = Call::ConfigureSpi(config.clone());
        self.log.note(call, configure, |()| Answer::Done)
    }

    fn config(&self) -> io::Result<Config> {
        let config = || self.inner.config();
        let answer = |config: &Config| Answer::ConfigSpi(config.clone());
        self.log.note(Call::ConfigSpi, config, answer)
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    fn blocks(&self) -> bool {
        self.inner.blocks()
    }
}

/// What is to go over the wire.
fn sent(operation: &Operation<'_, u8>) -> Transfer {
    let both = |sent: &[u8]| Transfer::Both {
        sent: sent.to_vec(),
        received: None,
    };
    match operation {
        Operation::Write(bytes) => Transfer::Write(bytes.to_vec()),
        Operation::Read(buffer) => Transfer::Read {
            length: buffer.len(),
            received: None,
        },
        Operation::Transfer(_, bytes) => both(bytes),
        Operation::TransferInPlace(bytes) => both(bytes),
        Operation::DelayNs(ns) => Transfer::Delay(*ns),
    }
}

/// What came back.
fn receive(transfer: &mut Transfer, operation: &Operation<'_, u8>) {
    let bytes = match operation {
        Operation::Read(buffer) | Operation::Transfer(buffer, _) => buffer.to_vec(),
        Operation::TransferInPlace(bytes) => bytes.to_vec(),
        Operation::Write(_) | Operation::DelayNs(_) => return,
    };
    if let Transfer::Read { received, .. } | Transfer::Both { received, .. } = transfer {
        *received = Some(bytes);
    }
}
