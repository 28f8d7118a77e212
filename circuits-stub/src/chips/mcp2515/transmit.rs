//! To send: three buffers, and what becomes of what is in them (section 3).

use circuits_can::Frame;

use super::frames;
use super::registers::{
    ABAT, ABTF, CANCTRL, MERRF, MLOA, Mode, OSM, Registers, TX0IF, TXB, TXERR, TXP, TXREQ,
};

/// What an attempt to send came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Sent,
    LostArbitration,
    Error,
}

impl Registers {
    /// TXREQ was written.
    pub(super) fn request(&mut self, buffer: usize, before: u8, value: u8) {
        match (before & TXREQ, value & TXREQ) {
            (0, TXREQ) => {
                self.set(TXB[buffer], value & !(ABTF | MLOA | TXERR));
                if self.get(CANCTRL) & ABAT != 0 {
                    self.abort_all();
                }
            }
            // It goes on if it is on the bus.
            (TXREQ, 0) => self.change_mode(),
            _ => {}
        }
    }

    /// Requests that buffers are sent: bit 0 is the first.
    pub(super) fn request_to_send(&mut self, buffers: u8) {
        for (buffer, control) in TXB.into_iter().enumerate() {
            if buffers >> buffer & 1 != 0 {
                self.write(control, self.get(control) | TXREQ);
            }
        }
    }

    /// Tells whether a buffer is still to be sent, or tried again.
    pub(super) fn goes_on(&self, buffer: usize) -> bool {
        self.get(TXB[buffer]) & TXREQ != 0 && self.get(CANCTRL) & ABAT == 0
    }

    pub(super) fn is_one_shot(&self) -> bool {
        self.get(CANCTRL) & OSM != 0
    }

    /// Nothing is on the bus: what is to be aborted is.
    pub(super) fn leave_bus(&mut self) {
        self.on_bus = None;
        match self.get(CANCTRL) & ABAT {
            0 => self.change_mode(),
            _ => self.abort_all(),
        }
    }

    pub(super) fn abort_all(&mut self) {
        for (buffer, control) in TXB.into_iter().enumerate() {
            let value = self.get(control);
            if value & TXREQ != 0 && self.on_bus != Some(buffer) {
                self.set(control, value & !TXREQ | ABTF);
            }
        }
        self.change_mode();
    }

    /// Returns which buffer is to be sent next: the one with the highest priority, and of those the last
    /// one (section 3.2).
    pub(super) fn pending(&self) -> Option<usize> {
        let sends = matches!(self.mode, Mode::Normal | Mode::Loopback);
        (0..TXB.len())
            .filter(|buffer| sends && self.goes_on(*buffer))
            .max_by_key(|buffer| (self.get(TXB[*buffer]) & TXP, *buffer))
    }

    /// Returns what a buffer holds to be sent.
    pub(super) fn frame(&self, buffer: usize) -> Option<Frame> {
        let first = usize::from(TXB[buffer]) + 1;
        let mut bytes = [0; frames::LENGTH];
        bytes.copy_from_slice(&self.bytes[first..first + frames::LENGTH]);
        frames::to_send(&bytes)
    }

    /// The bus is through with a buffer's frame, or an attempt to send it.
    pub(super) fn attempted(&mut self, buffer: usize, attempt: Attempt) {
        let control = TXB[buffer];
        let value = self.get(control);
        self.on_bus = None;
        let flag = match attempt {
            Attempt::Sent => {
                self.set(control, value & !TXREQ);
                self.raise(TX0IF << buffer);
                self.change_mode();
                return;
            }
            Attempt::LostArbitration => MLOA,
            Attempt::Error => {
                self.raise(MERRF);
                TXERR
            }
        };
        let value = value | flag;
        let ends = self.is_one_shot() || self.get(CANCTRL) & ABAT != 0;
        self.set(
            control,
            match value & TXREQ {
                TXREQ if ends => value & !TXREQ | ABTF,
                _ => value,
            },
        );
        self.change_mode();
    }
}
