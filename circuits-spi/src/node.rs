//! What [`Device`](crate::Device) and [`Bus`](crate::Bus) share: a node that is open, its settings, and
//! the order of the calls on it.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use circuits_wait::{Clock, Job, Queue, Request, Time, Timer};
use embedded_hal::spi::Operation;

use crate::error::{EINVAL, MANY_BYTES, MANY_TRANSFERS};
use crate::messages::{Messages, Plan, Refusal, Settings};
use crate::{Backend, BitOrder, ChipSelect, Config, Done, Error, Handle, Limits};

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
    held: Arc<Mutex<Held>>,
}

/// What the device has, and when its wire will be free. Of a handle that does not block it is locked from
/// the plan of a message to its end, as the turn of the queue does for others: no message is made for
/// settings that are gone.
#[derive(Debug)]
struct Held {
    config: Config,
    settings: Settings,
    busy_until: Time,
}

/// A transaction of a future, with data of its own.
#[derive(Debug, Default)]
struct Call {
    messages: Messages,
    /// Nothing to be sent: it is waited until all before it is.
    node: Option<(Limits, Arc<Mutex<Held>>)>,
}

impl Job for Call {
    type Handle = dyn Handle;
    type Done = Result<Done, Refusal>;

    fn run(&mut self, handle: &dyn Handle) -> Result<Done, Refusal> {
        let Some((limits, held)) = &self.node else {
            return Ok(Done {
                result: Ok(()),
                busy_until: None,
            });
        };
        let settings = lock(held).settings;
        let send = |all: &mut [Operation<'_, u8>]| handle.transaction(all);
        self.messages.run(limits, settings, send)
    }
}

impl Node {
    pub(crate) fn open_on(
        backend: &dyn Backend,
        name: &str,
        config: &Config,
    ) -> crate::Result<Node> {
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
            held: Arc::new(Mutex::new(Held {
                config: config.clone(),
                settings,
                busy_until: Time::ZERO,
            })),
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
        lock(&self.shared.held).config.clone()
    }

    pub(crate) fn reverses_bits(&self) -> bool {
        lock(&self.shared.held).settings.reverses
    }

    /// In turn: what was called before has the settings of before.
    pub(crate) fn configure(&self, config: &Config) -> crate::Result<()> {
        let shared = &self.shared;
        let set = |handle: &(dyn Handle + 'static), held: &mut Held| {
            let settings = configure(handle, &shared.name, config)?;
            held.config = config.clone();
            held.settings = settings;
            Ok(())
        };
        if shared.queue.handle().blocks() {
            return shared
                .queue
                .run(|handle| set(handle, &mut lock(&shared.held)));
        }
        loop {
            let mut held = lock(&shared.held);
            let busy_until = held.busy_until;
            if busy_until <= shared.clock.now() {
                return set(shared.queue.handle(), &mut held);
            }
            drop(held);
            shared.clock.delay_until(busy_until);
        }
    }

    /// Waits until all that was called before is sent.
    pub(crate) fn flush(&self) {
        let shared = &self.shared;
        match shared.queue.handle().blocks() {
            true => shared.queue.run(|_| ()),
            false => shared.clock.delay_until(lock(&shared.held).busy_until),
        }
    }

    pub(crate) async fn flush_async(&mut self) -> crate::Result<()> {
        let shared = self.shared.clone();
        let wait = async {
            if shared.queue.handle().blocks() {
                let request = Arc::<Request<Call>>::default();
                shared.queue.submit(&request)?;
                return poll_fn(|cx| request.poll(cx)).await.map(drop);
            }
            let time = lock(&shared.held).busy_until;
            let mut timer = self.timer()?;
            poll_fn(|cx| timer.poll_until(time, cx)).await?;
            self.timer = Some(timer);
            Ok(())
        };
        let result = wait.await;
        shared.result(Ok(Done {
            result,
            busy_until: None,
        }))
    }

    /// Runs a transaction and blocks until the wire is free again.
    pub(crate) fn run(&mut self, operations: &mut [Operation<'_, u8>]) -> crate::Result<()> {
        let (sent, is_copy) = self.send(false, operations);
        if let Ok(Done {
            busy_until: Some(time),
            ..
        }) = sent
        {
            self.shared.clock.delay_until(time);
        }
        if is_copy && is_done(&sent) {
            self.messages.split(operations);
        }
        self.shared.result(sent)
    }

    /// Runs a transaction: on the worker thread if the handle would block this one.
    pub(crate) async fn run_async(
        &mut self,
        operations: &mut [Operation<'_, u8>],
    ) -> crate::Result<()> {
        let sent = match self.shared.queue.handle().blocks() {
            true => self.by_worker(operations).await,
            false => self.on_the_wire(operations).await,
        };
        let failed = |error| {
            Ok(Done {
                result: Err(error),
                busy_until: None,
            })
        };
        self.shared.result(sent.unwrap_or_else(failed))
    }

    /// Sends a transaction, in its turn, and tells whether what went was a copy, which is still to be
    /// split.
    fn send(
        &mut self,
        always_copy: bool,
        operations: &mut [Operation<'_, u8>],
    ) -> (Result<Done, Refusal>, bool) {
        let (shared, messages) = (&*self.shared, &mut self.messages);
        let mut is_copy = true;
        let mut run = |handle: &(dyn Handle + 'static), settings: Settings| {
            let plan = Messages::plan(operations, &shared.limits, settings)?;
            if plan == Plan::AsItIs && !always_copy {
                is_copy = false;
                return Ok(handle.transaction(operations));
            }
            messages.join(operations);
            messages.run(&shared.limits, settings, |all| handle.transaction(all))
        };
        let sent = if shared.queue.handle().blocks() {
            shared.queue.run(|handle| {
                let settings = lock(&shared.held).settings;
                run(handle, settings)
            })
        } else {
            let mut held = lock(&shared.held);
            let sent = run(shared.queue.handle(), held.settings);
            if let Ok(Done {
                busy_until: Some(time),
                ..
            }) = sent
            {
                held.busy_until = held.busy_until.max(time);
            }
            sent
        };
        (sent, is_copy)
    }

    /// The request is with the future until all is done; a future that is dropped leaves it to the
    /// worker alone.
    async fn by_worker(
        &mut self,
        operations: &mut [Operation<'_, u8>],
    ) -> io::Result<Result<Done, Refusal>> {
        let shared = &self.shared;
        // Before memory is taken; and once more in its turn, by the settings of then.
        let settings = lock(&shared.held).settings;
        if let Err(refusal) = Messages::plan(operations, &shared.limits, settings) {
            return Ok(Err(refusal));
        }
        let request = self.request.take().unwrap_or_default();
        request.load(|call| {
            call.messages.join(operations);
            if call.node.is_none() {
                call.node = Some((shared.limits, shared.held.clone()));
            }
        });
        shared.queue.submit(&request)?;
        let sent = poll_fn(|cx| request.poll(cx)).await?;
        if is_done(&sent) {
            request.store(|call| call.messages.split(operations));
        }
        self.request = Some(request);
        Ok(sent)
    }

    /// A copy goes to the handle, as it does by a worker: who drops the future before the wire is free
    /// finds nothing in the buffers.
    async fn on_the_wire(
        &mut self,
        operations: &mut [Operation<'_, u8>],
    ) -> io::Result<Result<Done, Refusal>> {
        // Before anything moves: what cannot be waited for is not begun.
        // A future that is dropped takes the timer along, and the moment it was set to.
        let mut timer = self.timer()?;
        let now = self.shared.clock.now();
        poll_fn(|cx| timer.poll_until(now, cx)).await?;
        let (sent, _) = self.send(true, operations);
        if let Ok(Done {
            busy_until: Some(time),
            ..
        }) = sent
        {
            poll_fn(|cx| timer.poll_until(time, cx)).await?;
        }
        if is_done(&sent) {
            self.messages.split(operations);
        }
        self.timer = Some(timer);
        Ok(sent)
    }

    fn timer(&mut self) -> io::Result<Box<dyn Timer>> {
        match self.timer.take() {
            Some(timer) => Ok(timer),
            None => self.shared.clock.timer(),
        }
    }
}

impl Clone for Node {
    fn clone(&self) -> Node {
        Node::on(self.shared.clone())
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(|e| e.into_inner())
}

fn is_done(sent: &Result<Done, Refusal>) -> bool {
    sent.as_ref().is_ok_and(|done| done.result.is_ok())
}

impl Shared {
    fn result(&self, sent: Result<Done, Refusal>) -> crate::Result<()> {
        let device = || self.name.clone();
        let refusal = match sent {
            Ok(done) => {
                let from_io = |source| Error::from_io(&self.name, source);
                return done.result.map_err(from_io);
            }
            Err(refusal) => refusal,
        };
        let Limits {
            bytes,
            alignment,
            transfers,
            ..
        } = self.limits;
        Err(match refusal {
            Refusal::TooManyTransfers => Error::Limit {
                device: device(),
                what: "transfers",
                limit: transfers,
                each: 1,
                cure: MANY_TRANSFERS,
            },
            Refusal::TooManyBytes => Error::Limit {
                device: device(),
                what: "bytes",
                limit: bytes,
                each: alignment,
                cure: MANY_BYTES,
            },
            Refusal::NoWholeWords => Error::Invalid {
                device: device(),
                what: "words of 9 to 16 bits are two bytes each, longer ones four: a length is not \
                       a multiple of that",
            },
            Refusal::BothWaysOnOneWire => Error::Invalid {
                device: device(),
                what: "on three wires data goes one way at a time: read or write, do not transfer",
            },
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Sets a device up, and makes sure that all was granted.
fn configure(handle: &dyn Handle, device: &Arc<str>, config: &Config) -> crate::Result<Settings> {
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
        three_wire: config.is_three_wire(),
    };
    let from_io = |source| Error::from_io(device, source);
    let is_refused = |error: &io::Error| error.raw_os_error() == Some(EINVAL);
    let before = handle.config().map_err(from_io)?;
    let mut asked = config.clone().split(false);
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
            what: refused(handle, &before, &asked),
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
    match handle.config()? == *config {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(EINVAL)),
    }
}

/// Finds out what it is that the controller cannot do: whatever it refuses by itself. Each is tried with
/// all else as it was, for others may have the device open, and the clock's mode last.
fn refused(handle: &dyn Handle, before: &Config, asked: &Config) -> &'static str {
    let one = || before.clone();
    let tries = [
        (
            one().loopback(asked.is_loopback()),
            "to read what it writes (connect MISO and MOSI by a wire)",
        ),
        (
            one().three_wire(asked.is_three_wire()),
            "data both ways on one wire",
        ),
        (
            one().bits_per_word(asked.word_bits()),
            "words of so many bits (most controllers know 8, some 16)",
        ),
        (
            one().speed_hz(asked.max_speed_hz()),
            "a clock of so many Hz",
        ),
        (
            one().chip_select(asked.selects()),
            match asked.selects() {
                ChipSelect::None => {
                    "a chip select that rests (leave it active: it moves beside your own, on a node \
                     to which nothing else is connected)"
                }
                _ => "a chip select that is active high (the device tree says so: spi-cs-high)",
            },
        ),
        (one().mode(asked.clock_mode()), "this clock mode"),
    ];
    let refused = tries
        .into_iter()
        .filter(|(config, _)| config != before)
        .find(|(config, _)| {
            let result = granted(handle, config);
            let _ = handle.configure(before);
            result.is_err()
        });
    refused.map_or("these settings together", |(_, what)| what)
}
