//! What the clones of a device share: the node that is open, its settings, and whose turn it is.

use std::sync::{Arc, Mutex, MutexGuard};

use circuits_wait::{Clock, Job, Queue, Time};
use embedded_hal::spi::Operation;

use crate::error::{MANY_BYTES, MANY_TRANSFERS};
use crate::messages::{Messages, Refusal};
use crate::settings::{Settings, configure};
use crate::{Backend, Config, Done, Error, Handle, Limits};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Arc<Queue<Call>>,
    pub(crate) name: Arc<str>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) held: Arc<Mutex<Held>>,
}

/// What the device has, and when its wire will be free. Of a handle that does not block it is locked from
/// the plan of a message to its end, as the turn of the queue does for others: no message is made for
/// settings that are gone.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    pub(crate) busy_until: Time,
}

/// A transaction of a future, with data of its own.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) messages: Messages,
    /// Nothing to be sent: it is waited until all before it is.
    pub(crate) node: Option<(Limits, Arc<Mutex<Held>>)>,
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

impl Shared {
    pub(crate) fn open(
        backend: &dyn Backend,
        name: &str,
        config: &Config,
    ) -> crate::Result<Shared> {
        let name: Arc<str> = name.into();
        let handle = backend
            .open(&name)
            .map_err(|error| Error::from_open(&name, || backend.absence(&name), error))?;
        let settings = configure(&*handle, &name, config)?;
        Ok(Shared {
            limits: handle.limits(),
            queue: Arc::new(Queue::new(handle, "circuits-spi")),
            name,
            clock: backend.clock(),
            held: Arc::new(Mutex::new(Held {
                config: config.clone(),
                settings,
                busy_until: Time::ZERO,
            })),
        })
    }

    pub(crate) fn result(&self, sent: Result<Done, Refusal>) -> crate::Result<()> {
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

pub(crate) fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(|e| e.into_inner())
}

pub(crate) fn is_done(sent: &Result<Done, Refusal>) -> bool {
    sent.as_ref().is_ok_and(|done| done.result.is_ok())
}
