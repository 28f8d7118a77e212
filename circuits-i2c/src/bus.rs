use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use circuits_wait::{Clock, Job, Queue, Request, Timer};
use embedded_hal::i2c::Operation;

use crate::messages::{Messages, Refusal};
use crate::{
    Address, Backend, Config, Done, Error, Handle, Linux, MAX_MESSAGE_LEN, MAX_MESSAGES, Result,
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
    request: Option<Arc<Request<Call>>>,
    timer: Option<Box<dyn Timer>>,
}

#[derive(Debug)]
struct Shared {
    queue: Arc<Queue<Call>>,
    name: Arc<str>,
    clock: Arc<dyn Clock>,
}

/// A transaction of a future, with data of its own.
#[derive(Debug, Default)]
struct Call {
    address: Option<Address>,
    messages: Messages,
}

impl Job for Call {
    type Handle = dyn Handle;
    type Done = Done;

    fn run(&mut self, handle: &dyn Handle) -> Done {
        match self.address {
            Some(address) => self.messages.run(|all| handle.transaction(address, all)),
            None => Done {
                result: Err(io::ErrorKind::InvalidInput.into()),
                busy_until: None,
            },
        }
    }
}

impl Bus {
    /// Opens a bus of this Linux machine: `i2c-1`, or the path of its node.
    ///
    /// # Errors
    /// As [`Bus::open_on`].
    pub fn open(name: &str) -> Result<Bus> {
        Bus::open_on(&Linux::for_bus(name)?, name, &Config::new())
    }

    /// Opens a bus of `backend`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PermissionDenied`]; [`Error::Unsupported`] if it is no I2C bus
    /// or only an SMBus.
    pub fn open_on(backend: &dyn Backend, name: &str, config: &Config) -> Result<Bus> {
        let bus: Arc<str> = name.into();
        let handle = backend
            .open(name, config)
            .map_err(|error| Error::from_open(&bus, error))?;
        Ok(Bus::on(Arc::new(Shared {
            queue: Arc::new(Queue::new(handle, "circuits-i2c")),
            name: bus,
            clock: backend.clock(),
        })))
    }

    /// Returns the name that it was opened by.
    pub fn name(&self) -> &str {
        &self.shared.name
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
        if let Some(time) = done.busy_until {
            self.shared.clock.delay_until(time);
        }
        self.shared.result(address, done.result)
    }

    /// Runs a transaction: on the worker thread if the handle would block this one.
    pub(crate) async fn run_async(
        &mut self,
        address: Address,
        operations: &mut [Operation<'_>],
    ) -> Result<()> {
        let join = self.shared.check(address, operations)?;
        let result = match self.shared.queue.handle().blocks() {
            true => self.by_worker(address, operations).await,
            false => self.on_the_wire(join, address, operations).await,
        };
        self.shared.result(address, result)
    }

    fn at_once(&mut self, join: bool, address: Address, operations: &mut [Operation<'_>]) -> Done {
        let queue = &self.shared.queue;
        let run = |operations: &mut [Operation<'_>]| match queue.handle().blocks() {
            true => queue.run(|handle| handle.transaction(address, operations)),
            false => queue.handle().transaction(address, operations),
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
    async fn by_worker(
        &mut self,
        address: Address,
        operations: &mut [Operation<'_>],
    ) -> io::Result<()> {
        let request = self.request.take().unwrap_or_default();
        request.load(|call| {
            call.address = Some(address);
            call.messages.join(operations);
        });
        self.shared.queue.submit(&request)?;
        let done = poll_fn(|cx| request.poll(cx)).await;
        request.store(|call| call.messages.split(operations));
        self.request = Some(request);
        done?.result
    }

    async fn on_the_wire(
        &mut self,
        join: bool,
        address: Address,
        operations: &mut [Operation<'_>],
    ) -> io::Result<()> {
        // Before anything moves: what cannot be waited for is not begun.
        // A future that is dropped takes the timer along, and the moment it was set to.
        let mut timer = match self.timer.take() {
            Some(timer) => timer,
            None => self.shared.clock.timer()?,
        };
        let now = self.shared.clock.now();
        poll_fn(|cx| timer.poll_until(now, cx)).await?;
        let done = self.at_once(join, address, operations);
        if let Some(time) = done.busy_until {
            poll_fn(|cx| timer.poll_until(time, cx)).await?;
        }
        self.timer = Some(timer);
        done.result
    }
}

/// The same bus, for another driver or thread.
impl Clone for Bus {
    fn clone(&self) -> Bus {
        Bus::on(self.shared.clone())
    }
}

impl Shared {
    fn check(&self, address: Address, operations: &[Operation<'_>]) -> Result<bool> {
        let bus = || self.name.clone();
        if !address.is_valid() {
            return Err(Error::Invalid {
                bus: bus(),
                what: "an address has seven bits, 0x00 to 0x7f: is it shifted by the read-write bit?",
            });
        }
        Messages::check(operations).map_err(|refusal| match refusal {
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
        })
    }

    fn result(&self, address: Address, result: io::Result<()>) -> Result<()> {
        result.map_err(|source| Error::from_io(&self.name, address, source))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}
