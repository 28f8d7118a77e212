//! To receive: two buffers, and the filters before them (section 4).

use circuits_can::Frame;

use super::frames;
use super::registers::{
    BUKT, CANINTE, CANINTF, EFLG, ERRIF, Mode, RX0IF, RX0OVR, RX1OVR, RXB, RXF, RXM, RXM_ANY,
    RXRTR, Registers, WAKIF,
};

impl Registers {
    /// Takes a frame in, if a filter lets it.
    pub(super) fn receive(&mut self, frame: &Frame) {
        let Some((first, filter)) = self.accepts(frame) else {
            return;
        };
        let is_full =
            |registers: &Registers, buffer: usize| registers.get(CANINTF) & RX0IF << buffer != 0;
        let rolls_over = self.get(RXB[0]) & BUKT != 0;
        let buffer = match first {
            0 if is_full(self, 0) && rolls_over => 1,
            first => first,
        };
        if is_full(self, buffer) {
            let overflow = if buffer == 0 { RX0OVR } else { RX1OVR };
            self.set(EFLG, self.get(EFLG) | overflow);
            self.raise(ERRIF);
            return;
        }
        let start = usize::from(RXB[buffer]) + 1;
        self.bytes[start..start + frames::LENGTH].copy_from_slice(&frames::received(frame));
        let remote = if frame.is_remote() { RXRTR } else { 0 };
        let kept = self.get(RXB[buffer])
            & if buffer == 0 {
                0b0110_0110
            } else {
                0b0110_0000
            };
        self.set(RXB[buffer], kept | remote | filter);
        if first != buffer {
            // It tells of what it has passed on, too.
            self.set(RXB[0], self.get(RXB[0]) & !1 | filter);
        }
        self.raise(RX0IF << buffer);
    }

    /// Returns the buffer that a frame is for, and the filter by which it is.
    fn accepts(&self, frame: &Frame) -> Option<(usize, u8)> {
        for (buffer, filters) in [0..2u8, 2..6].into_iter().enumerate() {
            if self.get(RXB[buffer]) & RXM_ANY == RXM_ANY {
                return Some((buffer, filters.start));
            }
            let mask = self.four(RXM[buffer]);
            for number in filters {
                let filter = self.four(RXF[usize::from(number)]);
                if frames::passes(frame, &filter, &mask) {
                    return Some((buffer, number));
                }
            }
        }
        None
    }

    /// A buffer was read by the instruction for that.
    pub(super) fn buffer_was_read(&mut self, buffer: usize) {
        self.set(CANINTF, self.get(CANINTF) & !(RX0IF << buffer));
    }

    /// The bus moves, which wakes it up if that is asked for (section 7.5): the frame is lost.
    pub(super) fn activity(&mut self) {
        if self.mode == Mode::Sleep && self.get(CANINTE) & WAKIF != 0 {
            self.raise(WAKIF);
            self.wake();
        }
    }

    pub(super) fn wake(&mut self) {
        if self.get(CANINTE) & WAKIF != 0 {
            self.mode = Mode::ListenOnly;
        }
    }
}
