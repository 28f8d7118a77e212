//! Modes, errors and interrupts, and the two quick ways to ask for them (sections 6, 7, 10, 12.8 and 12.9).

use circuits_can::{ErrorCounters, State};

use super::frames;
use super::registers::{
    ABAT, CANINTE, CANINTF, EFLG, ERRIF, MERRF, Mode, REC, RX0IF, RX0OVR, RX1OVR, RXB, RXRTR,
    Registers, TEC, TX0IF, TXB, TXBO, TXREQ, WAKIF,
};

impl Registers {
    pub(super) fn control(&mut self, value: u8) {
        // Others are not to be asked for; and what sleeps is woken up first.
        if let Some(mode) = Mode::of(value).filter(|_| self.mode != Mode::Sleep) {
            self.requested = Some(mode);
        }
        if value & ABAT != 0 {
            self.abort_all();
        }
        self.change_mode();
    }

    /// Changes to the mode that was asked for, once nothing is to be sent (section 10).
    pub(super) fn change_mode(&mut self) {
        let Some(mode) = self.requested else {
            return;
        };
        if self.on_bus.is_some() || self.pending().is_some() {
            return;
        }
        self.requested = None;
        if self.mode != mode && [self.mode, mode].contains(&Mode::Configuration) {
            self.count(ErrorCounters::default(), State::ErrorActive);
            self.is_new = true;
        }
        self.mode = mode;
    }

    /// Tells whether it was reset, or has begun or ended to be configured, since this was asked last.
    pub(super) fn take_reset(&mut self) -> bool {
        std::mem::take(&mut self.is_new)
    }

    /// Sets the error counters and what follows from them.
    pub(super) fn count(&mut self, counters: ErrorCounters, state: State) {
        let [transmit, receive] = [counters.transmit, counters.receive];
        let worse = transmit > u16::from(self.get(TEC)) || receive > u16::from(self.get(REC));
        if worse {
            self.raise(MERRF);
        }
        self.set(TEC, transmit.min(255) as u8);
        self.set(REC, receive.min(255) as u8);
        let flags = [
            transmit.max(receive) >= 96,
            receive >= 96,
            transmit >= 96,
            receive >= 128,
            transmit >= 128,
        ];
        let mut eflg = (0..)
            .zip(flags)
            .fold(0, |eflg, (bit, flag)| eflg | u8::from(flag) << bit);
        if state == State::BusOff {
            eflg |= TXBO;
        }
        let kept = self.get(EFLG) & (RX0OVR | RX1OVR);
        let changed = self.get(EFLG) != kept | eflg;
        self.set(EFLG, kept | eflg);
        if changed {
            self.raise(ERRIF);
        }
    }

    pub(super) fn raise(&mut self, flag: u8) {
        self.set(CANINTF, self.get(CANINTF) | flag);
    }

    /// Returns the flags whose interrupts are enabled.
    fn interrupts(&self) -> u8 {
        self.get(CANINTF) & self.get(CANINTE)
    }

    pub(super) fn is_interrupting(&self) -> bool {
        self.interrupts() != 0
    }

    /// Table 7-1: errors come first, messages with errors have no code.
    pub(super) fn interrupt_code(&self) -> u8 {
        let order = [
            ERRIF,
            WAKIF,
            TX0IF,
            TX0IF << 1,
            TX0IF << 2,
            RX0IF,
            RX0IF << 1,
        ];
        let first = order.iter().position(|flag| self.interrupts() & flag != 0);
        first.map_or(0, |first| first as u8 + 1)
    }

    /// What READ STATUS answers (figure 12-8).
    pub(super) fn status(&self) -> u8 {
        let flags = self.get(CANINTF);
        let sending = TXB
            .into_iter()
            .enumerate()
            .fold(0, |bits, (buffer, control)| {
                let requested = u8::from(self.get(control) & TXREQ != 0);
                let sent = (flags / TX0IF) >> buffer & 1;
                bits | (requested | sent << 1) << (2 + 2 * buffer)
            });
        flags & 0b11 | sending
    }

    /// What RX STATUS answers (figure 12-9): of the first buffer, if both are full.
    pub(super) fn rx_status(&self) -> u8 {
        let flags = self.get(CANINTF) & 0b11;
        let buffer = match flags {
            0 => return 0,
            0b10 => 1,
            _ => 0,
        };
        let control = self.get(RXB[buffer]);
        let filter = match (buffer, control & 0b111) {
            (0, _) => control & 1,
            // It rolled over.
            (_, filter @ ..=1) => 0b110 | filter,
            (_, filter) => filter,
        };
        let extended = self.get(RXB[buffer] + 2) & frames::EXTENDED;
        flags << 6 | extended << 1 | control & RXRTR | filter
    }
}
