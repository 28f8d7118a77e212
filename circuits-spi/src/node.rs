//! What [`Device`](crate::Device) and [`Bus`](crate::Bus) share: a node that is open, its settings, and
//! the order of the calls on it.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};

use circuits_wait::{Clock, Job, Queue, Request, Timer};
use embedded_hal::spi::Operation;

use crate::error::{EINVAL, TOO_LONG};
use crate::messages::{Messages, Plan, Refusal, Settings};
use crate::{Backend, BitOrder, ChipSelect, Config, Done, Error, Handle, Limits, Result};

/// A node, as one driver has it. Clones are the same node.
#[derive(Debug)]
pub(crate) struct Node {
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
    limits: Limits,
    config: Mutex<(Config, Settings)>,
}

/// A transaction of a future, with data of its own.
#[derive(Debug, Default)]
struct Call {
    messages: Messages,
    /// How it is to be split, if it is.
    split: Option<(Limits, Settings)>,
}

impl Job for Call {
    type Handle = dyn Handle;
    type Done = Done;

    fn run(&mut self, handle: &dyn Handle) -> Done {
        let run = |all: &mut [Operation<'_, u8>]| handle.transaction(all);
        match self.split {
            Some((limits, settings)) => self.messages.run_split(&limits, settings, run),
            None => self.messages.run(run),
        }
    }
}

impl Node {
    pub(crate) fn open_on(backend: &dyn Backend, name: &str, config: &Config) -> Result<Node> {
        let device: Arc<str> = name.into();
        let handle = backend
            .open(name)
            .map_err(|error| Error::from_open(&device, || backend.absence(name), error))?;
        let settings = configure(&*handle, &device, config)?;
        Ok(Node::on(Arc::new(Shared {
            limits: handle.limits(),
            queue: Arc::new(Queue::new(handle, "circuits-spi")),
            name: device,
            clock: backend.clock(),
            config: Mutex::new((config.clone(), settings)),
        })))
    }

    fn on(shared: Arc<Shared>) -> Node {
        Node {
            shared,
            messages: Messages::default(),
            request: None,
            timer: None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.shared.name
    }

    pub(crate) fn limits(&self) -> Limits {
        self.shared.limits
    }

    pub(crate) fn config(&self) -> Config {
        self.shared.lock().0.clone()
    }

    pub(crate) fn reverses_bits(&self) -> bool {
        self.shared.lock().1.reverses
    }

    /// In turn: what was called before has the settings of before.
    pub(crate) fn configure(&self, config: &Config) -> Result<()> {
        let shared = &self.shared;
        shared.queue.run(|handle| {
            let result = configure(handle, &shared.name, config);
            // What the device has now, whatever came of it.
            if let Ok(settings) = result {
                *shared.lock() = (config.clone(), settings);
            }
            result.map(drop)
        })
    }

    /// Runs a transaction and blocks until the wire is free again.
    pub(crate) fn run(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<()> {
        let (plan, settings) = self.shared.plan(operations)?;
        let done = self.send(plan, settings, operations);
        if let Some(time) = done.busy_until {
            self.shared.clock.delay_until(time);
        }
        if plan != Plan::AsItIs && done.result.is_ok() {
            self.messages.split(operations, settings);
        }
        self.shared.result(done.result)
    }

    /// Runs a transaction: on the worker thread if the handle would block this one.
    pub(crate) async fn run_async(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<()> {
        let (plan, settings) = self.shared.plan(operations)?;
        let result = match self.shared.queue.handle().blocks() {
            true => self.by_worker(plan, settings, operations).await,
            false => self.on_the_wire(plan, settings, operations).await,
        };
        self.shared.result(result)
    }

    /// Sends a transaction; what came of one that is not as it is is still to be split.
    fn send(
        &mut self,
        plan: Plan,
        settings: Settings,
        operations: &mut [Operation<'_, u8>],
    ) -> Done {
        let (queue, limits) = (&self.shared.queue, &self.shared.limits);
        let messages = &mut self.messages;
        if plan != Plan::AsItIs {
            messages.join(operations, settings);
        }
        let mut run = |handle: &(dyn Handle + 'static)| match plan {
            Plan::AsItIs => handle.transaction(operations),
            Plan::Joined => messages.run(|all| handle.transaction(all)),
            Plan::Split => messages.run_split(limits, settings, |all| handle.transaction(all)),
        };
        match queue.handle().blocks() {
            true => queue.run(run),
            false => run(queue.handle()),
        }
    }

    /// The request is with the future until all is done; a future that is dropped leaves it to the
    /// worker alone.
    async fn by_worker(
        &mut self,
        plan: Plan,
        settings: Settings,
        operations: &mut [Operation<'_, u8>],
    ) -> io::Result<()> {
        let request = self.request.take().unwrap_or_default();
        let limits = self.shared.limits;
        request.load(|call| {
            call.messages.join(operations, settings);
            call.split = (plan == Plan::Split).then_some((limits, settings));
        });
        self.shared.queue.submit(&request)?;
        let done = poll_fn(|cx| request.poll(cx)).await;
        let result = done.and_then(|done| done.result);
        if result.is_ok() {
            request.load(|call| call.messages.split(operations, settings));
        }
        self.request = Some(request);
        result
    }

    /// A copy goes to the handle, as it does by a worker: who drops the future before the wire is free
    /// finds nothing in the buffers.
    async fn on_the_wire(
        &mut self,
        plan: Plan,
        settings: Settings,
        operations: &mut [Operation<'_, u8>],
    ) -> io::Result<()> {
        // Before anything moves: what cannot be waited for is not begun.
        // A future that is dropped takes the timer along, and the moment it was set to.
        let mut timer = match self.timer.take() {
            Some(timer) => timer,
            None => self.shared.clock.timer()?,
        };
        let now = self.shared.clock.now();
        poll_fn(|cx| timer.poll_until(now, cx)).await?;
        let plan = match plan {
            Plan::AsItIs => Plan::Joined,
            plan => plan,
        };
        let done = self.send(plan, settings, operations);
        if let Some(time) = done.busy_until {
            poll_fn(|cx| timer.poll_until(time, cx)).await?;
        }
        if done.result.is_ok() {
            self.messages.split(operations, settings);
        }
        self.timer = Some(timer);
        done.result
    }
}

impl Clone for Node {
    fn clone(&self) -> Node {
        Node::on(self.shared.clone())
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, (Config, Settings)> {
        self.config.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn plan(&self, operations: &[Operation<'_, u8>]) -> Result<(Plan, Settings)> {
        let settings = self.lock().1;
        let limit = |what, limit, cure| Error::Limit {
            device: self.name.clone(),
            what,
            limit,
            cure,
        };
        let plan = Messages::plan(operations, &self.limits, settings).map_err(|refusal| match refusal {
            Refusal::TooManyTransfers => limit("transfers", self.limits.transfers, TOO_LONG),
            Refusal::TooManyBytes => limit("bytes", self.limits.bytes, TOO_LONG),
            Refusal::NoWholeWords => Error::Invalid {
                device: self.name.clone(),
                what: "words of 9 to 16 bits are two bytes each, longer ones four: a length is not \
                       a multiple of that",
            },
        })?;
        Ok((plan, settings))
    }

    fn result(&self, result: io::Result<()>) -> Result<()> {
        result.map_err(|source| Error::from_io(&self.name, source))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Sets a device up, and makes sure that all was granted.
fn configure(handle: &dyn Handle, device: &Arc<str>, config: &Config) -> Result<Settings> {
    let invalid = |what| {
        Err(Error::Invalid {
            device: device.clone(),
            what,
        })
    };
    if !(1..=32).contains(&config.word_bits()) {
        return invalid("a word has 1 to 32 bits");
    }
    if config.max_speed_hz() == 0 {
        return invalid("a clock of 0 Hz never ends");
    }
    let mut settings = Settings {
        word_bytes: config.word_bytes(),
        word_bits: config.word_bits(),
        reverses: false,
        splits: config.splits(),
    };
    let from_io = |source| Error::from_io(device, source);
    let is_refused = |error: &io::Error| error.raw_os_error() == Some(EINVAL);
    let before = handle.config().map_err(from_io)?;
    let mut asked = config.clone();
    let mut result = granted(handle, &asked);
    // Bits can be turned round here.
    if config.order() == BitOrder::LsbFirst && result.as_ref().is_err_and(is_refused) {
        asked = asked.bit_order(BitOrder::MsbFirst);
        settings.reverses = true;
        result = granted(handle, &asked);
    }
    let Err(source) = result else {
        return Ok(settings);
    };
    let error = match is_refused(&source) {
        true => Error::Unsupported {
            device: device.clone(),
            what: refused(handle, &asked),
            source,
        },
        false => from_io(source),
    };
    // What is told is what was refused, not this.
    let _ = handle.configure(&before);
    Err(error)
}

/// Sets a device up and reads that back. What was not granted is refused.
fn granted(handle: &dyn Handle, config: &Config) -> io::Result<()> {
    handle.configure(config)?;
    let held = handle.config()?.split(config.splits());
    match held == *config {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(EINVAL)),
    }
}

/// Finds out what it is that the controller cannot do: whatever it refuses by itself.
fn refused(handle: &dyn Handle, config: &Config) -> &'static str {
    let plain = || Config::new().speed_hz(config.max_speed_hz());
    let asked = [
        (plain().mode(config.clock_mode()), "this clock mode"),
        (
            plain().bits_per_word(config.word_bits()),
            "words of so many bits (most controllers know 8, some 16)",
        ),
        (
            plain().three_wire(config.is_three_wire()),
            "data both ways on one wire",
        ),
        (
            plain().loopback(config.is_loopback()),
            "to read what it writes (connect MISO and MOSI by a wire)",
        ),
        (
            plain().chip_select(config.selects()),
            match config.selects() {
                ChipSelect::None => {
                    "a chip select that rests (leave it active: it moves beside your own, on a node \
                     to which nothing else is connected)"
                }
                _ => "a chip select that is active high (the device tree says so: spi-cs-high)",
            },
        ),
    ];
    let refused = asked
        .into_iter()
        .find(|(config, _)| granted(handle, config).is_err());
    refused.map_or("these settings together", |(_, what)| what)
}
