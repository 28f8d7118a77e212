use std::fmt;
use std::io;

use crate::{AnyFrame, Handle, Received};

/// How many frames are read by one call of the system, where one is asked for: a few, for places take time to be
/// prepared, and many as soon as the few were not all.
const FEW: usize = 4;
const MANY: usize = 64;

/// A backend that moves none, or more than it was given, does not keep its promise: neither is gone by.
pub(crate) fn some(moved: io::Result<usize>, most: usize) -> io::Result<usize> {
    match moved? {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        count => Ok(count.min(most)),
    }
}

/// What comes next, for who takes frames only.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    Received(AnyFrame),
    /// So many were lost before it.
    Lost(u32),
}

/// Frames that were read by one call of the system, and not taken yet.
#[derive(Default)]
pub(crate) struct Burst {
    /// Made when it is first needed.
    frames: Box<[Received]>,
    next: usize,
    end: usize,
}

impl Burst {
    pub(crate) fn refill(&mut self, handle: &dyn Handle, is_shared: bool) -> io::Result<()> {
        if self.frames.is_empty() {
            self.frames = vec![Received::empty(); MANY].into();
        }
        let room = match self.end {
            _ if is_shared => 1,
            ..FEW => FEW,
            _ => MANY,
        };
        (self.next, self.end) = (0, 0);
        self.end = some(handle.read(&mut self.frames[..room]), room)?;
        Ok(())
    }

    pub(crate) fn take(&mut self) -> Option<Received> {
        let received = *self.frames[..self.end].get(self.next)?;
        self.next += 1;
        Some(received)
    }

    /// The same, but a loss comes by itself, before the frame that tells of it.
    pub(crate) fn next(&mut self) -> Option<Next> {
        let received = self.frames[..self.end].get_mut(self.next)?;
        match received.take_lost() {
            0 => self
                .take()
                .map(|received| Next::Received(*received.content())),
            lost => Some(Next::Lost(lost)),
        }
    }

    pub(crate) fn drain(&mut self, into: &mut [Received]) -> usize {
        let left = &self.frames[self.next..self.end];
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.next += count;
        count
    }
}

impl fmt::Debug for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = &self.frames[self.next..self.end];
        f.debug_struct("Burst").field("left", &left.len()).finish()
    }
}
