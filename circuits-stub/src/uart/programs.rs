//! What programs do with ports.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use circuits_uart::{Config, Counters, Interest, ModemLines, Queue, Received};
use circuits_wait::Time;

use super::sender::{UnderWay, Way, What};
use super::tty::{Holder, OUTPUT};
use super::wave;
use super::wire::State;
use super::{EBUSY, ENODEV, errno};
use crate::stub::Board;
use crate::time::Signal;
use crate::trace::Action;

/// How long what was written is still sent after a port was closed, at most (`closing_wait`,
/// drivers/tty/tty_port.c).
const CLOSING: Duration = Duration::from_secs(30);

/// A program has a port open: by which number of ports, and which number of openings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    pub(super) port: usize,
    pub(super) id: u64,
}

impl State {
    pub(super) fn open(
        &mut self,
        port: usize,
        exclusive: bool,
        signals: [Arc<Signal>; 4],
        board: &Board,
        now: Time,
    ) -> io::Result<Opened> {
        let tty = &mut self.ttys[port];
        let is_held = tty.is_open() && (exclusive || tty.is_exclusive);
        if is_held || tty.held_by.is_some() {
            return Err(errno(EBUSY));
        }
        self.opened += 1;
        let id = self.opened;
        let holder = Holder { id, signals };
        let is_first = !tty.is_open();
        let before = tty.outputs;
        self.change_lines(port, board, now, |tty| {
            tty.holders.push(holder);
            if is_first {
                tty.is_exclusive = exclusive;
                tty.closing = None;
                tty.input.reserve();
                tty.sender.reserve(OUTPUT);
                (tty.rts, tty.dtr) = (true, true);
            }
        });
        if is_first {
            self.show_to_device(port, before, board, now);
        }
        Ok(Opened { port, id })
    }

    pub(super) fn close(&mut self, opened: Opened, board: &Board, now: Time) {
        let Opened { port, id } = opened;
        let tty = &mut self.ttys[port];
        tty.holders.retain(|holder| holder.id != id);
        if tty.is_open() || tty.is_removed {
            return;
        }
        tty.is_exclusive = false;
        tty.wants = [false; 4];
        tty.input.clear();
        // Who sends may go on: nobody listens.
        self.throttle(port, board, now);
        let tty = &mut self.ttys[port];
        match tty.sender.waiting() {
            0 => self.closed(port, board, now),
            _ => tty.closing = Some(now + CLOSING),
        }
    }

    /// A port was closed, and all that was written was sent, or given up.
    pub(super) fn closed(&mut self, port: usize, board: &Board, now: Time) {
        self.set_break(port, false, board, now);
        let before = self.ttys[port].outputs;
        self.change_lines(port, board, now, |tty| {
            tty.closing = None;
            tty.sender.urgent = None;
            tty.sender.is_off = false;
            tty.drives = false;
            if tty.config.hangs_up() {
                (tty.rts, tty.dtr) = (false, false);
            }
        });
        self.show_to_device(port, before, board, now);
    }

    /// Has a device see that a port was opened or closed, though its lines are as they were.
    fn show_to_device(&mut self, port: usize, before: (bool, bool), board: &Board, now: Time) {
        let (rts, dtr) = self.ttys[port].outputs;
        if (rts, dtr) != before {
            return;
        }
        self.call(port, board, now, |device, line| {
            device.modem_lines(rts, dtr, line);
        });
    }

    fn check(&self, port: usize) -> io::Result<()> {
        match self.ttys[port].is_removed {
            true => Err(errno(ENODEV)),
            false => Ok(()),
        }
    }

    pub(super) fn read(
        &mut self,
        port: usize,
        buffer: &mut [u8],
        board: &Board,
        now: Time,
    ) -> io::Result<Received> {
        let tty = &mut self.ttys[port];
        let read = tty.input.read(buffer);
        match &read {
            Err(_) if tty.is_removed => return Err(errno(ENODEV)),
            Err(_) => tty.wants[Interest::Read as usize] = true,
            Ok(_) => self.throttle(port, board, now),
        }
        read
    }

    pub(super) fn write(
        &mut self,
        port: usize,
        bytes: &[u8],
        board: &Board,
        now: Time,
    ) -> io::Result<usize> {
        self.check(port)?;
        let tty = &mut self.ttys[port];
        let waiting = tty.sender.waiting();
        let taken = &bytes[..bytes.len().min(OUTPUT - waiting)];
        if taken.is_empty() && !bytes.is_empty() {
            tty.wants[Interest::Write as usize] = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        tty.sender.bytes(taken);
        if board.is_traced() && !taken.is_empty() {
            self.tell_written(port, taken, board, now);
        }
        self.start(port, board, now);
        Ok(taken.len())
    }

    /// Tells of what was written, and when it goes over the wire, if nothing stops it.
    fn tell_written(&self, port: usize, bytes: &[u8], board: &Board, now: Time) {
        let tty = &self.ttys[port];
        let each = tty.config.character_time();
        let before = u32::try_from(tty.sender.queued() - bytes.len()).unwrap_or(u32::MAX);
        let under_way = tty.sender.under_way.as_ref();
        let lead = match tty.rs485() {
            Some(rs485) if !tty.drives => Duration::from_millis(rs485.before_ms().into()),
            _ => Duration::ZERO,
        };
        let start = under_way.map_or(now, |under_way| under_way.end) + lead + each * before;
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        board.tell_at(now, || Action::SerialSend {
            port: tty.name.clone(),
            start: board.shown(start),
            stop: board.shown(start + each * count),
            bytes: bytes.to_vec(),
        });
    }

    pub(super) fn drain(&mut self, port: usize) -> io::Result<()> {
        self.check(port)?;
        let tty = &mut self.ttys[port];
        if tty.sender.waiting() == 0 {
            return Ok(());
        }
        tty.wants[Interest::Drain as usize] = true;
        Err(io::ErrorKind::WouldBlock.into())
    }

    pub(super) fn waiting(&self, port: usize, queue: Queue) -> io::Result<usize> {
        self.check(port)?;
        let tty = &self.ttys[port];
        let (input, output) = (tty.input.told(), tty.sender.waiting());
        Ok(match queue {
            Queue::Input => input,
            Queue::Output => output,
            Queue::Both => input + output,
        })
    }

    pub(super) fn discard(
        &mut self,
        port: usize,
        queue: Queue,
        board: &Board,
        now: Time,
    ) -> io::Result<()> {
        self.check(port)?;
        let tty = &mut self.ttys[port];
        if queue != Queue::Output {
            tty.input.clear();
            self.throttle(port, board, now);
        }
        if queue != Queue::Input {
            let tty = &mut self.ttys[port];
            tty.sender.discard();
            tty.wake_senders();
        }
        Ok(())
    }

    pub(super) fn configure(
        &mut self,
        port: usize,
        config: &Config,
        board: &Board,
        now: Time,
    ) -> io::Result<()> {
        self.check(port)?;
        let tty = &mut self.ttys[port];
        let granted = tty.controller.grant(config, &tty.config)?;
        if granted == tty.config {
            return Ok(());
        }
        let flow_changes = granted.flow() != tty.config.flow();
        let shown = granted.to_string();
        if shown != tty.config.to_string() {
            let port = &tty.name;
            board.tell_at(now, || Action::SerialConfigure {
                port: port.clone(),
                config: granted.clone(),
            });
        }
        self.change_lines(port, board, now, |tty| {
            tty.config = granted;
            if flow_changes {
                // Who was stopped the old way goes on.
                tty.is_throttled = false;
                tty.sender.is_off = false;
                tty.sender.urgent = None;
            }
            tty.drives = tty.rs485().is_some() && tty.sender.is_sending();
        });
        if flow_changes {
            self.throttle(port, board, now);
        }
        self.start(port, board, now);
        Ok(())
    }

    pub(super) fn config(&self, port: usize) -> io::Result<Config> {
        self.check(port)?;
        Ok(self.ttys[port].config.clone())
    }

    pub(super) fn set_break(&mut self, port: usize, on: bool, board: &Board, now: Time) {
        let tty = &mut self.ttys[port];
        if std::mem::replace(&mut tty.is_breaking, on) == on {
            return;
        }
        let name = &tty.name;
        board.tell_at(now, || Action::Break {
            port: name.clone(),
            on,
        });
        let under_way = tty.sender.under_way.take();
        if let Some(UnderWay {
            what:
                What::Byte {
                    byte,
                    way: Way::Whole,
                    ..
                },
            start,
            ..
        }) = under_way
        {
            // The other end sees where it was cut off.
            self.put_on_wire(port, byte, start);
        }
        if let Some(ear) = self.other_ear(port) {
            ear.set(!on, now);
        }
        let tty = &mut self.ttys[port];
        if !on {
            tty.sender.under_way = Some(UnderWay {
                what: What::Pause,
                start: now,
                end: wave::after_break(&tty.config, now),
            });
        }
    }

    pub(super) fn modem_lines(&self, port: usize) -> io::Result<ModemLines> {
        self.check(port)?;
        Ok(self.ttys[port].lines())
    }

    pub(super) fn set_modem_lines(
        &mut self,
        port: usize,
        rts: Option<bool>,
        dtr: Option<bool>,
        board: &Board,
        now: Time,
    ) -> io::Result<()> {
        self.check(port)?;
        self.change_lines(port, board, now, |tty| {
            tty.rts = rts.unwrap_or(tty.rts);
            tty.dtr = dtr.unwrap_or(tty.dtr);
        });
        Ok(())
    }

    pub(super) fn counters(&mut self, port: usize) -> io::Result<Counters> {
        self.check(port)?;
        let tty = &mut self.ttys[port];
        tty.wants[Interest::Modem as usize] = true;
        Ok(tty.counters)
    }

    pub(super) fn break_of(
        &mut self,
        port: usize,
        on: bool,
        board: &Board,
        now: Time,
    ) -> io::Result<()> {
        self.check(port)?;
        // The kernel would block until all has left (`tty_ioctl`), which a backend does not.
        if on && self.ttys[port].sender.waiting() > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.set_break(port, on, board, now);
        Ok(())
    }
}
