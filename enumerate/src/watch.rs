use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use circuits_wait::{Clock, Time, Timer};
use futures_core::Stream;

use crate::sequence::Sequence;
use crate::{
    Backend, Change, Devices, Error, Filter, Linux, Listener, Registry, Result, Tree, Uevent,
};

/// Tells what is plugged in, what goes, and what changes; and knows what there is meanwhile.
///
/// It listens before it looks, so nothing falls in between. When the kernel's queue was too short it
/// looks again, and tells of the differences as of all changes: what [`devices`](Watch::devices)
/// says is what there is, as far as the changes were taken.
///
/// ```
/// use circuits_enumerate::{ChangeKind, Filter, Watch};
/// use circuits_stub::Stub;
/// use std::time::Duration;
///
/// let stub = Stub::virtual_time();
/// let mut watch = Watch::open_on(&stub, Filter::new().subsystem("gpio"))?;
/// assert_eq!(watch.devices().gpio_chips().len(), 0);
///
/// let stub = stub.lines(["LED"]);
/// let change = watch.wait_change(Duration::from_secs(1))?.expect("a chip");
/// assert_eq!(change.kind(), ChangeKind::Added);
/// assert_eq!(change.device().name(), "gpiochip0");
/// assert_eq!(watch.devices().gpio_chips().len(), 1);
/// # Ok::<(), circuits_enumerate::Error>(())
/// ```
#[derive(Debug)]
pub struct Watch {
    listener: Box<dyn Listener>,
    tree: Arc<dyn Tree>,
    clock: Arc<dyn Clock>,
    filter: Filter,
    registry: Registry,
    sequence: Sequence,
    counts: Counts,
    /// Something was lost, and nobody has looked since.
    lost: bool,
}

/// What a [`Watch`] has seen and what it has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Counts {
    /// Uevents that were read.
    pub received: u64,
    /// How often uevents were lost: the queue was too short (`ENOBUFS`), or a feed told all anew.
    pub overflows: u64,
    /// How often numbers were missing (`SEQNUM`). It need not be a loss.
    pub gaps: u64,
    /// Datagrams that were no uevents.
    pub malformed: u64,
    /// Datagrams that came from somebody who has nothing to tell: not the kernel, nor root's udevd.
    pub refused: u64,
    /// How often it looked what there is because of these.
    pub rescans: u64,
}

const WHAT: &str = "a change of devices";

/// How many uevents a call reads that lead to no change, before it returns without one: more than a queue
/// of 1 MiB holds.
const READS: usize = 32768;
/// How many a future reads before it lets others have their turn.
const READS_A_TURN: usize = 1024;
/// How many uevents are thrown away before a look, some tens of milliseconds.
const DRAINED: usize = 4096;

impl Watch {
    /// Watches the devices of this Linux machine.
    ///
    /// # Errors
    /// As [`Watch::open_on`].
    pub fn open(filter: Filter) -> Result<Watch> {
        Watch::open_on(&Linux::here(WHAT)?, filter)
    }

    /// Watches the devices of `backend`. It tells of those that the filter lets through; it knows
    /// all of them.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is no `/sys`; [`Error::Unsupported`], [`Error::Io`].
    pub fn open_on(backend: &dyn Backend, filter: Filter) -> Result<Watch> {
        let listener = backend
            .listen()
            .map_err(|error| Error::from_io(WHAT, error))?;
        let tree = backend.tree();
        let devices = Devices::scan(&*tree, None)?;
        Ok(Watch {
            listener,
            tree,
            clock: backend.clock(),
            filter,
            registry: Registry::new(devices),
            sequence: Sequence::default(),
            counts: Counts::default(),
            lost: false,
        })
    }

    /// Returns what there is, as far as uevents have been read: those that led to the changes that
    /// were taken, and those after them that were about other devices.
    pub fn devices(&self) -> &Devices {
        self.registry.devices()
    }

    /// Returns what was seen, and what was not.
    pub fn counts(&self) -> Counts {
        Counts {
            gaps: self.sequence.gaps(),
            refused: self.listener.refused(),
            ..self.counts
        }
    }

    /// Blocks until the next change, or returns `None` when there is none within `timeout` (`None`:
    /// it waits for ever). Changes count from when the watch was opened.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; [`Error::Ended`] when nobody feeds it any more; [`Error::Deadlock`]
    /// on a virtual board where nothing can happen any more; [`Error::Io`].
    pub fn wait_change(&mut self, timeout: impl Into<Option<Duration>>) -> Result<Option<Change>> {
        let deadline = timeout.into().map(|timeout| self.clock.now() + timeout);
        let mut turn = Turn::of(self);
        loop {
            if let Some(change) = self.next_change()? {
                return Ok(Some(change));
            }
            // What is queued by then is told; what comes without end is not waited for.
            let is_late = deadline.is_some_and(|deadline| deadline <= self.clock.now());
            if is_late && turn.is_over(READS, self) {
                return Ok(None);
            }
            let until = [deadline, self.sequence.due()].into_iter().flatten().min();
            let mut read = None;
            let listener = &self.listener;
            let done = listener
                .ready()
                .block(until, &mut || attempt(&**listener, &mut read));
            match done {
                Ok(true) => self.take(read)?,
                Ok(false) if deadline.is_some_and(|deadline| deadline <= self.clock.now()) => {
                    return Ok(None);
                }
                Ok(false) => {}
                Err(error) => return Err(Error::from_io(WHAT, error)),
            }
        }
    }

    /// Takes a change that is queued, or returns `None` at once. It is no wait: a board that is
    /// interrupted still gives what there is.
    ///
    /// # Errors
    /// [`Error::Ended`], [`Error::Io`].
    pub fn try_change(&mut self) -> Result<Option<Change>> {
        let mut turn = Turn::of(self);
        loop {
            if let Some(change) = self.next_change()? {
                return Ok(Some(change));
            }
            if turn.is_over(READS, self) {
                return Ok(None);
            }
            let mut read = None;
            match attempt(&*self.listener, &mut read) {
                Ok(()) => self.take(read)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(Error::from_io(WHAT, error)),
            }
        }
    }

    /// Returns the changes as an async stream.
    pub fn changes(&mut self) -> Changes<'_> {
        Changes {
            watch: self,
            timer: None,
            waiting: false,
            ended: false,
        }
    }

    /// The next change that is known of. Looks what there is, if that is due.
    fn next_change(&mut self) -> Result<Option<Change>> {
        loop {
            while let Some(change) = self.registry.next_change() {
                if self.filter.matches_change(&change) {
                    return Ok(Some(change));
                }
            }
            let due = self.sequence.due();
            if !self.lost && due.is_none_or(|due| self.clock.now() < due) {
                return Ok(None);
            }
            // After a gap that is no loss the queue is whole, and leads to what is seen.
            if self.lost {
                self.drain();
            }
            self.rescan()?;
        }
    }

    /// Throws away what is queued: it is older than what will be seen. What comes without end is left
    /// there after a while: with what follows it, it leads to what is seen, too.
    fn drain(&mut self) {
        for _ in 0..DRAINED {
            match self.listener.read() {
                Ok(_) => self.counts.received += 1,
                Err(error) if is_overflow(&error) => self.counts.overflows += 1,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    self.counts.malformed += 1;
                }
                // Nothing is left; or it has failed, and whoever reads next is told.
                Err(_) => return,
            }
        }
    }

    /// Looks what there is.
    fn rescan(&mut self) -> Result<()> {
        let found = Devices::scan(&*self.tree, None)?;
        let now = self.clock.now();
        self.registry.resync(found, now);
        self.sequence.looked(now);
        self.lost = false;
        self.counts.rescans += 1;
        Ok(())
    }

    /// Does what was read.
    fn take(&mut self, read: Option<Read>) -> Result<()> {
        match read {
            Some(Read::Uevent(event)) => {
                self.counts.received += 1;
                let now = self.clock.now();
                if let Some(number) = event.seqnum().filter(|_| self.listener.is_numbered()) {
                    self.sequence.note(number, now);
                }
                self.registry.apply(event, &*self.tree, now);
            }
            Some(Read::Overflow) => {
                self.counts.overflows += 1;
                self.lost = true;
            }
            Some(Read::Malformed) => {
                self.counts.malformed += 1;
                self.lost = true;
            }
            None => {}
        }
        Ok(())
    }
}

/// What one call does where uevents come without end: others have their turn after it.
struct Turn {
    reads: usize,
    rescans: u64,
}

impl Turn {
    fn of(watch: &Watch) -> Turn {
        Turn {
            reads: 0,
            rescans: watch.counts.rescans,
        }
    }

    /// Tells whether it has read enough, or looked; else it may read once more.
    fn is_over(&mut self, reads: usize, watch: &Watch) -> bool {
        self.reads += 1;
        self.reads > reads || watch.counts.rescans > self.rescans
    }
}

/// What a listener has answered.
enum Read {
    Uevent(Uevent),
    Overflow,
    Malformed,
}

/// Tries to read; a loss is an answer, too, and no failure.
fn attempt(listener: &dyn Listener, read: &mut Option<Read>) -> io::Result<()> {
    *read = Some(match listener.read() {
        Ok(event) => Read::Uevent(event),
        Err(error) if is_overflow(&error) => Read::Overflow,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Read::Malformed,
        Err(error) => return Err(error),
    });
    Ok(())
}

fn is_overflow(error: &io::Error) -> bool {
    const ENOBUFS: i32 = 105;
    error.raw_os_error() == Some(ENOBUFS)
}

/// Blocks for each change; it ends when nobody feeds it any more.
impl<'a> IntoIterator for &'a mut Watch {
    type Item = Result<Change>;
    type IntoIter = ChangeIter<'a>;

    fn into_iter(self) -> ChangeIter<'a> {
        ChangeIter { watch: self }
    }
}

/// The changes of devices, one after another, blocking for each.
#[derive(Debug)]
pub struct ChangeIter<'a> {
    watch: &'a mut Watch,
}

impl Iterator for ChangeIter<'_> {
    type Item = Result<Change>;

    fn next(&mut self) -> Option<Result<Change>> {
        match self.watch.wait_change(None) {
            Err(Error::Ended) => None,
            change => change.transpose(),
        }
    }
}

/// The changes of devices, one after another: a [`Stream`] that ends when nobody feeds it any more.
///
/// Dropped or not polled further it loses nothing: the watch looks again if the queue was too short.
#[derive(Debug)]
pub struct Changes<'a> {
    watch: &'a mut Watch,
    /// For looks that are due.
    timer: Option<Box<dyn Timer>>,
    waiting: bool,
    ended: bool,
}

impl Changes<'_> {
    /// Waits for the next change: for programs that use no crate for streams.
    ///
    /// # Errors
    /// As [`Watch::wait_change`], but it is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has taken no change.
    pub async fn next_change(&mut self) -> Result<Change> {
        let mut once = self.watch.changes();
        poll_fn(|cx| once.poll(cx)).await
    }

    /// Returns what there is, as [`Watch::devices`].
    pub fn devices(&self) -> &Devices {
        self.watch.devices()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Change>> {
        let mut turn = Turn::of(self.watch);
        loop {
            if let Some(change) = self.watch.next_change()? {
                self.stop_waiting();
                return Poll::Ready(Ok(change));
            }
            if turn.is_over(READS_A_TURN, self.watch) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut read = None;
            let listener = &self.watch.listener;
            let poll = listener
                .ready()
                .poll(cx, &mut || attempt(&**listener, &mut read));
            self.waiting = poll.is_pending();
            match poll {
                Poll::Ready(Ok(())) => self.watch.take(read)?,
                Poll::Ready(Err(error)) => {
                    self.stop_waiting();
                    return Poll::Ready(Err(Error::from_io(WHAT, error)));
                }
                Poll::Pending => {
                    let due = self.watch.sequence.due();
                    if let (None, Some(timer)) = (due, &mut self.timer) {
                        timer.cancel();
                    }
                    let is_due = due.map(|due| self.poll_until(due, cx));
                    match is_due.transpose()? {
                        Some(Poll::Ready(())) => {}
                        _ => return Poll::Pending,
                    }
                }
            }
        }
    }

    fn poll_until(&mut self, due: Time, cx: &mut Context<'_>) -> Result<Poll<()>> {
        let failed = |error| Error::from_io(WHAT, error);
        let timer = match &mut self.timer {
            Some(timer) => timer,
            empty => empty.insert(self.watch.clock.timer().map_err(failed)?),
        };
        match timer.poll_until(due, cx) {
            Poll::Ready(done) => done.map(Poll::Ready).map_err(failed),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn stop_waiting(&mut self) {
        if std::mem::take(&mut self.waiting) {
            self.watch.listener.ready().cancel();
        }
        if let Some(timer) = &mut self.timer {
            timer.cancel();
        }
    }
}

impl Stream for Changes<'_> {
    type Item = Result<Change>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Change>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.poll(cx) {
            Poll::Ready(Err(Error::Ended)) => {
                self.ended = true;
                Poll::Ready(None)
            }
            poll => poll.map(Some),
        }
    }
}

impl Drop for Changes<'_> {
    fn drop(&mut self) {
        self.stop_waiting();
    }
}
