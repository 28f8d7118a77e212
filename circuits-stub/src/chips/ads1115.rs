use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use circuits_wait::Time;

use crate::i2c::{Acknowledge, Device, Transfer};
use crate::{Error, Pin, Result};

/// TI's ADS1115 analog-to-digital converter (datasheet SBAS444), at addresses 0x48 to 0x4b.
///
/// A conversion takes as long as the data rate says, and a single one 25 us more to wake up. It shows
/// what was at the inputs when it began. What is written while one is under way is for the next. The
/// comparator and its queue, and the conversion-ready signal, are at the pin ALERT/RDY, if it is
/// [connected](Ads1115::alert_pin).
///
/// ```
/// use circuits_i2c::{Bus, Config};
/// use circuits_stub::{Stub, chips::Ads1115};
/// use embedded_hal::i2c::I2c;
/// use std::time::Duration;
///
/// let chip = Ads1115::new();
/// chip.set_volts(2, 1.5)?;
/// let stub = Stub::virtual_time().i2c_device("i2c-1", 0x48, chip.clone())?;
/// let mut bus = Bus::open_on(&stub, "i2c-1", &Config::new())?;
/// // AIN2, within 2.048 V, once, 128 times a second.
/// bus.write(0x48, &[1, 0xe5, 0x83])?;
/// stub.delay().sleep(Duration::from_millis(8))?;
/// let mut value = [0; 2];
/// bus.write_read(0x48, &[0], &mut value)?;
/// assert_eq!(i16::from_be_bytes(value), 24_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In continuous conversion, the conversions since the chip was last asked are of what is at the inputs
/// now, unless ALERT/RDY is connected: then they are of what was there. That pin does what it will do
/// in the next 256 conversions, counted from the last time that somebody addressed the chip or changed
/// a voltage. The general call, SMBus alert, high-speed mode, and noise are not there.
///
/// Clones are the same chip.
#[derive(Clone)]
pub struct Ads1115(Arc<Mutex<Chip>>);

struct Chip {
    inputs: [Input; 4],
    converter: Converter,
    alert: Option<Alert>,
    pointer: u8,
    /// How many bytes came or went since the start.
    byte: usize,
    /// The register that goes out, as it was at the start.
    latched: u16,
    /// The first byte of a register, and both.
    upper: u8,
    written: Option<u16>,
}

/// In volts, as time goes by.
type Input = Box<dyn Fn(Time) -> f32 + Send>;

/// What goes on in the chip by itself.
#[derive(Clone)]
struct Converter {
    config: u16,
    low: i16,
    high: i16,
    conversion: i16,
    running: Option<Running>,
    /// One has ended, and no other one has begun: of the conversion-ready signal.
    is_ready: bool,
    pulse_ends: Time,
    is_alert: bool,
    /// How many conversions in succession were beyond a threshold.
    beyond: u32,
}

#[derive(Clone, Copy)]
struct Running {
    value: i16,
    ends: Time,
}

struct Alert {
    pin: Pin,
    /// What it did, by the end of the transaction that goes on: from the last level that was there
    /// before the board's time.
    levels: Levels,
    /// What the board was told of it.
    told: Levels,
}

type Levels = Vec<(Time, Option<bool>)>;

const START: u16 = 1 << 15;
const SINGLE: u16 = 1 << 8;
const WINDOW: u16 = 1 << 4;
const ACTIVE_HIGH: u16 = 1 << 3;
const LATCHING: u16 = 1 << 2;
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
/// For how many conversions the pin is worked out in advance.
const AHEAD: usize = 256;

impl Ads1115 {
    /// Makes a chip whose inputs are at 0 V.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Ads1115 {
        Ads1115(Arc::new(Mutex::new(Chip {
            inputs: [(); 4].map(|()| Box::new(|_| 0.0_f32) as Input),
            converter: Converter::after_reset(),
            alert: None,
            pointer: 0,
            byte: 0,
            latched: 0,
            upper: 0,
            written: None,
        })))
    }

    /// Connects the pin ALERT/RDY. It is an open drain: the line wants a pull-up.
    pub fn alert_pin(self, pin: Pin) -> Ads1115 {
        self.lock().alert = Some(Alert {
            pin,
            levels: Levels::new(),
            told: Levels::new(),
        });
        self
    }

    /// Sets the voltage at an input, AIN0 to AIN3, against ground. The chip measures whatever it is:
    /// no supply limits it.
    ///
    /// # Errors
    /// [`Error::NoInput`].
    pub fn set_volts(&self, input: usize, volts: f32) -> Result<()> {
        self.follow(input, move |_| volts)
    }

    /// Has the voltage at an input go with the board's time.
    ///
    /// # Errors
    /// [`Error::NoInput`].
    pub fn follow(&self, input: usize, volts: impl Fn(Time) -> f32 + Send + 'static) -> Result<()> {
        let mut chip = self.lock();
        if let Some(now) = chip.alert.as_ref().and_then(|alert| alert.pin.now()) {
            chip.catch_up(now);
        }
        let at = chip.inputs.get_mut(input);
        *at.ok_or(Error::NoInput { input })? = Box::new(volts);
        chip.look_ahead();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Chip> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Converter {
    fn after_reset() -> Converter {
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

    fn is_continuous(&self) -> bool {
        self.config & SINGLE == 0
    }

    /// How long a conversion takes, in nanoseconds.
    fn period(&self) -> u64 {
        1_000_000_000 / RATES[usize::from(self.config >> 5 & 0b111)]
    }

    /// Whether the pin does nothing.
    fn is_off(&self) -> bool {
        self.config & QUEUE == QUEUE
    }

    /// Whether the pin tells of conversions, and not of what they came to.
    fn tells_ready(&self) -> bool {
        self.high < 0 && self.low >= 0
    }

    fn begin(&mut self, time: Time, inputs: &[Input; 4]) {
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
    fn end(&mut self, running: Running, inputs: &[Input; 4]) {
        self.conversion = running.value;
        self.running = None;
        self.is_ready = true;
        self.compare();
        if self.is_continuous() {
            self.pulse_ends = running.ends + READY_PULSE;
            self.begin(running.ends, inputs);
        }
    }

    fn compare(&mut self) {
        let value = self.conversion;
        let is_window = self.config & WINDOW != 0;
        let is_beyond = value > self.high || is_window && value < self.low;
        self.beyond = if is_beyond {
            self.beyond.saturating_add(1)
        } else {
            0
        };
        let enough = match self.config & QUEUE {
            0b11 => u32::MAX,
            queue => 1 << queue,
        };
        let is_back = if is_window {
            !is_beyond
        } else {
            value < self.low
        };
        if self.beyond >= enough {
            self.is_alert = true;
        } else if is_back && self.config & LATCHING == 0 {
            self.is_alert = false;
        }
    }

    /// What the pin does: it pulls low, or nothing.
    fn level(&self, time: Time) -> Option<bool> {
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
    fn tell(&self, end: Time, mut levels: impl FnMut(Time, Option<bool>)) {
        levels(end, self.level(end));
        if self.pulse_ends > end {
            levels(self.pulse_ends, self.level(self.pulse_ends));
        }
    }

    fn configure(&mut self, config: u16, time: Time, inputs: &[Input; 4]) {
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

impl Chip {
    /// Brings the chip to a time.
    fn catch_up(&mut self, time: Time) {
        let now = self.alert.as_ref().and_then(|alert| alert.pin.now());
        self.skip(time);
        while let Some(running) = self
            .converter
            .running
            .take_if(|running| running.ends <= time)
        {
            self.converter.end(running, &self.inputs);
            if let Some(alert) = &mut self.alert {
                let mut note = |time, level| alert.note(now, time, level);
                self.converter.tell(running.ends, &mut note);
            }
        }
    }

    /// Passes over conversions that nobody can have seen the end of.
    fn skip(&mut self, time: Time) {
        let Some(running) = self.converter.running else {
            return;
        };
        let period = self.converter.period();
        let passed = time.since(running.ends).as_nanos() / u128::from(period);
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let skipped = passed.saturating_sub(AHEAD as u64);
        if skipped > 0 && self.converter.is_continuous() {
            self.converter.end(running, &self.inputs);
            let next = running.ends + Duration::from_nanos(skipped.saturating_mul(period));
            self.converter.begin(next, &self.inputs);
        }
    }

    /// Does what was written, which is at the end of the message.
    fn take(&mut self, time: Time) {
        self.catch_up(time);
        let Some(value) = self.written.take() else {
            return;
        };
        match self.pointer {
            0 => {}
            1 => self.converter.configure(value, time, &self.inputs),
            2 => self.converter.low = value as i16,
            _ => self.converter.high = value as i16,
        }
        if let Some(alert) = &mut self.alert {
            let now = alert.pin.now();
            alert.note(now, time, self.converter.level(time));
        }
    }

    fn register(&mut self, time: Time) -> u16 {
        let converter = &mut self.converter;
        match self.pointer {
            0 => {
                // Who reads has seen the alert.
                if converter.config & LATCHING != 0 && converter.is_alert {
                    converter.is_alert = false;
                    if let Some(alert) = &mut self.alert {
                        let now = alert.pin.now();
                        alert.note(now, time, converter.level(time));
                    }
                }
                converter.conversion as u16
            }
            1 if converter.running.is_some() => converter.config,
            1 => converter.config | START,
            2 => converter.low as u16,
            _ => converter.high as u16,
        }
    }

    /// Has the pin do what it will do, if nobody interferes.
    fn look_ahead(&mut self) {
        let Some(alert) = &mut self.alert else {
            return;
        };
        let mut levels = alert.levels.clone();
        let mut ahead = self.converter.clone();
        for _ in 0..AHEAD {
            let Some(running) = ahead.running.filter(|_| !ahead.is_off()) else {
                break;
            };
            ahead.end(running, &self.inputs);
            ahead.tell(running.ends, |time, level| levels.push((time, level)));
        }
        alert.play(levels);
    }
}

impl Alert {
    /// What is over is forgotten, but for the last.
    fn note(&mut self, now: Option<Time>, time: Time, level: Option<bool>) {
        self.levels.push((time, level));
        let is_over = |(time, _): &&(Time, _)| Some(*time) <= now;
        let over = self.levels.iter().filter(is_over).count();
        self.levels.drain(..over.saturating_sub(1));
    }

    /// Tells the board what it does not know yet.
    fn play(&mut self, mut levels: Levels) {
        let Some(now) = self.pin.now() else {
            return;
        };
        let at_now = |levels: &Levels| {
            let past = levels.iter().rev().find(|(time, _)| *time <= now);
            past.and_then(|(_, level)| *level)
        };
        let (told, is) = (at_now(&self.told), at_now(&levels));
        levels.retain(|(time, _)| *time > now);
        levels.insert(0, (now, is));
        levels.dedup_by_key(|(_, level)| *level);
        self.told = levels.clone();
        self.pin
            .play(levels.into_iter().skip(usize::from(told == is)));
    }
}

impl Device for Ads1115 {
    fn start(&mut self, transfer: Transfer, time: Time) -> Acknowledge {
        let mut chip = self.lock();
        chip.take(time);
        chip.byte = 0;
        if transfer == Transfer::Read {
            chip.latched = chip.register(time);
        }
        chip.look_ahead();
        Acknowledge::Yes
    }

    fn write(&mut self, byte: u8) -> Acknowledge {
        let mut chip = self.lock();
        match chip.byte {
            0 => chip.pointer = byte & 0b11,
            1 => chip.upper = byte,
            2 => chip.written = Some(u16::from_be_bytes([chip.upper, byte])),
            _ => return Acknowledge::No,
        }
        chip.byte += 1;
        Acknowledge::Yes
    }

    fn read(&mut self) -> u8 {
        let mut chip = self.lock();
        chip.byte = (chip.byte + 1).min(3);
        match chip.byte {
            1 => (chip.latched >> 8) as u8,
            2 => chip.latched as u8,
            _ => 0xff,
        }
    }

    fn stop(&mut self, time: Time) {
        let mut chip = self.lock();
        chip.take(time);
        chip.look_ahead();
    }
}

impl fmt::Debug for Ads1115 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chip = self.lock();
        f.debug_struct("Ads1115")
            .field("config", &format_args!("{:#06x}", chip.converter.config))
            .field("conversion", &chip.converter.conversion)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stub;

    fn at(micros: u64) -> Time {
        Time::ZERO + Duration::from_micros(micros)
    }

    fn write(chip: &mut Ads1115, time: Time, register: u8, value: u16) {
        let [high, low] = value.to_be_bytes();
        chip.start(Transfer::Write, time);
        for byte in [register, high, low] {
            assert_eq!(chip.write(byte), Acknowledge::Yes);
        }
        chip.stop(time);
    }

    fn read(chip: &mut Ads1115, time: Time, register: u8) -> u16 {
        chip.start(Transfer::Write, time);
        chip.write(register);
        chip.start(Transfer::Read, time);
        let value = u16::from_be_bytes([chip.read(), chip.read()]);
        chip.stop(time);
        value
    }

    /// Tables 8-2 to 8-4: the registers, and what they are after a reset.
    #[test]
    fn resets_as_the_datasheet_says() {
        let mut chip = Ads1115::new();
        let registers = [0, 1, 2, 3].map(|register| read(&mut chip, at(0), register));
        assert_eq!(registers, [0, 0x8583, 0x8000, 0x7fff]);
        write(&mut chip, at(0), 0, 0x1234);
        assert_eq!(read(&mut chip, at(0), 0), 0, "read-only");
    }

    /// Table 7-3: codes for input voltages, as parts of the full scale.
    #[test]
    fn codes_are_those_of_the_datasheet() {
        let mut chip = Ads1115::new();
        let lsb = 2.048 / 32_768.0;
        for (number, (volts, code)) in [
            (2.048, 0x7fff),
            (5.0, 0x7fff),
            (2.048 - lsb, 0x7fff),
            (lsb, 1),
            (0.0, 0),
            (-lsb, 0xffff),
            (-2.048, 0x8000),
            (-5.0, 0x8000),
        ]
        .into_iter()
        .enumerate()
        {
            let time = 10_000 * number as u64;
            chip.set_volts(0, volts).unwrap();
            write(&mut chip, at(time), 1, 0xc583);
            assert_eq!(read(&mut chip, at(time + 9_000), 0), code, "{volts}");
        }
    }

    /// Table 8-3: what is between the inputs, the gain, and how long it takes.
    #[test]
    fn a_conversion_is_set_up_by_the_bits_of_the_table() {
        let mut chip = Ads1115::new();
        for (input, volts) in [0.2, 0.15, 0.1, 0.025].into_iter().enumerate() {
            chip.set_volts(input, volts).unwrap();
        }
        let mut time = 0;
        let mut convert = |config: u16, micros: u64| {
            time += 1_000_000;
            write(&mut chip, at(time), 1, config | 0x8100);
            assert_eq!(
                read(&mut chip, at(time + micros + 23), 1) >> 15,
                0,
                "{config:#x}"
            );
            assert_eq!(
                read(&mut chip, at(time + micros + 27), 1) >> 15,
                1,
                "{config:#x}"
            );
            f64::from(read(&mut chip, at(time + micros + 27), 0) as i16)
        };
        for (mux, volts) in [0.05, 0.175, 0.125, 0.075, 0.2, 0.15, 0.1, 0.025]
            .iter()
            .enumerate()
        {
            let code = convert((mux as u16) << 12 | 0b101 << 9 | 0b100 << 5, 7812);
            assert_eq!(code, (volts / 0.256 * 32_768.0_f64).round(), "{mux}");
        }
        for (pga, scale) in [6.144, 4.096, 2.048, 1.024, 0.512, 0.256]
            .iter()
            .enumerate()
        {
            let code = convert(0x4000 | (pga as u16) << 9 | 0b111 << 5, 1162);
            assert_eq!(code, (0.2 / scale * 32_768.0_f64).round(), "{pga}");
        }
        for (rate, micros) in [125_000, 62_500, 31_250, 15_625, 7812, 4000, 2105, 1162]
            .into_iter()
            .enumerate()
        {
            convert((rate as u16) << 5, micros);
        }
        assert_eq!(
            chip.set_volts(4, 1.0).unwrap_err().to_string(),
            "the chip has no input 4"
        );
    }

    #[test]
    fn what_is_running_goes_on_to_its_end() {
        let mut chip = Ads1115::new();
        chip.set_volts(0, 1.0).unwrap();
        chip.set_volts(1, 0.5).unwrap();
        // AIN0 8 times a second, and then AIN1.
        write(&mut chip, at(0), 1, 0x4403);
        write(&mut chip, at(10), 1, 0x5403);
        let values = [124_990, 125_010, 249_990, 250_010].map(|time| read(&mut chip, at(time), 0));
        assert_eq!(values, [0, 16_000, 16_000, 8000]);
        assert_eq!(read(&mut chip, at(250_020), 1), 0x5403, "always converting");
    }

    #[test]
    fn hours_of_conversions_are_over_at_once() {
        let mut chip = Ads1115::new();
        chip.follow(0, |time| time.as_nanos() as f32 / 1e13)
            .unwrap();
        write(&mut chip, at(0), 1, 0x40e3);
        let period = 1_000_000_000 / 860;
        // The last that is over at that time began a period before it ended.
        let ended = 36_000_000_000_000 / period * period;
        let begun = Time::ZERO + Duration::from_nanos(ended - period);
        let volts = begun.as_nanos() as f64 / 1e13;
        let code = read(&mut chip, Time::ZERO + Duration::from_secs(36_000), 0);
        assert_eq!(code, (volts / 6.144 * 32_768.0).round() as u16);
        assert_eq!(
            chip.lock().converter.running.unwrap().ends.as_nanos(),
            ended + period
        );
    }

    /// Levels of a line with a pull-up at the pin, while somebody waits: when, in microseconds, and
    /// which.
    fn edges(stub: &Stub) -> Vec<(u64, bool)> {
        use circuits_gpio::{Bias, Config, Edge, EdgeDetection, Input};
        let config = Config::new()
            .bias(Bias::PullUp)
            .edge_detection(EdgeDetection::Both);
        let mut line = Input::open_on(stub, "ALERT", &config).unwrap();
        let wait = Duration::from_millis(100);
        let mut edges = Vec::new();
        while let Some(event) = line.wait_edge(wait).unwrap() {
            edges.push((event.time().as_nanos() / 1000, event.edge() == Edge::Rising));
        }
        edges
    }

    fn with_pin() -> (Stub, Ads1115) {
        let stub = Stub::virtual_time().lines(["ALERT"]);
        let chip = Ads1115::new().alert_pin(stub.pin("ALERT").unwrap());
        (stub, chip)
    }

    #[test]
    fn the_pin_tells_when_one_is_ready() {
        let (stub, mut chip) = with_pin();
        write(&mut chip, at(0), 3, 0x8000);
        write(&mut chip, at(0), 2, 0x0000);
        write(&mut chip, at(0), 1, 0xc5e0);
        let recording = stub.record();
        assert_eq!(edges(&stub), [(1187, false)]);
        let told = recording.to_string();
        assert_eq!(told.matches("driven").count(), 1, "{told}");
        // Continuous, for as long as it looks ahead.
        write(&mut chip, stub.clock().now(), 1, 0x44e0);
        let pulses = edges(&stub);
        assert_eq!(pulses.len(), 2 * AHEAD);
        assert!(!pulses[0].1);
        let period = pulses[2].0 - pulses[0].0;
        assert_eq!((period / 10, pulses[1].0 - pulses[0].0), (116, 8));
    }

    /// Figure 7-8: traditional, and as a window, of which conversions are beyond.
    #[test]
    fn the_comparator_is_at_the_pin() {
        // Half a volt more each 10 ms, and down again.
        let hill = |time: Time| {
            let steps = time.as_nanos() / 10_000_000;
            0.5 * steps.min(8_u64.saturating_sub(steps)) as f32
        };
        let run = |config: u16| {
            let (stub, mut chip) = with_pin();
            chip.follow(0, hill).unwrap();
            // 0.75 and 1.25 V.
            write(&mut chip, at(0), 2, 6000);
            write(&mut chip, at(0), 3, 10_000);
            write(&mut chip, at(0), 1, 0x42a0 | config);
            edges(&stub)
        };
        let millis = |edges: &[(u64, bool)]| -> Vec<(u64, bool)> {
            edges
                .iter()
                .map(|(time, level)| (time / 4000 * 4, *level))
                .collect()
        };
        // Beyond from 30 ms to 60 ms, below from 70 ms; a conversion takes 4 ms.
        assert_eq!(millis(&run(0b00)), [(36, false), (76, true)]);
        assert_eq!(
            millis(&run(0b10)),
            [(48, false), (76, true)],
            "four of them"
        );
        assert_eq!(millis(&run(ACTIVE_HIGH)), [(36, true), (76, false)]);
        let window = [(4, false), (24, true), (36, false), (64, true), (76, false)];
        assert_eq!(millis(&run(WINDOW)), window);
        assert_eq!(millis(&run(LATCHING)), [(36, false)], "until it is read");
        assert_eq!(run(0b11), []);
    }

    #[test]
    fn reading_lets_go_of_a_latch() {
        let (stub, mut chip) = with_pin();
        let pin = stub.pin("ALERT").unwrap();
        let config = circuits_gpio::Config::new().bias(circuits_gpio::Bias::PullUp);
        let line = circuits_gpio::Input::open_on(&stub, "ALERT", &config).unwrap();
        chip.set_volts(0, 2.0).unwrap();
        write(&mut chip, at(0), 3, 16_000);
        write(&mut chip, at(0), 1, 0xc5e4);
        assert!(line.get().unwrap());
        stub.delay().sleep(Duration::from_millis(2)).unwrap();
        assert!(!line.get().unwrap());
        let now = stub.clock().now();
        assert_eq!(read(&mut chip, now, 1), 0xc5e4, "not this one");
        assert!(!pin.level());
        read(&mut chip, now, 0);
        assert!(pin.level());
        // What changes is measured by the next.
        chip.set_volts(0, 0.5).unwrap();
        write(&mut chip, now, 1, 0xc5e4);
        stub.delay().sleep(Duration::from_millis(2)).unwrap();
        assert!(pin.level());
    }
}
