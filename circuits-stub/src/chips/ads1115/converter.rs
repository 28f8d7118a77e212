use std::time::Duration;

use circuits_wait::Time;

use super::Input;

/// What goes on in the chip by itself.
#[derive(Clone)]
pub(super) struct Converter {
    pub(super) config: u16,
    pub(super) low: i16,
    pub(super) high: i16,
    pub(super) conversion: i16,
    pub(super) running: Option<Running>,
    /// One has ended, and no other one has begun: of the conversion-ready signal.
    is_ready: bool,
    pulse_ends: Time,
    pub(super) is_alert: bool,
    /// How many conversions in succession were beyond a threshold.
    beyond: u32,
}

/// A conversion: what it will come to, and when.
#[derive(Clone, Copy)]
pub(super) struct Running {
    value: i16,
    pub(super) ends: Time,
}

pub(super) const START: u16 = 1 << 15;
const SINGLE: u16 = 1 << 8;
pub(super) const WINDOW: u16 = 1 << 4;
pub(super) const ACTIVE_HIGH: u16 = 1 << 3;
pub(super) const LATCHING: u16 = 1 << 2;
const QUEUE: u16 = 0b11;

/// In volts, by the bits PGA.
const FULL_SCALES: [f64; 8] = [6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256];
/// In samples a second, by the bits DR.
const RATES: [u64; 8] = [8, 16, 32, 64, 128, 250, 475, 860];
/// By the bits MUX; without a second one, against ground.
const INPUTS: [(usize, Option<usize>); 8] = [
    (0, Some(1)),
    (0, Some(3)),
    (1, Some(3)),
    (2, Some(3)),
    (0, None),
    (1, None),
    (2, None),
    (3, None),
];

const WAKE_UP: Duration = Duration::from_micros(25);
const READY_PULSE: Duration = Duration::from_micros(8);

impl Converter {
    pub(super) fn after_reset() -> Converter {
        Converter {
            config: 0x8583,
            low: i16::MIN,
            high: i16::MAX,
            conversion: 0,
            running: None,
            is_ready: false,
            pulse_ends: Time::ZERO,
            is_alert: false,
            beyond: 0,
        }
    }

    pub(super) fn is_continuous(&self) -> bool {
        self.config & SINGLE == 0
    }

    /// How long a conversion takes, in nanoseconds.
    pub(super) fn period(&self) -> u64 {
        1_000_000_000 / RATES[usize::from(self.config >> 5 & 0b111)]
    }

    /// Whether the pin does nothing.
    pub(super) fn is_off(&self) -> bool {
        self.config & QUEUE == QUEUE
    }

    /// Whether the pin tells of conversions, and not of what they came to.
    fn tells_ready(&self) -> bool {
        self.high < 0 && self.low >= 0
    }

    pub(super) fn begin(&mut self, time: Time, inputs: &[Input; 4]) {
        let bits = |shift: u32| usize::from(self.config >> shift & 0b111);
        let (plus, minus) = INPUTS[bits(12)];
        let volts = |input: usize| f64::from(inputs[input](time));
        let volts = volts(plus) - minus.map_or(0.0, volts);
        let value = (volts / FULL_SCALES[bits(9)] * 32_768.0).round();
        self.running = Some(Running {
            // Saturates.
            value: value as i16,
            ends: time + Duration::from_nanos(self.period()),
        });
        self.is_ready = false;
    }

    /// Ends what is running, and begins the next.
    pub(super) fn end(&mut self, running: Running, inputs: &[Input; 4]) {
        self.conversion = running.value;
        self.running = None;
        self.is_ready = true;
        self.compare();
        if self.is_continuous() {
            self.pulse_ends = running.ends + READY_PULSE;
            self.begin(running.ends, inputs);
        }
    }

    /// Compares with the thresholds, as table 8-3 says of the bits COMP.
    fn compare(&mut self) {
        let value = self.conversion;
        let is_window = self.config & WINDOW != 0;
        let is_beyond = value > self.high || is_window && value < self.low;
        self.beyond = match is_beyond {
            true => self.beyond.saturating_add(1),
            false => 0,
        };
        let enough = match self.config & QUEUE {
            0b11 => u32::MAX,
            queue => 1 << queue,
        };
        let is_back = match is_window {
            true => !is_beyond,
            false => value < self.low,
        };
        if self.beyond >= enough {
            self.is_alert = true;
        } else if is_back && self.config & LATCHING == 0 {
            self.is_alert = false;
        }
    }

    /// What the pin does: it pulls low, or nothing.
    pub(super) fn level(&self, time: Time) -> Option<bool> {
        let is_active = match self.tells_ready() {
            true if self.is_continuous() => time < self.pulse_ends,
            true => self.is_ready,
            false => self.is_alert,
        };
        match self.is_off() || is_active == (self.config & ACTIVE_HIGH != 0) {
            true => None,
            false => Some(false),
        }
    }

    /// Tells what the pin does when the conversion is over.
    pub(super) fn tell(&self, end: Time, mut levels: impl FnMut(Time, Option<bool>)) {
        levels(end, self.level(end));
        if self.pulse_ends > end {
            levels(self.pulse_ends, self.level(self.pulse_ends));
        }
    }

    /// Takes what is written into the config register.
    pub(super) fn configure(&mut self, config: u16, time: Time, inputs: &[Input; 4]) {
        self.config = config & !START;
        if self.is_off() {
            (self.is_alert, self.beyond) = (false, 0);
        }
        // Another one goes on to its end.
        if self.running.is_none() {
            match self.is_continuous() {
                true => self.begin(time, inputs),
                false if config & START != 0 => self.begin(time + WAKE_UP, inputs),
                false => {}
            }
        }
    }
}
