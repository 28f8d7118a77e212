use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Mutex;

use circuits_wait::{Fd, Ready, Time};
use gpiocdev_uapi::v2::{self, LineInfoChangeEvent};

use super::uapi;
use crate::{Change, ChangeKind, Watcher};

/// How many changes the kernel keeps for each opening of a chip (`gpio_chardev_data.events`,
/// drivers/gpio/gpiolib-cdev.c). It drops those that come then, and counts nothing.
const KEPT: usize = 32;

/// A chip that was opened to watch its lines: `GPIO_V2_GET_LINEINFO_WATCH_IOCTL`.
#[derive(Debug)]
pub(super) struct Watched {
    chip: Fd<File>,
    queue: Mutex<Queue>,
}

#[derive(Debug)]
struct Queue {
    /// What one call reads: as much as the kernel keeps.
    words: Box<[u64]>,
    changes: VecDeque<Change>,
}

impl Watched {
    /// `chip` is non-blocking.
    pub(super) fn new(chip: Fd<File>, offsets: &[u32]) -> io::Result<Watched> {
        for offset in offsets {
            v2::watch_line_info(chip.get_ref(), *offset).map_err(uapi::to_io)?;
        }
        Ok(Watched {
            chip,
            queue: Mutex::new(Queue {
                words: vec![0; KEPT * LineInfoChangeEvent::u64_size()].into(),
                changes: VecDeque::with_capacity(KEPT),
            }),
        })
    }
}

impl Watcher for Watched {
    fn read(&self) -> io::Result<Change> {
        let mut queue = self.queue.lock().unwrap_or_else(|e| e.into_inner());
        let Queue { words, changes } = &mut *queue;
        if changes.is_empty() {
            let read =
                gpiocdev_uapi::read_event(self.chip.get_ref(), words).map_err(uapi::to_io)?;
            for change in words[..read].chunks_exact(LineInfoChangeEvent::u64_size()) {
                changes.push_back(decode(change)?);
            }
            // It was full, or might have been. Whether anything came then nobody knows.
            if changes.len() == KEPT {
                let last = changes.pop_back();
                changes.extend(last.map(Change::overflowing));
            }
        }
        changes
            .pop_front()
            .ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }

    fn ready(&self) -> &dyn Ready {
        &self.chip
    }
}

fn decode(words: &[u64]) -> io::Result<Change> {
    let event = LineInfoChangeEvent::from_slice(words).map_err(uapi::to_io)?;
    // enum gpio_v2_line_changed_type
    let kind = match event.kind {
        1 => ChangeKind::Requested,
        2 => ChangeKind::Released,
        _ => ChangeKind::Reconfigured,
    };
    let time = Time::from_nanos(event.timestamp_ns);
    Ok(Change::new(time, kind, uapi::info(&event.info)))
}
