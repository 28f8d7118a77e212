//! A socket of a program: what it is to receive, and what came to it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use circuits_can::{AnyFrame, Config, Received};

use super::{EINVAL, ENETDOWN, ENODEV, errno};
use crate::time::Signal;

/// How many bytes a socket's buffer has, if nobody says otherwise (net.core.rmem_default).
const BUFFER: u32 = 212_992;
/// How many may be asked for, of which the kernel makes twice as many (net.core.rmem_max; SOCK_MIN_RCVBUF,
/// include/net/sock.h).
const MOST: u32 = 212_992;
const LEAST: u32 = 2304 / 2;

/// What a frame takes of it, classic or not: its `truesize` (net/core/skbuff.c), which is a buffer of 704 bytes and a
/// `struct sk_buff` of 256. So it was measured on an emulated Pi with Linux 7.3: 222 frames fit into 212992 bytes.
const FRAME: u32 = 704 + 256;

/// CAN_RAW_FILTER_MAX, include/uapi/linux/can.h.
const FILTERS: usize = 512;

#[derive(Debug)]
pub(super) struct Socket {
    /// Of which interface it is, as long as that is there.
    pub(super) interface: Option<u64>,
    pub(super) config: Config,
    waiting: VecDeque<Waiting>,
    /// What of the buffer is taken.
    bytes: u32,
    /// How many frames were dropped in all, and since the last one that was not.
    pub(super) lost: u64,
    untold: u32,
    /// Raised when there is something to read, and when there is room to write.
    pub(super) came: Arc<Signal>,
    pub(super) room: Arc<Signal>,
}

#[derive(Debug)]
enum Waiting {
    Frame(Received),
    /// The interface went down.
    Down,
}

impl Socket {
    pub(super) fn new(
        interface: u64,
        config: &Config,
        [came, room]: [Arc<Signal>; 2],
    ) -> io::Result<Socket> {
        Ok(Socket {
            interface: Some(interface),
            config: granted(config)?,
            waiting: VecDeque::new(),
            bytes: 0,
            lost: 0,
            untold: 0,
            came,
            room,
        })
    }

    pub(super) fn configure(&mut self, config: &Config) -> io::Result<()> {
        self.config = granted(config)?;
        Ok(())
    }

    /// Whether the next frame is dropped. What is the last one that fits may be longer than the room
    /// (`__sock_queue_rcv_skb`, net/core/sock.c).
    pub(super) fn is_full(&self) -> bool {
        let asked = self.config.receive_buffer_size();
        self.bytes >= asked.map_or(BUFFER, |bytes| 2 * bytes)
    }

    /// Takes in what came, if there is room.
    pub(super) fn push(&mut self, received: Received) {
        if self.is_full() {
            return self.lose(1);
        }
        self.bytes += FRAME;
        let received = received.after_loss(std::mem::take(&mut self.untold));
        self.waiting.push_back(Waiting::Frame(received));
        self.came.raise();
    }

    pub(super) fn lose(&mut self, frames: u64) {
        self.lost += frames;
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        self.untold = self.untold.saturating_add(frames);
    }

    pub(super) fn read(&mut self, frames: &mut [Received]) -> io::Result<usize> {
        let mut count = 0;
        for place in frames.iter_mut() {
            match self.waiting.front() {
                Some(Waiting::Frame(received)) => *place = *received,
                Some(Waiting::Down) if count == 0 => {
                    self.waiting.pop_front();
                    return Err(errno(ENETDOWN));
                }
                Some(Waiting::Down) | None => break,
            }
            self.waiting.pop_front();
            self.bytes -= FRAME;
            count += 1;
        }
        match count {
            0 if self.interface.is_none() => Err(errno(ENODEV)),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    /// The interface went down: that is told once, after what came before.
    pub(super) fn went_down(&mut self) {
        if !matches!(self.waiting.back(), Some(Waiting::Down)) {
            self.waiting.push_back(Waiting::Down);
        }
        self.wake();
    }

    /// The interface is gone: that is told for ever, after what came before.
    pub(super) fn removed(&mut self) {
        self.interface = None;
        self.wake();
    }

    fn wake(&self) {
        self.came.raise();
        self.room.raise();
    }

    /// Whether this would come to it.
    pub(super) fn wants(&self, content: &AnyFrame) -> bool {
        match content {
            AnyFrame::Frame(frame) => self.config.lets_through(frame),
            AnyFrame::Error(error) => self.config.lets_error_through(error),
        }
    }
}

fn granted(config: &Config) -> io::Result<Config> {
    if config.frame_filters().len() > FILTERS {
        return Err(errno(EINVAL));
    }
    Ok(match config.receive_buffer_size() {
        Some(bytes) => config.clone().receive_buffer(bytes.clamp(LEAST, MOST)),
        None => config.clone(),
    })
}
