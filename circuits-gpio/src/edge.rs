use std::fmt;
use std::io;

use circuits_wait::Time;

use crate::Handle;

/// A change of a line's logical level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Edge {
    /// From low to high.
    Rising,
    /// From high to low.
    Falling,
}

/// Which edges the kernel keeps for an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    line: u32,
    edge: Edge,
    time: Time,
    sequence: u32,
    line_sequence: u32,
    lost: u32,
}

impl Event {
    /// Makes an event as a backend reports it: an edge of line `line` of its request. `sequence`
    /// counts the edges of all lines since they were requested, from 1, those included that found
    /// the queue full; `line_sequence` those of the line (`seqno` and `line_seqno` of the kernel).
    pub fn new(line: u32, edge: Edge, time: Time, sequence: u32, line_sequence: u32) -> Event {
        Event {
            line,
            edge,
            time,
            sequence,
            line_sequence,
            lost: 0,
        }
    }

    /// Makes one that is no event, to be read into.
    pub fn empty() -> Event {
        Event::new(0, Edge::Rising, Time::ZERO, 0, 0)
    }

    /// Returns the number of its line among those that were opened together, from 0.
    pub fn line(&self) -> usize {
        self.line as usize
    }

    /// Returns which edge it was.
    pub fn edge(&self) -> Edge {
        self.edge
    }

    /// Returns when it was, on the clock that the line was [configured](crate::Config::event_clock)
    /// with: the board's, if no other.
    pub fn time(&self) -> Time {
        self.time
    }

    /// Returns its number among the edges of all lines that were opened together, from 1.
    pub fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Returns its number among the edges of its line since that was opened, from 1.
    pub fn line_sequence(&self) -> u32 {
        self.line_sequence
    }

    /// Returns how many edges just before it are lost, of all lines that were opened together,
    /// because they came faster than they were read: the queue
    /// ([16 a line](crate::Config::event_buffer)) drops the oldest.
    pub fn lost(&self) -> u32 {
        self.lost
    }
}

/// Edges that were read from a backend and not yet asked for, and the count that tells which are
/// missing.
pub(crate) struct Queue {
    events: Box<[Event]>,
    next: usize,
    end: usize,
    /// The number of the last that was taken.
    sequence: u32,
    /// What is lost and not told yet, before events that nobody wanted; less than nothing if some of
    /// what was told has come after all.
    lost: i64,
}

impl Queue {
    /// Makes one for so many, which one call reads.
    pub(crate) fn new(len: u32) -> Queue {
        Queue {
            events: vec![Event::empty(); len as usize].into(),
            next: 0,
            end: 0,
            sequence: 0,
            lost: 0,
        }
    }

    /// Takes the first event out that is wanted. Others are thrown away; that does not count as
    /// lost.
    pub(crate) fn take(&mut self, wanted: EdgeDetection) -> Option<Event> {
        while let Some(&event) = self.events[..self.end].get(self.next) {
            self.next += 1;
            self.lost += self.missing(event.sequence);
            if wanted.includes(event.edge) {
                let lost = u32::try_from(self.lost).unwrap_or(0);
                self.lost -= i64::from(lost);
                return Some(Event { lost, ..event });
            }
        }
        None
    }

    /// How many are missing between the last event and this one. One that was overtaken (the kernel
    /// numbers the edges of several lines before it queues them) was counted as missing.
    fn missing(&mut self, sequence: u32) -> i64 {
        let ahead = sequence.wrapping_sub(self.sequence) as i32;
        if ahead <= 0 {
            return -1;
        }
        self.sequence = sequence;
        i64::from(ahead) - 1
    }

    /// Reads more, if it is empty.
    pub(crate) fn refill(&mut self, handle: &dyn Handle) -> io::Result<()> {
        if self.next < self.end {
            return Ok(());
        }
        (self.next, self.end) = (0, 0);
        self.end = handle.read(&mut self.events)?.min(self.events.len());
        // No backend may say so, and a loop without end would be the answer.
        if self.end == 0 {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            Ok(())
        }
    }

    /// Throws away what is in it, and forgets what was lost.
    pub(crate) fn clear(&mut self) {
        while self.take(EdgeDetection::Both).is_some() {}
        self.lost = 0;
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(&self.events[self.next..self.end])
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(events: &[(u32, Edge)]) -> Queue {
        let mut queue = Queue::new(16);
        for (slot, &(sequence, edge)) in queue.events.iter_mut().zip(events) {
            *slot = Event::new(0, edge, Time::ZERO, sequence, sequence);
        }
        queue.end = events.len();
        queue
    }

    fn lost(queue: &mut Queue, wanted: EdgeDetection) -> Vec<u32> {
        std::iter::from_fn(|| queue.take(wanted))
            .map(|event| event.lost())
            .collect()
    }

    #[test]
    fn a_gap_in_the_numbers_is_a_loss() {
        let mut queue = queue(&[4, 5, 9].map(|sequence| (sequence, Edge::Rising)));
        assert_eq!(lost(&mut queue, EdgeDetection::Both), [3, 0, 3]);
    }

    #[test]
    fn what_is_not_wanted_is_not_lost_but_what_was_lost_before_it_is() {
        let events = [
            (3, Edge::Rising),
            (4, Edge::Falling),
            (7, Edge::Rising),
            (8, Edge::Falling),
        ];
        assert_eq!(lost(&mut queue(&events), EdgeDetection::Falling), [2, 2]);
        let mut over = queue(&events[..1]);
        assert_eq!(over.take(EdgeDetection::Falling), None);
        over.events[1] = Event::new(0, Edge::Falling, Time::ZERO, 4, 4);
        over.end = 2;
        assert_eq!(lost(&mut over, EdgeDetection::Falling), [2]);
    }

    #[test]
    fn what_was_overtaken_is_not_lost_in_the_end() {
        let mut queue = queue(&[2, 1, 3, 7, 6, 8, 10].map(|sequence| (sequence, Edge::Rising)));
        let lost = lost(&mut queue, EdgeDetection::Both);
        assert_eq!(lost, [1, 0, 0, 2, 0, 0, 0]);
        // What was told too much is taken off the next: 4, 5 and 9 are lost.
        assert_eq!((lost.iter().sum::<u32>(), queue.lost), (3, 0));
    }

    #[test]
    fn what_is_thrown_away_is_not_lost() {
        let mut queue = queue(&[(1, Edge::Rising), (2, Edge::Falling), (3, Edge::Rising)]);
        queue.end = 2;
        queue.clear();
        queue.end = 3;
        assert_eq!(lost(&mut queue, EdgeDetection::Both), [0]);
    }

    #[test]
    fn a_count_that_starts_again_is_no_loss_of_billions() {
        let mut queue = queue(&[(u32::MAX, Edge::Rising), (0, Edge::Rising)]);
        queue.sequence = u32::MAX - 1;
        assert_eq!(lost(&mut queue, EdgeDetection::Both), [0, 0]);
    }
}
