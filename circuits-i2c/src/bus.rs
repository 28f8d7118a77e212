use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use circuits_wait::{Request, Timer};
use embedded_hal::i2c::Operation;

use crate::messages::Messages;
use crate::shared::{Call, Shared, Work};
use crate::smbus::{self, Block, Reply, Smbus};
use crate::{
    Address, Backend, Config, Device, Done, Error, Functions, Handle, Linux, Result, TenBit,
};

/// An I2C bus. It is used through embedded-hal's `I2c`, blocking and async; clones are the same
/// bus, for several drivers and threads.
///
/// A transaction is one stretch on the wire. Those of a bus and its clones come one after another
/// in the order of the calls, blocking and async alike; other programs and kernel drivers may get
/// between two, never into one.
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Tmp102};
/// use embedded_hal::i2c::I2c;
///
/// let sensor = Tmp102::new();
/// sensor.set_celsius(21.5);
/// let board = Stub::virtual_time().i2c_device("i2c-1", 0x48, sensor)?;
///
/// let mut bus = Bus::open_on(&board, "i2c-1", &Config::new())?;
/// let mut temperature = [0; 2];
/// bus.write_read(0x48, &[0], &mut temperature)?;
/// assert_eq!(f32::from(i16::from_be_bytes(temperature)) / 256.0, 21.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Bus {
    shared: Arc<Shared>,
    messages: Messages,
    /// Missing while a future has it, and after one was dropped that did: its data is the worker's
    /// then.
    request: Option<Arc<Request<Work>>>,
    timer: Option<Box<dyn Timer>>,
}

impl Bus {
    /// Opens a bus of this Linux machine: `i2c-1`, the path of its node, or the name of its adapter
    /// (`bcm2835 (i2c@7e804000)`).
    ///
    /// # Errors
    /// As [`Bus::open_on`].
    pub fn open(name: &str) -> Result<Bus> {
        Bus::open_on(&Linux::for_bus(name)?, name, &Config::new())
    }

    /// Opens a bus of `backend`: by its name or path, or by the name of its adapter if only one is
    /// called so.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::PermissionDenied`];
    /// [`Error::Unsupported`] if it is no I2C bus, or if its adapter has no timeout or retries to
    /// set; [`Error::Limit`] or [`Error::Invalid`] if they are set to what they cannot be.
    pub fn open_on(backend: &dyn Backend, name: &str, config: &Config) -> Result<Bus> {
        Ok(Bus::on(Arc::new(Shared::open(backend, name, config)?)))
    }

    /// Returns the name that it was opened by.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Returns what the adapter can do. It was asked when the bus was opened.
    pub fn functions(&self) -> Functions {
        self.shared.functions
    }

    /// Returns the driver of the kernel's that has the device at this address, if one has.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn owner(&self, address: impl Into<Address>) -> Result<Option<String>> {
        let address = address.into();
        let owner = self.shared.queue.handle().owner(address);
        owner.map_err(|source| Error::from_io(&self.shared.name, address, source))
    }

    /// Returns the device at this address, for a driver of ours.
    ///
    /// # Errors
    /// [`Error::InUse`] if a driver of the kernel's has it: two drivers of one device undo each other's
    /// settings. [`device_even_if_owned`](Bus::device_even_if_owned) is for who knows that they do
    /// not. [`Error::Invalid`] if the address has more than seven bits.
    pub fn device(&self, address: u8) -> Result<Device> {
        self.check_free(address.into())?;
        self.device_even_if_owned(address)
    }

    /// Returns the device at this address, whether a driver of the kernel's has it or not.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the address has more than seven bits.
    pub fn device_even_if_owned(&self, address: u8) -> Result<Device> {
        self.shared.check_address(address.into())?;
        Ok(Device::new(self.clone(), address))
    }

    /// Returns the device at this address, to be spoken to by SMBus.
    ///
    /// # Errors
    /// As [`device`](Bus::device), whose
    /// [`device_even_if_owned`](Bus::device_even_if_owned) leads to SMBus as well.
    pub fn smbus(&self, address: u8) -> Result<Smbus> {
        Ok(self.device(address)?.smbus())
    }

    /// Returns the bus for devices whose addresses have ten bits. Whether the adapter knows them is
    /// asked with each transaction.
    pub fn ten_bit(&self) -> TenBit {
        TenBit::new(self.clone())
    }

    /// Refuses an address that a driver of the kernel's has, or that is none.
    pub(crate) fn check_free(&self, address: Address) -> Result<()> {
        self.shared.check_address(address)?;
        match self.owner(address)? {
            Some(holder) => Err(Error::InUse {
                bus: self.shared.name.clone(),
                address,
                holder: holder.into(),
            }),
            None => Ok(()),
        }
    }

    fn on(shared: Arc<Shared>) -> Bus {
        Bus {
            shared,
            messages: Messages::default(),
            request: None,
            timer: None,
        }
    }

    /// Runs a transaction and blocks until the wire is free again.
    pub(crate) fn run(&mut self, address: Address, operations: &mut [Operation<'_>]) -> Result<()> {
        let join = self.shared.check(address, operations)?;
        let done = self.at_once(join, address, operations);
        self.shared.wait(&done);
        let result = done.result.map_err(|error| (error, &*operations));
        self.shared.result(address, result)
    }

    /// Runs a transaction: on the worker thread if the handle would block this one.
    pub(crate) async fn run_async(
        &mut self,
        address: Address,
        operations: &mut [Operation<'_>],
    ) -> Result<()> {
        self.shared.check(address, operations)?;
        let result = match self.shared.queue.handle().blocks() {
            true => {
                let request = self.request.take().unwrap_or_default();
                request.load(|work| {
                    work.call = Call::Transaction(address);
                    work.messages.join(operations);
                });
                let result = self.by_worker(&request).await;
                request.store(|work| work.messages.split(operations));
                self.request = Some(request);
                result
            }
            false => {
                // What is read is the caller's when the wire is through, as it is by the worker.
                self.messages.join(operations);
                let run = |Bus {
                               shared, messages, ..
                           }: &mut Bus| {
                    messages.run(|all| shared.turn(|handle| handle.transaction(address, all)))
                };
                let result = self.on_the_wire(run).await;
                self.messages.split(operations);
                result
            }
        };
        let result = result.map_err(|error| (error, &*operations));
        self.shared.result(address, result)
    }

    /// Makes a call of SMBus and blocks until the wire is free again.
    pub(crate) fn call(&mut self, address: Address, pec: bool, call: smbus::Call) -> Result<Reply> {
        self.shared.check_call(address, pec, &call)?;
        let mut reply = Reply::Nothing;
        let run = |handle: &(dyn Handle + 'static)| handle.smbus(address, pec, &call, &mut reply);
        let done = self.shared.turn(run);
        self.shared.wait(&done);
        let result = done.result.map_err(|error| (error, &[][..]));
        self.shared.result(address, result)?;
        Ok(reply)
    }

    /// Makes a call of SMBus: on the worker thread if the handle would block this one.
    pub(crate) async fn call_async(
        &mut self,
        address: Address,
        pec: bool,
        call: smbus::Call,
    ) -> Result<Reply> {
        self.shared.check_call(address, pec, &call)?;
        let mut reply = Reply::Nothing;
        let result = match self.shared.queue.handle().blocks() {
            true => {
                let request = self.request.take().unwrap_or_default();
                request.load(|work| {
                    work.call = Call::Smbus(address, pec, call);
                    work.reply = Reply::Nothing;
                });
                let result = self.by_worker(&request).await;
                reply = request.store(|work| work.reply);
                self.request = Some(request);
                result
            }
            false => {
                let run =
                    |handle: &(dyn Handle + 'static)| handle.smbus(address, pec, &call, &mut reply);
                self.on_the_wire(|bus| bus.shared.turn(run)).await
            }
        };
        let result = result.map_err(|error| (error, &[][..]));
        self.shared.result(address, result)?;
        Ok(reply)
    }

    fn at_once(&mut self, join: bool, address: Address, operations: &mut [Operation<'_>]) -> Done {
        let shared = &self.shared;
        let run = |operations: &mut [Operation<'_>]| {
            shared.turn(|handle| handle.transaction(address, operations))
        };
        if !join {
            return run(operations);
        }
        self.messages.join(operations);
        let done = self.messages.run(run);
        self.messages.split(operations);
        done
    }

    /// The request is with the future until all is done; a future that is dropped leaves it to the
    /// worker alone.
    async fn by_worker(&self, request: &Arc<Request<Work>>) -> io::Result<()> {
        self.shared.queue.submit(request)?;
        poll_fn(|cx| request.poll(cx)).await?.result
    }

    async fn on_the_wire(&mut self, run: impl FnOnce(&mut Bus) -> Done) -> io::Result<()> {
        // Before anything moves: what cannot be waited for is not begun.
        // A future that is dropped takes the timer along, and the moment it was set to.
        let mut timer = match self.timer.take() {
            Some(timer) => timer,
            None => self.shared.clock.timer()?,
        };
        let now = self.shared.clock.now();
        poll_fn(|cx| timer.poll_until(now, cx)).await?;
        let done = run(self);
        if let Some(time) = done.busy_until {
            poll_fn(|cx| timer.poll_until(time, cx)).await?;
        }
        self.timer = Some(timer);
        done.result
    }

    /// Makes a block of SMBus of bytes that may be too many or none.
    pub(crate) fn block(&self, bytes: &[u8]) -> Result<Block> {
        self.block_len(bytes.len())?;
        // It is not longer than that.
        Ok(Block::new(bytes).unwrap_or_default())
    }

    /// Checks the length of a block of SMBus.
    pub(crate) fn block_len(&self, len: usize) -> Result<u8> {
        self.shared.check_block(len)?;
        Ok(u8::try_from(len).unwrap_or(u8::MAX))
    }

    /// The error for a backend that answered something else than it was asked for.
    pub(crate) fn odd_reply(&self) -> Error {
        Error::Io {
            bus: self.shared.name.clone(),
            source: io::ErrorKind::InvalidData.into(),
        }
    }
}

/// The same bus, for another driver or thread.
impl Clone for Bus {
    fn clone(&self) -> Bus {
        Bus::on(self.shared.clone())
    }
}
