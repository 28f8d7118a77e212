//! When pin INT1 is active.

use std::time::Duration;

use circuits_wait::Time;

use super::{
    AXES, CTRL_REG1, CTRL_REG3, CTRL_REG6, FIFO_CTRL_REG, FIFO_LEN, I1_OVERRUN, I1_WTM, I1_ZYXDA,
    INT_POLARITY, State,
};

impl State {
    /// Drives INT1 until the chip is addressed again: what changes until then is what comes at the
    /// data rate.
    pub(super) fn drive(&mut self) {
        let enabled = self.get(CTRL_REG3);
        let len = self.fifo.len();
        let watermark = usize::from(self.get(FIFO_CTRL_REG) & 0x1f) + 1;
        let fifo_in = |until: usize| (self.fifo_mode() != 0).then(|| until.saturating_sub(len));
        let data_in = match (self.unread, self.get(CTRL_REG1) & AXES) {
            (0, 0) => None,
            (0, _) => Some(1),
            _ => Some(0),
        };
        // In how many samples each becomes active.
        let sources = [
            (I1_ZYXDA, data_in),
            (I1_WTM, fifo_in(watermark)),
            (I1_OVERRUN, fifo_in(FIFO_LEN)),
        ];
        let in_samples = sources
            .into_iter()
            .filter(|(bit, _)| enabled & bit != 0)
            .filter_map(|(_, samples)| samples)
            .min();
        // What was to come in the time that the transaction took has come.
        let past = self.active_from.filter(|time| *time <= self.now);
        let active_from = match in_samples {
            Some(0) => Some(past.unwrap_or(self.now)),
            samples => samples.and_then(|samples| self.sample_time(samples)),
        };

        let is_active_high = self.get(CTRL_REG6) & INT_POLARITY == 0;
        let is_new = (active_from, is_active_high) != (self.active_from, self.is_active_high);
        (self.active_from, self.is_active_high) = (active_from, is_active_high);
        let Some(pin) = self.int1.as_ref().filter(|_| is_new) else {
            return;
        };
        let active = |time| (time, Some(is_active_high));
        let inactive = (self.now, Some(!is_active_high));
        let was = past.map(active);
        match active_from.filter(|time| *time <= self.now) {
            Some(time) => pin.play([active(time)]),
            None => pin.play(
                was.into_iter()
                    .chain([inactive])
                    .chain(active_from.map(active)),
            ),
        }
    }

    /// When so many samples more have come; `None` if none come.
    fn sample_time(&self, more: usize) -> Option<Time> {
        let period = self.period()?.as_nanos() * (self.samples + more as u128);
        let nanos = u64::try_from(period).unwrap_or(u64::MAX);
        Some(self.samples_from? + Duration::from_nanos(nanos))
    }
}
