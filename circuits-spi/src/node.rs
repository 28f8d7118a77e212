//! What [`Device`](crate::Device) and [`Bus`](crate::Bus) are made of: the calls on a node that is open.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;

use circuits_wait::{Request, Timer};
use embedded_hal::spi::Operation;

use crate::messages::{Messages, Plan, Refusal};
use crate::settings::{Settings, configure};
use crate::shared::{Call, Held, Shared, is_done, lock};
use crate::{Backend, Config, Done, Handle, Limits};

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

impl Node {
    pub(crate) fn open_on(
        backend: &dyn Backend,
        name: &str,
        config: &Config,
    ) -> crate::Result<Node> {
        Ok(Node::on(Arc::new(Shared::open(backend, name, config)?)))
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
            false => {
                // Not while the lock is held.
                let time = lock(&shared.held).busy_until;
                shared.clock.delay_until(time);
            }
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
