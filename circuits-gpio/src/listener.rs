use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::edge::Queue;
use crate::held::Held;
use crate::{Config, EdgeDetection, Event, Result};

/// Lines that are held, and the edges of those that are inputs.
#[derive(Debug)]
pub(crate) struct Listener {
    held: Held,
    queue: Queue,
    /// What `wait_edge` and `edges` are about; of lines that are held together all that are detected.
    wanted: EdgeDetection,
    /// Whether any edge is detected.
    detects: bool,
    /// Whether all edges of all inputs are, which `Wait` needs.
    detects_all: bool,
}

impl Listener {
    pub(crate) fn new(held: Held) -> Listener {
        let mut listener = Listener {
            queue: Queue::new(held.event_buffer()),
            held,
            wanted: EdgeDetection::Both,
            detects: false,
            detects_all: false,
        };
        listener.look();
        listener
    }

    /// Notes which edges are detected.
    fn look(&mut self) {
        let lines = 0..self.held.names().len();
        let detections: Vec<_> = lines
            .filter_map(|line| Some(self.held.config(line)?.detected_edges()))
            .collect();
        self.wanted = match detections[..] {
            [only] if only != EdgeDetection::Off => only,
            _ => EdgeDetection::Both,
        };
        self.detects = detections.iter().any(|edges| *edges != EdgeDetection::Off);
        self.detects_all = detections.iter().all(|edges| *edges == EdgeDetection::Both);
    }

    pub(crate) fn configure(&mut self, line: usize, config: Config) -> Result<()> {
        let done = self.held.configure(line, config);
        self.look();
        done
    }

    #[inline]
    pub(crate) fn held(&self) -> &Held {
        &self.held
    }

    /// Blocks until there is an edge, or the time is over.
    pub(crate) fn wait_edge(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        let deadline = timeout.map(|timeout| self.held.clock().now() + timeout);
        self.detect_any()?;
        loop {
            let (handle, queue) = (self.held.handle(), &mut self.queue);
            let in_time = handle.ready().block(deadline, &mut || queue.refill(handle));
            if !self.held.done("edge detection", in_time)? {
                return Ok(None);
            }
            if let Some(event) = self.queue.take(self.wanted) {
                return Ok(Some(event));
            }
        }
    }

    /// Takes an edge that is there already.
    pub(crate) fn try_edge(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.queue.take(self.wanted) {
                return Ok(Some(event));
            }
            match self.queue.refill(self.held.handle()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return self.held.done("edge detection", Err(error)),
            }
        }
    }

    pub(crate) fn poll_edge(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        self.detect_any()?;
        self.poll_wanted(self.wanted, cx)
    }

    pub(crate) fn cancel(&self) {
        self.held.handle().ready().cancel();
    }

    /// Waits for an edge that `wanted` includes, from this call on: what is queued already is
    /// thrown away.
    pub(crate) async fn next_edge(&mut self, wanted: EdgeDetection) -> Result<()> {
        self.detect_all()?;
        self.forget_edges()?;
        self.any(wanted).await
    }

    /// Waits until the only line is at `level`; each edge is a reason to look again.
    pub(crate) async fn until(&mut self, level: bool) -> Result<()> {
        let level = u64::from(level);
        if self.held.get(1)? == level {
            return Ok(());
        }
        self.detect_all()?;
        while self.held.get(1)? != level {
            self.any(EdgeDetection::Both).await?;
        }
        Ok(())
    }

    async fn any(&mut self, wanted: EdgeDetection) -> Result<()> {
        let mut wait = Wait {
            listener: self,
            pending: false,
        };
        poll_fn(|cx| wait.poll(wanted, cx)).await.map(drop)
    }

    fn poll_wanted(&mut self, wanted: EdgeDetection, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        loop {
            let (handle, queue) = (self.held.handle(), &mut self.queue);
            match handle.ready().poll(cx, &mut || queue.refill(handle)) {
                Poll::Ready(filled) => self.held.done("edge detection", filled)?,
                Poll::Pending => return Poll::Pending,
            }
            if let Some(event) = self.queue.take(wanted) {
                return Poll::Ready(Ok(event));
            }
        }
    }

    /// Who waits for edges without having asked for any is told of all.
    fn detect_any(&mut self) -> Result<()> {
        match self.detects {
            true => Ok(()),
            false => self.detect_all(),
        }
    }

    fn detect_all(&mut self) -> Result<()> {
        if !self.detects_all {
            self.held.detect(self.held.lines(), EdgeDetection::Both)?;
            (self.detects, self.detects_all) = (true, true);
        }
        Ok(())
    }

    fn forget_edges(&mut self) -> Result<()> {
        loop {
            self.queue.clear();
            match self.queue.refill(self.held.handle()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return self.held.done("edge detection", Err(error)),
            }
        }
    }
}

/// A wait for an edge, whose waker is forgotten with it.
struct Wait<'a> {
    listener: &'a mut Listener,
    pending: bool,
}

impl Wait<'_> {
    fn poll(&mut self, wanted: EdgeDetection, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        let poll = self.listener.poll_wanted(wanted, cx);
        self.pending = poll.is_pending();
        poll
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if self.pending {
            self.listener.cancel();
        }
    }
}
