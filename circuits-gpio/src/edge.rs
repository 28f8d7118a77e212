use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use circuits_wait::Time;
use futures_core::Stream;

use crate::{Input, Result};

/// A change of a line's logical level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Edge {
    /// From low to high.
    Rising,
    /// From high to low.
    Falling,
}

/// Which edges the kernel keeps for an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EdgeDetection {
    /// None.
    #[default]
    Off,
    /// From low to high.
    Rising,
    /// From high to low.
    Falling,
    /// All.
    Both,
}

impl EdgeDetection {
    /// Tells whether these edges include `edge`.
    pub fn includes(self, edge: Edge) -> bool {
        match self {
            EdgeDetection::Off => false,
            EdgeDetection::Rising => edge == Edge::Rising,
            EdgeDetection::Falling => edge == Edge::Falling,
            EdgeDetection::Both => true,
        }
    }
}

/// An edge, when it was, and whether any went missing before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    edge: Edge,
    time: Time,
    sequence: u32,
    lost: u32,
}

impl Event {
    /// Makes an event as a backend reports it: `sequence` counts the line's edges since it was
    /// requested, from 1, those included that found the queue full (`line_seqno` of the kernel).
    pub fn new(edge: Edge, time: Time, sequence: u32) -> Event {
        Event {
            edge,
            time,
            sequence,
            lost: 0,
        }
    }

    /// Returns which edge it was.
    pub fn edge(&self) -> Edge {
        self.edge
    }

    /// Returns when it was, on the board's clock.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns its number among the line's edges since the line was opened, from 1.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Returns how many edges just before it are lost, because they came faster than they were
    /// read: the queue, 16 edges long, drops the oldest.
    pub fn lost(&self) -> u32 {
        self.lost
    }
}

/// Edges that were read from a backend and not yet asked for, and the count that tells which are
/// missing.
pub(crate) struct Queue {
    events: [Event; Queue::LEN],
    next: usize,
    end: usize,
    sequence: u32,
}

impl Queue {
    const LEN: usize = 16;

    pub(crate) fn new() -> Queue {
        Queue {
            events: [Event::new(Edge::Rising, Time::ZERO, 0); Queue::LEN],
            next: 0,
            end: 0,
            sequence: 0,
        }
    }

    /// Takes the first event out.
    pub(crate) fn take(&mut self) -> Option<Event> {
        let mut event = *self.events[..self.end].get(self.next)?;
        self.next += 1;
        event.lost = event.sequence.wrapping_sub(self.sequence).saturating_sub(1);
        self.sequence = event.sequence;
        Some(event)
    }

    /// Has `read` fill the queue, which must be empty.
    pub(crate) fn fill(
        &mut self,
        read: impl FnOnce(&mut [Event]) -> std::io::Result<usize>,
    ) -> std::io::Result<()> {
        (self.next, self.end) = (0, 0);
        self.end = read(&mut self.events)?.min(Queue::LEN);
        Ok(())
    }

    /// Throws away what is in it; that does not count as lost.
    pub(crate) fn clear(&mut self) {
        while self.take().is_some() {}
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(&self.events[self.next..self.end])
            .finish()
    }
}

/// The edges of an input, one after another: a [`Stream`] that does not end.
///
/// Dropped or not polled further it loses nothing: what was not taken is there for the next one who
/// waits on the input.
#[derive(Debug)]
pub struct Edges<'a> {
    input: &'a mut Input,
    waiting: bool,
}

impl<'a> Edges<'a> {
    pub(crate) fn new(input: &'a mut Input) -> Edges<'a> {
        Edges {
            input,
            waiting: false,
        }
    }

    /// Waits for the next edge: for programs that use no crate for streams.
    ///
    /// # Errors
    /// As [`Input::wait_edge`], but it is not interrupted.
    ///
    /// # Cancellation safety
    /// A future that is dropped has taken no edge.
    pub async fn next_event(&mut self) -> Result<Event> {
        let mut once = Edges::new(self.input);
        poll_fn(|cx| once.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event>> {
        let poll = self.input.poll_edge(cx);
        self.waiting = poll.is_pending();
        poll
    }
}

impl Stream for Edges<'_> {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        self.poll(cx).map(Some)
    }
}

impl Drop for Edges<'_> {
    fn drop(&mut self) {
        if self.waiting {
            self.input.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(sequences: &[u32]) -> Queue {
        let mut queue = Queue::new();
        queue
            .fill(|events| {
                for (event, &sequence) in events.iter_mut().zip(sequences) {
                    *event = Event::new(Edge::Rising, Time::ZERO, sequence);
                }
                Ok(sequences.len())
            })
            .unwrap();
        queue
    }

    #[test]
    fn a_gap_in_the_numbers_is_a_loss() {
        let mut queue = queue(&[4, 5, 9]);
        let lost: Vec<u32> = std::iter::from_fn(|| queue.take())
            .map(|event| event.lost())
            .collect();
        assert_eq!(lost, [3, 0, 3]);
    }

    #[test]
    fn what_is_thrown_away_is_not_lost() {
        let mut queue = queue(&[1, 2]);
        queue.clear();
        queue
            .fill(|events| {
                Ok(
                    std::mem::replace(&mut events[0], Event::new(Edge::Falling, Time::ZERO, 3)).lost
                        as usize
                        + 1,
                )
            })
            .unwrap();
        assert_eq!(queue.take().unwrap().lost(), 0);
    }

    #[test]
    fn a_count_that_starts_again_is_no_loss_of_billions() {
        let mut queue = queue(&[u32::MAX, 0]);
        queue.sequence = u32::MAX - 1;
        assert_eq!(queue.take().unwrap().lost(), 0);
        assert_eq!(queue.take().unwrap().lost(), 0);
    }
}
